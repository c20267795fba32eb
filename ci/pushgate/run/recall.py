"""What a run takes from records, and what it adds to them."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pushgate.gates import execution
from pushgate.model.fingerprint import Fingerprint
from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.plan.definition import Definition
from pushgate.run import fingerprints
from pushgate.run.fingerprints import Fingerprints
from pushgate.run.records import Record, Records
from pushgate.tools import git
from pushgate.tools.listing import some

_PATIENCE: Final = 10
"""To look whether the files are still the same may take one part in so many of a run's time."""


@dataclass(frozen=True)
class Trust:
    """How far a run relies on records.

    Attributes:
        take: Whether passes are taken from them at all.
        verify: The share of them whose jobs are run all the same, from 0 to 1.
    """

    take: bool = True
    verify: float = 0.0


@dataclass(frozen=True)
class _Ended:
    """A job that has ended, and is not kept yet."""

    fingerprint: Fingerprint
    outcome: Outcome
    outputs: Path
    log: Path


class Recall:
    """The records of one run.

    Only passes are taken, and only passes and failures are kept: of jobs that have a
    fingerprint, on files that are still the same when they have ended.

    Attributes:
        verified: The jobs that have a pass in the records and are run all the same.
    """

    def __init__(
        self,
        definition: Definition,
        records: Records,
        taken: Fingerprints,
        *,
        run: str,
        trust: Trust,
    ) -> None:
        """Prepare the records of a run.

        Args:
            definition: The project's definition.
            records: Where they are kept.
            taken: What the jobs read, as it is now.
            run: The run's name.
            trust: How far it relies on records.
        """
        self._definition = definition
        self._records = records
        self._taken = taken
        self._run = run
        self._trust = trust
        self._pending: list[_Ended] = []
        self.verified: list[str] = []
        self._changed: tuple[str, ...] = ()
        self._looked, self._look_took = 0.0, 0.0

    def digests(self) -> Mapping[str, str]:
        """Return the digest of each job's fingerprint, by the job's name."""
        return {name: found.digest for name, found in self._taken.of.items()}

    def take(self, jobs: Sequence[Job], log: Mapping[str, Path]) -> dict[str, Outcome]:
        """Take over what has passed before: outputs and logs are put back.

        Args:
            jobs: The jobs of the run.
            log: Where the log of each goes.

        Returns:
            The outcomes of those jobs that need not run, by name.
        """
        if not self._trust.take:
            return {}
        found = {job: self._record(job) for job in jobs}
        return {
            job.name: outcome
            for job, record in found.items()
            if record and (outcome := self._put_back(job, record, log[job.name]))
        }

    def _record(self, job: Job) -> Record | None:
        fingerprint = self._taken.of.get(job.name)
        record = None if fingerprint is None else self._records.find(fingerprint)
        if record and random.random() < self._trust.verify:  # noqa: S311  # a sample
            self.verified.append(job.name)
            return None
        return record

    def _put_back(self, job: Job, record: Record, log: Path) -> Outcome | None:
        root = self._definition.settings.root
        started = time.monotonic()
        if not self._records.put_back(record, root / job.outputs, log):
            return None
        # A session that the project had already leaves no outcome.
        adopted = self._definition.is_adopted(job)
        if not adopted and not execution.take_over(root, job, self._state):
            return None
        return Outcome(
            job=job.name,
            result=Result.PASSED,
            reason=f"from its record: passed {ago(record.at)} in {record.seconds:.1f} s",
            seconds=round(time.monotonic() - started, 3),
            from_record=True,
        )

    @cached_property
    def _state(self) -> git.TrackedState:
        return git.tracked_state(self._definition.settings.repository)

    def add(self, job: Job, outcome: Outcome, log: Path) -> Outcome:
        """Keep how a job has ended; it is written as soon as the files are known to be the same.

        Args:
            job: The job, which was run.
            outcome: How it ended.
            log: All its output.

        Returns:
            The outcome; of a job that failed where it had passed before, its reason says so.
        """
        fingerprint = self._taken.of.get(job.name)
        # A pass after a failure is none to build on; the next run looks again.
        if fingerprint is None or outcome.flaky:
            return outcome
        if outcome.result is Result.FAILED and (passed := self._records.find(fingerprint)):
            outcome = replace(
                outcome,
                reason=f"{outcome.reason}; on exactly the same files it passed {ago(passed.at)} "
                f"(run {passed.run}): it is flaky, or reads what it does not declare",
            )
        if outcome.result in {Result.PASSED, Result.FAILED}:
            outputs = self._definition.settings.root / job.outputs
            self._pending.append(_Ended(fingerprint, outcome, outputs, log))
        return outcome

    def go_on(self) -> None:
        """Write what has ended, unless looking at the files took too much time of late."""
        if time.monotonic() - self._looked > _PATIENCE * self._look_took:
            self.write()

    @property
    def note(self) -> str:
        """Why something that has ended is not kept; empty where all is."""
        if not self._pending:
            return ""
        names = ", ".join(ended.outcome.job for ended in self._pending)
        changed = some(self._changed)
        return f"the files changed meanwhile ({changed}): how these ended is not recorded: {names}"

    def write(self) -> None:
        """Keep what has ended up to now, if the files are what they were before.

        A file that some job leaves lying for a moment only puts it off.
        """
        if not self._pending:
            return
        started = time.monotonic()
        self._changed = fingerprints.changed_since(self._definition, self._taken)
        if not self._changed:
            for ended in self._pending:
                self._records.keep(
                    ended.fingerprint,
                    ended.outcome,
                    run=self._run,
                    outputs=ended.outputs,
                    log=ended.log,
                )
            self._pending.clear()
        self._looked = time.monotonic()
        self._look_took = self._looked - started


def ago(at: float) -> str:
    """Say how long ago a moment was (seconds since the epoch)."""
    seconds = max(time.time() - at, 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
