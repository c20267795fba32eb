"""bandit: known dangerous patterns in the project's code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import interpreter, tool
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.settings import GateOptions, Settings

name: Final = "security"
BANDIT: Final = "bandit[sarif]==1.9.4"
ARTIFACT_DAYS: Final = 7
TOOLS: Final = (BANDIT,)


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.security]``; ``[tool.bandit]`` holds bandit's own."""


def applies(settings: Settings) -> Applies:
    """On where there is Python code."""
    return base.source_paths(settings)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "bandit: dangerous patterns, medium severity and above")


def run(context: Context[Options]) -> None:
    """Look at the sources, without the tests, at medium severity and above."""
    settings = context.settings
    report = context.outputs / "bandit.sarif"
    bandit = tool(context, BANDIT, python=_python(context))
    options = ["--quiet", "-ll", "--format", "sarif", "--output", str(report)]
    if "bandit" in settings.tool_tables:
        options += ["-c", "pyproject.toml"]
    # Also where there are none: bandit's own default leaves out every path with CVS in it.
    options += ["--exclude", ",".join(f"./{path}" for path in _tests(settings))]
    targets = [f"./{path}" for path in settings.sources]
    code = context.status(bandit, *options, *context.arguments, "-r", *targets)
    try:
        found = _Report.read(report)
    except (OSError, ValueError, LookupError) as error:
        message = f"bandit ended with {code} and left no report: {error}"
        raise JobUnavailable(message) from error
    for line in (*found.findings, *(f"{unread}: not looked at" for unread in found.unread)):
        context.log(line)
    if found.findings:
        first, *more = found.findings
        message = f"bandit found {first}" + (f" (and {len(more)} more)" if more else "")
        raise JobFailed(message)
    if found.unread:
        message = f"bandit could not parse {', '.join(found.unread)}"
        raise JobUnavailable(message)
    if not found.files:
        message = f"bandit looked at no file in {', '.join(settings.sources)}"
        raise JobUnavailable(message)


def _python(context: Context[Options]) -> str:
    """Choose the project's newest Python: an older one cannot parse newer syntax."""
    newest, default = context.settings.python[-1], context.settings.default_python
    try:
        interpreter(newest)
    except JobUnavailable:
        context.log(f"no Python {newest} here: bandit runs under {default}")
        return default
    return newest


@dataclass(frozen=True)
class _Report:
    """What bandit tells in SARIF.

    Attributes:
        findings: A line about each.
        unread: The files that it could not parse.
        files: How many it was given.
    """

    findings: tuple[str, ...]
    unread: tuple[str, ...]
    files: int

    @classmethod
    def read(cls, file: Path) -> _Report:
        """Read a file of SARIF 2.1.0, with what bandit adds: its metrics, a key a file.

        Raises:
            OSError: There is none.
            ValueError: It is no JSON.
            LookupError: It is no report of bandit.
        """
        (run,) = json.loads(file.read_text(encoding="utf-8"))["runs"]
        (invocation,) = run["invocations"]
        return cls(
            findings=tuple(
                f"{_place(found)}:{_location(found)['region']['startLine']}: "
                f"{found['ruleId']} {found['message']['text']}"
                for found in run["results"]
            ),
            unread=tuple(map(_place, invocation.get("toolConfigurationNotifications", ()))),
            files=len(run["properties"]["metrics"].keys() - {"_totals"}),
        )


def _location(told: Mapping[str, Any]) -> Mapping[str, Any]:
    location: Mapping[str, Any] = told["locations"][0]["physicalLocation"]
    return location


def _place(told: Mapping[str, Any]) -> str:
    return unquote(_location(told)["artifactLocation"]["uri"])


def _tests(settings: Settings) -> list[str]:
    """Return the tests, less what holds sources: doctests live there."""
    return [
        tests
        for tests in settings.tests
        if not any(PurePosixPath(source).is_relative_to(tests) for source in settings.sources)
    ]
