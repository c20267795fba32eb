"""What every CI provider's workflow says, in words that are no provider's."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Protocol, runtime_checkable

from packaging.utils import canonicalize_name

from pushgate.config import pythons
from pushgate.config.requirements import group_of, requirement_names
from pushgate.gates import coverage, test
from pushgate.gates.base import WithServices
from pushgate.model import globs
from pushgate.model.ci import CiSettings
from pushgate.model.event import Event
from pushgate.model.job import Job
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import ConfigurationError, Settings
from pushgate.plan.definition import DEFINING, Definition

_SETTING_UP_MINUTES: Final = 5
"""What a machine may take beside the job itself: the checkout, uv, the environment."""

_MINUTE_SECONDS: Final = 60

_CI: Final = "tool.pushgate.ci"


@dataclass(frozen=True)
class Selection:
    """One way in which an event selects a gate: it has to match both.

    Attributes:
        on: Patterns of events; empty: every event.
        inputs: Globs from the top of the repository, of which a file must have changed;
            empty: no file need have changed.
    """

    on: tuple[Event, ...] = ()
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PipelineGate:
    """A gate as the provider runs it: a job, or a matrix of jobs.

    Attributes:
        name: The gate's name.
        jobs: Its jobs, each one Nox call.
        systems: Further machines, by label, on which each of them runs as well.
        needs: The gates whose outputs it reads.
        after: The gates without whose pass it is not worth a machine, other than ``needs``.
        selected_by: What selects it: any of these; empty: every event.
        minutes: How long a job may take.
        artifact_days: For how many days its outputs are kept; None: nobody wants them.
        postgres: The PostgreSQL that each of its jobs uses; None: they use none.
    """

    name: str
    jobs: tuple[Job, ...]
    systems: tuple[str, ...]
    needs: tuple[str, ...]
    after: tuple[str, ...]
    selected_by: tuple[Selection, ...]
    minutes: int
    artifact_days: int | None
    postgres: PostgresOptions | None

    @property
    def sessions(self) -> tuple[str, ...]:
        """The Nox sessions of its jobs."""
        return tuple(dict.fromkeys(job.session for job in self.jobs))

    @property
    def shards(self) -> int:
        """Into how many jobs each session is split; 1 where it is not."""
        return max(job.shard.count if job.shard else 1 for job in self.jobs)

    def selected_for(self, event: Event) -> tuple[Selection, ...]:
        """Return what selects it where an event happens; empty: nothing does."""
        return tuple(
            Selection((event,), selection.inputs)
            for selection in self.selected_by or (Selection(),)
            if not selection.on or any(pattern.matches(event) for pattern in selection.on)
        )


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """All that a workflow file says.

    Attributes:
        folder: The project's folder, from the top of the repository; empty for the top.
        branches: The long-lived branches; the first is the main branch.
        pushes: Patterns of branches whose pushes gates ask for, besides these.
        pull_requests: Patterns of base branches that gates ask for, besides these.
        locks: The lock files of the environments, from the top of the repository.
        command: What starts Nox in the locked environment, up to its own arguments.
        pushgate: What starts Pushgate there.
        defining: The files that define the jobs, from the top of the repository.
        ci: What CI is told beyond the gates.
        gates: In an order in which each comes after what it needs.
    """

    folder: str
    branches: tuple[str, ...]
    pushes: tuple[str, ...]
    pull_requests: tuple[str, ...]
    locks: tuple[str, ...]
    command: tuple[str, ...]
    pushgate: tuple[str, ...]
    defining: tuple[str, ...]
    ci: CiSettings
    gates: tuple[PipelineGate, ...]

    def gate(self, name: str) -> PipelineGate:
        """Return the gate of a name.

        Raises:
            KeyError: There is none.
        """
        return {gate.name: gate for gate in self.gates}[name]


@runtime_checkable
class HandsOn(Protocol):
    """A gate whose outputs are of use to people, for some days."""

    ARTIFACT_DAYS: int


def nox_arguments(job: Job) -> tuple[str, ...]:
    """Return what Nox is told in CI to carry out one job, and nothing that it needs."""
    return ("--no-dependencies", *job.call[1:])


def unscheduled(gate: PipelineGate, pipeline: Pipeline) -> Iterator[str]:
    """Yield a line where a gate asks for schedules, and nothing says when they are."""
    asked = (event for selection in gate.selected_by for event in selection.on)
    if Event("schedule") in asked and not pipeline.ci.schedule:
        yield (
            f"tool.pushgate.gates.{gate.name}.on names schedule, and nothing says when: set "
            "schedule in [tool.pushgate.ci], for example ['17 3 * * 1']"
        )


def of(definition: Definition) -> Pipeline:
    """Derive a workflow from a definition.

    Raises:
        ConfigurationError: No gate is on; or ``ci`` names a gate that cannot do what it is to do;
            or the project has a lock, and Pushgate is not in it.
    """
    if not definition.jobs:
        message = "no gate is on, so CI has nothing to run: `pushgate plan` tells why"
        raise ConfigurationError(message)
    settings = definition.settings
    folder = settings.folder
    gates = tuple(_gates(definition, folder))
    if problems := [*_problems(definition, gates)]:
        raise ConfigurationError(*problems)
    lock = settings.dependencies.lock
    locks = (lock.relative_to(settings.repository).as_posix(),) if lock else ()
    start = _start(settings)
    asked = [event for job in definition.jobs for event in job.on]
    return Pipeline(
        folder=folder,
        branches=settings.branches,
        pushes=_besides(settings.branches, asked, "push"),
        pull_requests=_besides(settings.branches, asked, "pull_request"),
        locks=locks,
        command=(*start, "nox"),
        pushgate=(*start, "pushgate"),
        defining=(*(posixpath.join(folder, name) for name in DEFINING), *locks),
        ci=settings.ci,
        gates=gates,
    )


def _problems(definition: Definition, gates: Iterable[PipelineGate]) -> Iterator[str]:
    """Yield a line for each key of ``ci`` whose gate cannot do what it is to do."""
    settings, off = definition.settings, {gate.gate: gate.reason for gate in definition.off}
    wanted = {"codecov": coverage.name} if settings.ci.codecov else {}
    if settings.ci.pages:
        wanted["pages"] = settings.ci.pages.gate
    for key, name in wanted.items():
        if reason := off.get(name):
            yield f"{_CI}.{key}: gate {name} is off ({reason}): turn it on, or remove {key}"
    for gate in gates:
        if gate.name == wanted.get("pages"):
            yield from _unpublished(gate, Event("push", settings.branches[0]))


def _unpublished(gate: PipelineGate, main: Event) -> Iterator[str]:
    """Yield why a gate's site cannot be published where the main branch is pushed."""
    if len(gate.jobs) > 1 or gate.systems:
        yield f"{_CI}.pages: gate {gate.name} has several jobs: name one that has a single job"
    if not gate.selected_for(main):
        yield (
            f"{_CI}.pages: gate {gate.name} never runs when {main.ref} is pushed, which publishes "
            f"the site: add '{main}' to its `on`"
        )


def _besides(branches: Sequence[str], asked: Iterable[Event], kind: str) -> tuple[str, ...]:
    refs = [event.ref or "*" for event in asked if event.kind == kind]
    return tuple(dict.fromkeys(ref for ref in refs if ref not in branches))


def _start(settings: Settings) -> tuple[str, ...]:
    """Return what runs a program of the environment that Pushgate is in."""
    dependencies = settings.dependencies
    older = pythons.version_key(settings.default_python) < pythons.version_key(pythons.OURS)
    # uv takes the interpreter that a .python-version file names.
    run = ("uv", "run", *(("--python", f">={pythons.OURS}") if older else ()))
    if dependencies.lock is None:
        return (*run, "--no-project", "--with", f"pushgate=={version('pushgate')}")
    if group := group_of("pushgate", dependencies.groups):
        return (*run, "--locked", "--only-group", group)
    if "pushgate" in {canonicalize_name(settings.name), *requirement_names(dependencies.runtime)}:
        return (*run, "--locked", "--no-default-groups")
    message = (
        "uv.lock has no Pushgate for CI to run: `uv add --group ci pushgate`, or `pushgate init`"
    )
    raise ConfigurationError(message)


def _gates(definition: Definition, folder: str) -> Iterable[PipelineGate]:
    settings = definition.settings
    of_gate: dict[str, list[Job]] = {}
    for job in definition.jobs:
        of_gate.setdefault(job.gate, []).append(job)
    selected = _selected_by(definition, folder)
    needed = {definition.job(need).gate for job in definition.jobs for need in job.needs}
    for name, jobs in of_gate.items():
        needs = _gate_names(definition, (need for job in jobs for need in job.needs))
        after = _gate_names(definition, (each for job in jobs for each in job.after))
        gate = definition.gates[name]
        days = gate.ARTIFACT_DAYS if isinstance(gate, HandsOn) else None
        services = gate.services(settings) if isinstance(gate, WithServices) else ()
        yield PipelineGate(
            name=name,
            jobs=tuple(jobs),
            systems=settings.ci.systems if name == test.name else (),
            needs=needs,
            after=tuple(each for each in after if each not in needs),
            selected_by=selected[name],
            minutes=_minutes(jobs[0].timeout, settings.ci.timeout_minutes),
            artifact_days=(days or 1) if name in needed else days,
            postgres=next(iter(services), None),
        )


def _gate_names(definition: Definition, jobs: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(definition.job(job).gate for job in jobs))


def _minutes(timeout: float | None, unless_said: int) -> int:
    if timeout is None:
        return unless_said
    return math.ceil(timeout / _MINUTE_SECONDS) + _SETTING_UP_MINUTES


def _selected_by(definition: Definition, folder: str) -> dict[str, tuple[Selection, ...]]:
    """Find what selects each gate: its own events and inputs, or a gate that needs it."""
    found: dict[str, dict[Selection, None]] = {}
    # Backwards, each before what it needs: one pass reaches all that is needed.
    for job in reversed(definition.jobs):
        own = found.setdefault(job.gate, {})
        own[_selection(job, folder)] = None
        for need in job.needs:
            found.setdefault(definition.job(need).gate, {}).update(own)
    return {
        gate: () if Selection() in selections else tuple(selections)
        for gate, selections in found.items()
    }


def _selection(job: Job, folder: str) -> Selection:
    everything = any(event.kind == "all" for event in job.on)
    return Selection(
        on=() if everything else job.on,
        inputs=() if job.inputs == globs.EVERYTHING else globs.from_top(job.inputs, folder),
    )
