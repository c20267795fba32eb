"""The proof that the shards of one Python together ran every test exactly once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping
from pathlib import Path

from pushgate.model.job import Job
from pushgate.shards.collection import Collection, CollectionMissingError, load
from pushgate.tools.listing import some


def prove_jobs(root: Path, jobs: Iterable[Job]) -> tuple[str, ...]:
    """Prove for each Python that its shards ran every test exactly once.

    Args:
        root: The project's folder.
        jobs: All test jobs of one or more Pythons; what they handed on is read.

    Returns:
        One line for each thing that does not hold; empty: proven.
    """
    by_python: defaultdict[str | None, dict[str, Collection]] = defaultdict(dict)
    problems: list[str] = []
    for job in jobs:
        try:
            by_python[job.python][job.name] = load(root / job.outputs)
        except CollectionMissingError as error:
            problems.append(f"{job.name}: {error}")
    for shards in () if problems else by_python.values():
        problems += prove(shards)
    return tuple(problems)


def prove(shards: Mapping[str, Collection]) -> tuple[str, ...]:
    """Check the shards of one Python against each other.

    All must have collected the same tests; what they kept must be a partition of
    those; each must have run what it kept; and there must be a test at all.

    Args:
        shards: Every shard of the Python, by its job's name.

    Returns:
        One line for each thing that does not hold, naming tests; empty: proven.
    """
    first, *others = shards
    collected = set(shards[first].collected)
    problems = [
        f"{first} and {other} collected different tests (ids that change from run to run cannot "
        f"be split; fixed ids, or `shards = 1`): {_name(difference)}"
        for other in others
        if (difference := collected ^ set(shards[other].collected))
    ]
    if problems:
        return tuple(problems)
    if not collected:
        return ("no test was collected",)
    times_kept = Counter(test for shard in shards.values() for test in set(shard.kept))
    if nowhere := collected - times_kept.keys():
        problems.append(
            f"{len(nowhere)} of {len(collected)} tests ran in no shard: {_name(nowhere)}"
        )
    if twice := {test for test, times in times_kept.items() if times > 1}:
        problems.append(f"{len(twice)} tests ran in more than one shard: {_name(twice)}")
    if foreign := times_kept.keys() - collected:
        problems.append(f"{len(foreign)} tests ran that no shard collected: {_name(foreign)}")
    for job, shard in shards.items():
        if idle := set(shard.kept) - shard.ran.keys():
            problems.append(f"{job} kept {len(idle)} tests that it did not run: {_name(idle)}")
    return tuple(problems)


def _name(tests: Names[str]) -> str:
    return some(sorted(tests))
