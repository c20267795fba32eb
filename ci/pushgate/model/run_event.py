"""What happens in a run: the one stream that every report and store reads.

A consumer is given the events in their order: ``RunStarted``, then for each job
``JobStarted``, any number of ``JobOutput`` and one ``JobFinished`` (a job that never
started has only that), at last ``RunFinished``. ``Note`` may come anywhere between.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pushgate.model.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ExpectedJob:
    """A job of a run before it starts.

    Attributes:
        name: Its name.
        gate: Its gate.
        call: The Nox call that repeats it, as it can be typed.
        needs: The jobs of this run whose outputs it reads.
        seconds: How long it took before (the median); None where nobody knows.
        fingerprint: The digest of all that it reads; empty where it runs without records.
    """

    name: str
    gate: str
    call: str
    needs: tuple[str, ...] = ()
    seconds: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run begins.

    Attributes:
        at: When (seconds since the epoch), as in every event.
        run: The run's name.
        project: The project's folder in the user's working tree.
        folder: The project's folder in which the jobs run; another one for a clean checkout.
        target: What is looked at, such as ``the files as they are``.
        commit: The commit's id; what is checked out for the files as they are.
        event: The event of CI that selected the jobs.
        cores: How many cores the run keeps busy.
        logs: The folder of the jobs' logs.
        jobs: The jobs in the order of the definition.
    """

    at: float
    run: str
    project: str
    folder: str
    target: str
    commit: str
    event: str
    cores: int
    logs: str
    jobs: tuple[ExpectedJob, ...]


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that the user should know, such as files that CI will not have.

    Attributes:
        at: When.
        text: One line.
    """

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A job begins.

    Attributes:
        at: When.
        job: Its name.
        cores: How many cores it was given.
        log: The file that all its output goes to.
    """

    at: float
    job: str
    cores: int
    log: str


@dataclass(frozen=True, kw_only=True)
class JobOutput:
    """A job has printed something; at most a few a second are told.

    Attributes:
        at: When.
        job: Its name.
        line: The last line, at most 500 characters, decoded as UTF-8 with replacements.
        size: How many bytes it has printed up to now.
    """

    at: float
    job: str
    line: str
    size: int


@dataclass(frozen=True, kw_only=True)
class JobFinished:
    """A job has ended, or will never start.

    Attributes:
        at: When.
        outcome: How it ended.
        log: The file with all its output; empty where it never started.
    """

    at: float
    outcome: Outcome
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """A run has ended.

    Attributes:
        at: When.
        seconds: How long it took.
        exit_code: What the shell is told.
        failed_first: The job that did not pass first; empty where all did.
    """

    at: float
    seconds: float
    exit_code: int
    failed_first: str = ""


RunEvent = RunStarted | Note | JobStarted | JobOutput | JobFinished | RunFinished
Consumer = Callable[[RunEvent], None]


def as_json(event: RunEvent) -> dict[str, Any]:
    """Return an event as a JSON object: its type (``job-started``) and its attributes."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(event).__name__).lower()
    return {"type": kind, **dataclasses.asdict(event)}
