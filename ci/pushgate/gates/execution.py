"""Carrying out jobs: what surrounds a gate's own work, whichever gate it is."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Final

from pushgate.gates.base import Context, Gate
from pushgate.model.job import Job
from pushgate.model.outcome import JobError, JobFailed, Outcome, Result
from pushgate.tools import git, process, uv

OUTCOME_FILE: Final = "outcome.json"
RUN_VARIABLE: Final = "PUSHGATE_RUN"
"""Names the run of ``pushgate run`` that a job belongs to."""


@dataclasses.dataclass(frozen=True)
class StoredOutcome:
    """An outcome as its job left it in its outputs.

    Attributes:
        outcome: How the job ended.
        state: The state of the tracked files that it looked at.
        run: The run that it was part of; empty for a Nox call by hand.
    """

    outcome: Outcome
    state: str
    run: str


def stored_outcome(root: Path, job: Job) -> StoredOutcome | None:
    """Read the outcome that a job left; None where it left none that can be read."""
    try:
        stored = json.loads((root / job.outputs / OUTCOME_FILE).read_text(encoding="utf-8"))
        outcome = Outcome(
            job=stored["job"],
            result=Result(stored["result"]),
            reason=stored["reason"],
            seconds=stored["seconds"],
        )
        return StoredOutcome(outcome, stored["state"], stored["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def perform(gate: Gate, context: Context[Any]) -> Outcome:
    """Carry out one job.

    Its outputs are emptied, the outputs of its needs are looked at, the gate does its
    work, and a pass becomes a failure if tracked files are not what they were. The
    outcome is left in the outputs.

    Args:
        gate: The job's gate.
        context: The job, with all that it may use.

    Raises:
        KeyboardInterrupt: The run was interrupted; the outcome is left as ``aborted``.
    """
    settings, job = context.settings, context.job
    _empty(context.outputs)
    state = git.tracked_state(settings.repository)
    started = time.monotonic()
    result, reason = Result.ABORTED, "interrupted"
    try:
        result, reason = _judge(gate, context, state)
    except Exception as error:
        result, reason = Result.FAILED, f"Pushgate itself failed: {error!r}"
        raise
    finally:
        seconds = round(time.monotonic() - started, 3)
        outcome = Outcome(job=job.name, result=result, reason=reason, seconds=seconds)
        _store(context.outputs / OUTCOME_FILE, outcome, state)
    return outcome


def look(gate: Gate, context: Context[Any]) -> None:
    """Let a gate work with the user's own arguments: its outputs and its outcome are not kept.

    Raises:
        JobError: It did not pass.
    """
    with TemporaryDirectory(prefix="pushgate-look-") as folder:
        gate.run(dataclasses.replace(context, folder=Path(folder)))


def perform_together(
    gate: Gate, contexts: Sequence[Context[Any]], show: Callable[[Outcome, IO[bytes]], None]
) -> list[Outcome]:
    """Carry out all jobs of a session side by side, as many at a time as there are cores.

    Args:
        gate: Their gate.
        contexts: One for each job.
        show: Is given every outcome with the job's output, once the job has ended.

    Returns:
        The outcomes, in the order of ``contexts``.
    """
    width = min(contexts[0].cores, len(contexts))
    pool = ThreadPoolExecutor(width)
    outcomes: dict[str, Outcome] = {}

    def one(context: Context[Any]) -> tuple[Outcome, IO[bytes]]:
        output = TemporaryFile()  # noqa: SIM115  # `show` reads it, then closes it
        held_back = dataclasses.replace(
            context, cores=max(1, context.cores // width), output=output
        )
        return perform(gate, held_back), output

    try:
        running = [pool.submit(one, context) for context in contexts]
        for done in as_completed(running):
            outcome, output = done.result()
            outcomes[outcome.job] = outcome
            with output:
                output.seek(0)
                show(outcome, output)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        process.end_all()
        raise
    finally:
        pool.shutdown()
    return [outcomes[context.job.name] for context in contexts]


def _judge(gate: Gate, context: Context[Any], before: git.TrackedState) -> tuple[Result, str]:
    settings = context.settings
    if problem := _unmet_needs(context, before):
        return problem
    result, reason = Result.PASSED, ""
    try:
        uv.version()
        gate.run(context)
    except uv.UvMissingError as error:
        result, reason = Result.UNAVAILABLE, str(error)
    except JobError as error:
        result, reason = error.result, str(error)
    except process.CommandError as error:
        result, reason = JobFailed.result, str(error)
    after = git.tracked_state(settings.repository)
    changed = before.differences(after)
    if before.head != after.head:
        changed = (f"HEAD ({before.head[:10]} -> {after.head[:10]})",)
    if changed:
        told = f"tracked files changed while it ran: {', '.join(changed)}"
        return Result.FAILED, f"{reason}; {told}" if reason else told
    return result, reason


def _unmet_needs(context: Context[Any], state: git.TrackedState) -> tuple[Result, str] | None:
    root = context.settings.root
    stored = {need.name: stored_outcome(root, need) for need in context.needs}
    if missing := [need for need, found in stored.items() if found is None]:
        return Result.FAILED, f"missing: the outputs of {', '.join(missing)}, which it needs"
    found = [outcome for outcome in stored.values() if outcome is not None]
    unmet = [need.outcome for need in found if need.outcome.result is not Result.PASSED]
    if unmet:
        told = ", ".join(f"{need.job} ({need.result}: {need.reason})" for need in unmet)
        return Result.ABORTED, f"it needs jobs that did not pass: {told}"
    if stale := [need.outcome.job for need in found if need.state != state.digest]:
        return Result.FAILED, (
            f"the outputs of {', '.join(stale)} are of other files than those here: run "
            f"`nox -s {context.job.session}`, which runs what it needs"
        )
    return None


def _empty(outputs: Path) -> None:
    shutil.rmtree(outputs, ignore_errors=True)
    outputs.mkdir(parents=True)
    ignore = outputs.parent.parent / ".gitignore"
    if not ignore.is_file():
        ignore.write_text("*\n", encoding="utf-8")


def _store(file: Path, outcome: Outcome, state: git.TrackedState) -> None:
    stored = {
        **dataclasses.asdict(outcome),
        "state": state.digest,
        "run": os.environ.get(RUN_VARIABLE, ""),
    }
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(stored, indent=1), encoding="utf-8")
    part.replace(file)
