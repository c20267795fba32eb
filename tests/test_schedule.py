"""Which job starts when: the longest path first, within the cores, each job exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pytest

from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.run.schedule import Cancelled, Policy, Schedule, Start

MANY: Final = 5000


def _job(
    name: str,
    *,
    needs: Iterable[str] = (),
    after: Iterable[str] = (),
    cores: int | None = 1,
    gate: str = "",
) -> Job:
    return Job(
        name=name,
        gate=gate or name,
        session=name,
        summary="",
        needs=tuple(needs),
        after=tuple(after),
        cores=cores,
    )


def _schedule(
    jobs: Sequence[Job],
    seconds: Mapping[str, float] | None = None,
    cores: int = 1,
    policy: Policy = Policy.AFTER,
) -> Schedule:
    return Schedule(jobs, seconds or {}, cores, policy)


def _started(schedule: Schedule) -> dict[str, int]:
    return {start.job.name: start.cores for start in schedule.start()}


def _finish(schedule: Schedule, job: str, result: Result = Result.PASSED) -> dict[str, str]:
    cancelled = schedule.finish(Outcome(job=job, result=result))
    return {one.job: one.reason for one in cancelled}


def _order(schedule: Schedule) -> list[str]:
    """Let every job pass, the one that was started first at first."""
    order: list[str] = []
    running: list[Start] = []
    while not schedule.done:
        starts = schedule.start()
        order += [start.job.name for start in starts]
        running += starts
        assert running, "nothing runs, nothing starts"
        assert not _finish(schedule, running.pop(0).job.name)
    return order


def test_the_longest_path_goes_first() -> None:
    """A short job that much needs or comes after goes before a longer one that nothing awaits."""
    jobs = [
        _job("alone"),
        _job("short"),
        _job("begin"),
        _job("middle", needs=["begin"]),
        _job("end", after=["middle"]),
    ]
    seconds = {"alone": 5.0, "short": 1.0, "begin": 1.0, "middle": 2.0, "end": 4.0}
    # The paths: begin 7, middle 6, alone 5, end 4, short 1.
    assert _order(_schedule(jobs, seconds)) == ["begin", "middle", "alone", "end", "short"]


def test_equals_keep_the_order_of_the_definition() -> None:
    """Where nothing is known, jobs start as they are defined."""
    names = ["c", "a", "b"]
    assert _order(_schedule([_job(name) for name in names])) == names


def test_needs_are_waited_for_and_after_is_not() -> None:
    """What comes after a job starts beside it; what needs two jobs starts after both."""
    jobs = [_job("a"), _job("b"), _job("later", after=["a"]), _job("both", needs=["a", "b"])]
    schedule = _schedule(jobs, cores=4)
    assert _started(schedule) == {"a": 1, "b": 1, "later": 1}
    assert not _finish(schedule, "b")
    assert not _started(schedule)
    assert not _finish(schedule, "a")
    assert _started(schedule) == {"both": 1}


def test_what_an_unknown_job_is_taken_to_last() -> None:
    """A job that nobody has measured lasts as long as its gate's others, else as long as all."""
    jobs = [
        _job("lint"),
        _job("test-new", gate="test"),
        _job("test-1", gate="test"),
        _job("test-2", gate="test"),
        _job("test-3", gate="test"),
        _job("docs"),
    ]
    seconds = {"test-1": 1.0, "test-2": 8.0, "test-3": 9.0, "docs": 7.5}
    # test-new: 8 (its gate's median), lint: 7.75 (the median of all).
    assert _order(_schedule(jobs, seconds)) == [
        "test-3",
        "test-new",
        "test-2",
        "lint",
        "docs",
        "test-1",
    ]


@pytest.mark.parametrize(
    ("cores", "wanted", "given"),
    [
        (8, [None], [8]),
        (8, [None, None, None], [2, 3, 3]),
        (2, [None, None, None], [1, 1]),
        (8, [None, 1, 1, 1], [2, 1, 1, 1]),
        (4, [9], [4]),
        (4, [3, 2, 1], [3]),
        (4, [1, 3, 1], [1, 3]),
    ],
)
def test_the_cores_that_jobs_are_given(
    cores: int, wanted: list[int | None], given: list[int]
) -> None:
    """An elastic job shares the free cores with what is ready; a fixed one never slips past."""
    jobs = [_job(f"job{number}", cores=count) for number, count in enumerate(wanted)]
    assert [start.cores for start in _schedule(jobs, cores=cores).start()] == given


FAMILY: Final = (
    _job("bad"),
    _job("running", after=["bad"]),
    _job("needing", needs=["bad"]),
    _job("needing-that", needs=["needing"]),
    _job("after-that", after=["needing"]),
    _job("beside"),
)


@pytest.mark.parametrize(
    ("policy", "result", "cancelled"),
    [
        (
            Policy.AFTER,
            Result.FAILED,
            {
                "running": "it comes after bad, which failed",
                "needing": "it needs bad, which failed",
                "needing-that": "it needs needing, which did not run to its end",
                "after-that": "it comes after needing, which did not run to its end",
            },
        ),
        (
            Policy.KEEP_GOING,
            Result.UNAVAILABLE,
            {
                "needing": "it needs bad, which could not look",
                "needing-that": "it needs needing, which did not run to its end",
            },
        ),
        (
            Policy.FAIL_FAST,
            Result.FAILED,
            {
                "needing": "it needs bad, which failed",
                "running": "stopped at once (--fail-fast) after bad, which failed",
                "needing-that": "stopped at once (--fail-fast) after bad, which failed",
                "after-that": "stopped at once (--fail-fast) after bad, which failed",
                "beside": "stopped at once (--fail-fast) after bad, which failed",
            },
        ),
        (
            # What CI does in its place cancels nothing but what needs it.
            Policy.AFTER,
            Result.SKIPPED,
            {
                "needing": "it needs bad, which is left to CI",
                "needing-that": "it needs needing, which did not run to its end",
                "after-that": "it comes after needing, which did not run to its end",
            },
        ),
    ],
)
def test_what_a_job_that_did_not_pass_means(
    policy: Policy, result: Result, cancelled: dict[str, str]
) -> None:
    """The policy says which others are cancelled; what needs the job never runs."""
    schedule = _schedule(FAMILY, cores=2, policy=policy)
    assert _started(schedule).keys() == {"bad", "running"}
    assert _finish(schedule, "bad", result) == cancelled


def test_a_cancelled_job_runs_until_its_end_is_told() -> None:
    """The cores of a job that runs in vain are free when it has ended, not before."""
    schedule = _schedule([_job("bad"), _job("vain", after=["bad"]), _job("next")], cores=2)
    assert _started(schedule).keys() == {"bad", "vain"}
    assert _finish(schedule, "bad", Result.FAILED).keys() == {"vain"}
    assert _started(schedule) == {"next": 1}
    assert not _finish(schedule, "next")
    assert not schedule.done
    assert not _finish(schedule, "vain", Result.ABORTED)
    assert schedule.done


def test_dropped_jobs_never_start() -> None:
    """After an interrupt only what runs is still awaited."""
    schedule = _schedule([_job("a"), _job("b"), _job("c", needs=["a"])])
    assert _started(schedule) == {"a": 1}
    dropped = schedule.drop_all("interrupted")
    assert set(dropped) == {Cancelled("b", "interrupted"), Cancelled("c", "interrupted")}
    assert not _finish(schedule, "a")
    assert schedule.done
    assert not schedule.start()


@pytest.mark.parametrize("result", [Result.PASSED, Result.FAILED])
def test_a_long_chain_and_a_wide_plan(result: Result) -> None:
    """Thousands of jobs in a chain, and as many side by side, are no matter of recursion."""
    chain = [_job(f"link{n}", needs=[f"link{n - 1}"] if n else []) for n in range(MANY)]
    wide = [_job(f"leaf{n}", after=["link0"]) for n in range(MANY)]
    schedule = _schedule([*chain, *wide], {"link0": 1.0}, cores=2)
    running = schedule.start()
    assert running[0].job.name == "link0"
    cancelled = _finish(schedule, "link0", result)
    ended = {"link0", *cancelled} - {running[1].job.name}
    running.pop(0)
    while not schedule.done:
        running += schedule.start()
        name = running.pop(0).job.name
        assert not _finish(schedule, name)
        ended.add(name)
    assert len(ended) == 2 * MANY
