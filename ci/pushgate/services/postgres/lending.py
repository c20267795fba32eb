"""Databases of one server, each lent for as long as a connection is kept open.

Each way goes a line of JSON. The borrower sends ``token``, ``purpose`` and ``template``; without a
purpose it only asks how the server has ended, and is told ``ended``. Else it is told ``told``
while the server starts, and which it is; ``fill``, a database, where it is the first to ask for
a template, which it answers when that is filled; and at last ``lent``, a database, or
``unavailable``. What was lent is dropped when the borrower's connection ends, however it does.
"""

from __future__ import annotations

import json
import secrets
import socket
import socketserver
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from threading import Event, Lock, Thread
from typing import Any, Final

from pushgate.model.services import PostgresOptions
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable, Tell
from pushgate.services.postgres import databases
from pushgate.services.postgres.model import HERE, Server
from pushgate.services.postgres.providers import server
from pushgate.tools import interrupts

Parts = Mapping[str, str]
"""What the URL of a database is made of: host, port, user, password, database."""

_TELL_SECONDS: Final = 0.05

_PATIENCE_SECONDS: Final = 20.0
"""How long a server may take to end; if it is only just starting, the next start removes it."""


class _EndedError(Exception):
    """Nobody wants the server any more."""


class _Lender(socketserver.ThreadingTCPServer):
    """What all borrowers have in common.

    Attributes:
        token: What a borrower must know.
        started: The server, as soon as it answers.
        told: What it told while it started.
        templates: The filled templates, by what the borrowers call them.
        filling: Is held by whoever fills one.
        over: Whether nobody wants the server any more.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__((HERE, 0), _Borrower)
        self.token = secrets.token_urlsafe()
        self.started: Future[Server] = Future()
        self.told: list[str] = []
        self.templates: dict[str, str] = {}
        self.filling: defaultdict[str, Lock] = defaultdict(Lock)
        self.over = Event()
        self._making = Lock()

    def make(self, found: Server, purpose: str, template: str | None = None) -> str:
        """Make a database, unless all that were made may just be being dropped."""
        with self._making:
            self._check()
            return databases.fresh(found, purpose, template)

    def _check(self) -> None:
        if self.over.is_set():
            message = "the run has ended"
            raise _EndedError(message)

    def end(self) -> None:
        """Let the server end; from now on no database is made."""
        with self._making:
            self.over.set()
        self.shutdown()

    def keep(self, options: PostgresOptions, labels: Labels, *, ci: bool) -> None:
        """Keep the server until nobody wants it any more."""

        def tell(line: str) -> None:
            # A pull may take minutes, and a server may not come up.
            self._check()
            self.told.append(line)

        try:
            with server(options, labels, tell, ci=ci) as found:
                self.started.set_result(found)
                self.over.wait()
        except Exception as error:  # noqa: BLE001  # whatever it is, the borrowers are told
            if not self.started.done():
                self.started.set_exception(error)


class _Borrower(socketserver.StreamRequestHandler):
    """One connection."""

    server: _Lender

    def handle(self) -> None:
        """Lend a database until the connection ends."""
        # A borrower may be killed at any moment, and a stranger may say anything.
        with suppress(OSError, ValueError, KeyError, TypeError):
            asked = json.loads(self.rfile.readline())
            if not secrets.compare_digest(asked["token"], self.server.token):
                return
            if not asked["purpose"]:
                self._send({"ended": self._ended()})
                return
            try:
                self._lend(asked["purpose"], asked["template"])
            except Exception as error:  # noqa: BLE001  # who has borrowed nothing must know why
                self._send({"unavailable": str(error) or repr(error)})

    def _ended(self) -> str:
        started = self.server.started
        if not started.done() or started.exception() is not None:
            return ""
        found = started.result()
        if how := found.ended():
            return how
        try:
            databases.version(found)
        except ServiceFailed as error:
            return str(error)
        return ""

    def _lend(self, purpose: str, template: str) -> None:
        found = self._started()
        copied = self._filled(found, template) if template else None
        name = self.server.make(found, purpose, copied)
        try:
            self._send({"lent": _parts(found, name)})
            self.rfile.read()
        finally:
            with suppress(ServiceFailed):
                databases.drop(found, name)

    def _started(self) -> Server:
        told = 0
        while True:
            done = futures.wait([self.server.started], _TELL_SECONDS).done
            for line in self.server.told[told:]:
                self._send({"told": line})
                told += 1
            if done:
                found = self.server.started.result()
                self._send({"told": found.words})
                return found

    def _filled(self, found: Server, template: str) -> str:
        with self.server.filling[template]:
            if template not in self.server.templates:
                name = self.server.make(found, "template")
                try:
                    self._send({"fill": _parts(found, name)})
                    json.loads(self.rfile.readline())
                    databases.close(found, name)
                except BaseException:
                    with suppress(ServiceFailed):
                        databases.drop(found, name)
                    raise
                self.server.templates[template] = name
            return self.server.templates[template]

    def _send(self, told: Mapping[str, Any]) -> None:
        _send(self.wfile, told)


@contextmanager
def lending(options: PostgresOptions, labels: Labels, *, ci: bool) -> Iterator[str]:
    """Yield where databases are lent, while their server may still be starting.

    Args:
        options: Which server the project wants.
        labels: Whose it is.
        ci: Whether this is CI.
    """
    with _Lender() as lender:
        # An interpreter that ends waits for no daemon; a server ends with its owner by itself.
        serving = Thread(target=lender.serve_forever, args=(_TELL_SECONDS,), daemon=True)
        keeping = Thread(target=lender.keep, args=(options, labels), kwargs={"ci": ci}, daemon=True)
        serving.start()
        keeping.start()
        try:
            yield f"{HERE}:{lender.server_address[1]}:{lender.token}"
        finally:
            # An impatient Ctrl-C must not leave the server running.
            with interrupts.held():
                lender.end()
                keeping.join(_PATIENCE_SECONDS)


@contextmanager
def lent(
    address: str,
    purpose: str,
    tell: Tell,
    template: str = "",
    fill: Callable[[Parts], None] | None = None,
) -> Iterator[Parts]:
    """Yield a database, which is dropped afterwards.

    Args:
        address: Where databases are lent.
        purpose: What it is for, a part of its name.
        tell: Is told what takes a while, and which server it is.
        template: What the database is a copy of; empty: of nothing.
        fill: Fills that one, should nobody have done it.

    Raises:
        ServiceUnavailable: There is none to lend.
    """
    with _asked(address, purpose, template) as stream:
        said = _said(stream)
        while "told" in said or "fill" in said:
            if "told" in said:
                tell(said["told"])
            elif fill is not None:
                fill(said["fill"])
                _send(stream, {})
            said = _said(stream)
        if "unavailable" in said:
            raise ServiceUnavailable(said["unavailable"])
        yield said["lent"]


def ended(address: str) -> str:
    """Tell how a server came to an end that nobody has asked for; nothing where it did not.

    Args:
        address: Where databases of it are lent.
    """
    try:
        with _asked(address) as stream:
            return str(_said(stream)["ended"])
    except (ServiceUnavailable, OSError, KeyError) as error:
        return str(error)


@contextmanager
def _asked(address: str, purpose: str = "", template: str = "") -> Iterator[BufferedIOBase]:
    host, port, token = address.split(":")
    try:
        connection = socket.create_connection((host, int(port)))
    except OSError as error:
        message = f"what lends databases is gone: {error}"
        raise ServiceUnavailable(message) from error
    with connection, connection.makefile("rwb") as stream:
        _send(stream, {"token": token, "purpose": purpose, "template": template})
        yield stream


def _send(stream: BufferedIOBase, told: Mapping[str, Any]) -> None:
    stream.write(json.dumps(told).encode() + b"\n")
    stream.flush()


def _said(stream: BufferedIOBase) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(stream.readline() or '{"unavailable": "its run has ended"}')
    return said


def _parts(found: Server, database: str) -> Parts:
    return {
        "host": found.host,
        "port": str(found.port),
        "user": found.user,
        "password": found.password,
        "database": database,
    }
