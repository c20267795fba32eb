"""bandit: known dangerous patterns in the project's code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import tool
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.settings import GateOptions, Settings

name: Final = "security"
BANDIT: Final = "bandit==1.9.4"
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
    report = context.outputs / "bandit.json"
    # An older Python cannot parse newer syntax, and bandit skips such a file with status 0.
    bandit = tool(context, BANDIT, python=settings.python[-1])
    options = ["--quiet", "-ll", "--format", "json", "--output", str(report)]
    if "bandit" in settings.tool_tables:
        options += ["-c", "pyproject.toml"]
    # Also where there are none: bandit's own default leaves out every path with CVS in it.
    options += ["--exclude", ",".join(f"./{path}" for path in _tests(settings))]
    targets = [f"./{path}" for path in settings.sources]
    code = context.status(bandit, *options, *context.arguments, "-r", *targets)
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        findings, errors, metrics = content["results"], content["errors"], content["metrics"]
    except (OSError, ValueError, KeyError) as error:
        message = f"bandit ended with {code} and left no report: {error}"
        raise JobUnavailable(message) from error
    told = [
        f"{found['filename']}:{found['line_number']}: {found['test_id']} {found['issue_text']}"
        for found in findings
    ]
    for line in told:
        context.log(line)
    for unread in errors:
        context.log(f"{unread['filename']}: not looked at: {unread['reason']}")
    if findings:
        message = f"bandit found {told[0]}" + (f" (and {len(told) - 1} more)" if told[1:] else "")
        raise JobFailed(message)
    if errors:
        message = f"bandit could not parse {', '.join(unread['filename'] for unread in errors)}"
        raise JobUnavailable(message)
    if not metrics.keys() - {"_totals"}:
        message = f"bandit looked at no file in {', '.join(settings.sources)}"
        raise JobUnavailable(message)


def _tests(settings: Settings) -> list[str]:
    """Return the tests, less what holds sources: doctests live there."""
    return [
        tests
        for tests in settings.tests
        if not any(PurePosixPath(source).is_relative_to(tests) for source in settings.sources)
    ]
