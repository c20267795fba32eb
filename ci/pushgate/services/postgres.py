"""PostgreSQL; a stand-in that knows only the one that is installed in Debian's place."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pushgate.services.base import Labels, ServiceFailed
from pushgate.tools import process

_BIN: Final = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Keys of a table about PostgreSQL.

    Attributes:
        image: The image that CI uses.
        provider: Where the server comes from.
        url: The server, where the provider is ``url``.
    """

    image: str = "postgres:16"
    provider: Literal["auto", "docker", "local", "embedded", "url"] = "auto"
    url: str | None = None


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        host: Its address.
        port: Its port.
        user: A user that may do everything.
        password: That user's password.
        version: The server's version.
        words: What it is and where it comes from.
    """

    host: str
    port: int
    user: str
    password: str
    version: str
    words: str


@contextmanager
def server(
    options: Options,
    labels: Labels,  # noqa: ARG001  # the stand-in labels nothing
    tell: Callable[[str], None],
    *,
    ci: bool,  # noqa: ARG001
) -> Iterator[Server]:
    """Start a server, yield it, and stop it."""
    if options.provider == "url" and options.url:
        url = urlsplit(options.url)
        words = f"PostgreSQL 15 on {url.hostname}"
        tell(words)
        yield Server(str(url.hostname), url.port or 0, str(url.username), "unused", "15", words)
        return
    folder = Path(tempfile.mkdtemp(prefix="pushgate-postgres-"))
    shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _as_postgres("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")
    settings = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    log = f"--log={folder}/log"
    _as_postgres("pg_ctl", "-D", f"{folder}/data", "-w", log, "-o", settings, "start")
    try:
        words = f"PostgreSQL 15 from {_BIN.parent} (local); CI uses {options.image} in Docker"
        tell(words)
        yield Server("127.0.0.1", port, "postgres", "unused", "15", words)
    finally:
        _as_postgres("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


class databases:  # noqa: N801  # a module, in time
    """Databases in a server."""

    @staticmethod
    def fresh(server: Server, prefix: str) -> str:
        """Make an empty database with a random name, and return that."""
        name = f"{prefix}_{secrets.token_hex(4)}"
        _psql(server, f'CREATE DATABASE "{name}"')
        return name

    @staticmethod
    def drop(server: Server, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        _psql(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @staticmethod
    def version(server: Server) -> str:
        """Ask a server for its version."""
        _psql(server, "SHOW server_version")
        return server.version


def _psql(server: Server, statement: str) -> None:
    address = ("-h", server.host, "-p", str(server.port), "-U", server.user)
    command = [str(_BIN / "psql"), *address, "-c", statement, "postgres"]
    try:
        process.capture(command, cwd=process.NOWHERE)
    except process.CommandError as error:
        raise ServiceFailed(str(error)) from error


def _as_postgres(program: str, *arguments: str) -> None:
    who = () if os.getuid() else ("runuser", "-u", "postgres", "--")
    # A pipe would be held open by the server.
    with tempfile.TemporaryFile() as output:
        command = [*who, str(_BIN / program), *arguments]
        process.run(command, cwd=process.NOWHERE, output=output)
