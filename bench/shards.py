"""How even the shards of a Python are once `pushgate durations` has merged their times."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contest import run
from projects import Suite, Workshop, uncached


def report(workshop: Workshop) -> Iterator[str]:
    """Yield the balance of click's shards, one line for each Python and way to look at it."""
    suite = workshop.click
    command = ("pushgate", "run", *uncached(suite.root), "-j", "2", "test")
    runs = []
    for _ in range(workshop.rounds):
        run(command, suite.root)
        runs.append(_measured(suite))
    yield f"{suite.root.name}: medians of {len(runs)} runs after `pushgate durations`"
    lines = ["| | mean s | longest s | longest over mean | longest test s |", "|---|" + "---:|" * 4]
    for kind in runs[0]:
        means, longest, tests = zip(*(each[kind] for each in runs), strict=True)
        ratio = statistics.median(most / mean for most, mean in zip(longest, means, strict=True))
        mean, most, test = (statistics.median(column) for column in (means, longest, tests))
        lines.append(f"| {kind} | {mean:.2f} | {most:.2f} | {ratio:.2f} | {test:.2f} |")
    yield "\n".join(lines)


def _measured(suite: Suite) -> Mapping[str, tuple[float, float, float]]:
    """Return mean, longest shard and longest test, by Python and what of a shard is counted."""
    sessions: dict[str, list[Path]] = defaultdict(list)
    for folder in suite.outputs(".pushgate/out"):
        sessions[folder.name.split("(")[0]].append(folder)
    found = {}
    for session, folders in sessions.items():
        tests = [list(_tests(folder).values()) for folder in folders]
        longest = max(max(each) for each in tests)
        found[f"{session}: tests"] = (*_even([sum(each) for each in tests]), longest)
        found[f"{session}: whole jobs"] = (*_even([_job(folder) for folder in folders]), longest)
    return found


def _even(seconds: Sequence[float]) -> tuple[float, float]:
    return sum(seconds) / len(seconds), max(seconds)


def _tests(folder: Path) -> Mapping[str, float]:
    durations: dict[str, float] = json.loads((folder / "durations.json").read_bytes())
    return durations


def _job(folder: Path) -> float:
    return float(json.loads((folder / "outcome.json").read_bytes())["seconds"])
