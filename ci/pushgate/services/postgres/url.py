"""A PostgreSQL of the user's own: only databases of Pushgate's making are touched there."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote, urlsplit

from pushgate.model.services import URL_VARIABLE
from pushgate.services import owners
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable, Tell
from pushgate.services.postgres import databases
from pushgate.services.postgres.model import Answering, Server

_MARK: Final = "pushgate"
_PORT: Final = 5432
_PATIENCE_SECONDS: Final = 30.0
"""How long it may take to be up: CI starts it together with the job."""

_FORM: Final = "postgresql://user:password@host:port"
_NAME: Final = re.compile(rf"{_MARK}_([0-9a-f]+_\d+_\d+)_")
"""How the databases are called that are made there: whose they are is in the name."""


@dataclass
class UrlPostgres(Answering):
    """The server that a URL names, whatever database it names.

    Attributes:
        labels: Whose the databases are that are made there.
        url: The URL.
    """

    labels: Labels
    url: str = field(repr=False)

    def start(self, tell: Tell) -> None:
        """Wait until it is up, and drop what a killed process has left there."""
        server = self._named()
        try:
            version = databases.first_answer(server, tell, _PATIENCE_SECONDS)
            for name in databases.names(server):
                found = _NAME.match(name)
                if found and owners.is_gone(found[1]):
                    # Another start may be about to do the same.
                    with suppress(ServiceFailed):
                        databases.drop(server, name)
        except ServiceFailed as error:
            raise ServiceUnavailable(str(error)) from error
        words = f"PostgreSQL {version} on {server.host}:{server.port} (url)"
        self._server = replace(server, version=version, words=words)

    def _named(self) -> Server:
        try:
            parts = urlsplit(self.url)
            host, user, port = parts.hostname, parts.username, parts.port or _PORT
        except ValueError:
            # What the error says has a part of the password in it, where that is not escaped.
            message = f"the url cannot be read: it is {_FORM}, with %40 for an @ in the password"
            raise ServiceUnavailable(message) from None
        if not host or not user:
            message = (
                "the url must name a host and a user: "
                f"set `url`, or the variable {URL_VARIABLE}, to {_FORM}"
            )
            raise ServiceUnavailable(message)
        prefix = f"{_MARK}_{self.labels.owner}_{secrets.token_hex(2)}"
        return Server(host, port, unquote(user), unquote(parts.password or ""), prefix=prefix)

    def wait(self, _tell: Tell) -> None:
        """It has answered already."""

    def ended(self) -> str:
        """Return nothing: only its owner knows."""
        return ""

    def logs(self) -> str:
        """Return nothing: they are the user's."""
        return ""

    def stop(self) -> None:
        """Drop the databases that were made through this."""
        if self._server is not None:
            for name in databases.names(self._server):
                if name.startswith(f"{self._server.prefix}_"):
                    # Whoever was lent it may be dropping it.
                    with suppress(ServiceFailed):
                        databases.drop(self._server, name)
