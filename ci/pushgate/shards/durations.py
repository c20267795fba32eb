"""How long each test takes: the file that balances the split."""

from __future__ import annotations

import heapq
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.shards.collection import Collection

FILE: Final = ".test_durations"
"""pytest-split's own name for it, in the project's folder."""

_SIGNIFICANT_DIGITS: Final = 2
_SHORTEST: Final = 0.001


class DurationsError(Exception):
    """The file of durations cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Balance:
    """How even the next split will be.

    Attributes:
        shards: How many shards there are.
        mean: Seconds of a fair shard.
        longest: Seconds of the longest shard.
        longest_test: The longest test.
        longest_test_seconds: How long it takes.
    """

    shards: int
    mean: float
    longest: float
    longest_test: str
    longest_test_seconds: float

    @property
    def one_test_too_long(self) -> bool:
        """Whether one test alone is longer than a fair shard: no split can help."""
        return self.shards > 1 and self.longest_test_seconds > self.mean


def read(file: Path) -> dict[str, float]:
    """Read a file of durations; one that is not there is empty.

    Raises:
        DurationsError: It is not what pytest-split writes.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(test): float(seconds) for test, seconds in content.items()}
    except (ValueError, AttributeError, TypeError) as error:
        message = (
            f"{file.name} is not a JSON object of test: seconds ({error}): "
            "`pushgate durations` writes it anew, or remove it"
        )
        raise DurationsError(message) from error


def merge(shards: Iterable[Collection], before: Mapping[str, float]) -> dict[str, float]:
    """Merge what all shards of all Pythons measured.

    A test's duration is the mean of its measurements, rounded to two digits: where one Python
    takes far longer for a test than the others, a median would leave that one uneven. A
    value that differs from the one before by less than a quarter stays as it was,
    so that the committed file changes little. Tests that nobody collected are dropped.

    Args:
        shards: The accounts of all shards.
        before: The durations up to now.

    Returns:
        Test -> seconds, sorted by test.
    """
    measured: defaultdict[str, list[float]] = defaultdict(list)
    for shard in shards:
        for test in shard.kept:
            if test in shard.ran:
                measured[test].append(shard.ran[test])
    return {
        test: _steady(statistics.fmean(seconds), before.get(test))
        for test, seconds in sorted(measured.items())
    }


def write(file: Path, durations: Mapping[str, float]) -> None:
    """Write a file of durations, a test a line, in pytest-split's format."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(durations, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


def balance(durations: Mapping[str, float], shards: int) -> Balance:
    """Foretell the next split by pytest-split's ``least_duration``: longest first, to the least.

    Args:
        durations: Test -> seconds, at least one.
        shards: How many shards there will be.
    """
    longest_test = max(durations, key=lambda test: durations[test])
    loads: Sequence[float] = _loads(durations.values(), shards)
    return Balance(shards, sum(loads) / shards, max(loads), longest_test, durations[longest_test])


def _loads(seconds: Iterable[float], shards: int) -> list[float]:
    heap = [0.0] * shards
    for duration in sorted(seconds, reverse=True):
        heapq.heapreplace(heap, heap[0] + duration)
    return heap


def _steady(seconds: float, before: float | None) -> float:
    if before and abs(seconds - before) <= before / 4:
        return before
    return max(_SHORTEST, float(f"{seconds:.{_SIGNIFICANT_DIGITS}g}"))
