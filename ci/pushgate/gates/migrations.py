"""Alembic: does every migration work, on a real database that is gone afterwards?"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pushgate.config.tables import table
from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import Environment, project_environment
from pushgate.gates.execution import RUN_VARIABLE
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.settings import GateOptions, Settings
from pushgate.services import postgres
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable
from pushgate.services.postgres import databases
from pushgate.tools import git, process

name: Final = "migrations"
ALEMBIC: Final = "alembic==1.20.1"
TOOLS: Final = (ALEMBIC,)
STEPS: Final = "steps.jsonl"
"""In the outputs: what each step told (`migrations_driver/pushgate_report.py`)."""

_DRIVER: Final = Path(__file__).parents[1] / "migrations_driver" / "pushgate_migrations.py"
_REQUEST_VARIABLE: Final = "PUSHGATE_MIGRATIONS"
_INI: Final = "alembic.ini"
_GROUPS: Final = ("migrations", "alembic")
_PARTS: Final = ("host", "port", "user", "password", "database")


def _template(text: str) -> str:
    """Check that a text names only parts of a URL that there are."""
    try:
        text.format(url="", **dict.fromkeys(_PARTS, ""))
    except (LookupError, ValueError) as error:
        fields = ", ".join(f"{{{part}}}" for part in ("url", *_PARTS))
        message = f"expected a text with nothing in braces but {fields}"
        raise ValueError(message) from error
    return text


def _assignment(text: str) -> str:
    variable, equals, _ = text.partition("=")
    if not (variable and equals):
        message = 'expected NAME=VALUE, such as "DB_HOST={host}"'
        raise ValueError(message)
    return _template(text)


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
        database_url: The URL; with the driver that the project has unless given.
        variables: Further environment variables that ``env.py`` reads, as ``NAME=VALUE``.
        x: Further ``-x`` arguments, as ``NAME=VALUE``.
        offline: Whether all upgrades must be possible as SQL, without a database.
        check: Whether the models must have nothing that no migration has.
        stairway: Whether each revision must go up, down and up again.
        irreversible: Revisions that have no way back.
        postgres: The server.
        sqlite: Whether the project is for SQLite instead.
        extras: Extras to install; all unless given.
        groups: Dependency groups to install besides the default ones; those that are
            called after migrations, else those that hold Alembic, unless given.
    """

    config: str | None = None
    section: str = "alembic"
    database_url: str = field(default="", metadata={"parse": _template})
    variables: tuple[str, ...] = field(default=(), metadata={"parse": _assignment})
    x: tuple[str, ...] = field(default=(), metadata={"parse": _assignment})
    offline: bool = True
    check: bool = True
    stairway: bool = True
    irreversible: tuple[str, ...] = ()
    postgres: postgres.Options = field(default_factory=postgres.Options)
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
    config = _config(context)
    environment = prepare(context)
    with _database(context) as database:
        _drive(context, environment, config, database)


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
    """Name the ``alembic.ini`` files of the project: the one at its top, else those below."""
    if (settings.root / _INI).is_file():
        return (_INI,)
    tracked = [PurePosixPath(path) for path in git.tracked_files(settings.root)]
    # A folder with such a file is a project of its own.
    others = {path.parent for path in tracked if path.name == "pyproject.toml" and path.parent.name}
    return [
        str(path) for path in tracked if path.name == _INI and not others.intersection(path.parents)
    ]


@contextmanager
def _database(context: Context[Options]) -> Iterator[Mapping[str, Any]]:
    """Provide an empty database: what its URL is made of."""
    if context.options.sqlite:
        with tempfile.TemporaryDirectory(prefix="pushgate-") as folder:
            context.log("SQLite, a file that is thrown away")
            yield {"database": str(Path(folder).resolve() / "migrations.db")}
        return
    labels = Labels.of_this_process(os.environ.get(RUN_VARIABLE, ""))
    ci = bool(os.environ.get("CI"))
    try:
        with postgres.server(context.options.postgres, labels, context.log, ci=ci) as server:
            context.log(server.words)
            with _fresh(server) as database:
                yield database
    except (ServiceUnavailable, ServiceFailed) as error:
        raise JobUnavailable(str(error)) from error


@contextmanager
def _fresh(server: postgres.Server) -> Iterator[Mapping[str, Any]]:
    database = databases.fresh(server, name)
    parts = {part: getattr(server, part) for part in _PARTS[:-1]}
    try:
        yield {**parts, "database": database}
    except JobFailed as error:
        try:
            databases.version(server)
        except ServiceFailed as gone:
            message = f"the database is gone: {gone}; {error}"
            raise JobUnavailable(message) from error
        raise
    finally:
        with suppress(ServiceFailed):
            databases.drop(server, database)


def _drive(
    context: Context[Options], environment: Environment, config: str, database: Mapping[str, Any]
) -> None:
    options = context.options
    request = {
        "root": str(context.settings.root),
        "config": config,
        "section": options.section,
        "database": database,
        "url": options.database_url,
        "variables": dict(pair.split("=", 1) for pair in options.variables),
        "x": options.x,
        "offline": options.offline,
        "check": options.check,
        "stairway": options.stairway,
        "irreversible": options.irreversible,
        "outputs": str(context.outputs),
    }
    code = process.run(
        [environment.program("python"), str(_DRIVER), *context.arguments],
        cwd=context.settings.root,
        # Not as an argument: other users can read those, and there is a password in it.
        env=context.environment({**environment.variables, _REQUEST_VARIABLE: json.dumps(request)}),
        output=context.output,
    ).returncode
    _judge(context.outputs / STEPS, code)


def _judge(file: Path, code: int) -> None:
    """Believe in a pass only where every step that was begun has passed, to the last one.

    Raises:
        JobFailed: A step has not.
        JobUnavailable: The database was gone, or had no room.
    """
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    events = [json.loads(line) for line in lines]
    failed = [event for event in events if event["event"] == "failed"]
    reason = "; ".join(f"{event['step']}: {event['headline']}" for event in failed)
    if any(event["disconnected"] for event in failed):
        message = f"the database was lost: {reason}"
        raise JobUnavailable(message)
    if failed:
        raise JobFailed(reason)
    last = events[-1] if events else {"event": "", "step": "the start"}
    if code or last["event"] != "finished":
        message = f"the migrations ended with {code} in {last['step'] or 'the end'} (see above)"
        raise JobFailed(message)
