"""What GitLab makes of a ``.gitlab-ci.yml``, written from its documentation.

Of https://docs.gitlab.com/ci/yaml/ and https://docs.gitlab.com/ci/jobs/job_rules/: which
pipelines there are (``workflow:rules``), which jobs a pipeline has (``rules`` with ``if`` and
``changes``, ``needs`` with ``optional``), and which jobs a matrix is. Patterns of files are those
of Ruby's ``File.fnmatch`` with ``FNM_PATHNAME | FNM_DOTMATCH | FNM_EXTGLOB``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

_KEYWORDS: Final = frozenset(
    {
        *("default", "include", "stages", "variables", "workflow", "spec", "image", "services"),
        *("cache", "before_script", "after_script", "types", "true", "false", "nil"),
    }
)
_VARIABLE: Final = re.compile(r"\$\$|\$(\w+)|\$\{(\w+)\}|%(\w+)%")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<variable>\$\w+)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|/(?P<pattern>(?:[^/\\]|\\.)+)/(?P<flags>[ismU]*)|(?P<operator>&&|\|\||==|!=|=~|!~|[()]))"""
)


_BRACES: Final = re.compile(r"((?:[^\\]|\\.)*?)\{((?:[^\\{}]|\\.)*)\}(.*)", re.DOTALL)
"""The first innermost pair of braces."""


@dataclass(frozen=True)
class Trigger:
    """What happened at GitLab.

    Attributes:
        source: ``$CI_PIPELINE_SOURCE``.
        branch: The branch of the pipeline, if it is one of a branch.
        tag: The tag, if it is one of a tag.
        target: The target branch of the merge request, if it is one of that.
        changed: The changed files; None: there is nothing to compare with.
    """

    source: str
    branch: str = ""
    tag: str = ""
    target: str = ""
    changed: frozenset[str] | None = None

    @property
    def variables(self) -> Mapping[str, str]:
        """The predefined variables that it has."""
        told = {
            "CI_PIPELINE_SOURCE": self.source,
            "CI_COMMIT_BRANCH": self.branch,
            "CI_COMMIT_TAG": self.tag,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": self.target,
            "CI_PROJECT_DIR": "/builds/group/project",
        }
        return {name: value for name, value in told.items() if value}


def pipeline(document: Mapping[str, Any], trigger: Trigger) -> dict[str, Mapping[str, Any]] | None:
    """Return the jobs of a pipeline, by GitLab's names for them; None: there is no pipeline.

    Raises:
        ValueError: GitLab would refuse the file: a job needs one that is not in the pipeline.
    """
    if _first(document["workflow"]["rules"], trigger) is None:
        return None
    jobs = {
        name: job
        for name, job in document.items()
        if name not in _KEYWORDS and not name.startswith(".")
    }
    jobs = {name: job for name, job in jobs.items() if _is_in(job, trigger)}
    for name, job in jobs.items():
        for need in job.get("needs", ()):
            if need["job"] not in jobs and not need.get("optional"):
                message = f"{name} needs {need['job']}, but it is not in any previous stage"
                raise ValueError(message)
    return jobs or None


def is_cancelled_by_the_next(document: Mapping[str, Any], trigger: Trigger) -> bool:
    """Tell whether a newer commit of the same ref cancels the pipeline."""
    rule = _first(document["workflow"]["rules"], trigger) or {}
    how = {**document["workflow"].get("auto_cancel", {}), **rule.get("auto_cancel", {})}
    return bool(how.get("on_new_commit", "conservative") != "none")


def variables(job: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """Yield the variables of each job of a matrix, or of the one job."""
    own = job.get("variables", {})
    for cell in job.get("parallel", {}).get("matrix", [{}]):
        for values in product(*cell.values()):
            given = dict(zip(cell, values, strict=True))
            yield {**given, **{name: expanded(text, given) for name, text in own.items()}}


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the variables that are known; ``$$`` is a ``$``."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1] or match[2] or match[3], match[0])

    return _VARIABLE.sub(value, text)


def _is_in(job: Mapping[str, Any], trigger: Trigger) -> bool:
    return "rules" not in job or _first(job["rules"], trigger) is not None


def _first(rules: Sequence[Mapping[str, Any]], trigger: Trigger) -> Mapping[str, Any] | None:
    for rule in rules:
        assert rule.keys() <= {"if", "changes", "auto_cancel"}
        if holds(rule.get("if", '"always" == "always"'), trigger.variables) and _changed(
            rule.get("changes"), trigger
        ):
            return rule
    return None


def _changed(patterns: Sequence[str] | None, trigger: Trigger) -> bool:
    if patterns is None or trigger.changed is None:
        return True
    assert len(patterns) <= 50
    patterns = [expanded_existing(pattern, trigger.variables) for pattern in patterns]
    return any(fnmatch(pattern, path) for pattern in patterns for path in trigger.changed)


def expanded_existing(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the variables that are known; all else stays, also ``$$``."""
    everything = {**dict.fromkeys(("HOME", "name"), "EXPANDED"), **values}
    return _VARIABLE.sub(
        lambda match: everything.get(match[1] or match[2] or match[3] or "", match[0]), text
    )


def holds(expression: str, values: Mapping[str, str]) -> bool:
    """Evaluate a ``rules:if``: ``&&`` binds closer than ``||``, an unset variable is null."""
    tokens = list(_tokens(expression))
    result = _either(tokens, values)
    assert not tokens, f"{expression}: {tokens} is left"
    return result


def _tokens(expression: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        assert match, f"{expression[at:]!r} of {expression!r} is no token"
        yield match
        at = match.end()


def _either(tokens: list[re.Match[str]], values: Mapping[str, str]) -> bool:
    result = _both(tokens, values)
    while tokens and tokens[0]["operator"] == "||":
        tokens.pop(0)
        other = _both(tokens, values)
        result = result or other
    return result


def _both(tokens: list[re.Match[str]], values: Mapping[str, str]) -> bool:
    result = _comparison(tokens, values)
    while tokens and tokens[0]["operator"] == "&&":
        tokens.pop(0)
        other = _comparison(tokens, values)
        result = result and other
    return result


def _comparison(tokens: list[re.Match[str]], values: Mapping[str, str]) -> bool:
    if tokens[0]["operator"] == "(":
        tokens.pop(0)
        result = _either(tokens, values)
        assert tokens.pop(0)["operator"] == ")"
        return result
    left = _value(tokens.pop(0), values)
    operator = tokens[0]["operator"] if tokens else None
    if operator not in {"==", "!=", "=~", "!~"}:
        return bool(left)
    tokens.pop(0)
    right = tokens.pop(0)
    if operator in {"==", "!="}:
        return (left == _value(right, values)) is (operator == "==")
    assert right["pattern"], "a regular expression stands between two /"
    found = left is not None and re.search(right["pattern"], left) is not None
    return found is (operator == "=~")


def _value(token: re.Match[str], values: Mapping[str, str]) -> str | None:
    if token["variable"]:
        return values.get(token["variable"][1:])
    text = token["double"] if token["double"] is not None else token["single"]
    assert text is not None
    return text


def fnmatch(pattern: str, path: str) -> bool:
    """Do what Ruby's ``File.fnmatch`` does with the flags that GitLab gives it."""
    return any(_names(one.split("/"), path.split("/")) for one in _braces(pattern))


def _braces(pattern: str) -> Iterator[str]:
    """Yield the alternatives of ``{a,b}``; where a brace is not closed, there are none."""
    match = _BRACES.fullmatch(pattern)
    if match:
        for alternative in re.findall(r"(?:\A|,)((?:[^\\,]|\\.)*)", match[2]):
            yield from _braces(match[1] + alternative + match[3])
    elif "{" not in re.sub(r"\\.", "", pattern):
        yield pattern


def _names(patterns: Sequence[str], names: Sequence[str]) -> bool:
    if not patterns or not names:
        return not patterns and not names
    if patterns[0] == "**" and len(patterns) > 1:
        return any(_names(patterns[1:], names[at:]) for at in range(len(names)))
    return _name(patterns[0], names[0]) and _names(patterns[1:], names[1:])


def _name(pattern: str, name: str) -> bool:
    r"""Match one name; ``\`` quotes, also between brackets, where ``!`` or ``^`` negates."""
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return any(_name(rest, name[at:]) for at in range(len(name) + 1))
    if not name:
        return False
    if head == "[":
        found, rest = _member(rest, name[0])
        return found and _name(rest, name[1:])
    if head == "?":
        return _name(rest, name[1:])
    if head == "\\" and rest:
        head, rest = rest[0], rest[1:]
    return head == name[0] and _name(rest, name[1:])


def _member(pattern: str, letter: str) -> tuple[bool, str]:
    """Look for a letter in what follows a ``[``, and return what is behind the ``]``."""
    negated = pattern[:1] in {"!", "^"}
    pattern, found = pattern[negated:], False
    while pattern and pattern[0] != "]":
        first, pattern = _quoted(pattern)
        last = first
        if pattern[:1] == "-" and pattern[1:2] != "]":
            last, pattern = _quoted(pattern[1:])
        found = found or first <= letter <= last
    return bool(pattern) and found is not negated, pattern[1:]


def _quoted(pattern: str) -> tuple[str, str]:
    pattern = pattern[1:] if pattern[0] == "\\" else pattern
    return pattern[:1], pattern[1:]
