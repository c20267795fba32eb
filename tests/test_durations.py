"""How long each test takes: merged, written, and what the next split makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_split.algorithms import LeastDurationAlgorithm

from pushgate.shards import durations
from pushgate.shards.collection import Collection

UNTIMED: Final = settings(deadline=None, database=None)
MEASURED: Final = st.dictionaries(st.text("abc/:"), st.floats(0, 1e5), min_size=1, max_size=30)


def _shard(ran: Mapping[str, float], kept: tuple[str, ...] | None = None) -> Collection:
    return Collection(("all", *ran), tuple(ran) if kept is None else kept, ran)


def test_a_test_takes_the_mean_of_all_pythons() -> None:
    """What several Pythons measured becomes the mean, sorted by test."""
    shards = [_shard({"b": 1.0, "a": 3.0}), _shard({"b": 2.0}), _shard({"b": 9.0, "a": 4.0})]
    merged = durations.merge(shards, {})
    assert list(merged.items()) == [("a", 3.5), ("b", 4.0)]


@pytest.mark.parametrize(
    ("measured", "written"),
    [(123.456, 120.0), (1.25001, 1.3), (0.012345, 0.012), (0.0004, 0.001), (0.0, 0.001)],
)
def test_durations_are_rounded(measured: float, written: float) -> None:
    """Two digits are kept, and nothing takes no time."""
    assert durations.merge([_shard({"a": measured})], {}) == {"a": written}


@pytest.mark.parametrize(
    ("before", "measured", "after"),
    [(1.0, 1.25, 1.0), (1.0, 0.75, 1.0), (1.0, 1.26, 1.3), (1.0, 0.74, 0.74), (0.0, 0.2, 0.2)],
)
def test_a_small_difference_changes_nothing(before: float, measured: float, after: float) -> None:
    """A test's duration stays as it was until it is a quarter off."""
    assert durations.merge([_shard({"a": measured})], {"a": before}) == {"a": after}


def test_tests_that_are_gone_are_dropped() -> None:
    """Only what a shard kept and ran stays; what is gone, or never ran, does not."""
    shard = _shard({"here": 1.0, "of another shard": 1.0}, kept=("here", "never ran"))
    before = {"here": 1.1, "gone": 2.0, "never ran": 3.0}
    assert durations.merge([shard], before) == {"here": 1.1}


@UNTIMED
@given(MEASURED)
def test_merging_again_changes_nothing(measured: dict[str, float]) -> None:
    """The same measurements, merged into what they became, leave the file as it is."""
    once = durations.merge([_shard(measured)], {})
    assert durations.merge([_shard(measured)], once) == once


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A file is read as it was written, a test a line; one that is not there is empty."""
    file = tmp_path / durations.FILE
    assert durations.read(file) == {}
    written = {"tests/test_a.py::test_ü[1]": 0.5, "tests/test_b.py::test": 12.0}
    durations.write(file, written)
    assert durations.read(file) == written
    assert len(file.read_text(encoding="utf-8").splitlines()) == len(written) + 2
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"a": null}', b'{"a": "x"}', b"\xff", b'{"a": 1', b"1"]
)
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    """A file that pytest-split could not use is refused, with what helps."""
    file = tmp_path / durations.FILE
    file.write_bytes(content)
    with pytest.raises(durations.DurationsError, match="`pushgate durations` writes it anew"):
        durations.read(file)


@dataclass(frozen=True)
class _Item:
    nodeid: str


@UNTIMED
@given(MEASURED, st.integers(1, 8))
def test_the_balance_is_that_of_pytest_split(measured: dict[str, float], shards: int) -> None:
    """The foretold split is the one that pytest-split's own algorithm makes."""
    items: list[Any] = [_Item(test) for test in measured]
    groups = LeastDurationAlgorithm()(shards, items, measured)
    balance = durations.balance(measured, shards)
    seconds = [group.duration for group in groups]
    assert balance.shards == len(seconds)
    assert balance.longest == pytest.approx(max(seconds))
    assert balance.mean == pytest.approx(sum(seconds) / shards)
    assert balance.longest_test_seconds == max(measured.values())
    assert measured[balance.longest_test] == balance.longest_test_seconds


@pytest.mark.parametrize(
    ("longest", "shards", "too_long"), [(3.0, 2, True), (2.0, 2, False), (3.0, 1, False)]
)
def test_one_test_that_is_longer_than_a_fair_shard(
    longest: float, shards: int, *, too_long: bool
) -> None:
    """A test that no split can balance is told, where there is a split."""
    balance = durations.balance({"long": longest, "a": 1.0, "b": 1.0}, shards)
    assert balance.one_test_too_long is too_long
