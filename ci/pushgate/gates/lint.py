"""Ruff: is the code formatted, does it follow the project's rules?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import tool
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.model.settings import GateOptions, Settings
from pushgate.tools import process

name: Final = "lint"
RUFF: Final = "ruff==0.17.6"
TOOLS: Final = (RUFF,)


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.lint]``.

    Attributes:
        format: Whether ``ruff format --check`` is part of it.
    """

    format: bool = True


def applies(settings: Settings) -> Applies:
    """On where there is Python code."""
    return base.source_paths(settings)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "ruff: format and rules")


def run(context: Context[Options]) -> None:
    """Check the format and the rules; both always run, so that one look shows all."""
    ruff = tool(context, RUFF)
    # It looks at pyproject.toml, too, and passes where it finds no Python file.
    show = (ruff, "check", "--show-files", ".")
    shown = process.capture(show, cwd=context.settings.root, check=False)
    python = [file for file in shown.stdout.split("\n") if file.endswith((".py", ".pyi", ".ipynb"))]
    if shown.returncode == 0 and not python:
        message = "ruff looks at no Python file: its configuration leaves none"
        raise JobUnavailable(message)
    # Never fix, whatever the configuration says: CI would judge files that nobody committed.
    checks = {"ruff check": (ruff, "check", "--no-fix", *context.arguments, ".")}
    if context.options.format:
        checks = {"ruff format --check": (ruff, "format", "--check", ".")} | checks
    failed = [check for check, command in checks.items() if context.status(*command)]
    if failed:
        message = f"{' and '.join(failed)} found something"
        raise JobFailed(message)
