"""pytest's options, as settings of the gates that run it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.from_workflow.findings import Finding
from pushgate.adopt.from_workflow.options import options

_WITH_VALUE: Final = frozenset(
    {
        *("-k", "-m", "-p", "-W", "-c", "-o", "-r", "-n", "--maxfail", "--tb", "--rootdir"),
        *("--dist", "--numprocesses", "--durations", "--ignore", "--ignore-glob", "--deselect"),
        *("--confcutdir", "--basetemp", "--import-mode", "--junitxml", "--junit-xml", "--cov"),
        *("--cov-report", "--cov-config", "--cov-fail-under", "--splits", "--group", "--timeout"),
        *("--durations-path", "--splitting-algorithm", "--color", "--log-level", "--reruns"),
        *("--override-ini", "--config-file", "--html", "--report-log", "--verbosity"),
    }
)
_OPTIONAL_VALUE: Final = frozenset({"--cov", "--cov-report"})
_SHOWING: Final = frozenset(
    {
        *("-v", "-vv", "-vvv", "--verbose", "-q", "-qq", "--quiet", "--color", "--verbosity"),
        *("--durations", "--html", "--report-log", "--no-header", "--no-summary"),
    }
)
_BY_GATE: Final = frozenset(
    {"--junitxml", "--junit-xml", "--group", "--durations-path", "--splitting-algorithm"}
)


@dataclass(frozen=True)
class PytestOptions:
    """What a call of pytest asks for.

    Attributes:
        args: What Pushgate's gate is to give to pytest as well.
        workers: pytest-xdist's workers: a number, ``auto``, or None: nothing is said.
        shards: The number of parts that pytest-split makes; None: it is not asked to.
        covers: Whether coverage is measured.
        fail_under: The coverage that is asked for, in percent.
        left: Options that are not carried over.
    """

    args: tuple[str, ...]
    workers: int | str | None
    shards: int | None
    covers: bool
    fail_under: float | None
    left: tuple[str, ...]


def pytest_options(arguments: Sequence[str]) -> PytestOptions:
    """Read the arguments of a call of pytest."""
    args: list[str] = []
    left: list[str] = []
    said: dict[str, str] = {}
    for option in options(arguments, _WITH_VALUE, _OPTIONAL_VALUE):
        name, value, words = option.name, option.value, option.words
        if name in {"-n", "--numprocesses"} and _workers(value) is None:
            args += words
        elif name in {"-n", "--numprocesses", "--splits", "--cov-fail-under"}:
            said[name.replace("--numprocesses", "-n")] = value
        elif name == "--no-cov":
            said.pop("--cov", None)
            left += words
        elif name in _SHOWING or name in _BY_GATE:
            left += words
        elif name.startswith(("--cov", "--no-cov-")):
            said["--cov"] = value
            left += [] if name == "--cov-report" else words
        else:
            args += words
    shards, under = said.get("--splits", ""), said.get("--cov-fail-under", "")
    return PytestOptions(
        args=tuple(args),
        workers=_workers(said.get("-n", "")),
        shards=_number(shards),
        covers="--cov" in said or "--cov-fail-under" in said,
        fail_under=percentage(under),
        left=tuple(left),
    )


def percentage(text: str) -> float | None:
    """Read a threshold; None: it is none, or 0, which asks for nothing."""
    try:
        number = float(text)
    except ValueError:
        return None
    return (int(number) if number.is_integer() else number) or None


def _workers(text: str) -> int | str | None:
    return "auto" if text in {"auto", "logical"} else _number(text)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) else None


def pytest_findings(arguments: Sequence[str]) -> tuple[Finding, ...]:
    """Tell what a call of pytest is: the gate test, and the gate coverage where it measures."""
    options = pytest_options(arguments)
    settings: dict[str, object] = {}
    if options.args:
        settings["args"] = list(options.args)
    if options.workers is not None:
        settings["workers"] = options.workers
    if options.shards:
        settings["shards"] = options.shards
    detail = f"its own way of showing: not `{shlex.join(options.left)}`" if options.left else ""
    findings = [Finding("test", settings, detail)]
    if options.covers:
        findings.append(coverage_finding(options.fail_under))
    return tuple(findings)


def coverage_finding(fail_under: float | None) -> Finding:
    """Return the gate coverage with a threshold; None: the project's own settings have it."""
    return Finding("coverage", {} if fail_under is None else {"fail-under": fail_under})
