"""How far a run is, by what its events have told."""

from __future__ import annotations

import statistics

from pushgate.model.run_event import (
    ExpectedJob,
    JobFinished,
    JobStarted,
    RunEvent,
    RunStarted,
)


class Progress:
    """The state of a run.

    Attributes:
        jobs: All jobs, by name, in the order of the definition.
        running: When each job that runs was started (seconds since the epoch).
        ended: How jobs ended, by name, in that order.
        project: The project's folder in the user's working tree.
        cores: How many cores the run keeps busy.
        commit: The id of the commit that is looked at in a clean checkout; empty for the
            files as they are.
        since: When the run began.
        runs: How many runs began up to now; all else is about the last one.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, ExpectedJob] = {}
        self.running: dict[str, float] = {}
        self.ended: dict[str, JobFinished] = {}
        self.project = ""
        self.cores = 1
        self.commit = ""
        self.since = 0.0
        self.runs = 0

    def follow(self, event: RunEvent) -> None:
        """Take over what an event tells."""
        match event:
            case RunStarted():
                self.runs += 1
                self.jobs = {job.name: job for job in event.jobs}
                self.running, self.ended = {}, {}
                self.project, self.cores = event.project, event.cores
                self.commit = event.commit if event.folder != event.project else ""
                self.since = event.at
            case JobStarted():
                self.running[event.job] = event.at
            case JobFinished():
                self.running.pop(event.outcome.job, None)
                self.ended[event.outcome.job] = event
            case _:
                pass

    @property
    def waiting(self) -> list[str]:
        """The jobs that have not started, in the order of the definition."""
        return [name for name in self.jobs if name not in self.ended and name not in self.running]

    def share(self, now: float) -> float:
        """Return which share of the expected work is done, from 0 to 1."""
        if not self.jobs:
            return 1.0
        typical = self._typical() or 1.0
        work = sum(self._expected(job, typical) for job in self.jobs.values())
        left = sum(self._left(now, typical).values())
        # Nothing is done while something runs, however long it takes.
        most = 1.0 if len(self.ended) == len(self.jobs) else 0.99
        return min(1 - left / work, most) if work else most

    def seconds_left(self, now: float) -> float | None:
        """Estimate how many seconds the run will take from now on.

        The unfinished jobs are spread over the cores; the longest chain of jobs that need
        each other is the least that it can take.

        Returns:
            None where nobody knows how long any job takes.
        """
        typical = self._typical()
        if typical is None:
            return None
        left = self._left(now, typical)
        chains: dict[str, float] = {}
        for name, job in self.jobs.items():
            before = max((chains.get(need, 0.0) for need in job.needs), default=0.0)
            chains[name] = left[name] + before
        return max(sum(left.values()) / self.cores, *chains.values(), 0.0)

    def _typical(self) -> float | None:
        """Return what stands for a job that nobody has measured: the median of the others."""
        known = [job.seconds for job in self.jobs.values() if job.seconds is not None]
        measured = [ended.outcome.seconds for ended in self.ended.values() if ended.log]
        times = known or measured
        return statistics.median(times) if times else None

    def _expected(self, job: ExpectedJob, typical: float) -> float:
        return typical if job.seconds is None else job.seconds

    def _left(self, now: float, typical: float) -> dict[str, float]:
        left = {}
        for name, job in self.jobs.items():
            seconds = 0.0 if name in self.ended else self._expected(job, typical)
            left[name] = max(seconds - (now - self.running.get(name, now)), 0.0)
        return left
