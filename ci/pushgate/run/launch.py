"""One run, from its name to what the shell is told."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.gates.execution import RUN_VARIABLE
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
from pushgate.run import job_processes, liveness, run_log
from pushgate.run.history import History
from pushgate.run.job_processes import JobProcesses
from pushgate.run.run_log import RunLog
from pushgate.run.runner import Run
from pushgate.run.schedule import Policy
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.tools import docker, interrupts, strays

RUN_LABEL: Final = "pushgate.run"
"""A container with this label and the run's name (``PUSHGATE_RUN``) ends with its run."""


@dataclass(frozen=True)
class OpenRun:
    """A run that is under way.

    Attributes:
        name: Its name, which sorts by time.
        folder: Its folder, for logs and events.
        store: Where the repository's runs are kept.
        processes: What its jobs will be.
    """

    name: str
    folder: Path
    store: Store
    processes: JobProcesses


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be run.

    Attributes:
        jobs: The jobs, with all that they need.
        event: The events that selected them.
        target: What is looked at.
        project: The project's folder in the user's working tree.
        notes: What the user should know beforehand.
    """

    jobs: Sequence[Job]
    event: str
    target: Target
    project: Path
    notes: Sequence[str] = ()


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
    """Open a run that is surely coming: the process that starts its jobs is started.

    ``sweep`` comes before a checkout is used. While it is open, every process that this one
    starts has the run's name in its environment.

    Args:
        store: Where the repository's runs are kept.

    Raises:
        ConfigurationError: Nothing can be written there.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    folder = store.runs / name
    try:
        with _alive(folder), _named(name), _serving(folder) as processes:
            yield OpenRun(name, folder, store, processes)
    finally:
        with suppress(OSError):
            folder.rmdir()  # nothing ran


@contextmanager
def _named(run: str) -> Iterator[None]:
    os.environ[RUN_VARIABLE] = run
    try:
        yield
    finally:
        del os.environ[RUN_VARIABLE]


@contextmanager
def _serving(folder: Path) -> Iterator[JobProcesses]:
    log = folder / "server.log"
    try:
        with job_processes.serving(folder, log) as processes:
            yield processes
    finally:
        _remove_if_empty(log)


def _remove_if_empty(file: Path) -> None:
    with suppress(OSError):
        if not file.stat().st_size:
            file.unlink()


@contextmanager
def _alive(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(liveness.alive(folder))
        except OSError as error:
            message = f"{folder} cannot be written, where runs are kept: {error.strerror}"
            raise ConfigurationError(message) from error
        yield


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
    with History.open(run.store.database) as history, RunLog(run.folder) as log:
        expected = history.expected((job.name for job in request.jobs), request.project)

        def publish(event: RunEvent) -> None:
            for consumer in (log.record, history.record, report):
                consumer(event)

        work = Run(definition, request.jobs, name=run.name, folder=run.folder, publish=publish)
        started = time.monotonic()
        publish(_started(definition, request, run, pace.cores, expected))
        notes = (*request.notes, history.note, log.note)
        _tell(publish, notes)
        code = work.execute(run.processes, expected, pace.cores, pace.policy)
        # A disk may have become full meanwhile.
        _tell(publish, {history.note, log.note}.difference(notes))
        # One more Ctrl-C must not keep the run from being completed.
        with interrupts.counted():
            _end_all_of(run.name)
            took = round(time.monotonic() - started, 3)
            first = work.first_bad
            publish(RunFinished(at=time.time(), seconds=took, exit_code=code, failed_first=first))
            history.prune()
    run_log.prune(run.store.runs)
    return code


def _tell(publish: Consumer, notes: Iterable[str]) -> None:
    for text in filter(None, notes):
        publish(Note(at=time.time(), text=text))


def _started(
    definition: Definition,
    request: Request,
    run: OpenRun,
    cores: int,
    expected: Mapping[str, float],
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
            )
            for job in request.jobs
        ),
    )
