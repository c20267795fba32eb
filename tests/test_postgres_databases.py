"""Databases of a real server: made, copied, looked into, dropped."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postgres_servers import served
from pushgate.services import base
from pushgate.services.base import ServiceFailed
from pushgate.services.postgres import Server, databases


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served("local") as found:
        yield found


@pytest.mark.parametrize("name", ["plain", 'a"b', "Größe; DROP", "with space", "select", "%s:x"])
def test_any_name_is_a_name(server: Server, name: str) -> None:
    """A database is called exactly what was asked for, whatever that would mean in SQL."""
    databases.create(server, name)
    assert name in databases.names(server)
    assert databases.is_empty(server, name)
    databases.drop(server, name)
    assert name not in databases.names(server)


def test_dropping_nothing(server: Server) -> None:
    """To drop a database that is not there is no error."""
    databases.drop(server, "never made")


def test_names_are_fresh(server: Server) -> None:
    """No two databases have one name, and a long prefix still leaves room for what differs."""
    made = [databases.fresh(server, "x" * 80) for _ in range(2)]
    assert len(set(made)) == 2
    assert set(made) <= set(databases.names(server))
    for name in made:
        databases.drop(server, name)


def test_a_copy_of_a_template(server: Server) -> None:
    """A database made from a template has all that is in it, and is another one."""
    template = databases.fresh(server, "template")
    with databases.connected(server, template) as connection:
        connection.run("CREATE TABLE pages (title text)")
        connection.run("INSERT INTO pages VALUES ('first')")
    copy = databases.fresh(server, "copy", template)
    with databases.connected(server, copy) as connection:
        connection.run("INSERT INTO pages VALUES ('second')")
    with databases.connected(server, template) as connection:
        assert connection.run("SELECT title FROM pages") == [["first"]]


def test_a_connection_does_not_keep_a_database(server: Server) -> None:
    """A database is dropped although somebody is connected to it."""
    name = databases.fresh(server, "used")
    with databases.connected(server, name):
        databases.drop(server, name)
    assert name not in databases.names(server)


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("CREATE TABLE pages (id serial PRIMARY KEY, title text)", ["table public.pages"]),
        (
            "CREATE TABLE pages (id int GENERATED ALWAYS AS IDENTITY, mood text[])",
            ["table public.pages"],
        ),
        ("CREATE TYPE mood AS ENUM ('good', 'bad')", ["type public.mood"]),
        ("CREATE TYPE place AS (x int, y int)", ["type public.place"]),
        ("CREATE DOMAIN age AS int CHECK (VALUE > 0)", ["type public.age"]),
        ("CREATE SEQUENCE numbers", ["sequence public.numbers"]),
        ("CREATE VIEW now_ AS SELECT now() AS now", ["view public.now_"]),
        ("CREATE MATERIALIZED VIEW one AS SELECT 1 AS n", ["materialized view public.one"]),
        ("CREATE SCHEMA shop CREATE TABLE orders (id int)", ["schema shop", "table shop.orders"]),
        ("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", ["function public.one"]),
        ("CREATE EXTENSION pg_trgm", ["extension pg_trgm"]),
        ("CREATE TYPE spans AS RANGE (subtype = int)", ["type public.spans"]),
    ],
)
def test_what_is_left_is_named(server: Server, statement: str, left: list[str]) -> None:
    """What was made in a database is named, without what goes with it."""
    name = databases.fresh(server, "left")
    with databases.connected(server, name) as connection:
        connection.run(statement)
    assert databases.objects(server, name) == left
    assert not databases.is_empty(server, name)


def test_a_refusal_is_one_line(server: Server) -> None:
    """What the server says no to is told in its own words."""
    with pytest.raises(ServiceFailed, match=r'^PostgreSQL on .*: database "postgres" already ex'):
        databases.create(server, "postgres")


def test_a_password_is_needed(server: Server) -> None:
    """Nobody gets in without the password, and it is in no repr."""
    other = Server(server.host, server.port, server.user, "guessed")
    with pytest.raises(ServiceFailed, match="password authentication failed"):
        databases.version(other)
    assert server.password not in repr(server)


def test_a_server_that_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not sent yet is nothing that anybody is told of later, when it is cleared away."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def hang_up() -> None:
        listening.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as hanging_up:
        for _ in range(20):
            hanging_up.submit(hang_up)
            with pytest.raises(ServiceFailed):
                databases.version(Server("127.0.0.1", listening.getsockname()[1], "me", "x"))
    gc.collect()
    assert told == []


def test_what_is_still_waited_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then, for as long as anybody wants it: whoever does not ends the waiting."""
    monkeypatch.setattr(base, "STILL_SECONDS", 0.0)
    nowhere, lines = Server("127.0.0.1", 1, "nobody", ""), list[str]()

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        databases.wait(nowhere, lambda: True, str, tell, 60)
    assert lines == ["still waiting for PostgreSQL, 0 s so far"] * 3
