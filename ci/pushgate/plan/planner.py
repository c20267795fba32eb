"""Which jobs an event selects, and why."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Collection
from dataclasses import dataclass

from pushgate.model import globs
from pushgate.model.event import Event
from pushgate.model.job import Job
from pushgate.model.plan import Plan, PlannedJob
from pushgate.model.settings import ConfigurationError
from pushgate.plan.changes import Changes
from pushgate.plan.definition import DEFINING, Definition


def plan(
    definition: Definition,
    event: Event,
    wanted: Collection[str] = (),
    changes: Changes | None = None,
) -> Plan:
    """Select the jobs of an event.

    Args:
        definition: The project's definition.
        event: What CI would see.
        wanted: Only these: names of jobs, sessions or gates; all that the event selects
            unless given. What they need comes with them.
        changes: The files that the event changes: jobs that read none of them are out.
            Unless given, every file counts as changed.

    Raises:
        ConfigurationError: A name in ``wanted`` is none.
    """
    wanted = frozenset(wanted)
    _refuse_unknown(definition, wanted)
    changed = _Changed.seen_from(definition, changes) if changes else None
    chosen = {
        job.name: _asked(job, wanted) if wanted else _decision(job, event, changed)
        for job in definition.jobs
    }
    # Backwards, each job before what it needs: one pass reaches all that is needed.
    for job in reversed(definition.jobs):
        for need in job.needs:
            if chosen[job.name][0] and not chosen[need][0]:
                chosen[need] = (True, f"{job.name} needs it")
    jobs = tuple(PlannedJob(job, *chosen[job.name]) for job in definition.jobs)
    return Plan(event, jobs, definition.off, str(changes or ""))


def _asked(job: Job, wanted: frozenset[str]) -> tuple[bool, str]:
    asked = not wanted.isdisjoint((job.name, job.session, job.gate))
    return asked, "asked for" if asked else "not asked for"


def _decision(job: Job, event: Event, changed: _Changed | None) -> tuple[bool, str]:
    patterns = ", ".join(map(str, job.on))
    if job.on and not any(pattern.matches(event) for pattern in job.on):
        return False, f"only on {patterns}, and this is {event}"
    if changed and job.inputs != globs.EVERYTHING:
        return changed.decision(job)
    if not job.on:
        return True, "every event selects it"
    return True, f"{event} is one of its events: {patterns}"


@dataclass(frozen=True)
class _Changed:
    """What changed, as the jobs of a project see it.

    Attributes:
        paths: The changed files from the top of the repository, sorted; None: all files.
        since: What they were compared with, or why all count as changed.
        folder: The project's folder, from the top of the repository.
        definition: The first file that changed and defines the jobs, if there is one.
    """

    paths: tuple[str, ...] | None
    since: str
    folder: str
    definition: str | None

    @classmethod
    def seen_from(cls, definition: Definition, changes: Changes) -> _Changed:
        settings = definition.settings
        folder = settings.folder
        if changes.files is None:
            return cls(None, str(changes), folder, None)
        files = [settings.root / name for name in DEFINING]
        if settings.dependencies.lock:
            files.append(settings.dependencies.lock)
        changed = (
            file.name
            for file in files
            if file.relative_to(settings.repository).as_posix() in changes.files
        )
        return cls(tuple(sorted(changes.files)), changes.since, folder, next(changed, None))

    def decision(self, job: Job) -> tuple[bool, str]:
        if self.paths is None:
            return True, self.since
        read = list(globs.translated(job.inputs, self.folder).among(self.paths))
        if read:
            more = f" and {len(read) - 1} more" if len(read) > 1 else ""
            return True, f"{self._told(read[0])}{more} changed since {self.since}"
        if self.definition:
            return True, f"{self.definition}, which defines it, changed since {self.since}"
        return False, f"no file of its inputs changed since {self.since}"

    def _told(self, path: str) -> str:
        """Name a file as its project would, in one line whatever it is called."""
        name = posixpath.relpath(path, self.folder or ".")
        return name if name.isprintable() else repr(name)


def _refuse_unknown(definition: Definition, wanted: frozenset[str]) -> None:
    known = {name for job in definition.jobs for name in (job.name, job.session, job.gate)}
    off = {gate.gate: gate.reason for gate in definition.off}
    problems = []
    for name in sorted(wanted - known):
        near = difflib.get_close_matches(name, known, n=1)
        if name in off:
            problems.append(f"gate {name} is off: {off[name]}")
        else:
            hint = f"did you mean {near[0]!r}?" if near else "`pushgate plan` lists them"
            problems.append(f"no job, session or gate is called {name!r}: {hint}")
    if problems:
        raise ConfigurationError(*problems)
