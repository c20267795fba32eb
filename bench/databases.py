"""A PostgreSQL for jobs: how soon it answers, what one more database costs, the gate on it."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from contest import Contestant, DidNotWorkError, held, table
from projects import Workshop, commit

from pushgate.model.services import PostgresOptions, Provider
from pushgate.services.base import Labels, ServiceUnavailable
from pushgate.services.postgres import Server, databases, server

PROVIDERS: Final[Sequence[Provider]] = ("docker", "local", "embedded")
EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "orders"
TABLES: Final = 50
ROUNDS: Final = 20


def report(workshop: Workshop) -> Iterator[str]:
    """Yield the times of each provider, then those of the gate `migrations` on the example."""
    lines = [
        f"| ms | server answers | an empty database | a copy of {TABLES} tables | dropped |",
        "|---|---:|---:|---:|---:|",
    ]
    for provider in PROVIDERS:
        times = [_measured(provider) for _ in range(workshop.rounds)]
        cells = (statistics.median(each) * 1000 for each in zip(*times, strict=True))
        lines.append(f"| {provider} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |")
    yield "\n".join(lines)
    yield from _gate(workshop)


def _measured(provider: Provider) -> Sequence[float]:
    start = time.perf_counter()
    options = PostgresOptions(provider=provider)
    try:
        with server(options, Labels.of_this_process(), lambda _line: None, ci=False) as found:
            ready = time.perf_counter() - start
            template = databases.fresh(found, "template")
            with databases.connected(found, template) as connection:
                for number in range(TABLES):
                    connection.run(f"CREATE TABLE t{number} (id serial PRIMARY KEY, name text)")
            return (ready, *_databases(found, template))
    except ServiceUnavailable as error:
        message = f"{provider}: {error}"
        raise DidNotWorkError(message) from error


def _databases(found: Server, template: str) -> Sequence[float]:
    """Return the median seconds of an empty database, of a copy, and of dropping one."""
    made: list[str] = []
    empty = _median(lambda: made.append(databases.fresh(found, "empty")))
    copied = _median(lambda: made.append(databases.fresh(found, "copy", template)))
    dropped = _median(lambda: databases.drop(found, made.pop()))
    return empty, copied, dropped


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _gate(workshop: Workshop) -> Iterator[str]:
    nox = (sys.executable, "-m", "nox", "-s", "migrations")
    contestants = []
    for provider in PROVIDERS:
        root = workshop.folder / f"orders-{provider}"
        ignored = shutil.ignore_patterns(".nox", ".pushgate", "__pycache__")
        shutil.copytree(EXAMPLE, root, ignore=ignored)
        with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[tool.pushgate.gates.migrations]\npostgres.provider = "{provider}"\n')
        commit(root)
        contestants.append(Contestant(name=provider, command=nox, folder=root))
    yield "`nox -s migrations` on `examples/orders`, in a warm environment"
    yield table(held(contestants, workshop.rounds), ["docker"])
