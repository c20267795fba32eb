"""What a gate costs over its raw command, beside an empty Nox session.

Run it with `uv run python bench/overhead.py [--rounds N]`. Each round runs every
command once, in turns, so that a noisy machine is noisy for all; the table shows
medians and what each adds to its raw command.
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

PROJECT: Final = {
    "pyproject.toml": """
[project]
name = "sample"
version = "1.0"
requires-python = ">=3.11"
classifiers = ["Programming Language :: Python :: 3.11"]

[tool.pushgate.gates.nothing]
run = ["true"]
environment = false

[tool.pushgate.gates.python]
run = ["python -c pass"]
""",
    "sample.py": '"""A module."""\n',
    "noxfile.py": "import pushgate\n\npushgate.register()\n",
    "empty/noxfile.py": """
import nox


@nox.session(venv_backend="none")
def empty(session):
    pass
""",
    ".gitignore": ".nox/\n__pycache__/\n",
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command (15)")
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        root = Path(folder)
        _make(root)
        nox = (sys.executable, "-m", "nox")
        ruff = ".nox/tool-ruff/bin/ruff"
        commands: dict[str, Sequence[str]] = {
            "raw `true`": ("true",),
            "empty Nox session": (*nox, "-f", "empty/noxfile.py", "-s", "empty"),
            "gate of `true`": (*nox, "-s", "nothing"),
            "raw ruff format, ruff check": (
                *("sh", "-c", f"{ruff} format --check . && {ruff} check --no-fix ."),
            ),
            "gate `lint`": (*nox, "-s", "lint"),
            "raw `uv pip install --upgrade`": (
                *("sh", "-c", "uv pip install -q --python .nox/python/bin/python --upgrade -e ."),
            ),
            "gate of `python -c pass`": (*nox, "-s", "python"),
        }
        times = _measure(root, commands, rounds)
    _print(times, rounds)


def _make(root: Path) -> None:
    for name, content in PROJECT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content.lstrip(), encoding="utf-8")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.invalid")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "first")):
        subprocess.run(("git", *command), cwd=root, check=True)  # noqa: S607  # the user's git


def _measure(
    root: Path, commands: Mapping[str, Sequence[str]], rounds: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(-1, rounds):
        # The gates first in the warming turn: they make the environments.
        names = reversed(commands) if turn < 0 else iter(commands)
        for name in names:
            started = time.perf_counter()
            subprocess.run(
                commands[name], cwd=root, check=True, capture_output=True, env=os.environ
            )
            if turn >= 0:
                times[name].append(time.perf_counter() - started)
    return times


def _print(times: Mapping[str, list[float]], rounds: int) -> None:
    medians = {name: statistics.median(seconds) * 1000 for name, seconds in times.items()}
    empty = medians["empty Nox session"]
    raw = 0.0
    print(f"medians of {rounds} rounds, in turns, {os.cpu_count()} cores\n")
    print("| command | ms | over its raw command | over that and an empty Nox session |")
    print("|---|---|---|---|")
    for name, median in medians.items():
        if name.startswith("raw"):
            raw = median
            print(f"| {name} | {median:.0f} | | |")
        else:
            print(f"| {name} | {median:.0f} | {median - raw:.0f} | {median - raw - empty:.0f} |")


if __name__ == "__main__":
    main()
