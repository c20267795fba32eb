"""A PostgreSQL of each provider: it answers, it is ours alone, and nothing of it is left."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from living import below, until
from postgres_servers import IMAGE, PROVIDERS, gone, left_of, owner, require, served, told
from pushgate.model.services import Provider
from pushgate.services.base import Labels, ServiceFailed, running
from pushgate.services.postgres import databases
from pushgate.services.postgres.docker import DockerPostgres
from pushgate.services.postgres.embedded import installed as embedded
from pushgate.services.postgres.local import LocalPostgres
from pushgate.tools import docker

pytestmark = [pytest.mark.docker, pytest.mark.slow]

_MOMENTS = 10
"""How many processes are killed for each provider, each at a moment of its own."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_answers(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    """A server can be used as soon as it is there, says what it is, and is gone afterwards."""
    with served(provider) as found:
        name = databases.fresh(found, "first")
        assert databases.is_empty(found, name)
        assert found.version == databases.version(found)
        assert found.words in capsys.readouterr().out
        assert f"PostgreSQL {found.version} " in found.words
        assert found.host == "127.0.0.1"
        assert found.environment["PGPORT"] == str(found.port)
    with pytest.raises(ServiceFailed):
        databases.version(found)
    assert left_of(os.getpid()) == []


def test_in_docker_it_is_the_image_of_ci() -> None:
    """What Docker runs is what the settings name, with its data in memory."""
    with served("docker") as found:
        assert found.words == f"PostgreSQL {found.version} in Docker ({IMAGE})"
        assert found.version.startswith("16.")
        with databases.connected(found) as connection:
            said = connection.run("SELECT current_setting('fsync')")
    assert said == [["off"]]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_this_machine_says_is_not_what_the_server_does(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's time zone, language and database are those of CI in no server."""
    for name, value in {
        "TZ": "Asia/Tokyo",
        "LC_ALL": "tr_TR.UTF-8",
        "PGDATA": "/nowhere",
        "PGHOST": "nowhere.invalid",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGOPTIONS": "-c geqo=off",
    }.items():
        monkeypatch.setenv(name, value)
    with served(provider) as found, databases.connected(found) as connection:
        said = connection.run(
            "SELECT current_setting('TimeZone'), current_setting('server_encoding'), lower('É')"
        )
    assert said[0][0] in {"UTC", "Etc/UTC"}
    assert said[0][1:] == ["UTF8", "é"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_programs_in_folders_of_root_alone(tmp_path: Path) -> None:
    """Root's own PostgreSQL can be used by the user that the server runs as."""
    installed = embedded()
    parts = tuple(tmp_path / part.name for part in installed.parts)
    for own, part in zip(parts, installed.parts, strict=True):
        own.symlink_to(part)
    inside = installed.folder.relative_to(installed.parts[0])
    mine = replace(installed, folder=parts[0] / inside, parts=parts)
    assert tmp_path.stat().st_mode & 0o077 == 0
    with running(LocalPostgres(Labels.of_this_process(), lambda: mine), print) as service:
        assert databases.is_empty(service.server(), "postgres")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_two_at_once_never_meet(provider: Provider) -> None:
    """Two servers at once are two, and neither lets in who knows the other."""
    with served(provider) as one, served(provider) as two:
        assert (one.port, one.password) != (two.port, two.password)
        name = databases.fresh(one, "mine")
        assert name not in databases.names(two)
        assert name in databases.names(one)


def test_many_start_at_once() -> None:
    """Servers that start at the same moment do not take each other's port, folder or container."""
    require("docker")

    def use(provider: Provider) -> int:
        with served(provider) as found:
            databases.fresh(found, "mine")
            return found.port

    with ThreadPoolExecutor(4) as pool:
        ports = list(pool.map(use, ["docker", "local"] * 2))
    assert len(set(ports)) == 4
    assert left_of(os.getpid()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_is_somebody_else() -> None:
    """Started by root, the server runs as a user without rights."""
    with served("local") as found:
        users = {
            psutil.Process(each.pid).username()
            for each in psutil.net_connections("tcp4")
            if each.laddr and each.laddr.port == found.port and each.status == psutil.CONN_LISTEN
        }
    assert users in ({"postgres"}, {"nobody"})
    assert found.user == "postgres"


@pytest.mark.parametrize("provider", ["docker", "local"])
def test_the_service_tells_how_to_get_in(provider: Provider) -> None:
    """A service has its clients' variables while it runs, and its log also afterwards."""
    require(provider)
    labels = Labels.of_this_process("a-run")
    service = DockerPostgres(labels, IMAGE) if provider == "docker" else LocalPostgres(labels)
    with running(service, print):
        assert service.environment()["PGPASSWORD"] == service.server().password
        if provider == "docker":
            found = docker.containers("pushgate.run")
            assert "a-run" in [each.value for each in found]
    assert "ready to accept connections" in service.logs()


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["docker", "local"])
def test_killed_at_any_moment(provider: Provider) -> None:
    """Whenever a process with a server is killed, the next start leaves nothing of it."""
    killed = []
    for moment in range(_MOMENTS):
        with owner(provider) as process:
            # From before it has started anything until it has been using the server for a while.
            time.sleep(random.uniform(0.15, 1.8) if moment else 1.8)  # noqa: S311
            os.killpg(process.pid, signal.SIGKILL)
            killed.append(process.pid)
    with served(provider):
        assert [what for each in killed for what in left_of(each)] == []


@pytest.mark.parametrize("provider", ["local", "embedded"])
def test_a_server_here_ends_with_its_owner(provider: Provider) -> None:
    """Nobody has to come back for a server that is no container."""
    with owner(provider) as process:
        told(process)
        assert left_of(process.pid) != []
        process.kill()
        gone(process.pid)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("number", [signal.SIGINT, None])
def test_an_end_in_order(provider: Provider, number: signal.Signals | None) -> None:
    """A process that ends, by itself or by Ctrl-C, has removed its server before."""
    with owner(provider) as process:
        told(process)
        if number is None:
            assert process.stdin is not None
            process.stdin.close()
        else:
            process.send_signal(number)
        process.wait(30)
        assert left_of(process.pid) == []


def test_a_killed_keeper_takes_the_server_along() -> None:
    """Where the process is killed that watches over a server, the server ends, too."""
    with owner("local") as process:
        server, _ = told(process)
        for child in below(process.pid):
            child.kill()
        until(lambda: not _answers(server.port))
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)
        assert left_of(process.pid) == []


def _answers(port: int) -> bool:
    return any(
        each.laddr.port == port
        for each in psutil.net_connections("tcp4")
        if each.laddr and each.status == psutil.CONN_LISTEN
    )


def test_the_owner_lives_on_while_another_starts() -> None:
    """A start removes nothing of a process that is there."""
    with owner("docker") as in_docker, owner("local") as here:
        servers = [told(process) for process in (in_docker, here)]
        with served("docker"), served("local"):
            for server, name in servers:
                assert name in databases.names(server)


def test_a_container_has_a_limit_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that nobody comes back for ends by itself."""
    require("docker")
    monkeypatch.setattr("pushgate.services.postgres.docker.LIFE_SECONDS", 3)
    service = DockerPostgres(Labels.of_this_process(), IMAGE)
    with running(service, print):
        found = service.server()
        with pytest.raises(ServiceFailed), databases.connected(found) as connection:
            connection.run("SELECT pg_sleep(60)")
        until(lambda: "shut down" in service.logs())
