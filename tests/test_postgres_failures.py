"""What is told where no PostgreSQL can be had, or where it ends too early."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fake_engine import FULL, full_engine
from image_registry import registry
from postgres_servers import IMAGE, left_of, require, served
from pushgate.model.services import Provider
from pushgate.services.base import (
    OWNER_LABEL,
    Labels,
    ServiceFailed,
    ServiceUnavailable,
    running,
)
from pushgate.services.postgres import Options, databases, server
from pushgate.services.postgres.docker import DockerPostgres
from pushgate.tools import docker

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def _refusal(options: Options, *, ci: bool = False) -> str:
    with (
        pytest.raises(ServiceUnavailable) as raised,
        server(options, Labels.of_this_process(), print, ci=ci),
    ):
        pass
    return str(raised.value)


def test_an_absent_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is not there is told in one line, with where it was looked for."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    said = _refusal(Options(provider="docker"))
    assert said == f"docker: DOCKER_HOST=unix://{tmp_path}/none.sock: No such file or directory"


def test_a_refusing_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket without an engine behind it is told as one."""
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(tmp_path / "docker.sock"))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        said = _refusal(Options(provider="docker"))
    assert said.endswith("docker.sock: Connection refused")


@pytest.mark.parametrize("ci", [True, False])
def test_an_engine_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ci: bool
) -> None:
    """An engine whose disk is full is told in one line, with what it said."""
    with full_engine(tmp_path) as path:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        said = _refusal(Options(provider="auto" if ci else "docker"), ci=ci)
    assert said == f"docker: a container of postgres:16 cannot be started: {FULL}"


def test_an_engine_for_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that this user may not open is told in one line, with the system's word for it."""
    with full_engine(tmp_path) as path:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        assert docker.engine_version() == "20.10"  # all that is needed is imported by now
        path.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may open everything
        try:
            said = _refusal(Options(provider="docker"))
        finally:
            os.seteuid(user)
    assert said == f"docker: DOCKER_HOST=unix://{path}: Permission denied"


def test_an_absent_image() -> None:
    """An image that cannot be pulled is told in one line, with what the engine said."""
    require("docker")
    said = _refusal(Options(provider="docker", image="registry.invalid/none:1"))
    assert said.startswith("docker: registry.invalid/none:1 cannot be pulled: ")
    assert "\n" not in said


def test_an_image_that_there_is_not() -> None:
    """What its registry does not know is no reason for another server: CI will not find it."""
    require("docker")
    require("local")
    with (
        registry("known") as image,
        pytest.raises(ServiceFailed, match=r"tests:2 cannot be pulled: .*manifest"),
        server(
            Options(image=f"{image.removesuffix('1')}2"),
            Labels.of_this_process(),
            print,
            ci=False,
        ),
    ):
        pass


def test_an_image_that_is_no_postgres() -> None:
    """A container that ends at once is told with its last lines, and removed."""
    require("docker")
    name = f"pushgate-tests-{os.getpid()}"
    cmd = ["docker", "build", "--quiet", "--tag", name, "-"]
    text = f'FROM {IMAGE}\nENTRYPOINT ["sh", "-c", "echo no server here; exit 3"]\n'
    subprocess.run(cmd, input=text.encode(), check=True, capture_output=True)
    try:
        with (
            pytest.raises(ServiceFailed, match=r"server ended; it said at last:\n +no server here"),
            running(DockerPostgres(Labels.of_this_process(), name), print),
        ):
            pass
        assert left_of(os.getpid()) == []
    finally:
        subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)


def _remove_container_of(service: DockerPostgres) -> None:
    owner = service.labels.owner
    docker.remove([each.id for each in docker.containers(OWNER_LABEL) if each.value == owner])
    databases.fresh(service.server(), "late")


def test_a_killed_container() -> None:
    """When the container is killed in the middle, who uses it is told, and nothing is left."""
    require("docker")
    service = DockerPostgres(Labels.of_this_process(), IMAGE)
    how = r"^PostgreSQL [\d.]+ in Docker \(postgres:16\): its container: No such container: \S+"
    with running(service, print) as mine:
        assert mine.ended() == ""
        with pytest.raises(ServiceFailed):
            _remove_container_of(mine)
        assert re.match(how, mine.ended())
    assert left_of(os.getpid()) == []


_IMPATIENT = """
import os, signal, sys
from pushgate.services.base import Labels, running
from pushgate.services.postgres.docker import DockerPostgres
from pushgate.tools import interrupts

class Impatient(DockerPostgres):
    def logs(self):  # the first that `stop` asks for
        os.kill(os.getpid(), signal.SIGINT)
        return super().logs()

interrupts.make_terminable()
print(os.getpid())
try:
    with running(Impatient(Labels.of_this_process(), sys.argv[1]), print):
        pass
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_while_it_is_removed() -> None:
    """Ctrl-C while a container is being removed comes too late to leave it there."""
    require("docker")
    command = [sys.executable, "-c", _IMPATIENT, IMAGE]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 130, answer.stderr
    assert left_of(int(answer.stdout)) == []


def test_memory_too_small_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data do not fit into their memory, the server's own words are told."""
    require("docker")
    monkeypatch.setattr("pushgate.services.postgres.docker._MEMORY", "rw,size=8m")
    with pytest.raises(ServiceFailed, match="No space left on device"), served("docker"):
        pass
    assert left_of(os.getpid()) == []


def test_memory_that_becomes_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data outgrow their memory, who writes them is told, and nothing is left."""
    require("docker")
    monkeypatch.setattr("pushgate.services.postgres.docker._MEMORY", "rw,size=80m")
    grow = "CREATE TABLE pages AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)"
    with (
        pytest.raises(ServiceFailed, match="No space left on device"),
        served("docker") as found,
        databases.connected(found) as connection,
    ):
        connection.run(grow)
    assert left_of(os.getpid()) == []


def test_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that another program takes meanwhile is not the server's end."""
    require("local")
    with socket.socket() as other, socket.socket() as unused:
        for each in (other, unused):
            each.bind(("127.0.0.1", 0))
        other.listen()
        taken, free = (each.getsockname()[1] for each in (other, unused))
        unused.close()
        monkeypatch.setattr("pushgate.services.postgres.local.free_ports", lambda: [taken, free])
        with served("local") as found:
            assert found.port == free


def test_no_port_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every port is taken, the server's own words are told."""
    require("local")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr("pushgate.services.postgres.local.free_ports", lambda: [port])
        with pytest.raises(ServiceFailed, match="Address already in use"), served("local"):
            pass
    assert left_of(os.getpid()) == []


def test_without_docker_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an engine, what is installed will do, and how CI's differs is told."""
    require("local")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with served("auto"):
        pass
    said = capsys.readouterr().out.strip()
    assert re.search(rf"PostgreSQL \S+ from \S+ \(local\); CI uses {IMAGE} in Docker$", said)
    assert said.startswith("not from docker: DOCKER_HOST=")


def test_in_ci_only_docker_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI nothing stands in for Docker, unless the settings say so."""
    require("local")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert re.fullmatch("docker: .*", _refusal(Options(), ci=True))
    said = Options(provider="local")
    with server(said, Labels.of_this_process(), print, ci=True) as found:
        assert "(local)" in found.words


def test_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no PostgreSQL of any kind, each thing that was tried has its line."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("pushgate.services.postgres.local._PLACES", (f"{tmp_path}/*/bin",) * 2)
    monkeypatch.setattr("pushgate.services.postgres.embedded._PACKAGE", "no_such_package")
    tried = [line.partition(":")[0] for line in _refusal(Options()).splitlines()]
    assert tried == ["docker", "local", "embedded"]


@pytest.mark.parametrize("provider", ["local", "embedded"])
def test_no_place_for_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    """Where no temporary folder can be made, there is no server here."""
    require(provider)
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert _refusal(Options(provider=provider)).startswith(f"{provider}: [Errno 20]")
