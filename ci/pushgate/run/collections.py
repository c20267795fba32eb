"""The collections of a run: what the shards of one Python share, each collected once."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pushgate.gates.base import Collecting
from pushgate.model.job import Job
from pushgate.plan.definition import NOXFILE, Definition
from pushgate.run.job_processes import ESCALATION, Change, JobProcesses
from pushgate.run.schedule import Start
from pushgate.shards import shared

_SHARE_OF_A_SHARD: Final = 0.5
"""How long collecting is taken to last, as a part of what a shard lasts."""


@dataclass
class _Collection:
    """What the shards of one session share.

    Attributes:
        job: What stands for it in the schedule.
        address: Where it serves.
        left: Its shards that have not ended.
        ready: Whether the shards need not wait for it any more: it serves, or it has ended.
        alive: Whether its process was started and has not ended.
        since: When it started (``time.monotonic``), or was asked to.
        asked: How many of the steps of ``ESCALATION`` were taken.
    """

    job: Job
    left: set[str]
    address: str = field(default_factory=lambda: f"pushgate-{secrets.token_hex(16)}")
    ready: bool = False
    alive: bool = False
    since: float = 0.0
    asked: int = 0


class Collections:
    """The collections of a run, hidden from whoever looks at its jobs.

    In the schedule each is a job that its shards need. It passes, whatever becomes of it, when
    it serves or has ended; so it holds a core while it collects, and none while it serves.
    """

    def __init__(self, definition: Definition, jobs: Sequence[Job], folder: Path) -> None:
        """Find out what can be shared.

        Args:
            definition: The project's definition.
            jobs: The jobs of the run.
            folder: The run's folder, for the logs.
        """
        self._definition = definition
        self._folder = folder
        of_session: defaultdict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            if self._shares(job):
                of_session[job.session].append(job)
        self._by_name = {
            f"{session}.collection": _collection(f"{session}.collection", shards)
            for session, shards in of_session.items()
            if len(shards) > 1
        }
        self._of_shard = {
            shard: collection for collection in self._by_name.values() for shard in collection.left
        }

    @property
    def pending(self) -> bool:
        """Whether shards wait for one that was started: then ``become_ready`` tells soon."""
        return any(each.alive and not each.ready for each in self._by_name.values())

    @property
    def alive(self) -> bool:
        """Whether a process of one has not ended."""
        return any(each.alive for each in self._by_name.values())

    def __contains__(self, name: object) -> bool:
        """Tell whether a name of the schedule is a collection's."""
        return name in self._by_name

    def scheduled(self, jobs: Sequence[Job]) -> list[Job]:
        """Return jobs for the schedule, each shard after the collection that it needs."""
        planned: list[Job] = []
        for job in jobs:
            collection = self._of_shard.get(job.name)
            if collection is None:
                planned.append(job)
                continue
            if collection.job not in planned:
                planned.append(collection.job)
            planned.append(replace(job, needs=(*job.needs, collection.job.name)))
        return planned

    def seconds(self, known: Mapping[str, float]) -> dict[str, float]:
        """Return how long jobs take, with a guess for the collections of known shards."""
        guessed = {
            name: _SHARE_OF_A_SHARD * max(known[shard] for shard in collection.left & known.keys())
            for name, collection in self._by_name.items()
            if collection.left & known.keys()
        }
        return {**known, **guessed}

    def variables(self, job: str) -> dict[str, str]:
        """Return what tells a job where its collection is."""
        collection = self._of_shard.get(job)
        return {} if collection is None else {shared.ADDRESS_VARIABLE: collection.address}

    def start(self, processes: JobProcesses, start: Start, environment: Mapping[str, str]) -> None:
        """Start a collection."""
        collection = self._by_name[start.job.name]
        collection.alive, collection.since = True, time.monotonic()
        processes.start(
            start.job.name,
            [
                *("-f", NOXFILE, "-j", "1", "--no-dependencies", "-s", start.job.session),
                *("--", "--collect", collection.address),
            ],
            folder=self._definition.settings.root,
            environment=environment,
            log=self._folder / f"{start.job.name}.log",
        )

    def become_ready(self) -> list[str]:
        """Name those that shards need not wait for any more, each once; it does not wait."""
        found = []
        for name, collection in self._by_name.items():
            if not collection.ready and collection.alive and shared.ready(collection.address):
                collection.ready = True
                found.append(name)
        return found

    def look(self, processes: JobProcesses) -> None:
        """End those that collect for longer than one of their shards may take."""
        for name, collection in self._by_name.items():
            limit = collection.job.timeout
            late = limit is not None and time.monotonic() - collection.since > limit
            if late and not collection.ready:
                self.end(processes, name)

    def follow(self, change: Change) -> bool:
        """Take down that one has started or ended; tell whether shards were waiting for it."""
        collection = self._by_name[change.job]
        if change.status is None:
            return False
        collection.alive = False
        waited, collection.ready = not collection.ready, True
        return waited

    def leave(self, processes: JobProcesses, job: str) -> None:
        """Take down that a job has ended or never will start, and end what was for it alone."""
        collection = self._of_shard.get(job)
        if collection is not None:
            collection.left.discard(job)
            if not collection.left:
                self.end(processes, collection.job.name)

    def end(self, processes: JobProcesses, name: str, steps: int = 1) -> None:
        """Ask one to end, terminate it, or kill it."""
        collection = self._by_name[name]
        while collection.alive and collection.asked < min(steps, len(ESCALATION)):
            processes.end(name, ESCALATION[collection.asked])
            collection.asked += 1

    def interrupt(self, processes: JobProcesses, steps: int) -> None:
        """Take the steps of an interrupt with all that serve no running shard."""
        for name, collection in self._by_name.items():
            if not (collection.ready and collection.left):
                self.end(processes, name, steps)

    def _shares(self, job: Job) -> bool:
        gate = self._definition.gates.get(job.gate)
        # With workers of its own, a shard collects in each of them.
        alone = job.shard is not None and job.cores == 1
        if not (shared.supported() and alone and isinstance(gate, Collecting)):
            return False
        return gate.collects(self._definition.settings)


def _collection(name: str, shards: Sequence[Job]) -> _Collection:
    job = replace(shards[0], name=name, shard=None)
    return _Collection(job, {shard.name for shard in shards})
