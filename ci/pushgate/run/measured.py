"""The durations that a project's test jobs measured, merged into its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushgate.model.job import Job
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition
from pushgate.shards import durations
from pushgate.shards.collection import Collection, CollectionMissingError, load


@dataclass(frozen=True)
class Merged:
    """What was merged.

    Attributes:
        jobs: The test jobs whose measurements there are.
        missing: Those that left none.
        tests: How many tests the file holds.
        added: How many of them are new.
        dropped: How many are gone.
        balance: The next split.
    """

    jobs: tuple[str, ...]
    missing: tuple[str, ...]
    tests: int
    added: int
    dropped: int
    balance: durations.Balance


def merge(definition: Definition) -> Merged:
    """Merge what all shards of all Pythons measured into the project's ``.test_durations``.

    Tests that no job with measurements ran are dropped.

    Args:
        definition: The project's definition.

    Raises:
        ConfigurationError: No test job has left measurements.
    """
    root = definition.settings.root
    jobs = [job for job in definition.jobs if job.gate == "test"]
    accounts, missing = _accounts(definition, jobs)
    if not accounts:
        message = "no test job has left measurements: run `nox -t test` first"
        raise ConfigurationError(message)
    file = root / durations.FILE
    try:
        before = durations.read(file)
    except durations.DurationsError:
        before = {}
    merged = durations.merge(accounts.values(), before)
    if not merged:
        message = "the test jobs ran no test: there is nothing to measure"
        raise ConfigurationError(message)
    durations.write(file, merged)
    shards = max((job.shard.count for job in jobs if job.shard), default=1)
    return Merged(
        jobs=tuple(accounts),
        missing=tuple(missing),
        tests=len(merged),
        added=len(merged.keys() - before.keys()),
        dropped=len(before.keys() - merged.keys()),
        balance=durations.balance(merged, shards),
    )


def _accounts(
    definition: Definition, jobs: Sequence[Job]
) -> tuple[dict[str, Collection], list[str]]:
    accounts, missing = {}, []
    for job in jobs:
        try:
            accounts[job.name] = load(definition.settings.root / job.outputs)
        except CollectionMissingError:
            missing.append(job.name)
    return accounts, missing
