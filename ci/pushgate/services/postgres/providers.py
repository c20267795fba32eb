"""Where a PostgreSQL comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from pushgate.model.services import URL_VARIABLE, PostgresOptions
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable, Tell, running
from pushgate.services.postgres.docker import DockerPostgres, image
from pushgate.services.postgres.embedded import installed as embedded
from pushgate.services.postgres.local import LocalPostgres
from pushgate.services.postgres.local import installed as local
from pushgate.services.postgres.model import Postgres, Server
from pushgate.services.postgres.url import UrlPostgres

_PROVIDERS: Final[Mapping[str, Callable[[PostgresOptions, Labels], Postgres]]] = {
    "docker": lambda options, labels: DockerPostgres(labels, options.image),
    "local": lambda _options, labels: LocalPostgres(labels),
    "embedded": lambda _options, labels: LocalPostgres(labels, embedded),
    "url": lambda options, labels: UrlPostgres(labels, options.url or ""),
}
_AUTO: Final = ("docker", "local", "embedded")
_MAJOR: Final = re.compile(r":(?:[\w.-]*pg)?(\d+)[^/]*$")
"""Finds the major version of PostgreSQL in an image's name."""


@contextmanager
def server(options: PostgresOptions, labels: Labels, tell: Tell, *, ci: bool) -> Iterator[Server]:
    """Yield a PostgreSQL that answers; it is gone when the block is left.

    Args:
        options: Which one the project wants.
        labels: Whose it is.
        tell: Is told what takes a while.
        ci: Whether this is CI, where only Docker will do unless a provider is said.

    Raises:
        ServiceUnavailable: There is none; the message has a line for each thing tried.
        ServiceFailed: One was started and did not become ready.
    """
    options = _as_named(options, ci=ci)
    tried = []
    for name in _names(options, ci=ci):
        with ExitStack() as stack:
            try:
                service = stack.enter_context(running(_PROVIDERS[name](options, labels), tell))
            except ServiceUnavailable as error:
                tried.append(f"{name}: {error}")
                tell(f"not from {tried[-1]}")
                continue
            found = service.server()
            words = found.words + _difference(options, name, found)
            yield replace(found, words=words, ended=service.ended)
            return
    raise ServiceUnavailable("\n".join(tried))


def described(options: PostgresOptions, *, ci: bool) -> str:
    """Tell which server there would be, without starting it.

    Args:
        options: Which one the project wants.
        ci: Whether this is CI.

    Raises:
        ServiceUnavailable: There is none.
        ServiceFailed: What it would be is not known yet.
    """
    options = _as_named(options, ci=ci)
    tried = []
    for name in _names(options, ci=ci):
        try:
            return f"{name}: {_DESCRIPTIONS[name](options)}"
        except ServiceUnavailable as error:
            tried.append(f"{name}: {error}")
    raise ServiceUnavailable("; ".join(tried))


def _users_own(_options: PostgresOptions) -> str:
    message = "a server of the user's own may have changed"
    raise ServiceFailed(message)


_DESCRIPTIONS: Final[Mapping[str, Callable[[PostgresOptions], str]]] = {
    "docker": lambda options: image(options.image),
    "local": lambda _options: local().version(),
    "embedded": lambda _options: embedded().version(),
    "url": _users_own,
}


def _as_named(options: PostgresOptions, *, ci: bool) -> PostgresOptions:
    """Return what a project wants, by the server that a variable names, if one does."""
    url = os.environ.get(URL_VARIABLE)
    # What CI's machine runs beside the job is a container, too: the job itself has no Docker.
    if url and (options.provider == "auto" or (ci and options.provider == "docker")):
        return replace(options, provider="url", url=url)
    # Whoever names a server means it.
    provider = "url" if options.url and options.provider == "auto" else options.provider
    return replace(options, provider=provider, url=options.url or url)


def _difference(options: PostgresOptions, name: str, found: Server) -> str:
    """Tell how a server differs from what CI has, or from the project's image."""
    if options.provider == "auto" and name != "docker":
        return f"; CI uses {options.image} in Docker"
    major = _MAJOR.search(options.image.partition("@")[0])
    if name == "url" and major and major[1] != re.split(r"\D", found.version)[0]:
        return f"; the project's image is {options.image}"
    return ""


def _names(options: PostgresOptions, *, ci: bool) -> Sequence[str]:
    if options.provider != "auto":
        return (options.provider,)
    return _AUTO[:1] if ci else _AUTO
