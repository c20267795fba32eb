"""Which job starts when, and on how many cores: no process, no clock."""

from __future__ import annotations

import statistics
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import Final

from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result

_UNKNOWN_SECONDS: Final = 10.0
"""What a job is taken to last where no job's duration is known."""


class Policy(StrEnum):
    """What a job that did not pass means for the others; what needs it never runs."""

    AFTER = "after"
    """Those that come after it are cancelled."""
    FAIL_FAST = "fail-fast"
    """All are cancelled."""
    KEEP_GOING = "keep-going"
    """None is cancelled."""


@dataclass(frozen=True)
class Start:
    """A job to start now.

    Attributes:
        job: The job.
        cores: How many cores it may keep busy.
    """

    job: Job
    cores: int


@dataclass(frozen=True)
class Cancelled:
    """A job that is not worth its time any more.

    Attributes:
        job: Its name.
        reason: Why.
    """

    job: str
    reason: str


class Schedule:
    """The jobs of a run that have not ended.

    The longest remaining path goes first: a job's own time, and that of the longest chain of
    jobs that need it or come after it. ``needs`` are waited for, ``after`` is not.
    """

    def __init__(
        self, jobs: Sequence[Job], seconds: Mapping[str, float], cores: int, policy: Policy
    ) -> None:
        """Take the jobs over.

        Args:
            jobs: All of them, each after what it needs.
            seconds: How long they are expected to take, as far as anybody knows.
            cores: How many cores there are for all of them together, the tokens of one pool.
            policy: What a job that did not pass means for the others.
        """
        self._policy = policy
        self._cores = self._free = cores
        self._running: dict[str, Start] = {}
        self._in_vain: set[str] = set()
        paths = _longest_paths(jobs, seconds)
        # By rank, the longest path first; among equals the order of the definition.
        ranked = sorted(jobs, key=lambda job: -paths[job.name])
        self._waiting = {job.name: job for job in ranked}
        self._rank = {job.name: rank for rank, job in enumerate(ranked)}
        # Looked up instead of searched for: the jobs may be thousands.
        self._needed_by = _inverted((job.name, job.needs) for job in ranked)
        self._before = _inverted((job.name, job.after) for job in ranked)
        self._unmet = {job.name: set(job.needs) for job in ranked}
        self._ready = [job.name for job in ranked if not job.needs]

    @property
    def waiting(self) -> AbstractSet[str]:
        """The names of the jobs that have not started and may still do so."""
        return self._waiting.keys()

    @property
    def done(self) -> bool:
        """Whether no job is waiting or running."""
        return not self._waiting and not self._running

    def start(self) -> list[Start]:
        """Take the jobs that are to start now, as many as there are free cores."""
        starts: list[Start] = []
        while self._ready and self._free:
            job = self._waiting[self._ready[0]]
            cores = self._share(job, len(self._ready))
            if cores > self._free:
                # No smaller one slips past: the longest path would wait for ever.
                break
            self._free -= cores
            starts.append(Start(job, cores))
            self._running[job.name] = starts[-1]
            self._forget(job.name)
        return starts

    def finish(self, outcome: Outcome) -> list[Cancelled]:
        """Take down how a running job ended.

        Returns:
            Those that will not start any more, and those that run in vain, each once: the
            latter are still running until their own end is told.
        """
        self._free += self._running.pop(outcome.job).cores
        if outcome.result is Result.PASSED:
            self._meet(outcome.job)
            return []
        cancelled: list[Cancelled] = []
        ended = [(outcome.job, outcome.result)]
        # No recursion: a chain of needs may be as long as the plan.
        while ended:
            for consequence in self._consequences(*ended.pop()):
                cancelled.append(consequence)
                if consequence.job in self._running:
                    self._in_vain.add(consequence.job)
                else:
                    self._forget(consequence.job)
                    ended.append((consequence.job, Result.ABORTED))
        return cancelled

    def drop_all(self, reason: str) -> list[Cancelled]:
        """Forget every job that has not started."""
        dropped = [Cancelled(name, reason) for name in self._waiting]
        self._waiting.clear()
        self._ready.clear()
        return dropped

    def _meet(self, passed: str) -> None:
        for name in self._needed_by[passed]:
            self._unmet[name].discard(passed)
            if not self._unmet[name] and name in self._waiting:
                insort(self._ready, name, key=self._rank.__getitem__)

    def _forget(self, waiting: str) -> None:
        del self._waiting[waiting]
        if not self._unmet[waiting]:
            self._ready.remove(waiting)

    def _share(self, job: Job, competing: int) -> int:
        if job.cores is not None:
            return min(job.cores, self._cores)
        return max(1, self._free // competing)

    def _consequences(self, ended: str, result: Result) -> list[Cancelled]:
        told = f"{ended}, which {_ENDED.get(result, 'did not run to its end')}"
        unmet = [name for name in self._needed_by[ended] if name in self._waiting]
        cancelled = [Cancelled(name, f"it needs {told}") for name in unmet]
        if result is Result.SKIPPED or self._policy is Policy.KEEP_GOING:
            return cancelled
        if self._policy is Policy.FAIL_FAST:
            others = [*self._waiting, *self._running]
            reason = f"stopped at once (--fail-fast) after {told}"
        else:
            later = self._before[ended]
            others = [name for name in later if name in self._waiting or name in self._running]
            reason = f"it comes after {told}"
        told_already = self._in_vain.union(unmet)
        others = [name for name in others if name not in told_already]
        return cancelled + [Cancelled(name, reason) for name in others]


_ENDED: Final = {
    Result.FAILED: "failed",
    Result.UNAVAILABLE: "could not look",
    Result.SKIPPED: "is left to CI",
}


def _inverted(names: Iterable[tuple[str, Sequence[str]]]) -> defaultdict[str, list[str]]:
    """Return for each name those that name it, in their order."""
    inverted: defaultdict[str, list[str]] = defaultdict(list)
    for name, others in names:
        for other in dict.fromkeys(others):
            inverted[other].append(name)
    return inverted


def _longest_paths(jobs: Sequence[Job], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for each job the time of the longest chain that it begins."""
    followers: dict[str, list[str]] = {job.name: [] for job in jobs}
    for job in jobs:
        for earlier in {*job.needs, *job.after} & followers.keys():
            followers[earlier].append(job.name)
    expected = _expected(jobs, seconds)
    paths: dict[str, float] = {}
    for name in TopologicalSorter(followers).static_order():
        longest = max((paths[follower] for follower in followers[name]), default=0.0)
        paths[name] = expected[name] + longest
    return paths


def _expected(jobs: Sequence[Job], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for each job its time, or what the jobs of its gate, or all of them, usually take."""
    of_gate: defaultdict[str, list[float]] = defaultdict(list)
    for job in jobs:
        if job.name in seconds:
            of_gate[job.gate].append(seconds[job.name])
    usual = {gate: statistics.median(known) for gate, known in of_gate.items()}
    unknown = statistics.median(seconds.values()) if seconds else _UNKNOWN_SECONDS
    return {job.name: seconds.get(job.name, usual.get(job.gate, unknown)) for job in jobs}
