"""When a workflow runs, in Pushgate's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.from_workflow.expressions import Unknown, Value, evaluate
from pushgate.adopt.from_workflow.workflow_reading import texts
from pushgate.config.tables import strings, table

_ANSWERED: Final = ("push", "pull_request", "merge_group", "schedule")
_NEUTRAL: Final = ("workflow_dispatch", "workflow_call")
_MAIN_NAMES: Final = ("main", "master", "trunk")
_PATTERN: Final = re.compile(r"[*?+\[\]!]")


@dataclass(frozen=True)
class Moment:
    """An event of the workflow, for which conditions are evaluated.

    Attributes:
        event: What it is for a gate's ``on``: push:BRANCH, pull_request, tag or schedule.
        values: What names of GitHub's stand for then, such as ``github.event_name``.
    """

    event: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Triggers:
    """When a workflow runs.

    Attributes:
        moments: Its events.
        branches: The long-lived branches that it names, the main one first.
        schedule: Its times, in cron's five fields.
        notes: What of it is not carried over.
        unanswered: The events of a workflow that answers none of a gate's; empty: it does.
    """

    moments: tuple[Moment, ...]
    branches: tuple[str, ...]
    schedule: tuple[str, ...]
    notes: tuple[str, ...]
    unanswered: tuple[str, ...] = ()


def triggers(on: Mapping[str, object]) -> Triggers:
    """Read what a workflow says in ``on``."""
    named = [*strings(table(on, "push").get("branches"))]
    named = named or [*strings(table(on, "pull_request").get("branches"))]
    branches = sorted(
        dict.fromkeys(name for name in named if not _PATTERN.search(name)),
        key=lambda name: name not in _MAIN_NAMES,
    )
    entries = on.get("schedule")
    times = [texts(entry) for entry in entries] if isinstance(entries, list) else []
    known = {*_ANSWERED, *_NEUTRAL}
    foreign = tuple(event for event in on if event not in known)
    called = "workflow_call" in on and not {*on} & {*_ANSWERED}
    moments = tuple(_moments({"push": None} if called else on, branches or ["main"]))
    return Triggers(
        moments=moments,
        branches=tuple(branches),
        schedule=tuple(" ".join(time["cron"].split()) for time in times if "cron" in time),
        notes=tuple(_notes(on, foreign if moments else (), called=called)),
        unanswered=() if moments else tuple(on) or ("nothing",),
    )


def _moments(on: Mapping[str, object], branches: Sequence[str]) -> Iterable[Moment]:
    push = table(on, "push")
    if "push" in on:
        by_branch = {"branches", "branches-ignore"} & push.keys()
        tags_only = {"tags", "tags-ignore"} & push.keys() and not by_branch
        if not tags_only:
            for branch in branches:
                yield Moment(f"push:{branch}", _values("push", f"refs/heads/{branch}"))
            if "branches" not in push:
                # A push of any branch: what Pushgate judges as a pull request to come.
                yield Moment("pull_request", _values("push", "refs/heads/a-branch"))
        if tags_only or "branches" not in push or "tags" in push:
            yield Moment("tag", _values("push", "refs/tags/v1.0.0"))
    if {"pull_request", "merge_group"} & on.keys():
        values = _values("pull_request", "refs/pull/1/merge")
        yield Moment("pull_request", {**values, "github.base_ref": branches[0]})
    if "schedule" in on:
        yield Moment("schedule", _values("schedule", f"refs/heads/{branches[0]}"))


def _values(event: str, ref: str) -> dict[str, Value]:
    kind, _, name = ref.removeprefix("refs/").partition("/")
    return {
        "github.event_name": event,
        "github.ref": ref,
        "github.ref_name": name,
        "github.ref_type": "tag" if kind == "tags" else "branch",
        "github.base_ref": "",
    }


def _notes(on: Mapping[str, object], foreign: tuple[str, ...], *, called: bool) -> Iterable[str]:
    if called:
        yield "other workflows call it: it is read as if it ran on every event"
    if foreign:
        yield f"`on: {', '.join(foreign)}`: no gate answers that"
    if inputs := table(on, "workflow_dispatch", "inputs"):
        yield f"`on.workflow_dispatch.inputs: {', '.join(map(str, inputs))}`: no gate is given them"
    if "pull_request" in on and not table(on, "pull_request").get("branches"):
        yield (
            "`on.pull_request` is for every base; Pushgate's workflow is for pull requests to what "
            "`branches` in [tool.pushgate] names"
        )
    for event in ("push", "pull_request"):
        filters = table(on, event)
        for key in ("paths", "paths-ignore"):
            if values := strings(filters.get(key)):
                yield (
                    f"`on.{event}.{key}: {', '.join(values)}`: say it as `inputs` of the gates "
                    "that read only these files"
                )
        patterns = [name for name in strings(filters.get("branches")) if _PATTERN.search(name)]
        patterns += [f"not {name}" for name in strings(filters.get("branches-ignore"))]
        if patterns:
            yield (
                f"`on.{event}`: branches {', '.join(patterns)}: `branches` takes names only; a "
                "push to any other branch is judged as a pull request to come"
            )
        if types := strings(filters.get("types")):
            yield f"`on.{event}.types: {', '.join(types)}`: a gate runs whenever files change"


@dataclass(frozen=True)
class Answer:
    """For which events a condition holds.

    Attributes:
        events: The events of a gate for which it holds, or may hold.
        unknown: Whether it cannot be told for some of them.
    """

    events: tuple[str, ...]
    unknown: bool


def answered(
    condition: str, moments: Iterable[Moment], known: Mapping[str, Value | Unknown]
) -> Answer:
    """Evaluate a condition for every event.

    Args:
        condition: A step's or job's ``if``; empty: it always holds.
        moments: The events.
        known: What other names stand for.
    """
    events: dict[str, None] = {}
    unknown = False
    for moment in moments:
        value = evaluate(condition, {**known, **moment.values}) if condition else True
        unknown = unknown or isinstance(value, Unknown)
        if isinstance(value, Unknown) or value:
            events[moment.event] = None
    return Answer(tuple(events), unknown)


def selecting(events: Iterable[str], moments: Iterable[Moment], condition: str) -> list[str]:
    """Return what a gate's ``on`` says for some events; empty: it runs on every event.

    Args:
        events: The events.
        moments: All events of the workflow.
        condition: What has chosen them.
    """
    chosen = list(dict.fromkeys(events))
    pushes = [event for event in chosen if event.startswith("push:")]
    every_push = {each.event for each in moments if each.event.startswith("push:")} == {*pushes}
    if pushes and every_push and "pull_request" in chosen:
        return []
    if pushes and every_push and "github.ref" not in condition:
        return ["push", *(event for event in chosen if event not in pushes)]
    return chosen
