"""Pushgate's events and globs in the words of GitLab's ``rules``.

GitLab tells what a pipeline is for in variables (its page "Predefined CI/CD variables",
https://docs.gitlab.com/ci/variables/predefined_variables/):

- ``push:X``: ``$CI_PIPELINE_SOURCE`` is ``push``, or ``web`` where somebody started it by
  hand, and ``$CI_COMMIT_BRANCH`` is X. Pipelines of tags and merge requests have no such
  variable; scheduled ones have, so the source is always asked for.
- ``tag:X``: the same sources, and ``$CI_COMMIT_TAG`` is X.
- ``pull_request:X``: the source is ``merge_request_event`` (a merge train's, too), and
  ``$CI_MERGE_REQUEST_TARGET_BRANCH_NAME`` is X.
- ``schedule``: the source is ``schedule``.

``rules:changes`` (https://docs.gitlab.com/ci/yaml/#ruleschanges) compares as Pushgate's plan
does: a merge request with where it parted from its target, a push with what the branch was at.
Where there is no push of a known branch (a new branch, a tag, a schedule, a pipeline started by
hand), it is always true. GitLab differs where nothing differs: for it nothing has changed then,
for Pushgate everything. Its patterns are those of Ruby's ``File.fnmatch`` with
``FNM_PATHNAME``, ``FNM_DOTMATCH`` and ``FNM_EXTGLOB``; it expands variables in them, and takes
50 a rule. In ``rules:if`` nothing is expanded; its regular expressions are RE2's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pushgate.model.event import Event
from pushgate.model.settings import ConfigurationError
from pushgate.providers.pipeline import Selection

Rule = Mapping[str, object]

_PUSHED: Final = "$CI_PIPELINE_SOURCE =~ /^(push|web)$/"
_SOURCES: Final = {
    "push": _PUSHED,
    "tag": _PUSHED,
    "pull_request": '$CI_PIPELINE_SOURCE == "merge_request_event"',
    "schedule": '$CI_PIPELINE_SOURCE == "schedule"',
}
_REFS: Final = {
    "push": "$CI_COMMIT_BRANCH",
    "tag": "$CI_COMMIT_TAG",
    "pull_request": "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
}
_CHANGES_LIMIT: Final = 50
"""How many patterns GitLab takes in one ``rules:changes``."""

_META: Final = frozenset(r".^$*+?()[]{}|/\-&~")
"""What has a meaning in a regular expression of RE2, or ends it."""

_PIECE: Final = re.compile(
    r"(?P<wild>[*?])|\[(?P<not>!?+)(?P<members>[^\]]+|\][^\]]*)\]|(?P<expanded>[$%])|.", re.DOTALL
)
"""What a name in a glob of ``model/globs.py``, or a pattern of events, consists of."""

_MEMBER: Final = re.compile(r"(.)(-(?=.))?", re.DOTALL)
"""A member of a ``[class]``, with the dash if a range begins with it."""


def conditions(events: Iterable[Event]) -> tuple[str, ...]:
    """Return expressions for ``rules:if``, of which one holds where an event is asked for.

    Args:
        events: Patterns of events, none of them ``all``.

    Raises:
        ConfigurationError: A pattern cannot be said to GitLab.
    """
    refs: dict[str, list[str]] = {}
    for event in events:
        refs.setdefault(event.kind, []).append(event.ref or "*")
    return tuple(" && ".join(_parts(kind, asked)) for kind, asked in refs.items())


def rules(selections: Sequence[Selection], defining: Sequence[str]) -> list[Rule]:
    """Return the ``rules`` of a job; empty where every event selects it.

    Args:
        selections: What selects its gate.
        defining: The files that define the jobs: with them, every job has changed.

    Raises:
        ConfigurationError: A pattern cannot be said to GitLab.
    """
    return [rule for selection in selections for rule in _of_selection(selection, defining)]


def paths(glob: str) -> tuple[str, ...]:
    """Return the patterns for ``rules:changes`` that match together what a glob matches.

    Args:
        glob: As ``model/globs.py`` has it, from the top of the repository.
    """
    names: list[str] = []
    for name in glob.split("/"):
        if name != "**":
            names.append("".join(map(_piece, _PIECE.finditer(name))))
        elif names[-1:] != ["**"]:
            names.append("**")
    if names[-1] != "**":
        return ("/".join(names),)
    # At its end, Ruby's ** is a *, and ours is also the name before it.
    below = "/".join((*names, "*"))
    return ("/".join(names[:-1]), below) if len(names) > 1 else (below,)


def literal(path: str) -> str:
    """Return the pattern for ``rules:changes`` that matches one path."""
    return "".join(f"[{letter}]" if letter in "$%" else _escaped(letter) for letter in path)


def _parts(kind: str, refs: Sequence[str]) -> Iterator[str]:
    yield _SOURCES[kind]
    if kind not in _REFS:
        return
    if "*" in refs:
        # A merge request always has a target; whether it is a branch or a tag has to be asked.
        if kind != "pull_request":
            yield _REFS[kind]
        return
    asked = [_ref(kind, ref) for ref in dict.fromkeys(refs)]
    yield asked[0] if len(asked) == 1 else f"({' || '.join(asked)})"


def _ref(kind: str, ref: str) -> str:
    if not set(ref) & set('*?["$\\') and ref.isprintable():
        return f'{_REFS[kind]} == "{ref}"'
    expression = "".join(map(_expression, _PIECE.finditer(ref)))
    if not _is_expression(expression):
        message = f"GitLab cannot carry {f'{kind}:{ref}'!r}: name a branch or tag, or use * and ?"
        raise ConfigurationError(message)
    return f"{_REFS[kind]} =~ /^{expression}$/"


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return text.isprintable()


def _expression(match: re.Match[str]) -> str:
    """Return the regular expression of a piece of a pattern of events."""
    if match["wild"]:
        return "." if match["wild"] == "?" else ".*"
    if match["members"] is None:
        return _quoted(match[0])
    members = _MEMBER.sub(lambda each: _quoted(each[1]) + (each[2] or ""), match["members"])
    return f"[{'^' if match['not'] else ''}{members}]"


def _quoted(letter: str) -> str:
    # A tool that expands variables before it reads the expression finds none.
    return r"\x24" if letter == "$" else f"\\{letter}" if letter in _META else letter


def _of_selection(selection: Selection, defining: Sequence[str]) -> Iterator[Rule]:
    patterns = [path for glob in selection.inputs for path in paths(glob)]
    if patterns:
        patterns = list(dict.fromkeys((*patterns, *map(literal, defining))))
    for condition in conditions(selection.on) if selection.on else ("",):
        rule = {"if": condition} if condition else {}
        for start in range(0, len(patterns), _CHANGES_LIMIT):
            yield {**rule, "changes": patterns[start : start + _CHANGES_LIMIT]}
        if not patterns:
            yield rule


def _piece(match: re.Match[str]) -> str:
    if match["wild"]:
        return match[0]
    if match["expanded"]:
        return f"[{match[0]}]"
    if match["members"] is None:
        return _escaped(match[0])
    # With a backslash before each letter, no variable's name is among them.
    members = _MEMBER.sub(r"\\\1\2", match["members"])
    return f"[{match['not']}{members}]"


def _escaped(letter: str) -> str:
    return f"\\{letter}" if letter in "*?[]{}\\" else letter
