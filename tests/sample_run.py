"""Events of a run, for the tests of what shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pushgate.model.outcome import Outcome, Result
from pushgate.model.run_event import (
    ExpectedJob,
    JobFinished,
    JobOutput,
    JobStarted,
    RunFinished,
    RunStarted,
)

START: Final = 1_000_000.0
"""When every run here begins."""

HOSTILE: Final = (
    "[bold]x[/] \x1b[31mred\x1b[0m \x1b]8;;u\x07l\x1b[5A\x1b[2J\x1b]0;title\x07\x00\x9b7m é🚀"
)
"""Markup, and what would steer a terminal."""

HARMLESS: Final = "[bold]x[/] red l7m é🚀"


class FakeClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def expected(
    name: str, seconds: float | None = None, *, needs: tuple[str, ...] = ()
) -> ExpectedJob:
    """Return a job before it starts."""
    return ExpectedJob(name=name, gate=name, call=f"nox -s '{name}'", needs=needs, seconds=seconds)


def run_started(
    *jobs: ExpectedJob,
    cores: int = 2,
    folder: str = "",
    project: str = "",
    target: str = "the files as they are",
) -> RunStarted:
    """Return the first event; the project is here unless told, a folder is a clean checkout."""
    project = project or str(Path.cwd())
    return RunStarted(
        at=START,
        run="r",
        project=project,
        folder=folder or project,
        target=target,
        commit="0123456789abcdef",
        event="push:main",
        cores=cores,
        logs="/logs",
        jobs=jobs,
    )


def started(job: str, after: float = 0) -> JobStarted:
    """Return a job's start, ``after`` seconds."""
    return JobStarted(at=START + after, job=job, cores=1, log=f"/logs/{job}")


def said(job: str, line: str) -> JobOutput:
    """Return a job's output."""
    return JobOutput(at=START, job=job, line=line, size=len(line))


def ended(
    job: str,
    result: str = "passed",
    reason: str = "",
    *,
    seconds: float = 4.06,
    attempts: int = 1,
    log: Path | str | None = None,
) -> JobFinished:
    """Return a job's end; with an empty log it never started."""
    outcome = Outcome(
        job=job, result=Result(result), reason=reason, seconds=seconds, attempts=attempts
    )
    return JobFinished(at=START, outcome=outcome, log=f"/logs/{job}" if log is None else str(log))


def run_finished(exit_code: int = 0, failed_first: str = "", seconds: float = 9.9) -> RunFinished:
    """Return the last event."""
    return RunFinished(at=START, seconds=seconds, exit_code=exit_code, failed_first=failed_first)
