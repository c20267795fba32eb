"""What the history tells of a run and of its jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from pushgate.model.outcome import Result

KILLED: Final = 137
"""The exit code of a run whose process was killed, as a shell would tell it."""

_FLAGS: Final = ("from_record", "both_ways")


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run, as far as it came.

    Attributes:
        name: Its name.
        project: The project's folder in the user's working tree.
        target: What was looked at.
        commit: The commit's id.
        event: The event of CI that selected the jobs.
        cores: How many cores it kept busy.
        started: When it began (seconds since the epoch).
        seconds: How long it took; None where it did not come to an orderly end.
        exit_code: What the shell was told; ``KILLED`` where the process was killed; None where
            it is under way, or was killed and nobody has noticed yet.
        jobs: How many jobs it has.
        counts: How many of them ended in which way; those without an end are in none.
        from_records: How many of the passes were taken from records.
        flaky: How many of the passes came after the first attempt, or are of jobs that both
            passed and failed on the same fingerprint.
        flaky_failures: How many of the failures are of such jobs.
        failed_first: The job that did not pass first; empty where there is none.
    """

    name: str
    project: str
    target: str
    commit: str
    event: str
    cores: int
    started: float
    seconds: float | None
    exit_code: int | None
    jobs: int
    counts: Mapping[Result, int]
    from_records: int
    flaky: int
    flaky_failures: int
    failed_first: str

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Read a row of the history."""
        kept = {field.name: row[field.name] for field in fields(cls) if field.name != "counts"}
        return cls(counts={result: row[result] for result in Result}, **kept)


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """A job of a run, as far as it came.

    Attributes:
        name: Its name.
        gate: Its gate.
        call: The Nox call that repeats it, as it can be typed.
        result: How it ended; None where it has not.
        reason: Why, in one line; empty for a plain pass.
        seconds: How long it took.
        attempts: How many times it was tried.
        fingerprint: The digest of all that it read; empty where nobody took it.
        from_record: Whether its pass was taken from a record.
        both_ways: Whether, when it really ran, it both passed and failed on this fingerprint.
        log: The file with all its output; empty where it never started.
        started: When (seconds since the epoch); None where it never started.
        ended: When; None where it has no end, or nobody saw it.
    """

    name: str
    gate: str
    call: str
    result: Result | None
    reason: str
    seconds: float
    attempts: int
    fingerprint: str
    from_record: bool
    both_ways: bool
    log: str
    started: float | None
    ended: float | None

    @property
    def flaky(self) -> bool:
        """Whether it passed, and failed on the same files."""
        return self.result is Result.PASSED and (self.attempts > 1 or self.both_ways)

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Read a row of the history."""
        kept = {field.name: row[field.name] for field in fields(cls)}
        kept["result"] = None if row["result"] is None else Result(row["result"])
        return cls(**{**kept, **{name: bool(row[name]) for name in _FLAGS}})
