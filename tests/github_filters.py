"""Whether an event triggers a workflow, as GitHub documents ``on`` and its filters.

Written from "Workflow syntax for GitHub Actions" (``on``, the filter pattern cheat sheet)
and "Events that trigger workflows".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_DEFAULT_TYPES: Final = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "merge_group": ("checks_requested",),
}
_FILTERED: Final = ("branches", "tags", "paths")
_PIECE: Final = re.compile(
    r"(?P<folders>(?:(?<=/)|^)\*\*/)|(?P<all>\*\*)|(?P<star>\*)|(?P<times>[?+])"
    r"|\[(?P<members>[^\]]*)\]|\\(?P<escaped>.)|(?P<literal>[^\\\[])"
)
_MEMBERS: Final = re.compile(r"(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9])+")
_CRON_FIELDS: Final = (
    r"[0-5]?\d",
    r"[01]?\d|2[0-3]",
    r"0?[1-9]|[12]\d|3[01]",
    r"0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    r"[0-6]|SUN|MON|TUE|WED|THU|FRI|SAT",
)


class WorkflowError(Exception):
    """GitHub would refuse the workflow file, or the evaluator does not know what it says."""


@dataclass(frozen=True, kw_only=True)
class GithubEvent:
    """Something that happened in a repository on GitHub.

    Attributes:
        name: ``GITHUB_EVENT_NAME``.
        ref: ``GITHUB_REF``, in full.
        sha: ``GITHUB_SHA``: the commit that is checked out.
        base: ``GITHUB_BASE_REF``: of a pull request, the branch to merge into.
        head: ``GITHUB_HEAD_REF``: of a pull request, the branch that it comes from.
        payload: The webhook's payload.
        changed: The files that it changes, from the top of the repository.
    """

    name: str
    ref: str
    sha: str = "0" * 40
    base: str = ""
    head: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    changed: Sequence[str] = ()

    @property
    def context(self) -> dict[str, object]:
        """The context ``github`` of its workflow runs."""
        kind, _, name = self.ref.removeprefix("refs/").partition("/")
        return {
            "event": self.payload,
            "event_name": self.name,
            "ref": self.ref,
            "ref_name": self.ref.removeprefix("refs/pull/") if kind == "pull" else name,
            "ref_type": "tag" if kind == "tags" else "branch",
            "base_ref": self.base,
            "head_ref": self.head,
            "sha": self.sha,
            "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org",
            "workflow": "CI",
            "actor": "octocat",
            "run_id": "1658821493",
            "run_number": "3",
            "run_attempt": "1",
        }


def triggered(workflow: Mapping[str, Any], event: GithubEvent) -> bool:
    """Tell whether an event starts a run of a workflow.

    Raises:
        WorkflowError: What ``on`` says is not allowed.
    """
    on = workflow["on"]
    if isinstance(on, str):
        on = [on]
    if isinstance(on, list):
        on = dict.fromkeys(on)
    if "schedule" in on:
        crons = [_cron(entry) for entry in on["schedule"]]
        if event.name == "schedule":
            return event.payload["schedule"] in crons
    if event.name not in on:
        return False
    filters = on[event.name] or {}
    types = filters.get("types", _DEFAULT_TYPES.get(event.name, ()))
    if "action" in event.payload and event.payload["action"] not in types:
        return False
    return _lets_through(event, filters)


def _lets_through(event: GithubEvent, filters: Mapping[str, Any]) -> bool:
    for key in _FILTERED:
        if key in filters and f"{key}-ignore" in filters:
            message = f"{key} and {key}-ignore cannot both filter {event.name}"
            raise WorkflowError(message)
    if event.name == "pull_request":
        return _ref(filters, "branches", event.base) and _paths(filters, event.changed)
    if event.name != "push":
        return True
    tag = event.ref.removeprefix("refs/tags/")
    said = {key for key in ("branches", "tags") if {key, f"{key}-ignore"} & filters.keys()}
    if tag != event.ref:
        # Path filters are not evaluated for tags. A ref of the kind that has no filter does
        # not trigger where the other kind has one.
        return _ref(filters, "tags", tag) if "tags" in said else not said
    branch = event.ref.removeprefix("refs/heads/")
    lets = _ref(filters, "branches", branch) if "branches" in said else not said
    return lets and _paths(filters, event.changed)


def _ref(filters: Mapping[str, Any], key: str, name: str) -> bool:
    if key in filters:
        return included(filters[key], name)
    return not included(filters.get(f"{key}-ignore", ()), name)


def _paths(filters: Mapping[str, Any], changed: Sequence[str]) -> bool:
    if "paths" in filters:
        return any(included(filters["paths"], path) for path in changed)
    ignored = filters.get("paths-ignore", ())
    return not ignored or not all(included(ignored, path) for path in changed)


def included(patterns: str | Sequence[str], name: str) -> bool:
    """Tell whether filter patterns let a name through; the last that matches decides.

    Raises:
        WorkflowError: A pattern is none.
    """
    found = False
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        positive = pattern.removeprefix("!")
        if matches(positive, name):
            found = positive == pattern
    return found


def matches(pattern: str, name: str) -> bool:
    """Tell whether a filter pattern, without ``!``, matches a whole branch, tag or path.

    Raises:
        WorkflowError: It is none.
    """
    expression, at = "", 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None or (piece["times"] and not expression):
            message = f"no filter pattern: {pattern!r}"
            raise WorkflowError(message)
        expression += _translated(piece)
        at = piece.end()
    return re.fullmatch(expression, name, re.DOTALL) is not None


def _translated(piece: re.Match[str]) -> str:
    if piece["members"] is not None:
        if not _MEMBERS.fullmatch(piece["members"]):
            message = f"no letters, digits or ranges of them: {piece[0]!r}"
            raise WorkflowError(message)
        return piece[0]
    fixed = {"folders": "(?:.*/)?", "all": ".*", "star": "[^/]*", "times": piece[0]}
    kind = str(piece.lastgroup)
    return fixed.get(kind) or re.escape(piece[kind])


def _cron(entry: Mapping[str, str]) -> str:
    """Check one entry of ``on.schedule``: POSIX cron's five fields."""
    times = entry["cron"].split(" ")
    parts = [rf"(?:\*|(?:{one})(?:-(?:{one}))?)(?:/\d+)?" for one in _CRON_FIELDS]
    if len(times) != len(parts) or not all(
        re.fullmatch(rf"{part}(?:,{part})*", each) for part, each in zip(parts, times, strict=True)
    ):
        message = f"no times of cron: {entry['cron']!r}"
        raise WorkflowError(message)
    return entry["cron"]
