"""What `pushgate init` tells."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pushgate.adopt import pythons
from pushgate.adopt.found import Found
from pushgate.adopt.init import Prepared
from pushgate.adopt.staging import Change
from pushgate.config.requirements import group_of
from pushgate.model.account import JobAccount, StepAccount
from pushgate.plan.definition import Definition


def findings(prepared: Prepared) -> Iterator[str]:
    """Tell what was found, and which gates that makes."""
    settings = prepared.definition.settings
    code = ", ".join(settings.sources) or "nowhere that git tracks"
    yield f"{settings.name} in {prepared.project}, its code in {code}"
    yield from _table([(found.topic, found.said) for found in prepared.found])
    yield ""
    yield f"gates: {', '.join(_gates(prepared.definition))}"
    if prepared.definition.off:
        off = [f"{gate.gate} ({gate.reason})" for gate in prepared.definition.off]
        yield f"off: {', '.join(off)}"
    yield from pythons.missing(settings)


def account(jobs: Iterable[JobAccount], definition: Definition) -> Iterator[JobAccount]:
    """Tell of each step that became a gate which is off, why it is.

    Args:
        jobs: What became of a workflow.
        definition: The definition that came of it.
    """
    reasons = {gate.gate: gate.reason for gate in definition.off}
    for job in jobs:
        yield replace(job, steps=tuple(_with_reason(step, reasons) for step in job.steps))


def _with_reason(step: StepAccount, reasons: Mapping[str, str]) -> StepAccount:
    off = [name for name in step.became.split(", ") if name in reasons]
    told = [f"the gate {name} is off: {reasons[name]}" for name in off]
    return replace(step, detail="; ".join(filter(None, (step.detail, *told))))


def diffs(prepared: Prepared, *, hook: bool) -> Iterator[str]:
    """Tell what would be written, as a unified diff, and what could be added.

    Args:
        prepared: What would be written.
        hook: Whether git's pre-push hook would be installed.
    """
    yield ""
    for change in prepared.changes:
        if change.path.name == "uv.lock":
            yield f"{change.path}: {_extent(change)}, by `uv lock`"
        else:
            yield from change.diff().splitlines()
    yield from _offers(prepared.found)
    if prepared.changes:
        yield ""
        too = ", and installs git's pre-push hook" if hook else ""
        yield f"nothing was written: `pushgate init` without --dry-run does it{too}"
    else:
        yield "nothing to write: all of it is there"


def done(prepared: Prepared, hook: Sequence[str]) -> Iterator[str]:
    """Tell what was written, what could be added, and what comes next.

    Args:
        prepared: What was written.
        hook: What came of installing the hook.
    """
    yield ""
    if prepared.changes:
        yield from (f"wrote {change.path} ({_extent(change)})" for change in prepared.changes)
    else:
        yield "nothing to write: all of it is there"
    # Of a hook that works, the other ways to have it are no news here: `install` tells them.
    yield from itertools.takewhile(lambda line: not line.startswith("instead"), hook)
    yield from _offers(prepared.found)
    yield ""
    yield f"next: {_next(prepared)}"


def _next(prepared: Prepared) -> str:
    here = Path.cwd()
    new = [change.path for change in prepared.changes if change.before is None]
    paths = [os.path.relpath(prepared.repository / path, here) for path in new]
    steps = [("git", "add", *paths)] if new else []
    if not here.is_relative_to(prepared.project):
        steps.append(("cd", os.path.relpath(prepared.project, here)))
    steps.append((*_start(prepared.definition), "run"))
    return " && ".join(map(shlex.join, steps))


def _start(definition: Definition) -> tuple[str, ...]:
    # uv itself tells what it runs where it is; the user's shell does not find that program.
    if shutil.which("pushgate") and "UV" not in os.environ:
        return ("pushgate",)
    if group := group_of("pushgate", definition.settings.dependencies.groups):
        return ("uv", "run", "--only-group", group, "pushgate")
    return ("uvx", "pushgate")


def _extent(change: Change) -> str:
    if change.before is None:
        return "new"
    lines = change.diff().splitlines()[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return f"+{added} -{removed} lines" if removed else f"+{added} lines"


def _gates(definition: Definition) -> Iterator[str]:
    for gate in definition.gates:
        jobs = [job for job in definition.jobs if job.gate == gate]
        yield gate if len(jobs) == 1 else f"{gate} ({len(jobs)} jobs)"


def _table(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(first) for first, _ in rows), default=0)
    yield from (f"  {first:<{width}}  {second}" for first, second in rows)


def _offers(found: Sequence[Found]) -> Iterator[str]:
    """Tell what could be added, and is not."""
    offered = [each for each in found if each.offered]
    if not offered:
        return
    yield ""
    yield "not written; what you want of it goes into pyproject.toml:"
    for each in offered:
        yield from (f"  {line}" for line in each.offered)
