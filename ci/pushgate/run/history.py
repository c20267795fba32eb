"""The runs of a repository and how their jobs ended, kept for those that come later."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from pushgate.model.outcome import Result
from pushgate.model.run_event import JobFinished, JobStarted, RunEvent, RunFinished, RunStarted
from pushgate.run.kept import Kept
from pushgate.run.summary import KILLED, JobSummary, RunSummary

_START: Final = (
    "INSERT INTO run (name, project, target, commit_id, event, cores, started) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_EXPECT: Final = (
    "INSERT INTO job (run, name, gate, call, fingerprint) "
    "VALUES ((SELECT id FROM run WHERE name = ?), ?, ?, ?, ?)"
)
_START_JOB: Final = (
    "UPDATE job SET started = ?, log = ? "
    "WHERE run = (SELECT id FROM run WHERE name = ?) AND name = ?"
)
_FINISH_JOB: Final = (
    "UPDATE job SET result = ?, reason = ?, seconds = ?, attempts = ?, from_record = ?, log = ?, "
    "ended = ? "
    "WHERE run = (SELECT id FROM run WHERE name = ?) AND name = ?"
)
_ABORT_REST: Final = (
    "UPDATE job SET result = 'aborted', reason = ? WHERE result IS NULL "
    "AND run = (SELECT id FROM run WHERE name = ? AND exit_code IS NULL)"
)
_FINISH: Final = "UPDATE run SET seconds = ?, exit_code = ?, failed_first = ? WHERE name = ?"
_KILL: Final = "UPDATE run SET exit_code = ? WHERE name = ? AND exit_code IS NULL"

_EXPECTED: Final = """
    SELECT job.name, job.seconds, run.project = :project AS own
    FROM json_each(:jobs) AS asked
    JOIN job ON job.id IN (
        SELECT passed.id FROM job AS passed JOIN run AS its ON its.id = passed.run
        WHERE passed.name = asked.value AND passed.result = 'passed' AND NOT passed.from_record
        ORDER BY its.project = :project DESC, passed.run DESC LIMIT 10
    )
    JOIN run ON run.id = job.run
"""
_JOBS: Final = (
    "SELECT * FROM judged_job WHERE run = (SELECT id FROM run WHERE name = ?) ORDER BY id"
)
_SUMMARIES: Final = """
    SELECT run.name, project, target, commit_id AS "commit", event, cores,
        run.started, run.seconds, exit_code,
        count(job.id) AS jobs,
        count(CASE job.result WHEN 'passed' THEN 1 END) AS passed,
        count(CASE job.result WHEN 'failed' THEN 1 END) AS failed,
        count(CASE job.result WHEN 'unavailable' THEN 1 END) AS unavailable,
        count(CASE job.result WHEN 'aborted' THEN 1 END) AS aborted,
        count(CASE job.result WHEN 'skipped' THEN 1 END) AS skipped,
        count(CASE WHEN job.from_record THEN 1 END) AS from_records,
        count(CASE WHEN job.result = 'passed' AND (job.attempts > 1 OR both_ways) THEN 1 END)
            AS flaky,
        count(CASE WHEN job.result = 'failed' AND both_ways THEN 1 END) AS flaky_failures,
        coalesce(failed_first, (
            SELECT name FROM job AS other WHERE other.run = run.id AND other.ended IS NOT NULL
            AND other.result IN ('failed', 'unavailable', 'aborted') ORDER BY other.ended LIMIT 1
        ), '') AS failed_first
    FROM run LEFT JOIN judged_job AS job ON job.run = run.id
    WHERE run.id IN (SELECT value FROM json_each(?))
    GROUP BY run.id ORDER BY run.id DESC
"""


class History(Kept):
    """The history of a repository's runs: a consumer of a run's events, and answers about it."""

    _unusable = "the history of runs cannot be used"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._run = ""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the history, made anew where it is missing or damaged.

        Args:
            path: The database, absolute; its folder need not exist.
        """
        return cls(path)

    def record(self, event: RunEvent) -> None:
        """Take down an event of a run; one object records one run at a time."""
        match event:
            case RunStarted():
                self._start(event)
            case JobStarted(at=at, job=job, log=log):
                self._change((_START_JOB, (at, log, self._run, job)))
            case JobFinished(at=at, outcome=end, log=log):
                how = (
                    str(end.result),
                    end.reason,
                    end.seconds,
                    end.attempts,
                    end.from_record,
                    log,
                    at,
                )
                self._change((_FINISH_JOB, (*how, self._run, end.job)))
            case RunFinished(seconds=seconds, exit_code=code, failed_first=first):
                self._change(
                    (_ABORT_REST, ("the run ended before it", self._run)),
                    (_FINISH, (seconds, int(code), first or None, self._run)),
                )
            case _:
                return

    def _start(self, event: RunStarted) -> None:
        self._run = event.run
        about = (event.project, event.target, event.commit, event.event, event.cores, event.at)
        jobs = (
            (_EXPECT, (event.run, job.name, job.gate, job.call, job.fingerprint))
            for job in event.jobs
        )
        self._change((_START, (event.run, *about)), *jobs)

    def expected(self, jobs: Iterable[str], project: Path | None = None) -> dict[str, float]:
        """Tell how long jobs may take: the median of their last ten passes.

        Args:
            jobs: Their names.
            project: The project's folder. Its own passes count; where a job has none, those of
                the repository's other projects and worktrees do.

        Returns:
            Seconds by name, without those that never passed.
        """
        # Only a run asks; whoever else opens the history need not wait for the import.
        from statistics import median  # noqa: PLC0415

        asked = {"jobs": json.dumps(list(jobs)), "project": str(project or "")}
        own: dict[str, list[float]] = defaultdict(list)
        other: dict[str, list[float]] = defaultdict(list)
        for row in self._rows(_EXPECTED, asked):
            (own if row["own"] else other)[row["name"]].append(row["seconds"])
        return {name: median(seconds) for name, seconds in {**other, **own}.items()}

    def runs(self, limit: int) -> tuple[RunSummary, ...]:
        """Return the last runs of all projects, the newest first.

        Args:
            limit: At most how many.
        """
        return self._summaries("SELECT id FROM run ORDER BY id DESC LIMIT ?", limit)

    def find(self, prefix: str) -> tuple[RunSummary, ...]:
        """Return the runs whose names begin with ``prefix``, the newest first."""
        return self._summaries(
            "SELECT id FROM run WHERE substr(name, 1, ?) = ?", len(prefix), prefix
        )

    def last(self, project: Path) -> RunSummary | None:
        """Return a project's last run that has ended, in whichever way.

        An interrupted or killed run counts: what it left undone is not known to pass.

        Args:
            project: Its folder in the user's working tree, as in ``RunStarted``.
        """
        chosen = (
            "SELECT id FROM run WHERE project = ? AND exit_code IS NOT NULL "
            "ORDER BY id DESC LIMIT 1"
        )
        return next(iter(self._summaries(chosen, str(project))), None)

    def jobs(self, run: str) -> tuple[JobSummary, ...]:
        """Return the jobs of a run in the order of the definition."""
        return tuple(JobSummary.of(row) for row in self._rows(_JOBS, (run,)))

    def not_passed(self, run: str) -> tuple[str, ...]:
        """Name a run's jobs that failed, could not look, were aborted or never ended."""
        done = {Result.PASSED, Result.SKIPPED}
        return tuple(job.name for job in self.jobs(run) if job.result not in done)

    def mark_killed(self, run: str) -> None:
        """Complete a run whose process is gone; one that has ended stays as it is."""
        self._change(
            (_ABORT_REST, ("the run was killed", run)),
            (_KILL, (KILLED, run)),
        )

    def prune(self, keep_runs: int = 200) -> tuple[str, ...]:
        """Drop the oldest runs.

        Args:
            keep_runs: How many are kept.

        Returns:
            The names of those that were dropped.
        """
        old = self._rows("SELECT name FROM run ORDER BY id DESC LIMIT -1 OFFSET ?", (keep_runs,))
        names = tuple(row["name"] for row in old)
        if names:
            drop = "DELETE FROM run WHERE name IN (SELECT value FROM json_each(?))"
            self._change((drop, (json.dumps(names),)))
        return names

    def _summaries(self, chosen: str, *parameters: object) -> tuple[RunSummary, ...]:
        ids = [row["id"] for row in self._rows(chosen, parameters)]
        return tuple(RunSummary.of(row) for row in self._rows(_SUMMARIES, (json.dumps(ids),)))
