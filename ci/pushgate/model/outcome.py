"""How a job ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Result(StrEnum):
    """The five ways in which a job can end."""

    PASSED = "passed"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    """It could not look; never counted as passed."""
    ABORTED = "aborted"
    """Cancelled, timed out, or one of its needs did not pass."""
    SKIPPED = "skipped"
    """Not selected, or deferred to CI; the reason says which."""


class ExitCode(IntEnum):
    """What a Pushgate command tells the shell."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    """Nothing failed, but something was unavailable or aborted."""
    INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one job.

    Attributes:
        job: The job's name, such as ``test-3.12(2of4)``.
        result: How it ended.
        reason: Why, in one line; empty for a plain pass.
        seconds: Wall-clock time that it took.
        attempts: How many times it was tried; a pass after the first is flaky.
        from_record: Whether it is a pass that was taken from a record: the job did not run.
    """

    job: str
    result: Result
    reason: str = ""
    seconds: float = 0.0
    attempts: int = 1
    from_record: bool = False

    @property
    def flaky(self) -> bool:
        """Whether it failed before it passed."""
        return self.result is Result.PASSED and self.attempts > 1


class JobError(Exception):
    """A job's end that is not a pass; the message is the reason."""

    result: Result


class JobFailed(JobError):
    """The gate looked and found something."""

    result = Result.FAILED


class JobUnavailable(JobError):
    """The gate could not look."""

    result = Result.UNAVAILABLE


class JobDeferred(JobError):
    """The gate could not look here, and the project lets CI do it."""

    result = Result.SKIPPED


def exit_code(outcomes: Iterable[Outcome]) -> ExitCode:
    """Sum up a run for the shell.

    Args:
        outcomes: The outcomes of all selected jobs.

    Returns:
        ``FAILED`` when any job failed, else ``INCOMPLETE`` when any was
        unavailable or aborted, else ``PASSED``.
    """
    results = {outcome.result for outcome in outcomes}
    if Result.FAILED in results:
        return ExitCode.FAILED
    if results & {Result.UNAVAILABLE, Result.ABORTED}:
        return ExitCode.INCOMPLETE
    return ExitCode.PASSED
