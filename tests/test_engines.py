"""How an engine for containers is found, and what it is asked for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import lacks
from image_registry import registry
from postgres_servers import served
from pushgate.tools import docker, engines
from pushgate.tools.docker import EngineUnavailableError

_SOCKET = Path("/var/run/docker.sock")

_ASKS = """
import sys
from pushgate.tools import docker
docker.remove_containers("pushgate.tests", "none has this value")
print("docker" in sys.modules)
"""


@pytest.fixture
def engine() -> None:
    """Skip a test where no engine answers on the usual socket."""
    if docker.engine_version() is None or not _SOCKET.exists():
        lacks("docker", "no Docker engine answers")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, of whom nothing is known."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    return tmp_path


def _words() -> list[str]:
    usual = {str(_SOCKET), "/run/podman/podman.sock"}
    return [way.words for way in engines.ways() if way.words not in usual]


def test_the_users_word_is_the_only_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is asked before a context, and no other engine is taken instead of either."""
    (home / ".docker" / "config.json").write_text('{"currentContext": "far"}', encoding="utf-8")
    assert [way.words for way in engines.ways()] == ["Docker's context far"]
    monkeypatch.setenv("DOCKER_CONTEXT", "near")
    assert [way.words for way in engines.ways()] == ["Docker's context near"]
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:1")
    assert [way.words for way in engines.ways()] == ["DOCKER_HOST=tcp://there:1"]


@pytest.mark.parametrize("config", ['{"currentContext": "default"}', "{}", "[]", "no JSON"])
def test_a_config_that_names_no_context(home: Path, config: str) -> None:
    """Without a context of another name, the sockets are looked at."""
    (home / ".docker" / "config.json").write_text(config, encoding="utf-8")
    assert _words() == []


def test_rootless_engines_and_podman(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of a user's own engines are found, Docker's first."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "runtime"))
    sockets = [
        home / ".docker" / "run" / "docker.sock",
        home / "runtime" / "docker.sock",
        home / "runtime" / "podman" / "podman.sock",
    ]
    for path in sockets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert _words() == [str(path) for path in sockets]


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_a_context_leads_to_its_engine(home: Path) -> None:
    """The engine of Docker's current context is the one that is asked."""
    command = ["docker", "context", "create", "mine", "--docker", f"host=unix://{_SOCKET}"]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["docker", "context", "use", "mine"], check=True, capture_output=True)
    assert json.loads((home / ".docker" / "config.json").read_text())["currentContext"] == "mine"
    assert docker.engine_version() is not None
    docker.remove_containers("pushgate.tests", "none has this value")


@pytest.mark.usefixtures("home")
def test_an_unknown_context_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A context that is not there is told by its name; no other engine is taken."""
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert docker.engine_version() is None
    with pytest.raises(EngineUnavailableError, match=r"^Docker's context gone: "):
        docker.image("any")


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_an_engine_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in an engine on another host is reached on that host."""
    with _forwarded("127.0.0.2") as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.2:{port}")
        with served("docker") as found:
            assert found.host == "127.0.0.2"


@contextmanager
def _forwarded(host: str) -> Iterator[int]:
    """Let the engine be reached by TCP."""
    with socket.create_server((host, 0)) as listening:
        ends: list[socket.socket] = [listening]
        threads = [threading.Thread(target=_accept, args=(listening, ends))]
        threads[0].start()
        try:
            yield listening.getsockname()[1]
        finally:
            for end in ends:
                _close(end)
            threads[0].join()


def _close(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # closed by the other side
    finally:
        end.close()


def _accept(listening: socket.socket, ends: list[socket.socket]) -> None:
    threads = []
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            break
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(_SOCKET))
        ends += [near, far]
        for source, target in ((near, far), (far, near)):
            threads.append(threading.Thread(target=_copy, args=(source, target)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the test is over


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_pulling_an_image() -> None:
    """An image that is not here is pulled, and its settings can be read."""
    told: list[str] = []
    with registry(uuid.uuid4().hex) as name:
        assert docker.image(name) is None
        docker.pull(name, told.append)
    found = docker.image(name)
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)
    assert found is not None
    assert (found.command, found.entrypoint, found.volumes) == (("none",), (), ())
    assert told[0] == f"pulls {name}"


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("missing", ["manifests", "blobs"])
def test_a_pull_that_fails(missing: str) -> None:
    """An image that a registry does not have, in whole or in part, is told in one line."""
    with (
        registry(uuid.uuid4().hex, missing) as name,
        pytest.raises(EngineUnavailableError, match=f"^{name} cannot be pulled: .+$") as raised,
    ):
        docker.pull(name, print)
    assert "\n" not in str(raised.value)
    assert docker.image_id(name) is None


@pytest.mark.docker
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.usefixtures("engine")
def test_most_runs_do_not_import_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """A run without containers asks for them without the SDK, with an engine and without one."""
    if not there:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    command = [sys.executable, "-c", _ASKS]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    assert answer.stdout == "False\n"
