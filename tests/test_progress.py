"""How far a run is, and how long it will still take."""

from __future__ import annotations

import pytest

from pushgate.reports.progress import Progress
from sample_run import START, ended, expected, run_started, started


def test_the_time_left() -> None:
    """Work is spread over the cores, but a chain of jobs takes as long as all its jobs."""
    progress = Progress()
    chain = (expected("a", 10), expected("b", 10, needs=("a",)), expected("c", 10, needs=("b",)))
    progress.follow(run_started(*chain, cores=8))
    assert progress.seconds_left(START) == 30
    progress.follow(started("a"))
    assert progress.seconds_left(START + 4) == 26
    assert progress.seconds_left(START + 40) == 20
    wide = Progress()
    wide.follow(run_started(*(expected(f"j{number}", 10) for number in range(8)), cores=2))
    assert wide.seconds_left(START) == 40
    assert wide.share(START) == 0


def test_jobs_that_nobody_has_measured() -> None:
    """A new job counts as the typical one; in a first run, as those that have ended."""
    progress = Progress()
    progress.follow(run_started(expected("a"), expected("b"), expected("c"), cores=1))
    assert progress.seconds_left(START) is None
    progress.follow(ended("a", seconds=7))
    assert progress.seconds_left(START) == 14
    assert progress.share(START) == pytest.approx(1 / 3)
    known = Progress()
    known.follow(run_started(expected("a", 4), expected("b", 8), expected("c"), cores=1))
    assert known.seconds_left(START) == 18


def test_the_share_that_is_done() -> None:
    """All is done when all jobs have ended, not before, however long one takes."""
    progress = Progress()
    progress.follow(run_started(expected("a", 10), expected("b", 0)))
    progress.follow(started("a"))
    assert progress.share(START + 5) == 0.5
    progress.follow(ended("b"))
    assert progress.share(START + 500) == 0.99
    progress.follow(ended("a"))
    assert progress.share(START + 500) == 1
    assert Progress().share(START) == 1
