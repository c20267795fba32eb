"""PostgreSQL servers for tests, and what is left of them."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from conftest import lacks
from living import until
from pushgate.model.services import Provider
from pushgate.services.base import OWNER_LABEL, Labels, ServiceUnavailable
from pushgate.services.postgres import Options, Server, databases, server
from pushgate.services.postgres.local import installed
from pushgate.tools import docker

IMAGE: Final = "postgres:16"
"""What ``tests/postgres_image.sh`` makes where it cannot be pulled."""

PROVIDERS: Final[tuple[Provider, ...]] = ("docker", "local", "embedded")

_OWNER: Final = """
import sys
from pushgate.services.base import Labels
from pushgate.services.postgres import Options, databases, server

options = Options(provider=sys.argv[1], url=sys.argv[2] or None)
with server(options, Labels.of_this_process(), lambda line: None, ci=False) as found:
    name = databases.fresh(found, "kept")
    print(found.host, found.port, found.user, found.password, name, flush=True)
    sys.stdin.read()
"""


def require(provider: str) -> None:
    """Skip a test for the lack of a provider."""
    if provider == "docker" and docker.image_id(IMAGE) is None:
        lacks("postgres-image", f"no engine has {IMAGE}: run tests/postgres_image.sh")
    if provider == "local":
        try:
            installed()
        except ServiceUnavailable as error:
            lacks("postgres", str(error))


@contextmanager
def served(provider: Provider, url: str | None = None) -> Iterator[Server]:
    """Yield a server of this process."""
    require(provider)
    options = Options(image=IMAGE, provider=provider, url=url)
    with server(options, Labels.of_this_process(), print, ci=False) as found:
        print(found.words)
        yield found


@contextmanager
def filled(found: Server) -> Iterator[str]:
    """Yield the URL of a database with something in it."""
    name = f"mine_{secrets.token_hex(4)}"
    databases.create(found, name)
    with databases.connected(found, name) as connection:
        connection.run("CREATE TABLE pages (title text)")
        connection.run("INSERT INTO pages VALUES ('kept')")
    yield f"postgresql://{found.user}:{found.password}@{found.host}:{found.port}/{name}"
    with databases.connected(found, name) as connection:
        assert connection.run("SELECT title FROM pages") == [["kept"]]
        assert databases.objects(found, name) == ["table public.pages"]


@contextmanager
def owner(provider: Provider, url: str = "") -> Iterator[subprocess.Popen[str]]:
    """Start a process that has a server, tells where it is and keeps it until it is ended."""
    require(provider)
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, provider, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> tuple[Server, str]:
    """Return the server that an owner has, and the database that it has made."""
    assert process.stdout is not None
    host, port, user, password, name = process.stdout.readline().split()
    return Server(host, int(port), user, password), name


def end_server(found: Server) -> None:
    """End a server of this process as if it had crashed."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it serves others, and ends on its own
            if f"port={found.port}" in process.cmdline():
                process.send_signal(signal.SIGQUIT)
                process.wait(10)


def left_of(process: int) -> list[str]:
    """Name what there is of an owner's servers: containers, folders, processes."""
    mark = f"_{process}_"
    left = []
    if docker.engine_version() is not None:
        left += [each.id for each in docker.containers(OWNER_LABEL) if mark in each.value]
    folders = []
    for lock in Path(tempfile.gettempdir()).glob("pushgate-postgres-*.lock"):
        if mark in _read(lock):
            folders += [str(lock), str(lock).removesuffix(".lock")]
    left += folders
    for each in psutil.process_iter(["cmdline"]):
        words = " ".join(each.info["cmdline"] or ())
        left += [words for folder in folders if folder in words]
    return left


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def gone(process: int) -> None:
    """Wait until nothing is left of an owner's servers."""
    until(lambda: not left_of(process))
