"""The runs of the past, judged: for the terminal and for programs (JSON)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pushgate.model.outcome import ExitCode, Result
from pushgate.model.settings import ConfigurationError
from pushgate.run import liveness
from pushgate.run.history import History
from pushgate.run.summary import KILLED, JobSummary, RunSummary

LAST: Final = "last"
"""What is typed for the last run."""

_VERDICTS: Final = {
    ExitCode.PASSED: "passed",
    ExitCode.FAILED: "failed",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.INTERRUPTED: "interrupted",
    KILLED: "killed",
}


@dataclass(frozen=True)
class PastRun:
    """A run and what became of it.

    Attributes:
        summary: What the history tells.
        verdict: ``passed``, ``failed``, ``incomplete``, ``interrupted``, ``killed`` or
            ``running``.
    """

    summary: RunSummary
    verdict: str

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs ended in which way.

        ``flaky`` and ``from_records`` are parts of ``passed``, ``flaky_failures`` of ``failed``.
        """
        ended = {str(result): count for result, count in self.summary.counts.items()}
        parts = ("flaky", "flaky_failures", "from_records")
        return {**ended, **{part: getattr(self.summary, part) for part in parts}}


def last_runs(history: History, runs: Path, limit: int) -> tuple[PastRun, ...]:
    """Return the last runs, the newest first.

    Args:
        history: The repository's history.
        runs: The folder of all runs' folders: a run that is under way has a lock there.
        limit: At most how many.

    Raises:
        ConfigurationError: The history cannot be used: that is not the same as no runs.
    """
    summaries = history.runs(limit)
    if history.note:
        raise ConfigurationError(history.note)
    return tuple(_judged(run, runs) for run in summaries)


def find_run(history: History, runs: Path, name: str) -> PastRun:
    """Find a run.

    Args:
        history: The repository's history.
        runs: The folder of all runs' folders.
        name: Its name, a beginning of it that no other run shares, or ``last``.

    Raises:
        ConfigurationError: There is no such run, or more than one.
    """
    found = history.runs(1) if name == LAST else history.find(name)
    exact = [run for run in found if run.name == name] or found
    if not exact:
        message = history.note or f"no run {name!r}: `pushgate report` lists them"
        raise ConfigurationError(message)
    if len(exact) > 1:
        message = f"{len(exact)} runs begin with {name!r}: type more of the name"
        raise ConfigurationError(message)
    return _judged(exact[0], runs)


def state(job: JobSummary, run: PastRun) -> str:
    """Say in a word how a job ended, or how far it has come."""
    if job.flaky:
        return "flaky"
    if job.result is not None:
        return str(job.result)
    if run.verdict != "running":
        return str(Result.ABORTED)
    return "waiting" if job.started is None else "running"


def why(job: JobSummary) -> str:
    """Say in a line why a job ended as it did; empty for a plain pass."""
    remarks = (
        job.reason,
        "flaky: passed and failed on the same files" if job.both_ways else "",
    )
    return "; ".join(filter(None, remarks))


def runs_to_json(runs: Iterable[PastRun]) -> str:
    """Return runs as a JSON array of objects."""
    return json.dumps([_as_json(run) for run in runs], indent=2)


def run_to_json(run: PastRun, jobs: Sequence[JobSummary]) -> str:
    """Return a run as a JSON object with its jobs in ``jobs``."""
    listed = [{**dataclasses.asdict(job), "state": state(job, run)} for job in jobs]
    return json.dumps({**_as_json(run), "jobs": listed}, indent=2)


def _judged(run: RunSummary, runs: Path) -> PastRun:
    if run.exit_code is not None:
        return PastRun(run, _VERDICTS.get(run.exit_code, f"exit {run.exit_code}"))
    under_way = liveness.is_under_way(runs / run.name)
    return PastRun(run, "running" if under_way else "killed")


def _as_json(run: PastRun) -> dict[str, Any]:
    return {**dataclasses.asdict(run.summary), "counts": run.counts, "verdict": run.verdict}
