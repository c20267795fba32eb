"""What a job or a step says that Pushgate's own gates do not take over."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pushgate.adopt.from_workflow import job_state, matrices, own_commands, whole_tests
from pushgate.adopt.from_workflow.environment_runners import OF_PUSHGATE
from pushgate.adopt.from_workflow.job_state import JobState
from pushgate.adopt.from_workflow.matrices import Cell
from pushgate.adopt.from_workflow.own_gates import StepRun, selected_by
from pushgate.adopt.from_workflow.step_reading import Found
from pushgate.adopt.from_workflow.triggers import answered
from pushgate.gates.registry import BUILT_IN
from pushgate.model.account import BY_GATES, LEFT_IN_CI

_OUR_MACHINES: Final = frozenset({"ubuntu-latest", "ubuntu-24.04", "linux"})
_PYTHON_OPTIONS: Final = frozenset({"-p", "--python"})


def of_job(state: JobState) -> Iterator[str]:
    """Tell what of a job as a whole is not carried over, once its steps are."""
    job = state.job
    if answered(job.condition, state.when.moments, state.here[0].values).unknown:
        yield f"its `if: {' '.join(job.condition.split())}` is not carried over"
    if state.job.container and state.gates:
        yield f"it runs in the container {state.job.container}: no gate does"
    yield from _of_services(state)
    yield from _of_machines(state)
    of_pushgate = any("nox --no-dependencies" in step.run for step in job.steps)
    if job.minutes and not of_pushgate and not BUILT_IN.keys().isdisjoint(state.gates):
        yield f"its `timeout-minutes: {job.minutes:g}`: `timeout` of the gates can say so"
    if job.may_fail:
        yield "it may fail there (`continue-on-error`): no gate may"


def _of_services(state: JobState) -> Iterator[str]:
    database = state.database if state.served else None
    if database:
        image = f" ({database.image})" if database.image else ""
        gates = " and ".join(state.served)
        yield f"it starts {database.name}{image}: Pushgate gives one to {gates}"
    others = [name for name in state.job.services if not database or name != database.name]
    if others:
        yield (
            f"it starts {', '.join(others)}: Pushgate starts no services; what needs "
            "them must find them running"
        )


def _of_machines(state: JobState) -> Iterator[str]:
    systems = {cell.label: cell.system for cell in state.cells}
    ours = {matrices.LINUX, matrices.MACOS} if state.tests else {matrices.LINUX}
    if strange := [label for label, system in systems.items() if system not in ours]:
        yield f"on {', '.join(strange)}: left in CI"
    linux = [label for label, system in systems.items() if system == matrices.LINUX]
    others = [label for label in linux if label not in _OUR_MACHINES]
    if others and state.gates:
        yield f"on {', '.join(others)}: the gates' machine is what `ci.runs-on` says"
    pythons = dict.fromkeys(cell.python for cell in state.cells if cell.python)
    if foreign := [python for python in pythons if not matrices.is_cpython(python)]:
        yield f"on Python {', '.join(foreign)}: left in CI"
    if any(matrices.UNTOLD in python for python in pythons):
        yield "its Pythons come from another job: `python` says them, or the classifiers do"


def of_step(state: JobState, run: StepRun, taken: Sequence[Found]) -> Iterator[str]:
    """Tell what of a step Pushgate's own gates do not take over.

    Args:
        state: The job.
        run: The step.
        taken: What of it they do.
    """
    if all(found.finding.detail == OF_PUSHGATE for found in taken):
        return
    events = {*run.occasion.events}
    on = selected_by(state, run)
    if on and events != {moment.event for moment in state.when.moments}:
        yield f"CI does it on {', '.join(on)} only: `on` of the gate can say so"
    if lost := [*_options(run, taken), *_variables(state, run, taken)]:
        yield f"not carried over: {', '.join(lost)}"
    axes = matrices.differing(run.occasion.cells)
    if axes and not any("shards" in found.finding.settings for found in taken):
        yield f"the gate does not vary {' and '.join(axes)}"
    if run.step.minutes:
        yield f"its `timeout-minutes: {run.step.minutes:g}`: `timeout` of the gate can say so"
    if run.step.may_fail:
        yield "it may fail there (`continue-on-error`): no gate may"


def of_condition(state: JobState, run: StepRun, became: Iterable[str]) -> Iterator[str]:
    """Tell which Pythons a step's condition chose, where its gates do not run on them alone.

    Args:
        state: The job.
        run: The step.
        became: What it became; a gate that runs once anyway needs no such condition.
    """
    once = {*BUILT_IN, LEFT_IN_CI, BY_GATES} - {"test"}
    if whole_tests.narrower(state, run) and not once.issuperset(became):
        yield f"its `if: {' '.join(run.step.condition.split())}` is not carried over"


def _options(run: StepRun, taken: Iterable[Found]) -> Iterator[str]:
    """Name what the commands' runners are told, but which Python the matrix says."""
    told = (option for found in taken for option in found.call.options)
    for name, value in dict.fromkeys(told):
        if not (
            name in _PYTHON_OPTIONS and any(_is_of(cell, value) for cell in run.occasion.cells)
        ):
            yield f"`{shlex.join(filter(None, (name, value)))}`"


def _is_of(cell: Cell, python: str) -> bool:
    return bool(python) and python in {cell.python, cell.version}


def _variables(state: JobState, run: StepRun, taken: Sequence[Found]) -> Iterator[str]:
    served = any(found.finding.gate in state.served for found in taken)
    scripts = " ".join(variant.script for variant in run.variants)
    carried = own_commands.carried(run.variants[0].variables)
    written = job_state.written(state, run.step)
    templates = state.database.templates(written) if state.database and served else {}
    variables = {
        name: text
        for name, text in carried.items()
        if name not in scripts and name not in templates
    }
    if variables and not any(matrices.UNTOLD in text for text in variables.values()):
        yield f"`{shlex.join(f'{name}={value}' for name, value in variables.items())}`"
    hidden = job_state.hidden(state, run.step)
    for name, what in hidden:
        if name not in templates:
            yield f"{name} (`{what}`)"
