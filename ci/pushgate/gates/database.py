"""Databases for jobs, of a server that those of a run, or of a session, have in common."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from pushgate.gates.base import RUN_VARIABLE, Context, Gate, WithServices
from pushgate.gates.environments import Environment
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import Settings
from pushgate.shards import collection
from pushgate.tools import process, uv

if TYPE_CHECKING:
    from pushgate.services.postgres.lending import Parts

_OF_CLIENTS: Final = {
    "DATABASE_URL": "{url}",
    # Those of PostgreSQL's own library, and of all that is made with it.
    "PGHOST": "{host}",
    "PGPORT": "{port}",
    "PGUSER": "{user}",
    "PGPASSWORD": "{password}",
    "PGDATABASE": "{database}",
}
_MISLEADING: Final = frozenset(
    {
        *("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGPASSFILE", "PGOPTIONS"),
        *("PGSSLMODE", "PGSSLNEGOTIATION", "PGREQUIRESSL", "PGSSLCERT", "PGSSLKEY"),
        *("PGSSLROOTCERT", "PGSSLCRL", "PGREQUIREPEER", "PGREQUIREAUTH", "PGCHANNELBINDING"),
        *("PGGSSENCMODE", "PGKRBSRVNAME", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS"),
    }
)
"""What of a user's shell says how another server is reached (libpq's environment variables,
https://www.postgresql.org/docs/current/libpq-envars.html)."""

_DRIVERS: Final = {
    "psycopg": {"psycopg"},
    "psycopg2": {"psycopg2", "psycopg2-binary"},
    "pg8000": {"pg8000"},
    "asyncpg": {"asyncpg"},
}
"""SQLAlchemy's names for them, and their distributions; the one to be preferred first."""


@contextmanager
def servers(gates: Iterable[Gate], settings: Settings, run: str) -> Iterator[Mapping[str, str]]:
    """Yield the variables that tell jobs where they are lent databases.

    Args:
        gates: The gates of the jobs.
        settings: The project's definition.
        run: The name of their run; empty for a Nox call by hand.
    """
    wanted = {
        _key(options): options
        for gate in gates
        if isinstance(gate, WithServices)
        for options in gate.services(settings)
    }
    with ExitStack() as stack:
        addresses = {
            key: stack.enter_context(_lending(options, run)) for key, options in wanted.items()
        }
        yield {process.SERVERS_VARIABLE: json.dumps(addresses)} if addresses else {}


@contextmanager
def server(context: Context[Any], options: PostgresOptions) -> Iterator[str]:
    """Yield where a job is lent databases: by its run, else by this process."""
    given = {**os.environ, **context.variables}.get(process.SERVERS_VARIABLE, "{}")
    address = json.loads(given).get(_key(options))
    if address:
        yield address
        return
    with _lending(options, os.environ.get(RUN_VARIABLE, "")) as address:
        yield address


def _lending(options: PostgresOptions, run: str) -> AbstractContextManager[str]:
    # Each start of Pushgate imports the gates; most projects have no database.
    from pushgate.services.base import Labels  # noqa: PLC0415
    from pushgate.services.postgres.lending import lending  # noqa: PLC0415

    ci = bool(os.environ.get("CI"))
    return lending(options, Labels.of_this_process(run), ci=ci)


def undisturbed(context: Context[Any]) -> Context[Any]:
    """Return a context whose commands are told of no other server by the user's shell."""
    return replace(context, without=context.without | _MISLEADING)


@contextmanager
def empty(context: Context[Any], address: str) -> Iterator[Parts]:
    """Yield an empty database.

    Raises:
        JobUnavailable: There is none.
    """
    with _lent(context, address) as parts:
        yield parts


@contextmanager
def still_there(address: str) -> Iterator[None]:
    """Call no job failed whose database's server has ended.

    Args:
        address: Where it was lent.

    Raises:
        JobUnavailable: The job failed, or could not look, and the server has ended.
    """
    from pushgate.services.postgres.lending import ended  # noqa: PLC0415

    try:
        yield
    except (JobFailed, JobUnavailable) as error:
        if how := ended(address):
            message = f"{how}; {error}"
            raise JobUnavailable(message) from error
        raise


@contextmanager
def of_tests(
    context: Context[Any], environment: Environment, options: PostgresOptions
) -> Iterator[Context[Any]]:
    """Yield a context in whose environment is a database of its own.

    With the plug-in ``collection.LEASE_PLUGIN``, each worker of pytest-xdist has one, too.

    Args:
        context: The job.
        environment: That of its tests, which the template's command runs in, too.
        options: The server.

    Raises:
        JobUnavailable: There is no database.
        JobFailed: The template's command failed.
    """
    context = undisturbed(context)
    url = options.database_url or _url(environment)
    variables = {**_OF_CLIENTS, **dict(pair.split("=", 1) for pair in options.variables)}

    def fill(parts: Parts) -> None:
        told = {**environment.variables, **filled(url, variables, parts)}
        context.run(*shlex.split(options.template or ""), env=told)
        _check_filled(parts, options.template or "")

    template = f"{context.job.session}: {options.template}" if options.template else ""
    with (
        server(context, options) as address,
        still_there(address),
        _lent(context, address, template, fill) as parts,
    ):
        kind = f"a copy of what `{options.template}` made" if template else "empty"
        context.log(f"DATABASE_URL: {urlsplit(url).scheme}, a database of its own, {kind}")
        more = {
            "address": address,
            "asked": {"purpose": context.job.gate, "template": template},
            "url": url,
            "variables": variables,
        }
        lease = {collection.LEASE_VARIABLE: json.dumps(more)}
        yield context.within({**filled(url, variables, parts), **lease})


def _check_filled(parts: Parts, command: str) -> None:
    from pushgate.services.postgres import Server, databases  # noqa: PLC0415

    found = Server(parts["host"], int(parts["port"]), parts["user"], parts["password"])
    if databases.is_empty(found, parts["database"]):
        message = (
            f"`{command}` left the database empty: did it go to another one? It must go to "
            "that of DATABASE_URL, or of the `variables` in [tool.pushgate.services.postgres]"
        )
        raise JobFailed(message)


def filled(url: str, variables: Mapping[str, str], parts: Parts) -> dict[str, str]:
    """Put the parts of a database's URL into what the project reads.

    Args:
        url: The URL, with the names of its parts in braces.
        variables: Environment variables, with those names, or ``{url}``.
        parts: The parts.
    """
    quoted = {name: quote(value, safe="") for name, value in parts.items()}
    told = {**parts, "url": url.format(**quoted)}
    return {name: text.format(**told) for name, text in variables.items()}


@contextmanager
def _lent(
    context: Context[Any],
    address: str,
    template: str = "",
    fill: Callable[[Parts], None] | None = None,
) -> Iterator[Parts]:
    from pushgate.services.base import ServiceFailed, ServiceUnavailable  # noqa: PLC0415
    from pushgate.services.postgres.lending import lent  # noqa: PLC0415

    with ExitStack() as stack:
        try:
            parts = stack.enter_context(
                lent(address, context.job.gate, context.log, template, fill)
            )
        except (ServiceUnavailable, ServiceFailed) as error:
            raise JobUnavailable("; ".join(str(error).splitlines())) from error
        yield parts


def _url(environment: Environment) -> str:
    present = uv.installed(environment.folder)
    drivers = [name for name, known in _DRIVERS.items() if known & present.keys()]
    # Version 1 does not know the newer psycopg.
    if present.get("sqlalchemy", "").startswith("1."):
        drivers = [name for name in drivers if name != "psycopg"]
    driver = f"+{drivers[0]}" if drivers and "sqlalchemy" in present else ""
    return f"postgresql{driver}://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}"


def _key(options: PostgresOptions) -> str:
    return json.dumps([options.image, options.provider, options.url])
