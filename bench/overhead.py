"""What a gate costs over its raw command in a Nox call of its own, as CI makes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from contest import Contestant, held, median, run, table
from projects import Workshop, commit

GATES: Final = {
    "nothing": 'run = ["true"]\nenvironment = false\n',
    "python": 'run = ["python -c pass"]\n',
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
RAW: Final[Mapping[str, str]] = {
    "gate of `true`": "`true`",
    "gate `lint`": "ruff format, ruff check",
    "gate of `python -c pass`": "`python -c pass`",
}


def report(workshop: Workshop) -> Iterator[str]:
    """Yield the table of Nox calls, and what a gate adds."""
    root = workshop.generated("overhead", GATES, FILES)
    run(("uv", "lock", "--quiet"), root)  # else each job asks the index for the newest versions
    commit(root)
    nox = (sys.executable, "-m", "nox")
    lint = f"{RUFF} format --check . && {RUFF} check --no-fix ."
    commands = {
        "`true`": ("true",),
        "ruff format, ruff check": ("sh", "-c", lint),
        "`python -c pass`": (".nox/python/bin/python", "-c", "pass"),
        "empty Nox session": (*nox, "-f", "empty/noxfile.py", "-s", "empty"),
        "gate of `true`": (*nox, "-s", "nothing"),
        "gate `lint`": (*nox, "-s", "lint"),
        "gate of `python -c pass`": (*nox, "-s", "python"),
    }
    run((*nox, "-s", "lint", "python"), root)
    entrants = [
        Contestant(name=name, command=words, folder=root) for name, words in commands.items()
    ]
    results = held(entrants, max(workshop.rounds, 5))
    yield table(results, ["empty Nox session"], unit="ms")
    empty = median(results["empty Nox session"])
    added = ((gate, median(results[gate]) - median(results[raw])) for gate, raw in RAW.items())
    yield "Over its raw command, and over that and an empty Nox session: " + "; ".join(
        f"{gate} {seconds * 1000:.0f} and {(seconds - empty) * 1000:.0f} ms"
        for gate, seconds in added
    )
