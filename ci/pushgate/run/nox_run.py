"""A plan, handed to ``nox -j``."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from pushgate.gates.execution import RUN_VARIABLE, stored_outcome
from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import NOXFILE, Definition
from pushgate.tools import process, strays


def run(
    definition: Definition, jobs: Sequence[Job], parallel: int, output: IO[bytes] | None = None
) -> list[Outcome]:
    """Run jobs by Nox, side by side, and collect how each ended.

    Args:
        definition: The project's definition.
        jobs: The jobs, with all that they need.
        parallel: How many sessions run at a time.
        output: A file for what Nox and the jobs print; this process's own output if None.

    Returns:
        An outcome for each job, in their order.

    Raises:
        ConfigurationError: The project has no noxfile, or Nox cannot use it.
    """
    root = definition.settings.root
    if not (root / NOXFILE).is_file():
        message = (
            f"no {NOXFILE} in {root}: write one with the lines `import pushgate` and "
            "`pushgate.register()`"
        )
        raise ConfigurationError(message)
    name = uuid.uuid4().hex
    environment = {**os.environ, RUN_VARIABLE: name}
    reported: dict[str, Outcome] = {}
    try:
        for arguments in _calls(definition, jobs, parallel):
            reported |= _nox(root, arguments, environment, output)
    except KeyboardInterrupt:
        # Nox's workers are in sessions of their own: they live on if Nox was killed.
        strays.end(RUN_VARIABLE, name)
        raise
    return [_outcome(definition, job, name, reported) for job in jobs]


def _nox(
    root: Path, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
) -> Mapping[str, Outcome]:
    with TemporaryDirectory(prefix="pushgate-run-") as folder:
        report = Path(folder, "report.json")
        nox = (sys.executable, "-m", "nox", "-f", NOXFILE, "--report", str(report))
        completed = process.run((*nox, *arguments), cwd=root, env=environment, output=output)
        if not report.is_file():
            message = f"nox ended with {completed.returncode} before it ran a session (see above)"
            raise ConfigurationError(message)
        return _reported(report)


def _calls(definition: Definition, jobs: Sequence[Job], parallel: int) -> Iterator[list[str]]:
    """Yield the arguments of every Nox call: one for all whole sessions, one a lone shard."""
    names = {job.name for job in jobs}
    sessions = list(dict.fromkeys(job.session for job in jobs))
    whole = [
        session
        for session in sessions
        if all(job.name in names for job in definition.of_session(session))
    ]
    for job in jobs:
        if job.session not in whole:
            yield list(job.call[1:])
    if whole:
        yield ["-j", str(parallel), "-s", *whole]


def _reported(report: Path) -> Mapping[str, Outcome]:
    results = {"success": Result.PASSED, "failed": Result.FAILED, "skipped": Result.SKIPPED}
    reported: dict[str, Outcome] = {}
    for session in json.loads(report.read_text(encoding="utf-8"))["sessions"]:
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


def _worse(one: Outcome, other: Outcome) -> Outcome:
    worst_first = (Result.FAILED, Result.ABORTED, Result.SKIPPED, Result.PASSED)
    worse = min(one, other, key=lambda outcome: worst_first.index(outcome.result))
    return replace(worse, seconds=one.seconds + other.seconds)


def _outcome(
    definition: Definition, job: Job, run_name: str, reported: Mapping[str, Outcome]
) -> Outcome:
    stored = stored_outcome(definition.settings.root, job)
    if stored is not None and stored.run == run_name:
        return stored.outcome
    session = reported.get(job.session)
    if session is None:
        return Outcome(job=job.name, result=Result.ABORTED, reason="nox did not come to it")
    if definition.is_adopted(job):
        return replace(_of_adopted(session), job=job.name)
    if session.result is Result.PASSED:
        reason = f"it left no outcome: is there another session {job.session!r} in {NOXFILE}?"
        return Outcome(job=job.name, result=Result.UNAVAILABLE, reason=reason)
    return Outcome(job=job.name, result=Result.ABORTED, reason=session.reason or "it never started")


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
