"""Running the jobs of a plan side by side, and telling what happens."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pushgate.gates import database
from pushgate.gates.base import CORES_VARIABLE, RUN_VARIABLE
from pushgate.model.job import Job
from pushgate.model.outcome import ExitCode, Outcome, Result, exit_code
from pushgate.model.run_event import Consumer, JobFinished, JobOutput, JobStarted, Note
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import NOXFILE, Definition, require_sessions
from pushgate.run import job_output, job_processes, run_log
from pushgate.run.collections import Collections
from pushgate.run.job_processes import ESCALATION, Change, JobProcesses, ServerLostError
from pushgate.run.judgement import judge
from pushgate.run.preparation import Preparation
from pushgate.run.recall import Recall
from pushgate.run.schedule import Cancelled, Policy, Schedule, Start
from pushgate.tools import interrupts, process

_TICK_SECONDS: Final = 0.25
"""How often outputs and time limits are looked at."""

_MOMENT_SECONDS: Final = 0.02
"""How often it is looked whether a collection serves while shards wait for it."""

THREAD_VARIABLES: Final = (
    # How many threads OpenMP, the BLAS libraries, numexpr and Rust's rayon take.
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass
class _Running:
    """A job that runs.

    Attributes:
        start: The job with its cores.
        log: The file of its output.
        since: When it started (``time.monotonic``), or was asked to.
        size: How much of its output was told.
        cancelled: Why it was asked to end; empty where it was not.
        asked: How many of the steps of ``ESCALATION`` were taken.
    """

    start: Start
    log: Path
    since: float = field(default_factory=time.monotonic)
    size: int = 0
    cancelled: str = ""
    asked: int = 0


class Run:
    """The jobs of a plan, from the first start to the last end."""

    def __init__(
        self,
        definition: Definition,
        jobs: Sequence[Job],
        *,
        name: str,
        folder: Path,
        publish: Consumer,
        recall: Recall,
    ) -> None:
        """Prepare a run.

        Args:
            definition: The project's definition; its jobs run in the project's folder.
            jobs: The jobs, with all that they need.
            name: The name of the run; every process of it has it in its environment.
            folder: A folder of the run's own; its logs and Nox's reports go there.
            publish: Is told what happens.
            recall: The records of the run.

        Raises:
            ConfigurationError: The project has no gate, or no session for them.
        """
        if not definition.jobs:
            reasons = (f"gate {gate.gate} is off: {gate.reason}" for gate in definition.off)
            message = "no gate is on: there is nothing to run"
            raise ConfigurationError(message, *reasons)
        require_sessions(definition)
        self._definition = definition
        self._jobs = jobs
        self._name = name
        self._folder = folder
        self._publish = publish
        self._recall = recall
        self._running: dict[str, _Running] = {}
        self._outcomes: list[Outcome] = []
        self._preparation = Preparation(definition, jobs, folder)
        self._collections = Collections(definition, (), folder)
        self._servers: Mapping[str, str] = {}
        self._looked = 0.0
        self.first_bad = ""

    def execute(self, seconds: Mapping[str, float], cores: int, policy: Policy) -> ExitCode:
        """Run every job.

        An interrupt asks the jobs to end, a second one terminates them, a third one kills
        them; nothing of them is left.

        Args:
            seconds: How long jobs are expected to take, as far as anybody knows.
            cores: How many cores the run may keep busy.
            policy: What a job that did not pass means for the others.

        Returns:
            What the shell is to be told.
        """
        with interrupts.counted() as signals:
            left = self._without_recalled()
            self._collections = Collections(self._definition, left, self._folder)
            schedule = Schedule(
                *(self._collections.scheduled(left), self._collections.seconds(seconds)),
                *(cores, policy),
            )
            if not schedule.done:
                gates = [self._definition.gates[job.gate] for job in left]
                with database.servers(gates, self._definition.settings, self._name) as told:
                    self._servers = told
                    self._carry_out(schedule, signals)
            self._recall.write()
        return ExitCode.INTERRUPTED if signals.count else exit_code(self._outcomes)

    def _carry_out(self, schedule: Schedule, signals: interrupts.Counted) -> None:
        root, log = self._definition.settings.root, self._folder / "server.log"
        with job_processes.serving(root, self._folder, log) as processes:
            try:
                while not schedule.done or self._collections.alive:
                    if signals.count:
                        self._interrupt(schedule, processes, signals.count)
                    for start in schedule.start():
                        self._start(processes, start)
                    # After the starts: what has ended is written while others run.
                    self._recall.go_on()
                    self._preparation.go_on(processes, schedule.waiting, self._environment(1, 1))
                    tick = _MOMENT_SECONDS if self._collections.pending else _TICK_SECONDS
                    job_processes.wait(processes, signals.wakeup, tick)
                    for change in processes.changes():
                        self._follow(schedule, processes, change)
                    for collection in self._collections.become_ready():
                        _release(schedule, collection)
                    self._look(processes)
            except ServerLostError as error:
                self._give_up(schedule, "interrupted" if signals.count else str(error))

    def _without_recalled(self) -> list[Job]:
        """Tell of the jobs that have passed before; return the others, which wait for none."""
        logs = {job.name: self._file(job, "log") for job in self._jobs}
        recalled = self._recall.take(self._jobs, logs)
        for name, outcome in recalled.items():
            self._told(outcome, logs[name])
        if verified := ", ".join(self._recall.verified):
            text = f"run all the same, to verify what is recorded: {verified}"
            self._publish(Note(at=time.time(), text=text))
        return [
            replace(
                job,
                needs=tuple(name for name in job.needs if name not in recalled),
                after=tuple(name for name in job.after if name not in recalled),
            )
            for job in self._jobs
            if job.name not in recalled
        ]

    def _start(self, processes: JobProcesses, start: Start) -> None:
        job = start.job
        if job.name in self._collections:
            self._collections.start(processes, start, self._environment(1, 1))
            return
        log = self._file(job, "log")
        # One process, whatever the shell or the noxfile says: the cores are given out here.
        arguments = ["-f", NOXFILE, "-j", "1", "--report", str(self._file(job, "json"))]
        if not self._definition.is_adopted(job):
            # What it needs has run; a session of the project's own may require others of its own.
            arguments.append("--no-dependencies")
        processes.start(
            job.name,
            [*arguments, *job.call[1:]],
            folder=self._definition.settings.root,
            # Processes that share a job's cores have one thread each.
            environment={
                **self._environment(start.cores, 1 if job.cores is None else start.cores),
                **self._collections.variables(job.name),
            },
            log=log,
        )
        self._running[job.name] = _Running(start, log)
        self._publish(JobStarted(at=time.time(), job=job.name, cores=start.cores, log=str(log)))

    def _environment(self, cores: int, threads: int) -> dict[str, str]:
        limits = dict.fromkeys(THREAD_VARIABLES, str(threads))
        return {
            **limits,
            **process.clean_environment(),
            **self._servers,
            RUN_VARIABLE: self._name,
            CORES_VARIABLE: str(cores),
        }

    def _file(self, job: Job, suffix: str) -> Path:
        return self._folder / f"{job.name}.{suffix}"

    def _follow(self, schedule: Schedule, processes: JobProcesses, change: Change) -> None:
        if self._preparation.follow(change.job, change.status):
            return
        if change.job in self._collections:
            if self._collections.follow(change):
                _release(schedule, change.job)
        elif change.status is None:
            # The server itself takes a moment to start, which is no time of the job's.
            self._running[change.job].since = change.at
        else:
            running = self._running.pop(change.job)
            took = round(change.at - running.since, 3)
            outcome = self._outcome(running, change.status)
            self._finish(schedule, processes, running, replace(outcome, seconds=took))

    def _outcome(self, running: _Running, status: int) -> Outcome:
        job = running.start.job
        outcome = judge(self._definition, job, self._name, self._file(job, "json"), status)
        if running.cancelled and outcome.result is not Result.PASSED:
            return replace(outcome, result=Result.ABORTED, reason=running.cancelled)
        return outcome

    def _finish(
        self, schedule: Schedule, processes: JobProcesses, running: _Running, outcome: Outcome
    ) -> None:
        job = running.start.job
        # A log that cannot be shortened stays as it is.
        with suppress(OSError):
            run_log.shorten(running.log)
        outcome = self._recall.add(job, outcome, running.log)
        self._told(outcome, running.log)
        self._collections.leave(processes, job.name)
        for cancelled in schedule.finish(outcome):
            self._cancel(processes, cancelled)

    def _cancel(self, processes: JobProcesses, cancelled: Cancelled) -> None:
        if cancelled.job in self._collections:
            self._collections.end(processes, cancelled.job)
            return
        running = self._running.get(cancelled.job)
        if running is None:
            self._never_started(cancelled)
            self._collections.leave(processes, cancelled.job)
        else:
            self._end(processes, running, cancelled.reason)

    def _never_started(self, cancelled: Cancelled) -> None:
        outcome = Outcome(job=cancelled.job, result=Result.ABORTED, reason=cancelled.reason)
        self._told(outcome, None)

    def _told(self, outcome: Outcome, log: Path | None) -> None:
        self._outcomes.append(outcome)
        if not self.first_bad and outcome.result not in {Result.PASSED, Result.SKIPPED}:
            self.first_bad = outcome.job
        self._publish(
            JobFinished(at=time.time(), outcome=outcome, log="" if log is None else str(log))
        )

    def _end(self, processes: JobProcesses, running: _Running, reason: str, steps: int = 1) -> None:
        running.cancelled = running.cancelled or reason
        while running.asked < min(steps, len(ESCALATION)):
            processes.end(running.start.job.name, ESCALATION[running.asked])
            running.asked += 1

    def _interrupt(self, schedule: Schedule, processes: JobProcesses, times: int) -> None:
        for running in self._running.values():
            self._end(processes, running, "interrupted", times)
        for cancelled in schedule.drop_all("interrupted"):
            self._cancel(processes, cancelled)
        self._collections.interrupt(processes, times)

    def _look(self, processes: JobProcesses) -> None:
        """Tell what the jobs have printed, and end those whose time is over."""
        if time.monotonic() - self._looked < _TICK_SECONDS:
            return
        self._looked = time.monotonic()
        self._collections.look(processes)
        for running in self._running.values():
            size, line = job_output.look(running.log, running.size)
            if size != running.size:
                running.size = size
                name = running.start.job.name
                self._publish(JobOutput(at=time.time(), job=name, line=line, size=size))
            limit = running.start.job.timeout
            if limit is not None and time.monotonic() - running.since > limit:
                self._end(processes, running, f"timed out: its limit is {limit:g} s (timeout)")

    def _give_up(self, schedule: Schedule, reason: str) -> None:
        schedule.drop_all(reason)
        # Also those that were just to be started: no job may go without an outcome.
        told = {outcome.job for outcome in self._outcomes}
        for job in self._jobs:
            if job.name not in told:
                running = self._running.get(job.name)
                outcome = Outcome(job=job.name, result=Result.ABORTED, reason=reason)
                self._told(outcome, None if running is None else running.log)


def _release(schedule: Schedule, collection: str) -> None:
    """Let shards start: whatever became of their collection, each is judged on its own."""
    schedule.finish(Outcome(job=collection, result=Result.PASSED))
