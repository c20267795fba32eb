"""The jobs that an event selects."""

from __future__ import annotations

from dataclasses import dataclass

from pushgate.model.event import Event
from pushgate.model.job import Job


@dataclass(frozen=True)
class PlannedJob:
    """A job with the decision about it.

    Attributes:
        job: The job.
        selected: Whether the event selects it.
        reason: Why, or why not, in a few words.
    """

    job: Job
    selected: bool
    reason: str


@dataclass(frozen=True)
class GateOff:
    """A gate that has no job at all in this project.

    Attributes:
        gate: The gate's name.
        reason: Why, such as ``no import-linter contract``.
    """

    gate: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """All jobs of a project, in an order in which each comes after what it needs.

    Attributes:
        event: The event that decided.
        jobs: Every job of every gate that is on.
        off: The gates that are off.
        since: What the files were compared with to tell which changed, or why all count
            as changed; empty where nobody asked.
    """

    event: Event
    jobs: tuple[PlannedJob, ...]
    off: tuple[GateOff, ...]
    since: str = ""

    @property
    def selected(self) -> tuple[Job, ...]:
        """The jobs that would run."""
        return tuple(planned.job for planned in self.jobs if planned.selected)
