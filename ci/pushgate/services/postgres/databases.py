"""The databases of a server: the only user of pg8000."""

from __future__ import annotations

import re
import secrets
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedRWPair
from typing import TYPE_CHECKING, Final, Literal

from pushgate.services.base import ServiceFailed, Tell, last_lines, patiently
from pushgate.services.postgres.model import Server

if TYPE_CHECKING:
    from pg8000.native import Connection

_MAINTENANCE: Final = "postgres"
"""The database to be in while others are made and dropped."""

_STARTING: Final = "57P03"
"""PostgreSQL's code for being asked too early (``cannot_connect_now``)."""

_LONGEST_NAME: Final = 63
_PATIENCE_SECONDS: Final = 60.0
"""How long a server may take for an answer."""


_BREAKDOWN: Final = re.compile(r"PANIC: +.+|server process \(PID \d+\) was terminated by .+")
"""What a server logs that throws out whoever is connected, and may come back or not."""

_OBJECTS: Final = """
WITH mine AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), found AS (
    SELECT 'schema' AS kind, nspname AS name, 'pg_namespace'::regclass AS class, oid FROM mine
    WHERE nspname <> 'public'
    UNION ALL
    SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
        nspname || '.' || relname, 'pg_class'::regclass, pg_class.oid
    FROM pg_class JOIN mine ON mine.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'type', nspname || '.' || typname, 'pg_type'::regclass, pg_type.oid
    FROM pg_type JOIN mine ON mine.oid = typnamespace
    LEFT JOIN pg_class ON pg_class.oid = typrelid
    WHERE typtype IN ('e', 'd', 'r') OR relkind = 'c'
    UNION ALL
    SELECT 'function', nspname || '.' || proname, 'pg_proc'::regclass, pg_proc.oid
    FROM pg_proc JOIN mine ON mine.oid = pronamespace
    UNION ALL
    SELECT 'extension', extname, 'pg_extension'::regclass, oid
    FROM pg_extension WHERE extname <> 'plpgsql'
)
SELECT DISTINCT kind || ' ' || name FROM found
WHERE NOT EXISTS (
    -- What goes with another object is named by that one.
    SELECT FROM pg_depend
    WHERE classid = found.class AND objid = found.oid AND deptype IN ('i', 'e', 'a')
        AND (deptype <> 'a' OR refclassid = 'pg_class'::regclass)
)
ORDER BY 1
"""


class StartingError(ServiceFailed):
    """A server does not answer, and may do so soon: it is not up yet."""


@contextmanager
def connected(server: Server, database: str = _MAINTENANCE) -> Iterator[Connection]:
    """Connect to a database; each statement is a transaction of its own.

    Args:
        server: Where.
        database: What it is called; the one to be in while others are made, unless given.

    Raises:
        StartingError: The server is not up yet.
        ServiceFailed: The server says no, or is gone, now or within the block.
    """
    # Only jobs with a database wait for it to be imported.
    from pg8000.exceptions import Error  # noqa: PLC0415
    from pg8000.native import Connection  # noqa: PLC0415

    try:
        with _way_to(server) as way:
            connection = Connection(
                server.user,
                sock=way,
                password=server.password,
                database=database,
                application_name="pushgate",
            )
            try:
                yield connection
            finally:
                with suppress(Error, OSError):
                    connection.close()
    except (Error, OSError, struct.error) as error:
        message = f"PostgreSQL on {server.host}:{server.port}: {_said(error)}"
        kind = StartingError if _is_starting(error) else ServiceFailed
        raise kind(message) from error


class _Way(socket.socket):
    """A connection that knows its file: pg8000 closes neither where a server says no."""

    file: BufferedRWPair | None = None

    def makefile(self, mode: Literal["rwb"]) -> BufferedRWPair:  # type: ignore[override]
        """Return the file that pg8000 asks for."""
        self.file = super().makefile(mode)
        return self.file


@contextmanager
def _way_to(server: Server) -> Iterator[socket.socket]:
    found = socket.create_connection((server.host, server.port), _PATIENCE_SECONDS)
    with _Way(fileno=found.detach()) as way:
        way.settimeout(_PATIENCE_SECONDS)
        try:
            yield way
        finally:
            # What it has not sent yet nobody takes any more.
            with suppress(OSError):
                if way.file is not None:
                    way.file.close()


def create(server: Server, name: str, template: str | None = None) -> None:
    """Create a database.

    Args:
        server: Where.
        name: What it is called.
        template: The database that it is a copy of; nobody may be connected to that one.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    copied = f" TEMPLATE {_quoted(template)}" if template else ""
    with connected(server) as connection:
        connection.run(f"CREATE DATABASE {_quoted(name)}{copied}")


def drop(server: Server, name: str) -> None:
    """Drop a database, whoever is connected to it; nothing happens where there is none.

    Args:
        server: Where.
        name: What it is called.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    with connected(server) as connection:
        if not connection.run("SELECT FROM pg_database WHERE datname = :name", name=name):
            return
        _close(connection, name)
        connection.run(f"DROP DATABASE IF EXISTS {_quoted(name)}")


def close(server: Server, name: str) -> None:
    """End all connections to a database, and let nobody connect to it any more.

    Args:
        server: Where.
        name: What it is called.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    with connected(server) as connection:
        _close(connection, name)


def _close(connection: Connection, name: str) -> None:
    connection.run(f"ALTER DATABASE {_quoted(name)} ALLOW_CONNECTIONS false")
    connection.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name", name=name
    )


def fresh(server: Server, prefix: str, template: str | None = None) -> str:
    """Create a database with a name that no other has.

    Args:
        server: Where.
        prefix: What it is for, a part of its name.
        template: The database that it is a copy of.

    Returns:
        Its name.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    end = f"_{secrets.token_hex(4)}"
    name = f"{server.prefix}_{prefix}"[: _LONGEST_NAME - len(end)] + end
    create(server, name, template)
    return name


def names(server: Server) -> Sequence[str]:
    """Name all databases of a server.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    with connected(server) as connection:
        return [str(row[0]) for row in connection.run("SELECT datname FROM pg_database")]


def objects(server: Server, name: str) -> Sequence[str]:
    """Name what was made in a database, such as ``table public.orders``.

    What goes with something else is not named: a table's own type and sequences, what an
    extension has brought.

    Args:
        server: Where.
        name: What the database is called.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    with connected(server, name) as connection:
        return [str(row[0]) for row in connection.run(_OBJECTS)]


def is_empty(server: Server, name: str) -> bool:
    """Tell whether nothing was made in a database.

    Args:
        server: Where.
        name: What the database is called.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    return not objects(server, name)


def version(server: Server) -> str:
    """Ask a server for its version, such as ``16.14``.

    Raises:
        ServiceFailed: The server says no, or is gone.
    """
    with connected(server) as connection:
        return str(connection.run("SHOW server_version")[0][0]).split()[0]


def wait(
    server: Server, alive: Callable[[], bool], logs: Callable[[], str], tell: Tell, seconds: float
) -> str:
    """Wait until a server answers a query, and return its version.

    Args:
        server: Where it is to be.
        alive: Tells whether it may still come.
        logs: Returns what it has said.
        tell: Is told now and then that it is still waited for.
        seconds: How long it may take.

    Raises:
        ServiceFailed: It has ended, or its time is over.
    """
    why = ""
    for _ in patiently(tell, "PostgreSQL", seconds):
        try:
            return version(server)
        except ServiceFailed as error:
            why = f"did not answer within {seconds:g} s ({error})"
        if not alive():
            why = "ended"
            break
    message = f"the PostgreSQL server {why}; it said at last:{last_lines(logs())}"
    raise ServiceFailed(message)


def first_answer(server: Server, tell: Tell, seconds: float) -> str:
    """Return the version of a server that nobody here has started, once it is up.

    Args:
        server: Where.
        tell: Is told if it is not up yet.
        seconds: How long it may take to be.

    Raises:
        ServiceFailed: It says no, is nowhere, or its time is over.
    """
    why = ""
    for _ in patiently(tell, f"{server.host}:{server.port}", seconds):
        try:
            return version(server)
        except StartingError as error:
            if not why:
                tell(f"{error}: waiting for it, {seconds:g} s at most")
            why = f"{error} (asked for {seconds:g} s)"
    raise ServiceFailed(why)


def _is_starting(error: Exception) -> bool:
    said = error.args[0] if error.args else ""
    code = said.get("C") if isinstance(said, dict) else None
    # For a server that does not listen yet, Docker takes what comes to a published port and hangs
    # up: pg8000 says no more of that.
    hung_up = said == "network error"
    return isinstance(error, ConnectionRefusedError) or hung_up or code == _STARTING


def breakdown(log: str) -> str:
    """Return what a server said when it first broke down; nothing where it did not.

    Args:
        log: All that it has said.
    """
    found = _BREAKDOWN.search(log)
    return " ".join(found[0].split()) if found else ""


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _said(error: Exception) -> str:
    """Return what an error says in one line; the server's own words where there are some."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = error.args[0] if error.args else error
    return str(told.get("M", told) if isinstance(told, dict) else told)
