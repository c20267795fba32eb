"""Carrying out jobs: what surrounds a gate's own work, whichever gate it is."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Final

from pushgate.gates import database, state
from pushgate.gates.base import (
    RUN_VARIABLE,
    Collecting,
    Context,
    Gate,
    WithEnvironment,
)
from pushgate.model.job import Job
from pushgate.model.outcome import JobError, Outcome, Result
from pushgate.tools import git, process

OUTCOME_FILE: Final = "outcome.json"

_MOMENT_SECONDS: Final = 0.05


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
            attempts=stored["attempts"],
        )
        return StoredOutcome(outcome, stored["state"], stored["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def take_over(root: Path, job: Job, state: git.TrackedState) -> bool:
    """Make outputs that were put back from a record those of this run.

    Args:
        root: The project's folder.
        job: The job whose outputs they are.
        state: The state of the tracked files, which is that of the record or equals it in
            all that the job reads.

    Returns:
        Whether there is an outcome among them, as there must be.
    """
    stored = stored_outcome(root, job)
    if stored is None:
        return False
    _store(root / job.outputs / OUTCOME_FILE, stored.outcome, state)
    return True


def perform(gate: Gate, context: Context[Any]) -> Outcome:
    """Carry out one job.

    Its outputs are emptied, the outputs of its needs are looked at, the gate does its
    work, and a pass becomes a failure if tracked files are not what they were. What
    failed is tried again as often as the gate's ``retries`` says. The outcome is left in
    the outputs.

    Args:
        gate: The job's gate.
        context: The job, with all that it may use.

    Raises:
        KeyboardInterrupt: The run was interrupted; the outcome is left as ``aborted``.
    """
    retries: int = context.options.retries
    _empty_outputs(context)
    # Before all attempts: what the first one changed is no pass of the second one.
    before = git.tracked_state(context.settings.repository)
    for attempt in range(1, retries + 1):
        outcome = _attempt(gate, context, before, attempt)
        if outcome.result is not Result.FAILED:
            return outcome
        context.log(f"attempt {attempt} of {retries + 1} failed: {outcome.reason}")
        _empty_outputs(context)
    return _attempt(gate, context, before, retries + 1)


def _empty_outputs(context: Context[Any]) -> None:
    shutil.rmtree(context.outputs, ignore_errors=True)
    state.make(context.settings.root, *context.job.outputs.parts[1:])


def _attempt(gate: Gate, context: Context[Any], before: git.TrackedState, attempt: int) -> Outcome:
    started = time.monotonic()
    result, reason = Result.ABORTED, "interrupted"
    try:
        result, reason = _judge(gate, context, before)
        if result is Result.PASSED and attempt > 1:
            reason = f"flaky: it passed on attempt {attempt}"
    except Exception as error:
        result, reason = Result.FAILED, f"Pushgate itself failed: {error!r}"
        raise
    finally:
        outcome = Outcome(
            job=context.job.name,
            result=result,
            reason=reason,
            seconds=round(time.monotonic() - started, 3),
            attempts=attempt,
        )
        _store(context.outputs / OUTCOME_FILE, outcome, before)
    return outcome


def look(gate: Gate, context: Context[Any]) -> tuple[Result, str]:
    """Let a gate work with the user's own arguments: nothing that it leaves is kept.

    Returns:
        How it ended, and why.
    """
    with TemporaryDirectory(prefix="pushgate-look-") as folder:
        return _end(gate.run, dataclasses.replace(context, folder=Path(folder)))


def prepare(gate: WithEnvironment, context: Context[Any]) -> tuple[Result, str]:
    """Let a gate make the environment of a job ready, and nothing else.

    Returns:
        How it ended, and why.
    """
    return _end(gate.prepare, context)


def collect(gate: Collecting, context: Context[Any], address: str) -> tuple[Result, str]:
    """Let a gate collect what the jobs of a session share, and serve it until it is ended.

    Args:
        gate: The jobs' gate.
        context: One of the jobs.
        address: Where it serves.

    Returns:
        How it ended, and why.
    """
    return _end(lambda each: gate.collect(each, address), context)


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
    run = os.environ.get(RUN_VARIABLE, "")
    with database.servers([gate], contexts[0].settings, run) as variables:
        return _side_by_side(gate, [context.within(variables) for context in contexts], show)


def _side_by_side(
    gate: Gate, contexts: Sequence[Context[Any]], show: Callable[[Outcome, IO[bytes]], None]
) -> list[Outcome]:
    width = min(contexts[0].cores, len(contexts))
    pool = ThreadPoolExecutor(width)
    outcomes: dict[str, Outcome] = {}

    def one(context: Context[Any]) -> tuple[Outcome, IO[bytes]]:
        output = TemporaryFile()  # noqa: SIM115  # `show` reads it, then closes it
        held_back = dataclasses.replace(
            context, cores=max(1, context.cores // width), output=output
        )
        return perform(gate, held_back), output

    running: list[Future[tuple[Outcome, IO[bytes]]]] = []
    try:
        running += [pool.submit(one, context) for context in contexts]
        for done in as_completed(running):
            outcome, output = done.result()
            outcomes[outcome.job] = outcome
            with output:
                output.seek(0)
                show(outcome, output)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # A job between two commands starts the next one: until all have ended.
        while not all(future.done() for future in running):
            process.end_all()
            time.sleep(_MOMENT_SECONDS)
        raise
    finally:
        pool.shutdown()
    return [outcomes[context.job.name] for context in contexts]


def _judge(gate: Gate, context: Context[Any], before: git.TrackedState) -> tuple[Result, str]:
    if problem := _unmet_needs(context, before):
        return problem
    result, reason = _end(gate.run, context)
    after = git.tracked_state(context.settings.repository)
    changed = before.differences(after)
    if before.head != after.head:
        changed = (f"HEAD ({before.head[:10]} -> {after.head[:10]})",)
    if changed:
        told = f"tracked files changed while it ran: {', '.join(changed)}"
        return Result.FAILED, f"{reason}; {told}" if reason else told
    return result, reason


def _end(work: Callable[[Context[Any]], object], context: Context[Any]) -> tuple[Result, str]:
    try:
        work(context)
    except JobError as error:
        return error.result, str(error)
    except process.CommandMissingError as error:
        return Result.UNAVAILABLE, str(error)
    except process.CommandError as error:
        return Result.FAILED, str(error)
    return Result.PASSED, ""


def _unmet_needs(context: Context[Any], here: git.TrackedState) -> tuple[Result, str] | None:
    root = context.settings.root
    stored = {need.name: stored_outcome(root, need) for need in context.needs}
    if missing := [need for need, found in stored.items() if found is None]:
        return Result.FAILED, f"missing: the outputs of {', '.join(missing)}, which it needs"
    found = [outcome for outcome in stored.values() if outcome is not None]
    unmet = [need.outcome for need in found if need.outcome.result is not Result.PASSED]
    if unmet:
        told = ", ".join(f"{need.job} ({need.result}: {need.reason})" for need in unmet)
        return Result.ABORTED, f"it needs jobs that did not pass: {told}"
    if stale := [need.outcome.job for need in found if need.state != here.digest]:
        return Result.FAILED, (
            f"the outputs of {', '.join(stale)} are of other files than those here: run "
            f"`nox -s {context.job.session}`, which runs what it needs"
        )
    return None


def _store(file: Path, outcome: Outcome, looked_at: git.TrackedState) -> None:
    stored = {
        **dataclasses.asdict(outcome),
        "state": looked_at.digest,
        "run": os.environ.get(RUN_VARIABLE, ""),
    }
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(stored, indent=1), encoding="utf-8")
    part.replace(file)
