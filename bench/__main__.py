"""Measure Pushgate beside its peers: ``uv run --group bench python bench [--rounds N] [PART ...]``.

It builds its projects in a temporary folder and prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import cold
import databases
import overhead
import push
import scale
import shards
import warm
from contest import DidNotWorkError, run
from projects import Workshop

PARTS: Final[Mapping[str, tuple[str, Callable[[Workshop], Iterator[str]]]]] = {
    "cold": ("A cold run beside Nox, tox and the raw commands", cold.report),
    "warm": ("A run from records", warm.report),
    "shards": ("How even the shards are", shards.report),
    "push": ("A verified push", push.report),
    "scale": ("Many files, many jobs", scale.report),
    "databases": ("A PostgreSQL for jobs, and a database of it", databases.report),
    "overhead": ("What a job costs over its raw command", overhead.report),
}
PEERS: Final = ("nox", "tox", "pre-commit", "prek", "pytest", "coverage")


def main() -> int:
    """Measure the parts that are asked for, and print each as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (5)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        workshop = Workshop(Path(folder).resolve(), chosen.rounds)
        print(_machine(workshop), flush=True)
        for name in chosen.parts or PARTS:
            title, report = PARTS[name]
            print(f"\n### {title} (`{name}`)", flush=True)
            try:
                for paragraph in report(workshop):
                    print(f"\n{paragraph}", flush=True)
            except DidNotWorkError as error:
                failed = 1
                print(f"\nNot measured: {error}", flush=True)
    return failed


def _machine(workshop: Workshop) -> str:
    uv = run(("uv", "--version"), workshop.folder).output.split()[1]
    versions = (f"{name} {version(name)}" for name in PEERS)
    commit = run(("git", "describe", "--always", "--dirty"), Path(__file__).parent).output.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Pushgate {version('pushgate')} ({commit}), "
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"Python {platform.python_version()}, uv {uv}, {', '.join(versions)}; "
        f"medians of {workshop.rounds} rounds (5 at least where a turn takes less than a second)."
    )


if __name__ == "__main__":
    sys.exit(main())
