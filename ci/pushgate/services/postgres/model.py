"""What a PostgreSQL is to those who use one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from pushgate.services.base import Service, ServiceFailed

HERE: Final = "127.0.0.1"
"""The only address on which a server that Pushgate starts can be reached."""

USER: Final = "postgres"
"""The superuser of a server that Pushgate starts, as in the official image."""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that answers.

    Attributes:
        host: Its address.
        port: Its port.
        user: Who may make databases there.
        password: That user's password.
        version: What it is, such as ``16.14``.
        words: What it is and where it comes from, for people.
        ended: Tells how it came to an end that nobody has asked for; nothing where it did not.
        prefix: How the names of all databases begin that are made in it.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    version: str = ""
    words: str = ""
    ended: Callable[[], str] = field(default=lambda: "", repr=False, compare=False)
    prefix: str = "pushgate"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables in which PostgreSQL's own clients look for it."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }


@dataclass
class Answering:
    """The part of a service that all have in common: the server, once it answers."""

    _server: Server | None = field(default=None, init=False)

    def server(self) -> Server:
        """Return the server, which answers."""
        if self._server is None:
            message = "the server is not ready"
            raise ServiceFailed(message)
        return self._server

    def environment(self) -> Mapping[str, str]:
        """Return where it is and how to get in."""
        return self.server().environment


class Postgres(Service, Protocol):
    """A service that is a PostgreSQL."""

    def server(self) -> Server:
        """Return the server, which answers."""
