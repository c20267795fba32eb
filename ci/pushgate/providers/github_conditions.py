"""When GitHub runs a gate's job: what selects the gate, as an expression."""

from __future__ import annotations

import re
from typing import Final

from pushgate.model.event import Event
from pushgate.providers.pipeline import Pipeline, PipelineGate

PLAN: Final = "plan"
"""The job that asks Pushgate where no expression can say which events select a gate."""

_SAID: Final = re.compile(r"[^*?\[]*\*?")
"""The patterns that an expression can say: literal ones, and those of a beginning."""


def is_asked(gate: PipelineGate) -> bool:
    """Tell whether only Pushgate can tell what selects a gate."""
    return any(
        selection.inputs or not all(_SAID.fullmatch(event.ref) for event in selection.on)
        for selection in gate.selected_by
    )


def selecting(gate: PipelineGate, pipeline: Pipeline) -> str:
    """Return the expression that is true where an event selects a gate; empty: always.

    GitHub compares texts without regard to case: where names differ in nothing else, more
    may run than asked for, never less.
    """
    if is_asked(gate):
        # A plan that was cut off has no outputs, and an empty text is no JSON.
        return f"contains(fromJSON(needs.{PLAN}.outputs.gates || '[]'), '{gate.name}')"
    events = (event for selection in gate.selected_by for event in selection.on)
    return " || ".join(dict.fromkeys(_of_event(event, pipeline) for event in events))


def literal(text: str) -> str:
    """Return a text as a literal of GitHub's expressions."""
    return "'" + text.replace("'", "''") + "'"


def pushed_to_main(pipeline: Pipeline) -> str:
    """Return the expression that is true where the main branch was pushed."""
    ref = literal(f"refs/heads/{pipeline.branches[0]}")
    return f"github.event_name == 'push' && github.ref == {ref}"


def both(first: str, second: str) -> str:
    """Return the expression that is true where two are; an empty one is always true."""
    if not first or not second:
        return first or second
    return f"{_enclosed(first)} && {_enclosed(second)}"


def _enclosed(expression: str) -> str:
    return f"({expression})" if " || " in expression else expression


def _of_event(event: Event, pipeline: Pipeline) -> str:
    if event.kind == "schedule":
        return "github.event_name == 'schedule'"
    if event.kind == "tag":
        return _matches("github.ref", "refs/tags/", event.ref)
    if event.kind == "pull_request":
        return _of_pull_request(event.ref)
    # A push, or a run by hand on a branch. Others have a branch's ref, too: on a schedule the
    # default branch's, in the merge queue that of a branch of the queue's own.
    others = ["schedule"] if pipeline.ci.schedule else []
    if not event.ref or event.ref.endswith("*"):
        others.append("merge_group")
    ref = _matches("github.ref", "refs/heads/", event.ref)
    return " && ".join([ref, *(f"github.event_name != '{other}'" for other in others)])


def _of_pull_request(base: str) -> str:
    if base in {"", "*"}:
        return "github.event_name == 'pull_request' || github.event_name == 'merge_group'"
    queue = _matches("github.event.merge_group.base_ref", "refs/heads/", base)
    return f"{_matches('github.base_ref', '', base)} || {queue}"


def _matches(context: str, start: str, pattern: str) -> str:
    """Return the expression for a text that starts in a way and goes on as a pattern says."""
    if not pattern or pattern.endswith("*"):
        return f"startsWith({context}, {literal(start + pattern.removesuffix('*'))})"
    return f"{context} == {literal(start + pattern)}"
