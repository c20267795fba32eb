"""What a job of a run costs over its raw command, and what a run costs besides.

Run it with ``uv run python bench/job_overhead.py [--rounds N]``. A job's own time is what
a run takes longer for it: a run with many jobs less a run with one, by the jobs that it has
more, one at a time (``-j 1``), with warm environments. Each round runs everything once, in
turns, so that a noisy machine is noisy for all; the table shows medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

MORE: Final = 8
"""How many jobs the longer runs have more than the run with one."""

_GATES: Final = "".join(
    f"""
[tool.pushgate.gates.plain-{number}]
run = ["true"]
environment = false

[tool.pushgate.gates.locked-{number}]
run = ["true"]
"""
    for number in range(MORE + 1)
)

PROJECT: Final = {
    "pyproject.toml": f"""
[project]
name = "sample"
version = "1.0"
requires-python = ">=3.11"
classifiers = ["Programming Language :: Python :: 3.12"]
dependencies = ["click", "packaging"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
{_GATES}""",
    "sample.py": '"""A module."""\n',
    "noxfile.py": "import pushgate\n\npushgate.register()\n",
    ".gitignore": ".nox/\n__pycache__/\n",
}

_RUN: Final = (sys.executable, "-m", "pushgate", "run", "-j", "1")
_RUFF: Final = ".nox/tool-ruff/bin/ruff"

RAW: Final[Mapping[str, Sequence[str]]] = {
    "true": ("true",),
    "lint": ("sh", "-c", f"{_RUFF} format --check . && {_RUFF} check --no-fix ."),
}
"""The commands of the jobs, without Pushgate."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="runs of each command (9)")
    rounds: int = parser.parse_args().rounds
    print(f"medians of {rounds} rounds, in turns, {os.cpu_count()} cores\n")
    print("| | ms |")
    print("|---|---|")
    for name, milliseconds in measured(rounds).items():
        print(f"| {name} | {milliseconds:.0f} |")


def measured(rounds: int) -> Mapping[str, float]:
    """Return the medians in milliseconds: of a whole run, and of one job over its command.

    Args:
        rounds: How many times each command is run.
    """
    runs = {
        "one": (*_RUN, "plain-0"),
        "plain": (*_RUN, *(f"plain-{number}" for number in range(MORE + 1))),
        "locked": (*_RUN, "plain-0", *(f"locked-{number}" for number in range(MORE))),
        "linted": (*_RUN, "plain-0", "lint"),
    }
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        root = Path(folder)
        _make(root)
        times = _times(root, {**runs, **RAW}, rounds)
    one, raw = times["one"], times["true"]
    return {
        "a run with one job of `true`": _median(one),
        "a job of `true` over its command": _median(times["plain"], one) / MORE - _median(raw),
        "the same with the locked environment": _median(times["locked"], one) / MORE - _median(raw),
        "`lint` over its commands": _median(times["linted"], one, times["lint"]),
    }


def _median(times: Sequence[float], *less: Sequence[float]) -> float:
    """Return the median of a time less others of the same round, in milliseconds."""
    rounds = zip(times, *less, strict=True)
    return statistics.median(one - sum(others) for one, *others in rounds) * 1000


def _make(root: Path) -> None:
    for name, content in PROJECT.items():
        (root / name).write_text(content.lstrip(), encoding="utf-8")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.invalid")
    for command in (
        ("uv", "lock", "--quiet", "--python", sys.executable),
        ("git", "init", "-q"),
        ("git", "add", "-A"),
        ("git", *identity, "commit", "-qm", "first"),
    ):
        _run(command, root)


def _times(
    root: Path, commands: Mapping[str, Sequence[str]], rounds: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(-1, rounds):  # the first turn makes the environments
        for name, command in commands.items():
            took = _run(command, root)
            if turn >= 0:
                times[name].append(took)
    return times


def _run(command: Sequence[str], root: Path) -> float:
    """Run a command, and return how many seconds it took."""
    # As on a user's machine: bytecode is written.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    started = time.perf_counter()
    ended = subprocess.run(
        command, cwd=root, env=environment, check=False, capture_output=True, text=True
    )
    took = time.perf_counter() - started
    if ended.returncode:
        sys.exit(f"{command} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return took


if __name__ == "__main__":
    main()
