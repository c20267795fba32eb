"""A PostgreSQL that is installed here, with data of its own in a temporary folder."""

from __future__ import annotations

import locale
import os
import pwd
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pushgate.services import folders, keeper
from pushgate.services.base import (
    Labels,
    ServiceFailed,
    ServiceUnavailable,
    Tell,
    last_lines,
    patiently,
)
from pushgate.services.folders import Folder
from pushgate.services.keeper import Kept, Order
from pushgate.services.postgres import databases
from pushgate.services.postgres.model import HERE, USER, Answering, Server
from pushgate.tools import process

PREFIX: Final = "pushgate-postgres-"
"""How the names of the temporary folders begin."""

QUICK: Final = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    # The pools of all workers of a run meet here.
    "max_connections=500",
)
"""Settings of a server whose data nobody needs after a crash, and that many share."""

_PLACES: Final = (
    *("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"),
    *("/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"),
)
_PROGRAMS: Final = ("initdb", "postgres")
_UNPRIVILEGED: Final = ("postgres", "nobody")
_LOCALES: Final = ("en_US.UTF-8", "C.UTF-8")
"""That of the official image first: what CI sorts by."""

_PORTS: Final = 5
"""How many free ports are looked for, should another program take one meanwhile."""

_READY_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Installation:
    """A PostgreSQL that can be started.

    Attributes:
        folder: Where its programs are.
        words: Where it comes from, for people.
        parts: All of it: folders that lie in one and the same folder.
    """

    folder: Path
    words: str
    parts: tuple[Path, ...]

    def version(self) -> str:
        """Return what it calls itself."""
        command = [str(self.folder / "postgres"), "--version"]
        return process.capture(command, cwd=process.NOWHERE).stdout.strip()


def installed() -> Installation:
    """Find the PostgreSQL of this machine: that on PATH, else the newest.

    Raises:
        ServiceUnavailable: There is none.
    """
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    there = [folder for place in _PLACES for folder in Path("/").glob(place.lstrip("/"))]
    folders += sorted(there, key=_major, reverse=True)
    for folder in folders:
        if all((folder / program).is_file() for program in _PROGRAMS):
            return Installation(folder, f"from {folder.parent} (local)", (folder.parent,))
    message = f"no initdb on PATH, nor in {', '.join(_PLACES[:2])}"
    raise ServiceUnavailable(message)


def _major(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[-1]) if numbers else 0


def free_ports() -> Sequence[int]:
    """Find ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(_PORTS)]
        for each in sockets:
            each.bind((HERE, 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass
class LocalPostgres(Answering):
    """A server of this machine's PostgreSQL.

    Attributes:
        labels: Whose it is.
        find: Finds what to start.
    """

    labels: Labels
    find: Callable[[], Installation] = installed
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _folder: Folder | None = None
    _kept: Kept | None = None
    _words: str = ""
    _said: str = ""

    def start(self, _tell: Tell) -> None:
        """Start it, what a killed process has left removed first."""
        folders.sweep(PREFIX)
        installation = self.find()
        user = _unprivileged()
        try:
            self._folder = folder = folders.make(PREFIX, self.labels.owner)
            programs = _reachable(installation, folder.path, user)
            (folder.path / "log").touch()
            (folder.path / "password").write_text(f"{self._password}\n", encoding="ascii")
            (folder.path / "socket").mkdir()
            if user is not None:
                for path in (folder.path, *folder.path.iterdir()):
                    shutil.chown(path, user)
            self._words = installation.words
            self._kept = keeper.keep(_order(programs, folder, user))
        except (OSError, process.CommandMissingError) as error:
            raise ServiceUnavailable(str(error)) from error

    def wait(self, tell: Tell) -> None:
        """Wait until it answers."""
        port = self._port(tell)
        server = Server(HERE, port, USER, self._password)
        version = databases.wait(server, self._alive, self.logs, tell, _READY_SECONDS)
        words = f"PostgreSQL {version} {self._words}"
        self._server = replace(server, version=version, words=words)

    def _port(self, tell: Tell) -> int:
        """Return the port that it has taken, as soon as it says that it is ready there."""
        for _ in patiently(tell, "PostgreSQL to start", _READY_SECONDS):
            # Its fourth line is the port, its eighth how far the server has come.
            with suppress(OSError):
                told = (self._path / "data" / "postmaster.pid").read_text(encoding="utf-8")
                lines = told.splitlines()
                if len(lines) > 7 and lines[7].strip() == "ready":  # noqa: PLR2004  # as told
                    return int(lines[3])
            if not self._alive():
                break
        message = f"PostgreSQL {self._words} did not start; it said:{last_lines(self.logs())}"
        raise ServiceFailed(message)

    @property
    def _path(self) -> Path:
        if self._folder is None:
            message = "the server was not started"
            raise ServiceFailed(message)
        return self._folder.path

    def _alive(self) -> bool:
        return self._kept is not None and self._kept.alive()

    def ended(self) -> str:
        """Tell how it has ended, in its own words where it had some."""
        if why := databases.breakdown(self.logs()) or ("" if self._alive() else "it has ended"):
            return f"{self.server().words}: {why}"
        return ""

    def logs(self) -> str:
        """Return what it has said."""
        if self._folder is not None:
            with suppress(OSError):
                log = self._folder.path / "log"
                self._said = log.read_text(encoding="utf-8", errors="replace")
        return self._said

    def stop(self) -> None:
        """End it and remove its folder."""
        self.logs()
        try:
            if self._kept is not None:
                self._kept.end()
        finally:
            if self._folder is not None:
                self._folder.remove()
            self._kept = self._folder = None


def _unprivileged() -> str | None:
    """Name the user to run as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    for user in _UNPRIVILEGED:
        with suppress(KeyError):
            pwd.getpwnam(user)
            return user
    message = "PostgreSQL does not run as root, and there is no user postgres or nobody"
    raise ServiceUnavailable(message)


def _reachable(installation: Installation, folder: Path, user: str | None) -> Path:
    """Return where a user finds the programs: a copy where they are in root's own folders."""
    programs = installation.folder
    if user is None or all(path.stat().st_mode & stat.S_IXOTH for path in programs.parents):
        return programs
    copy = folder / "programs"
    # Programs find their libraries from where they are themselves.
    for part in installation.parts:
        shutil.copytree(part, copy / part.name)
    return copy / programs.relative_to(installation.parts[0].parent)


def _order(programs: Path, folder: Folder, user: str | None) -> Order:
    path = folder.path
    settings = {
        "listen_addresses": HERE,
        "port": keeper.PORT,
        "unix_socket_directories": f'"{path / "socket"}"',
        # What a killed server leaves of it is in its folder.
        "dynamic_shared_memory_type": "mmap",
        "logging_collector": "off",
        **dict(setting.split("=") for setting in QUICK),
    }
    data = str(path / "data")
    return Order(
        folder=str(path),
        lock=folder.lock,
        user=user,
        prepare=[
            *(str(programs / "initdb"), "--pgdata", data, "--username", USER),
            *("--pwfile", str(path / "password"), "--auth", "scram-sha-256", "--no-sync"),
            *("--encoding", "UTF8", "--locale", _locale()),
        ],
        serve=[
            *(str(programs / "postgres"), "-D", data),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        ports=free_ports(),
        # Words that can be looked for, and the clock of the official image.
        environment=process.clean_environment({"LC_ALL": "C", "TZ": "UTC"}),
        log=str(path / "log"),
    )


def _locale() -> str:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in _LOCALES:
            with suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C"
