"""One run, from its name to what the shell is told."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pushgate.gates.base import RUN_VARIABLE
from pushgate.model.job import Job
from pushgate.model.outcome import ExitCode
from pushgate.model.run_event import (
    Consumer,
    ExpectedJob,
    Note,
    RunEvent,
    RunFinished,
    RunStarted,
)
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition
from pushgate.run import fingerprints, liveness, run_log, verification
from pushgate.run.fingerprints import Fingerprints
from pushgate.run.history import History
from pushgate.run.recall import Recall, Trust
from pushgate.run.records import Records
from pushgate.run.run_log import RunLog
from pushgate.run.runner import Run
from pushgate.run.schedule import Policy
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.services.base import RUN_LABEL
from pushgate.tools import docker, interrupts, strays


@dataclass(frozen=True)
class OpenRun:
    """A run that is under way.

    Attributes:
        name: Its name, which sorts by time.
        folder: Its folder, for logs and events.
        store: Where the repository's runs are kept.
        note: Why the run is not remembered, nor has records; empty where it is and has.
    """

    name: str
    folder: Path
    store: Store
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be run.

    Attributes:
        jobs: The jobs, with all that they need.
        event: The events that selected them.
        target: What is looked at.
        project: The project's folder in the user's working tree.
        notes: What the user should know beforehand.
        trust: How far the run relies on records.
    """

    jobs: Sequence[Job]
    event: str
    target: Target
    project: Path
    notes: Sequence[str] = ()
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How the jobs are run.

    Attributes:
        cores: How many cores they may keep busy, all together.
        policy: What a job that did not pass means for the others.
    """

    cores: int
    policy: Policy


@contextmanager
def opened(store: Store) -> Iterator[OpenRun]:
    """Open a run; ``sweep`` comes first, before a checkout is used.

    While it is open, every process that this one starts has the run's name in its
    environment.

    Args:
        store: Where the repository's runs are kept. Where nothing can be written there, the
            run is not remembered, and its logs are in a temporary folder.

    Raises:
        ConfigurationError: Nothing can be written there either.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    with _alive(store, name) as run:
        os.environ[RUN_VARIABLE] = name
        try:
            yield run
        finally:
            del os.environ[RUN_VARIABLE]
    with suppress(OSError):
        run.folder.rmdir()  # nothing ran


@contextmanager
def _alive(store: Store, name: str) -> Iterator[OpenRun]:
    run = OpenRun(name, store.runs / name, store)
    with ExitStack() as stack:
        try:
            stack.enter_context(liveness.alive(run.folder))
        except OSError as error:
            note = f"runs without records: {run.folder} cannot be written: {error.strerror}"
            run = stack.enter_context(_elsewhere(name, note))
        yield run


@contextmanager
def _elsewhere(name: str, note: str) -> Iterator[OpenRun]:
    with ExitStack() as stack:
        try:
            # The logs stay, for the user to read; what is remembered has nobody to ask for it.
            folder = Path(tempfile.mkdtemp(prefix=f"pushgate-{name}-"))
            store = Store(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.enter_context(liveness.alive(folder))
        except OSError as error:
            message = f"{note}, and neither can a temporary folder: {error.strerror}"
            raise ConfigurationError(message) from error
        yield OpenRun(name, folder, store, note)


def sweep(store: Store) -> None:
    """End what runs have left that were killed."""
    for folder in liveness.dead(store.runs):
        _end_all_of(folder.name)
        with History.open(store.database) as history:
            history.mark_killed(folder.name)


def _end_all_of(run: str) -> None:
    strays.end(RUN_VARIABLE, run)
    docker.remove_containers(RUN_LABEL, run)


def launch(
    definition: Definition, request: Request, run: OpenRun, pace: Pace, report: Consumer
) -> ExitCode:
    """Run the jobs, report them and remember them.

    Args:
        definition: The definition whose jobs they are.
        request: What is to be run.
        run: The open run.
        pace: How the jobs are run.
        report: Shows what happens.

    Returns:
        What the shell is to be told.

    Raises:
        ConfigurationError: The project has no noxfile, or no gate.
    """
    commit = request.target.commit if request.target.clean else None
    taken = fingerprints.take(definition, commit)
    with (
        History.open(run.store.database) as history,
        RunLog(run.folder) as log,
        Records.open(run.store) as records,
    ):
        expected = history.expected((job.name for job in request.jobs), request.project)
        recall = Recall(definition, records, taken, run=run.name, trust=request.trust)

        def publish(event: RunEvent) -> None:
            for consumer in (log.record, history.record, report):
                consumer(event)

        work = Run(
            *(definition, request.jobs),
            name=run.name,
            folder=run.folder,
            publish=publish,
            recall=recall,
        )
        started = time.monotonic()
        publish(
            _started(
                *(definition, request, run, pace.cores),
                expected=expected,
                digests=recall.digests(),
            )
        )
        # What keeps one of them from being written keeps the others, too.
        kept = run.note or history.note or records.note
        notes = (*request.notes, _no_records(taken), kept, log.note)
        _tell(publish, notes)
        code = work.execute(expected, pace.cores, pace.policy)
        # A disk may have become full meanwhile.
        later = (recall.note, history.note, log.note, records.note)
        _tell(publish, dict.fromkeys(note for note in later if note not in notes))
        # One more Ctrl-C must not keep the run from being completed.
        with interrupts.counted():
            _end_all_of(run.name)
            took = round(time.monotonic() - started, 3)
            first = work.first_bad
            publish(RunFinished(at=time.time(), seconds=took, exit_code=code, failed_first=first))
            history.prune()
            records.prune()
            if code is ExitCode.PASSED:
                verification.remember(run.store, definition, request.target, taken)
    run_log.prune(run.store.runs)
    return code


def _no_records(taken: Fingerprints) -> str:
    """Say why no job at all can be taken from a record, where that is so."""
    reasons = {} if taken.of else dict.fromkeys(taken.without.values())
    return f"runs without records: {'; '.join(reasons)}" if reasons else ""


def _tell(publish: Consumer, notes: Iterable[str]) -> None:
    for text in filter(None, notes):
        publish(Note(at=time.time(), text=text))


def _started(
    definition: Definition,
    request: Request,
    run: OpenRun,
    cores: int,
    *,
    expected: Mapping[str, float],
    digests: Mapping[str, str],
) -> RunStarted:
    return RunStarted(
        at=time.time(),
        run=run.name,
        project=str(request.project),
        folder=str(definition.settings.root),
        target=request.target.words,
        commit=request.target.commit,
        event=request.event,
        cores=cores,
        logs=str(run.folder),
        jobs=tuple(
            ExpectedJob(
                name=job.name,
                gate=job.gate,
                call=shlex.join(job.call),
                needs=job.needs,
                seconds=expected.get(job.name),
                fingerprint=digests.get(job.name, ""),
            )
            for job in request.jobs
        ),
    )
