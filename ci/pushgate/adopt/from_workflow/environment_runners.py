"""What runs environments and sessions that a project defines elsewhere: tox, nox, hatch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from pushgate.adopt.from_workflow.calls import SCRIPT_RUNNERS, Call
from pushgate.adopt.from_workflow.findings import Finding, slug, values
from pushgate.adopt.from_workflow.pytest_calls import pytest_findings

_ENV_OPTIONS: Final = frozenset({"-e", "-s", "--env", "--session", "--sessions"})
_CHOOSING: Final = frozenset({"-f", "-m", "-l", "--listenvs", "list", "l", "config"})
_PYTHON_FACTOR: Final = re.compile(r"py(?:\d(?:\.?\d+)?t?)?|3\.(?:\d+|\ue000)t?|pypy[\d.]*")
_TEST_FACTORS: Final = frozenset(
    {
        *("test", "tests", "testing", "unit", "unittest", "unittests", "pytest"),
        *("cov", "coverage", "nocov", "ci", "all"),
    }
)
_TEST_SCRIPTS: Final = frozenset({"test", "tests", "cov", "test-cov", "cov-test", "unit"})
OF_PUSHGATE: Final = "it is Pushgate's own call"
"""What is told of a step that a generated workflow has."""


def tox(call: Call, _python: str) -> tuple[Finding, ...]:
    """Recognise a call of tox: tests on some Python, or environments of another kind."""
    arguments, posargs = split(call.arguments)
    envs = [env for text in values(arguments, _ENV_OPTIONS) for env in text.split(",") if env]
    chosen_otherwise = _CHOOSING & {*arguments}
    variables = (call.variables.get(name, "") for name in ("TOXENV", "TOX_ENV"))
    envs = envs or [env for text in variables for env in text.split(",") if env]
    if not envs and not chosen_otherwise:
        if not _python:
            return (Finding("tox", {}, "all its environments", own=True),)
        return test_findings(posargs, "what tox-gh chooses for each Python besides tests is not")
    tests = [env for env in envs if is_test_environment(env)]
    found = test_findings(posargs, "commands and deps of tox.ini are not") if tests else ()
    rest = [env for env in envs if env not in tests]
    if rest or chosen_otherwise:
        labels = values(arguments, {"-f", "-m"}, several=True)
        name = slug("-".join(["tox", *dict.fromkeys(map(_without_python, rest)), *labels]))
        instead = {",".join(envs): ",".join(rest)} if tests else {}
        found = (*found, Finding(name, own=True, instead=instead))
    return found


def test_findings(posargs: tuple[str, ...], not_carried: str) -> tuple[Finding, ...]:
    """Tell that a runner runs pytest, with these arguments and something not carried over."""
    first, *others = pytest_findings(posargs)
    told = f"the gate runs pytest itself on each Python; {not_carried} carried over"
    return (Finding("test", first.settings, told), *others)


def is_test_environment(name: str) -> bool:
    """Tell whether an environment of tox is, by its name, the tests on some Python."""
    factors = name.split("-")
    rest = [factor for factor in factors if not _PYTHON_FACTOR.fullmatch(factor)]
    return len(rest) < len(factors) and _TEST_FACTORS.issuperset(rest)


def _without_python(env: str) -> str:
    factors = [factor for factor in env.split("-") if not _PYTHON_FACTOR.fullmatch(factor)]
    return "-".join(factors) or env


def nox(call: Call, python: str) -> tuple[Finding, ...]:
    """Recognise a call of Nox: each session that it names; empty where it names none."""
    arguments, posargs = split(call.arguments)
    sessions = values(arguments, _ENV_OPTIONS, several=True)
    left = f"; not its arguments `{shlex.join(posargs)}`" if posargs else ""
    findings: list[Finding] = []
    if "--no-dependencies" in arguments:
        return _of_pushgate(sessions, posargs)
    for session in sessions:
        # Without its parameters a session is all of them.
        bare = session.partition("(")[0]
        bare = bare.removesuffix(f"-{python}") if python else bare
        name = slug(bare)
        detail = f"session {bare} of the noxfile{left}"
        if name == "tests":
            detail += "; the gate test runs pytest, too: keep one of them"
        findings.append(Finding(name, {"session": bare}, detail))
        if name == "test":
            findings.append(
                Finding("coverage", {"enabled": False}, "the session leaves no data for it")
            )
    return tuple(findings)


def _of_pushgate(sessions: Sequence[str], posargs: tuple[str, ...]) -> tuple[Finding, ...]:
    """Recognise the call of a workflow that Pushgate wrote: one job of a gate."""
    count = "".join(values(posargs, {"--shard"})).partition("/")[2]
    settings: dict[str, Mapping[str, object]] = {"lint": {"format": True}}
    if count.isdecimal():
        settings["test"] = {"shards": int(count)}
    names = (re.sub(r"-3\.\d+$", "", session) for session in sessions)
    return tuple(Finding(name, settings.get(name, {}), OF_PUSHGATE) for name in names)


def scripts(call: Call) -> tuple[Finding, ...]:
    """Recognise the tests among the scripts that a project manager runs by their names."""
    if call.runner in SCRIPT_RUNNERS and call.program in _TEST_SCRIPTS:
        return test_findings((), f"{call.runner}'s script {call.program} is not")
    return ()


def split(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split arguments at ``--`` into the runner's own and those that it hands on."""
    if "--" not in arguments:
        return arguments, ()
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]
