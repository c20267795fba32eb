"""Databases are lent to whoever knows where, for as long as the connection is kept."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from living import until
from postgres_servers import end_server, require
from pushgate.gates import database
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.services.base import Labels, ServiceUnavailable
from pushgate.services.postgres import Options, Server, databases
from pushgate.services.postgres.lending import Parts, lending, lent

pytestmark = pytest.mark.slow


@pytest.fixture
def address() -> Iterator[str]:
    """Where databases are lent."""
    require("local")
    options = Options(provider="local")
    with lending(options, Labels.of_this_process(), ci=False) as found:
        yield found


def _server(parts: Parts) -> Server:
    return Server(parts["host"], int(parts["port"]), parts["user"], parts["password"])


def _silent(_line: str) -> None:
    """Tell nobody."""


def test_each_is_another_and_goes(address: str) -> None:
    """Twenty borrowers at once have twenty databases, of which none is left."""
    together = threading.Barrier(20)

    def borrow(_number: int) -> str:
        with lent(address, "shop", _silent) as parts:
            together.wait(30)
            return parts["database"]

    with ThreadPoolExecutor(20) as pool:
        names = set(pool.map(borrow, range(20)))
    assert len(names) == 20
    with lent(address, "shop", _silent) as parts:
        found = _server(parts)
        until(lambda: not names & set(databases.names(found)))


def test_it_tells_which_server_it_is(address: str) -> None:
    """Each borrower, also those that come later."""
    for _ in range(2):
        told: list[str] = []
        with lent(address, "shop", told.append):
            assert told[-1].startswith("PostgreSQL ")


_BORROWER: Final = """
import sys
from pushgate.services.postgres.lending import lent

with lent(sys.argv[1], "killed", lambda line: None) as parts:
    print(parts["database"], flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_borrower_had_is_dropped(address: str) -> None:
    """Its connection ends with it."""
    with subprocess.Popen(
        [sys.executable, "-c", _BORROWER, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        with lent(address, "shop", _silent) as parts:
            assert name in databases.names(_server(parts))
            process.kill()
            until(lambda: name not in databases.names(_server(parts)))


def test_a_template_whose_filling_failed_is_filled_by_the_next(address: str) -> None:
    """Half of one is nothing to make copies of."""
    filled = []

    def fail(_parts: Parts) -> None:
        raise ZeroDivisionError

    def fill(parts: Parts) -> None:
        with databases.connected(_server(parts), parts["database"]) as connection:
            connection.run("CREATE TABLE prices (amount integer)")
        filled.append(parts["database"])

    with pytest.raises(ZeroDivisionError), lent(address, "shop", _silent, "prices", fail):
        pass
    for _ in range(2):
        with lent(address, "shop", _silent, "prices", fill) as parts:
            found = databases.objects(_server(parts), parts["database"])
            assert found == ["table public.prices"]
    assert len(filled) == 1


def test_a_template_somebody_is_still_connected_to(address: str) -> None:
    """That connection is ended: nobody changes a template after it was filled."""
    with ExitStack() as stack:

        def fill(parts: Parts) -> None:
            # It is told that its connection was ended.
            stack.enter_context(pytest.raises(BaseException, match=r"terminat|closed|network"))
            kept = stack.enter_context(databases.connected(_server(parts), parts["database"]))
            stack.callback(kept.run, "SELECT 1")

        with lent(address, "shop", _silent, "kept", fill) as parts:
            assert databases.is_empty(_server(parts), parts["database"])


def test_a_stranger_is_lent_nothing(address: str) -> None:
    """Whoever does not know the token, or speaks something else."""
    host, port, _token = address.split(":")
    for said in ({"token": "none", "purpose": "x", "template": ""}, {}, "GET / HTTP/1.1"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(json.dumps(said).encode() + b"\n")
            assert connection.recv(1) == b""


def test_a_server_that_is_gone(address: str) -> None:
    """It is told, and so is who has borrowed something of it."""
    with lent(address, "shop", _silent) as parts:
        with pytest.raises(JobFailed), database.still_there(address):
            raise JobFailed
        end_server(_server(parts))
        with (
            pytest.raises(JobUnavailable, match=r"^PostgreSQL .*(it has ended|refused)"),
            database.still_there(address),
        ):
            raise JobFailed
        with (
            pytest.raises(ServiceUnavailable, match="Connection refused"),
            lent(address, "shop", _silent),
        ):
            pass


def test_where_nobody_lends_any_more() -> None:
    """The run of a borrower is over."""
    require("local")
    with lending(Options(provider="local"), Labels.of_this_process(), ci=False) as address:
        pass
    with pytest.raises(ServiceUnavailable, match="what lends databases is gone"):
        lent(address, "shop", _silent).__enter__()


def test_each_borrower_is_told_why_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was tried, a line each."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    options = Options(provider="docker")
    with lending(options, Labels.of_this_process(), ci=False) as address:
        for _ in range(2):
            with pytest.raises(ServiceUnavailable, match=r"^docker: "):
                lent(address, "shop", _silent).__enter__()


_PLUGIN: Final = Path(database.__file__).parents[1] / "shards" / "plugin" / "pushgate_lease.py"


def test_a_worker_without_a_database_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be given that of the shard, or the user's."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    options = Options(provider="docker")
    with lending(options, Labels.of_this_process(), ci=False) as address:
        lease = {
            "address": address,
            "asked": {"purpose": "test", "template": ""},
            "url": "",
            "variables": {},
        }
        answer = subprocess.run(
            [sys.executable, str(_PLUGIN)],
            env={
                **os.environ,
                "PYTEST_XDIST_WORKER": "gw0",
                "PUSHGATE_LEASE": json.dumps(lease),
            },
            check=False,
            capture_output=True,
            text=True,
        )
    assert answer.returncode == 1
    assert "RuntimeError: no database for this worker: docker: " in answer.stderr
