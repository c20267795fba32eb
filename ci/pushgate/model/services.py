"""What a project says about the servers that its jobs need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from pushgate.model.command import command

Provider = Literal["auto", "docker", "local", "embedded", "url"]

POSTGRES: Final = "postgres"
"""How a gate names PostgreSQL in its ``services``."""

URL_VARIABLE: Final = "PUSHGATE_POSTGRES_URL"
"""Names a PostgreSQL that is there already, which is used where none is to be started."""

_IMAGE: Final = re.compile(r"[\w][\w.:/@-]*", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PARTS: Final = ("host", "port", "user", "password", "database")


def with_parts(text: str) -> str:
    """Check that a text has nothing in braces but ``url`` and the parts of a database's URL.

    Raises:
        ValueError: It has.
    """
    try:
        text.format(url="", **dict.fromkeys(_PARTS, ""))
    except (LookupError, ValueError) as error:
        fields = ", ".join(f"{{{part}}}" for part in ("url", *_PARTS))
        message = f"expected a text with nothing in braces but {fields}"
        raise ValueError(message) from error
    return text


def database_url(text: str) -> str:
    """Check that a text is the URL of whatever database there will be.

    Raises:
        ValueError: It is not.
    """
    if "{database}" not in text:
        message = "expected a URL with {database} in it, for no other one is ever touched"
        raise ValueError(message)
    return with_parts(text)


def assignment(text: str) -> str:
    """Check that a text is ``NAME=VALUE``.

    Raises:
        ValueError: It is not.
    """
    variable, equals, _ = text.partition("=")
    if not (_VARIABLE.fullmatch(variable) and equals):
        message = 'expected NAME=VALUE, such as "DB_HOST={host}"'
        raise ValueError(message)
    if variable in {"DATABASE_URL", "PATH"}:
        message = "expected another name: database-url says what is in DATABASE_URL"
        raise ValueError(message)
    return with_parts(text)


def image_name(text: str) -> str:
    """Check that a text can be the name of an image.

    Raises:
        ValueError: It cannot.
    """
    if not _IMAGE.fullmatch(text):
        message = "expected the name of an image, such as postgres:16"
        raise ValueError(message)
    return text


@dataclass(frozen=True, kw_only=True)
class PostgresOptions:
    """Keys of ``[tool.pushgate.services.postgres]``.

    In ``database_url`` and ``variables`` stand ``{host}``, ``{port}``, ``{user}``,
    ``{password}`` and ``{database}`` for the parts of the database's URL, and in the latter
    ``{url}`` for all of it. Whatever they say, the URL is in ``DATABASE_URL``.

    Attributes:
        image: What CI uses, and Docker here.
        provider: Where it comes from: ``docker``; ``local``, what is installed; ``embedded``,
            what the extra ``pushgate[postgres]`` brings; ``url``, a server of the user's;
            ``auto``, the one that ``PUSHGATE_POSTGRES_URL`` names, else the first of the
            others that is there.
        url: The user's server, for ``url``; the one that ``PUSHGATE_POSTGRES_URL`` names
            unless given.
        database_url: The URL of a database; with the driver that the project has unless given.
        variables: Further environment variables that the project reads, as ``NAME=VALUE``.
        template: A command of the project's that fills a database of which those of the tests
            are copies; they are empty unless given.
    """

    image: str = field(default="postgres:16", metadata={"parse": image_name})
    provider: Provider = "auto"
    url: str | None = field(default=None, repr=False)
    database_url: str = field(default="", metadata={"parse": database_url})
    variables: tuple[str, ...] = field(default=(), metadata={"parse": assignment})
    template: str | None = field(default=None, metadata={"parse": command})


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Tables of ``[tool.pushgate.services]``.

    Attributes:
        postgres: The PostgreSQL that jobs are given.
    """

    postgres: PostgresOptions = field(default_factory=PostgresOptions)
