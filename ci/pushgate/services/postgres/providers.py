"""Where a PostgreSQL comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from pushgate.model.services import PostgresOptions
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
    tried = []
    for name in _names(options, ci=ci):
        with ExitStack() as stack:
            try:
                service = stack.enter_context(running(_PROVIDERS[name](options, labels), tell))
            except ServiceUnavailable as error:
                tried.append(f"{name}: {error}")
                continue
            found = service.server()
            other = "" if name == "docker" else f"; CI uses {options.image} in Docker"
            words = found.words + (other if options.provider == "auto" else "")
            yield replace(found, words=words)
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


def _names(options: PostgresOptions, *, ci: bool) -> Sequence[str]:
    if options.provider != "auto":
        return (options.provider,)
    return _AUTO[:1] if ci else _AUTO
