"""Which jobs of a workflow run, and under which names, as GitHub documents it.

Written from "Workflow syntax for GitHub Actions" (``jobs.<job_id>.needs``, ``if``, ``name``,
``strategy``, ``outputs``) and "Contexts reference" (context availability).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from github_expressions import Status, condition, evaluate, interpolated
from github_filters import GithubEvent, WorkflowError, triggered
from github_values import cast

_JOB_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WHOLE: Final = re.compile(r"\s*\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}\s*")


@dataclass(frozen=True)
class Ended:
    """How a job, or one job of a matrix, ended.

    Attributes:
        result: ``success``, ``failure``, ``cancelled`` or ``skipped``.
        outputs: What it hands on.
    """

    result: str = "success"
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """A job that a runner is given: one of a matrix, or a job without.

    Attributes:
        job: The job's id.
        name: What it is shown as.
        said: What the workflow says of the job.
        contexts: ``github``, ``needs``, ``strategy``, ``matrix``, ``vars`` and ``inputs``.
    """

    job: str
    name: str
    said: Mapping[str, Any]
    contexts: Mapping[str, object]


Work = Callable[[Cell], Ended]
"""Carries out a job."""


def run(
    workflow: Mapping[str, Any], event: GithubEvent, work: Work, *, cancelled: bool = False
) -> dict[str, Ended]:
    """Run a workflow: each job after those that it needs.

    Args:
        workflow: The workflow file, read.
        event: What happened.
        work: Is given each job that a runner would be given.
        cancelled: Whether somebody cancels the run at its start.

    Returns:
        How each job ended; empty where the event does not trigger the workflow.

    Raises:
        WorkflowError: GitHub would refuse the workflow file.
        ExpressionError: Likewise, for an expression of it.
    """
    if not triggered(workflow, event):
        return {}
    jobs = workflow["jobs"]
    needs = {job: _needs(job, jobs) for job in jobs}
    contexts = {"github": event.context, "vars": {}, "inputs": event.payload.get("inputs") or {}}
    ended: dict[str, Ended] = {}
    for job in _ordered(needs):
        before = [ended[each].result for each in _ancestors(job, needs)]
        status = Status(
            success=not cancelled and all(result == "success" for result in before),
            failure=not cancelled and "failure" in before,
            cancelled=cancelled,
        )
        its = {need: ended[need] for need in needs[job]}
        known = {
            **contexts,
            "needs": {
                need: {"result": end.result, "outputs": dict(end.outputs)}
                for need, end in its.items()
            },
        }
        if condition(jobs[job].get("if"), known, status):
            ended[job] = _worked(cells(job, jobs[job], known), jobs[job], work)
        else:
            ended[job] = Ended("skipped")
    return ended


def _needs(job: str, jobs: Mapping[str, Any]) -> tuple[str, ...]:
    if not _JOB_ID.fullmatch(job) or "continue-on-error" in jobs[job]:
        message = f"job {job}: no id of a job, or one whose failure would count for nothing"
        raise WorkflowError(message)
    needs = jobs[job].get("needs", [])
    needs = (needs,) if isinstance(needs, str) else tuple(needs)
    if unknown := set(needs) - jobs.keys():
        message = f"job {job} needs {unknown}: there is none"
        raise WorkflowError(message)
    return needs


def _ordered(needs: Mapping[str, Sequence[str]]) -> list[str]:
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        message = f"jobs need each other: {error.args[1]}"
        raise WorkflowError(message) from error


def _ancestors(job: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    found, waiting = set[str](), list(needs[job])
    while waiting:
        if (each := waiting.pop()) not in found:
            found.add(each)
            waiting += needs[each]
    return found


def _worked(every: Sequence[Cell], said: Mapping[str, Any], work: Work) -> Ended:
    fail_fast = said.get("strategy", {}).get("fail-fast", True)
    ends: list[Ended] = []
    for cell in every:
        failed = fail_fast and any(end.result == "failure" for end in ends)
        ends.append(Ended("cancelled") if failed else work(cell))
    results = {end.result for end in ends}
    outputs = {key: value for end in ends for key, value in end.outputs.items() if value}
    worst = next((each for each in ("failure", "cancelled") if each in results), "success")
    return Ended(worst, outputs)


def cells(job: str, said: Mapping[str, Any], contexts: Mapping[str, object]) -> list[Cell]:
    """Return the jobs that a job of a workflow file stands for.

    Args:
        job: Its id.
        said: What the file says of it.
        contexts: ``github``, ``needs``, ``vars`` and ``inputs``.
    """
    strategy = evaluated(said.get("strategy", {}), contexts)
    combinations = _combinations(strategy["matrix"]) if "matrix" in strategy else [{}]
    if not combinations:
        message = f"job {job}: the matrix has no combination"
        raise WorkflowError(message)
    found = []
    for index, matrix in enumerate(combinations):
        about = {"job-index": index, "job-total": len(combinations)}
        about |= {key: strategy[key] for key in ("fail-fast", "max-parallel") if key in strategy}
        known = {**contexts, "strategy": about, "matrix": matrix}
        values = ", ".join(map(str, matrix.values()))
        name = interpolated(str(said["name"]), known) if "name" in said else ""
        found.append(Cell(job, name or (f"{job} ({values})" if values else job), said, known))
    return found


def evaluated(value: object, contexts: Mapping[str, object]) -> Any:  # noqa: ANN401  # a value of YAML
    """Return a value of a workflow file with its expressions evaluated.

    A text that is nothing but one expression has that one's value, of whatever type.
    """
    if isinstance(value, dict):
        return {key: evaluated(each, contexts) for key, each in value.items()}
    if isinstance(value, list):
        return [evaluated(each, contexts) for each in value]
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return evaluate(whole[1], contexts) if whole else interpolated(value, contexts)
    return value


def _combinations(matrix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Expand a matrix: all combinations, less ``exclude``, then ``include``."""
    axes = {key: values for key, values in matrix.items() if key not in {"include", "exclude"}}
    every = [dict(zip(axes, each, strict=True)) for each in itertools.product(*axes.values())]
    originals = [
        each
        for each in every
        if axes and not any(entry.items() <= each.items() for entry in matrix.get("exclude", ()))
    ]
    expanded = [dict(each) for each in originals]
    more: list[dict[str, Any]] = []
    for entry in matrix.get("include", ()):
        fitting = [
            whole
            for original, whole in zip(originals, expanded, strict=True)
            if all(original.get(key, value) == value for key, value in entry.items())
        ]
        for whole in fitting:
            whole.update(entry)
        if not fitting:
            more.append(dict(entry))
    return [*expanded, *more]


def outputs(cell: Cell, steps: Mapping[str, object]) -> dict[str, str]:
    """Return what a job hands on when its steps are done.

    Args:
        cell: The job.
        steps: The context ``steps`` at its end.
    """
    known = {**cell.contexts, "steps": steps}
    return {key: cast(evaluated(said, known)) for key, said in cell.said.get("outputs", {}).items()}
