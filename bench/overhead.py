"""What a job costs over its raw command: in a Nox call of its own, as in CI, and in a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from contest import Contestant, Results, held, median, run, table
from projects import Workshop, commit, uncached

MORE: Final = 8
"""How many jobs the longer runs have more than the run with one."""

TRUE: Final = 'run = ["true"]\n'
GATES: Final = {
    "nothing": f"{TRUE}environment = false\n",
    "python": 'run = ["python -c pass"]\n',
    **{f"plain-{number}": f"{TRUE}environment = false\n" for number in range(MORE)},
    **{f"locked-{number}": TRUE for number in range(MORE)},
}
FILES: Final = {
    "sample.py": '"""A module."""\n',
    "empty/noxfile.py": """import nox


@nox.session(venv_backend="none")
def empty(session):
    pass
""",
}
RUFF: Final = ".nox/tool-ruff/bin/ruff"
LINT: Final = f"{RUFF} format --check . && {RUFF} check --no-fix ."
RAW: Final[Mapping[str, str]] = {
    "gate of `true`": "`true`",
    "gate `lint`": "ruff format, ruff check",
    "gate of `python -c pass`": "`python -c pass`",
}


def report(workshop: Workshop) -> Iterator[str]:
    """Yield what a Nox call of a gate adds to its command, and what a job of a run does."""
    root = workshop.generated("overhead", GATES, FILES)
    run(("uv", "lock", "--quiet"), root)  # else each job asks the index for the newest versions
    commit(root)
    run((sys.executable, "-m", "nox", "-s", "lint", "python"), root)
    yield from _calls(root, max(workshop.rounds, 5))
    yield from _runs(root, max(workshop.rounds, 5))


def _calls(root: Path, rounds: int) -> Iterator[str]:
    nox = (sys.executable, "-m", "nox")
    commands = {
        "`true`": ("true",),
        "ruff format, ruff check": ("sh", "-c", LINT),
        "`python -c pass`": (".nox/python/bin/python", "-c", "pass"),
        "empty Nox session": (*nox, "-f", "empty/noxfile.py", "-s", "empty"),
        "gate of `true`": (*nox, "-s", "nothing"),
        "gate `lint`": (*nox, "-s", "lint"),
        "gate of `python -c pass`": (*nox, "-s", "python"),
    }
    results = _held(root, commands, rounds)
    yield "A Nox call each"
    yield table(results, ["empty Nox session"], unit="ms")
    empty = median(results["empty Nox session"])
    added = ((gate, median(results[gate]) - median(results[raw])) for gate, raw in RAW.items())
    yield "Over its raw command, and over that and an empty Nox session: " + "; ".join(
        f"{gate} {seconds * 1000:.0f} and {(seconds - empty) * 1000:.0f} ms"
        for gate, seconds in added
    )


def _runs(root: Path, rounds: int) -> Iterator[str]:
    one = (sys.executable, "-m", "pushgate", "run", *uncached(root), "-j", "1", "nothing")
    results = _held(
        root,
        {
            "`true`": ("true",),
            "ruff format, ruff check": ("sh", "-c", LINT),
            "a run with one job of `true`": one,
            f"{MORE} more of them": (*one, *(f"plain-{number}" for number in range(MORE))),
            f"{MORE} more, in the locked environment": (
                *(*one, *(f"locked-{number}" for number in range(MORE))),
            ),
            "`lint` more": (*one, "lint"),
        },
        rounds,
    )
    raw, lint, alone, plain, locked, linted = map(median, results.values())
    yield "A run, one job at a time"
    yield table(results, ["a run with one job of `true`"], unit="ms")
    yield (
        "A job of a run over its raw command: "
        f"of `true` {((plain - alone) / MORE - raw) * 1000:.0f} ms; "
        f"in the locked environment {((locked - alone) / MORE - raw) * 1000:.0f} ms; "
        f"`lint` {(linted - alone - lint) * 1000:.0f} ms"
    )


def _held(root: Path, commands: Mapping[str, Sequence[str]], rounds: int) -> Results:
    entrants = [
        Contestant(name=name, command=words, folder=root) for name, words in commands.items()
    ]
    return held(entrants, rounds)
