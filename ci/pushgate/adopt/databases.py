"""What a repository's migrations and its tests need: which database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from configparser import Error as IniError
from typing import Final

from pushgate.adopt import pyproject, requirements
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.found import Found, Setting
from pushgate.config import layout, yaml_text
from pushgate.config.tables import table
from pushgate.model.services import POSTGRES
from pushgate.model.settings import ConfigurationError

_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_IMAGE: Final = re.compile(r"(?:\S+/)?(?:postgres|postgis|pgvector|timescaledb)(?:[:@]\S*)?")
_VARIABLE: Final = re.compile(r"\$\{\w+(?::?-([^{}$]*))?[^{}$]*\}|\$\w+")
_INI: Final = "alembic.ini"
_DRIVERS: Final = ("psycopg", "psycopg2", "psycopg2-binary", "asyncpg", "pg8000")
_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock")
_BRING_THEIR_OWN: Final = frozenset({"testcontainers", "pytest-postgresql", "pytest-docker"})
"""With these, tests start a server themselves."""

_OTHERS: Final = frozenset({"mysql", "mariadb", "oracle", "mssql"})
"""Databases, as SQLAlchemy's URLs call them, of which Pushgate has none."""

_GIVEN: Final = re.compile(r"\b(?:DATABASE_URL|PGHOST|PGDATABASE)\b")
"""Variables that tests find their database by, without any further setting."""

_ELSEWHERE: Final = re.compile("sqlite|testcontainers", re.IGNORECASE)
TESTS: Final = ("gates", "test", "services")
"""The key that says that tests use a database."""

_MIGRATIONS: Final = ("gates", "migrations")
_SERVER: Final = ("services", POSTGRES)


def is_postgres(image: str) -> bool:
    """Tell whether an image is PostgreSQL's official one, or one that is made from it."""
    return _IMAGE.fullmatch(image) is not None


def look(evidence: Evidence, tests: Iterable[str]) -> Iterator[Found]:
    """Find the migrations, what the tests may use, and what a compose file has besides.

    Args:
        evidence: The project.
        tests: The text of each of its test files.
    """
    file = evidence.has(*_COMPOSE)
    images = _images(evidence, file)
    image = next(filter(is_postgres, images), "").removesuffix(":")
    server = (Setting((*_SERVER, "image"), image, f"as in {file}"),) if image else ()
    yield from _migrations(evidence, server)
    yield from _tests(evidence, "\n".join(tests), server)
    if file and not (images and all(map(is_postgres, images))):
        them = "its other services" if image else "them"
        yield Found("services", f"{file}: no gate starts {them}; tests that need them will fail")


def _images(evidence: Evidence, file: str) -> tuple[str, ...]:
    """Return what each service of a compose file is made from, empty where it is built."""
    try:
        services = table(yaml_text.parsed(evidence.text(file), file), "services")
    except ConfigurationError:
        return ()
    images = (str(table(services, name).get("image", "")) for name in services)
    return tuple(_VARIABLE.sub(lambda found: found[1] or "", image) for image in images)


def _migrations(evidence: Evidence, server: tuple[Setting, ...]) -> Iterator[Found]:
    inis = layout.named(_INI, evidence.tracked)
    if not inis and not table(evidence.pyproject, "tool", "alembic"):
        return
    database = _database(evidence, inis[0]) if inis else ""
    if database in _OTHERS:
        why = f"{inis[0]} names {database}, of which no gate has one"
        off = Setting((*_MIGRATIONS, "enabled"), value=False, why=why)
        yield Found("migrations", f"Alembic for {database}: the gate migrations is off", (off,))
    elif database == "sqlite" and not (server or _driver(evidence)):
        sqlite = Setting((*_MIGRATIONS, "sqlite"), value=True, why=f"as {inis[0]} says")
        said = "Alembic for SQLite: the gate migrations tries each on a throw-away file"
        yield Found("migrations", said, (sqlite,), _choice(inis))
    else:
        said = "Alembic: the gate migrations tries each on a throw-away PostgreSQL"
        offered = _choice(inis)
        if not (server or (_driver(evidence) and database != "sqlite")):
            said += "; the project may be for SQLite"
            offered = (*(offered or (_title(_MIGRATIONS),)), "sqlite = true")
        yield Found("migrations", said, server, offered)


def _choice(inis: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that say which of several files is meant."""
    if not inis[1:]:
        return ()
    first, *others = inis
    line = f"config = {pyproject.rendered(first)}  # or {', '.join(others)}"
    return (_title(_MIGRATIONS), line)


def _database(evidence: Evidence, ini: str) -> str:
    """Return which database the URL in a file names, as SQLAlchemy calls it; empty: none."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(evidence.text(ini))
    except IniError:
        return ""
    scheme = re.match(r"(\w+)(?:\+\w+)?:", parser.get("alembic", "sqlalchemy.url", fallback=""))
    return scheme[1] if scheme else ""


def _driver(evidence: Evidence) -> str:
    """Return the driver of PostgreSQL that the project has; empty: none is known."""
    locks = "".join(map(evidence.text, _LOCKS))
    names = _names(evidence)
    return next((name for name in _DRIVERS if name in names or f'\nname = "{name}"\n' in locks), "")


def _names(evidence: Evidence) -> frozenset[str]:
    poetry = table(evidence.pyproject, "tool", "poetry", "dependencies")
    return requirements.required(evidence) | requirements.installed(evidence) | poetry.keys()


def _tests(evidence: Evidence, tests: str, server: tuple[Setting, ...]) -> Iterator[Found]:
    driver = _driver(evidence)
    if "def test" not in tests or not (server or driver):
        return
    if not _BRING_THEIR_OWN.isdisjoint(_names(evidence)):
        return
    value = (POSTGRES,)
    there = f"{server[0].value}, {server[0].why}" if server else f"{driver} is required"
    if server and _GIVEN.search(tests) and not _ELSEWHERE.search(tests):
        services = Setting(TESTS, value, "the tests look for it in the environment")
        said = f"{there}: the gate test has a database for each shard and worker"
        yield Found("database", said, (services, *server))
    else:
        said = f"{there}: where the tests use it, the gate test can give them databases"
        offered = [_title(TESTS[:-1]), f"services = {pyproject.rendered(value)}"]
        for each in server:
            offered += [_title(_SERVER), f"image = {pyproject.rendered(each.value)}"]
        yield Found("database", said, offered=tuple(offered))


def _title(path: tuple[str, ...]) -> str:
    return f"[tool.pushgate.{'.'.join(path)}]"
