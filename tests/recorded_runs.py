"""The streams of runs that never ran, for the history and its reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pushgate.model.outcome import ExitCode, Outcome, Result
from pushgate.model.run_event import (
    ExpectedJob,
    JobFinished,
    JobStarted,
    Note,
    RunEvent,
    RunFinished,
    RunStarted,
)
from pushgate.run.history import History

PROJECT: Final = Path("/home/me/project")


def passed(job: str, seconds: float = 1.0, attempts: int = 1) -> Outcome:
    return Outcome(job=job, result=Result.PASSED, seconds=seconds, attempts=attempts)


def from_record(job: str) -> Outcome:
    reason = "from its record: passed just now"
    return Outcome(job=job, result=Result.PASSED, reason=reason, seconds=0.01, from_record=True)


def failed(job: str) -> Outcome:
    return Outcome(job=job, result=Result.FAILED, reason="2 findings", seconds=3.0)


def started(
    run: str, jobs: Sequence[str], project: Path = PROJECT, fingerprint: str = ""
) -> RunStarted:
    return RunStarted(
        at=1_800_000_000.0,
        run=run,
        project=str(project),
        folder=str(project),
        target="the files as they are",
        commit="c0ffee" * 6 + "abcd",
        event="pull_request:main",
        cores=2,
        logs="/logs",
        jobs=tuple(
            ExpectedJob(name=job, gate=job[:4], call=f"nox -s {job}", fingerprint=fingerprint)
            for job in jobs
        ),
    )


def ended(outcome: Outcome, at: float = 1_800_000_010.0) -> Iterator[RunEvent]:
    yield JobStarted(at=at - 1, job=outcome.job, cores=1, log=f"/logs/{outcome.job}.log")
    yield JobFinished(at=at, outcome=outcome, log=f"/logs/{outcome.job}.log")


def events(
    run: str,
    outcomes: Sequence[Outcome],
    code: int = ExitCode.PASSED,
    *,
    first: str = "",
    project: Path = PROJECT,
    fingerprint: str = "",
) -> Iterator[RunEvent]:
    """Yield the whole stream of a run, of which all jobs have the same fingerprint."""
    yield started(run, [outcome.job for outcome in outcomes], project, fingerprint)
    yield Note(at=1.0, text="a word")
    for number, outcome in enumerate(outcomes):
        yield from ended(outcome, 1_800_000_010.0 + number)
    yield RunFinished(at=1_800_000_042.0, seconds=42.0, exit_code=code, failed_first=first)


def record(history: History, stream: Iterator[RunEvent]) -> None:
    for event in stream:
        history.record(event)
    assert history.note == ""
