"""Whether a step that runs pytest may say what the gate test does, which is for every Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pushgate.adopt.from_workflow import job_state
from pushgate.adopt.from_workflow.expressions import Unknown
from pushgate.adopt.from_workflow.findings import Finding
from pushgate.adopt.from_workflow.job_state import JobState
from pushgate.adopt.from_workflow.matrices import Cell
from pushgate.adopt.from_workflow.own_gates import StepRun
from pushgate.adopt.from_workflow.step_reading import Found
from pushgate.adopt.from_workflow.workflow_reading import WorkflowStep

_RARE: Final = frozenset({"schedule", "tag"})
"""Events of which no change that is to be merged is one."""


def of_call(found: Found, run: StepRun) -> Finding | None:
    """Return what the call of pytest says of the gate test in which something was found."""
    beside = (each for variant in run.variants for each in variant.reading.found)
    its = (each.finding for each in beside if each.call == found.call)
    return next((finding for finding in its if finding.gate == "test"), None)


def secret(state: JobState, run: StepRun) -> Unknown | None:
    """Return the secret that a step alone is given, unless a gate's PostgreSQL takes its place."""
    written = job_state.written(state, run.step)
    templates = state.database.templates(written) if state.database else {}
    needed = (
        Unknown(what)
        for name, what in job_state.hidden(state, run.step)
        if name in run.step.env and name not in templates and what.startswith("secrets.")
    )
    return next(needed, None)


def narrower(state: JobState, run: StepRun) -> bool:
    """Tell whether a step's condition leaves out Pythons of its job."""
    return _versions(run.occasion.cells) < _versions(state.here)


def partial(state: JobState, run: StepRun) -> bool:
    """Tell whether a step runs some of its job's tests: not on all Pythons, or not on changes.

    Steps that divide the Pythons among them are the tests together.
    """
    every = _versions(state.here)
    if _tested(state, run.step) == every:
        return False
    tested = [_tested(state, step) for step in state.job.steps]
    return every in tested or set().union(*tested) != every


def _tested(state: JobState, step: WorkflowStep) -> set[str]:
    """Return the Pythons on which a step runs pytest for a change."""
    when = job_state.occasion(state, step)
    if not step.run or (set(when.events) <= _RARE and not _is_rare(state)):
        return set()
    variants = job_state.variants(state, step, when.cells)
    if isinstance(variants, Unknown):
        return set()
    found = [each.finding.gate for variant in variants for each in variant.reading.found]
    return _versions(when.cells) if "test" in found else set()


def _is_rare(state: JobState) -> bool:
    return {moment.event for moment in state.when.moments} <= _RARE


def _versions(cells: Iterable[Cell]) -> set[str]:
    return {cell.version for cell in cells}
