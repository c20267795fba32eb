"""How a job's Nox call ended, judged by what the job and Nox have left."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pushgate.gates.execution import stored_outcome
from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.plan.definition import NOXFILE, Definition

_WORST_FIRST: Final = (Result.FAILED, Result.ABORTED, Result.SKIPPED, Result.PASSED)


def judge(definition: Definition, job: Job, run: str, report: Path, status: int) -> Outcome:
    """Judge a job whose Nox call has ended.

    Args:
        definition: The project's definition.
        job: The job.
        run: The name of the run that it was part of.
        report: The file for Nox's own report, there or not.
        status: The exit status of the call.
    """
    stored = stored_outcome(definition.settings.root, job)
    if stored is not None and stored.run == run:
        return stored.outcome
    session = _reported(report).get(job.session)
    if session is None:
        return _unavailable(job, f"nox {_end(status)} (see its output)")
    if definition.is_adopted(job):
        return replace(_of_adopted(session), job=job.name)
    if session.result is Result.PASSED:
        another = f"is there another session {job.session!r} in {NOXFILE}?"
        return _unavailable(job, f"it left no outcome: {another}")
    if session.result is Result.FAILED:
        return _unavailable(job, "it left no outcome (see its output)")
    return Outcome(job=job.name, result=Result.ABORTED, reason=session.reason or "it never started")


def _unavailable(job: Job, reason: str) -> Outcome:
    return Outcome(job=job.name, result=Result.UNAVAILABLE, reason=reason)


def _end(status: int) -> str:
    # A supervisor tells the signal that ended the call as a shell does.
    number = -status if status < 0 else status - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name}"
    return f"ended with {status} before it ran the session"


def _reported(report: Path) -> Mapping[str, Outcome]:
    results = {"success": Result.PASSED, "failed": Result.FAILED, "skipped": Result.SKIPPED}
    reported: dict[str, Outcome] = {}
    for session in _sessions(report):
        outcome = Outcome(
            job=session["name"],
            result=results.get(session["result"], Result.ABORTED),
            reason=session["reason"] or "",
            seconds=session["duration"],
        )
        # A session of the project's own with several Pythons or parameters is reported in parts.
        known = reported.get(outcome.job)
        reported[outcome.job] = outcome if known is None else _worse(known, outcome)
    return reported


def _sessions(report: Path) -> Sequence[Mapping[str, Any]]:
    try:
        sessions: list[dict[str, Any]] = json.loads(report.read_bytes())["sessions"]
    except (OSError, ValueError):
        return ()  # Nox did not come to it, or could not write all of it
    return sessions


def _worse(one: Outcome, other: Outcome) -> Outcome:
    worse = min(one, other, key=lambda outcome: _WORST_FIRST.index(outcome.result))
    return replace(worse, seconds=one.seconds + other.seconds)


def _of_adopted(session: Outcome) -> Outcome:
    """Judge a session of the project's own, which knows Nox's words only."""
    if session.result is Result.SKIPPED:
        # It looked at nothing; Nox calls that a success.
        reason = f"the session skipped itself: {session.reason}"
        return replace(session, result=Result.UNAVAILABLE, reason=reason)
    if session.result is Result.ABORTED and not session.reason.startswith("Prerequisite session"):
        # `session.error()` is how a session fails.
        return replace(session, result=Result.FAILED)
    if session.result is Result.FAILED:
        # Nox keeps no reason where a command failed.
        return replace(session, reason=session.reason or "the session failed (see its output)")
    return session
