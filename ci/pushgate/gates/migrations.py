"""Alembic: does every migration work, on a real database that is gone afterwards?"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pushgate.config import layout
from pushgate.config.tables import table
from pushgate.gates import base, base_branch, database, migrations_driver
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import Environment, project_environment
from pushgate.model.command import command
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.services import PostgresOptions, assignment, database_url
from pushgate.model.settings import GateOptions, Settings

name: Final = "migrations"
ALEMBIC: Final = "alembic==1.20.1"
TOOLS: Final = (ALEMBIC,)
_INI: Final = "alembic.ini"
_GROUPS: Final = ("migrations", "alembic")


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.migrations]``.

    In ``database_url``, ``variables`` and ``x`` stand ``{host}``, ``{port}``, ``{user}``,
    ``{password}`` and ``{database}`` for the parts of the database's URL, and in the last two
    ``{url}`` for all of it. Whatever they say, the URL is in ``DATABASE_URL``, in ``-x url=``
    and in ``sqlalchemy.url``.

    Attributes:
        config: The path of ``alembic.ini``; the one that there is unless given.
        section: The section of it that is meant.
        database_url: The URL; that of the server's table unless given, else one with the
            driver that the project has.
        variables: Environment variables that ``env.py`` reads, as ``NAME=VALUE``, besides
            those of the server's table.
        x: Further ``-x`` arguments, as ``NAME=VALUE``.
        offline: Whether all upgrades must be possible as SQL, without a database.
        check: Whether the models must have nothing that no migration has.
        stairway: Whether each revision must go up, down and up again.
        irreversible: Revisions that have no way back.
        seed: A command of the base branch that fills its database; the upgrade of that
            one is tried, too, where anything differs from that branch.
        postgres: The server, where it is not that of ``[tool.pushgate.services.postgres]``.
        sqlite: Whether the project is for SQLite instead.
        extras: Extras to install; all unless given.
        groups: Dependency groups to install besides the default ones; those that are
            called after migrations, else those that hold Alembic, unless given.
    """

    config: str | None = None
    section: str = "alembic"
    database_url: str = field(default="", metadata={"parse": database_url})
    variables: tuple[str, ...] = field(default=(), metadata={"parse": assignment})
    x: tuple[str, ...] = field(default=(), metadata={"parse": assignment})
    offline: bool = True
    check: bool = True
    stairway: bool = True
    irreversible: tuple[str, ...] = ()
    seed: str | None = field(default=None, metadata={"parse": command, "history": True})
    postgres: PostgresOptions | None = None
    sqlite: bool = False
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


def applies(settings: Settings) -> Applies:
    """On where there is an ``alembic.ini``, or a table of Alembic's."""
    if table(settings.tool_tables, "alembic"):
        return Applies(on=True, reason="pyproject.toml has [tool.alembic]")
    if found := _inis(settings):
        return Applies(on=True, reason=f"Alembic's settings are in {', '.join(found)}")
    return Applies(on=False, reason=f"git tracks no {_INI}, and there is no [tool.alembic]")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(
        name, settings, "Alembic: every migration, on a database that is thrown away"
    )


def services(settings: Settings) -> tuple[PostgresOptions, ...]:
    """The database's server, unless it is a file of SQLite's."""
    options = settings.gates[name]
    if not isinstance(options, Options) or options.sqlite:
        return ()
    return (options.postgres or settings.services.postgres,)


def prepare(context: Context[Options]) -> Environment:
    """Make the environment ready: the project with Alembic."""
    return project_environment(
        context,
        python=context.settings.default_python,
        tools=[ALEMBIC],
        wanted=_GROUPS,
        extras=context.options.extras,
        groups=context.options.groups,
    )


def run(context: Context[Options]) -> None:
    """Go through the migrations in the project's environment, in an empty database."""
    config, environment = _config(context), prepare(context)
    context = database.undisturbed(context)
    with _server(context) as address:
        with _database(context, address) as parts:
            _go(context, environment, config, parts)
        if context.options.seed:
            _upgrade_from_base(context, environment, config, address)


def _go(
    context: Context[Options],
    environment: Environment,
    config: str,
    parts: Mapping[str, Any],
    **more: object,
) -> None:
    options = context.options
    wanted = services(context.settings)
    variables = [pair for server in wanted for pair in server.variables]
    urls = [options.database_url, *(server.database_url for server in wanted)]
    request = {
        "config": config,
        "section": options.section,
        "database": parts,
        "url": next(filter(None, urls), ""),
        "variables": dict(pair.split("=", 1) for pair in (*variables, *options.variables)),
        "x": options.x,
        "offline": options.offline,
        "check": options.check,
        "stairway": options.stairway,
        "irreversible": options.irreversible,
        "onward": False,
        "seed": (),
    }
    migrations_driver.go(context, environment, {**request, **more})


def _upgrade_from_base(
    context: Context[Options],
    environment: Environment,
    config: str,
    address: str,
) -> None:
    """Upgrade a database that the base branch made and filled.

    Raises:
        JobFailed: That does not work.
        JobUnavailable: The base branch is not known, or does not work itself.
    """
    branch, commit = base_branch.branch(context.settings), base_branch.commit(context.settings)
    if not commit:
        context.log(f"no upgrade from {branch}: nothing differs from it")
        return
    with (
        base_branch.project(context.settings, commit) as settings,
        _database(context, address) as parts,
    ):
        if settings is None or not (settings.root / config).is_file():
            context.log(f"no upgrade from {branch}: it has no {config}")
            return
        context.log(
            f"a database of {branch} ({commit[:7]}), with what `{context.options.seed}` says"
        )
        there = replace(context, settings=settings, folder=context.outputs / "base")
        seed = shlex.split(context.options.seed or "")
        try:
            _go(there, prepare(there), config, parts, onward=True, seed=seed)
        except JobFailed as error:
            message = f"{branch} itself does not work: {error}"
            raise JobUnavailable(message) from error
        context.log(f"and its upgrade to {context.settings.name} as it is here")
        here = replace(context, folder=context.outputs / "onward")
        try:
            _go(here, environment, config, parts, onward=True, irreversible=())
        except JobFailed as error:
            message = f"from the data of {branch}: {error}"
            raise JobFailed(message) from error


def _config(context: Context[Options]) -> str:
    settings, said = context.settings, context.options.config
    found = [said] if said else _inis(settings)
    if said and not (settings.root / said).is_file():
        message = f"`config` in [tool.pushgate.gates.{name}] names {said}: there is no such file"
        raise JobFailed(message)
    if len(found) > 1:
        message = (
            f"there are {', '.join(found)}: `config` in [tool.pushgate.gates.{name}] says which"
        )
        raise JobFailed(message)
    return found[0] if found else _INI


def _inis(settings: Settings) -> Sequence[str]:
    return layout.named(_INI, settings.tracked)


@contextmanager
def _server(context: Context[Options]) -> Iterator[str]:
    """Provide where databases are lent; empty for SQLite."""
    wanted = services(context.settings)
    if not wanted:
        context.log("SQLite, a file that is thrown away")
        yield ""
        return
    with database.server(context, wanted[0]) as address:
        yield address


@contextmanager
def _database(context: Context[Options], address: str) -> Iterator[Mapping[str, Any]]:
    """Provide an empty database: what its URL is made of."""
    if not address:
        with tempfile.TemporaryDirectory(prefix="pushgate-") as folder:
            yield {"database": str(Path(folder).resolve() / f"{name}.db")}
        return
    with database.still_there(address), database.empty(context, address) as parts:
        yield parts
