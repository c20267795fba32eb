"""A first definition, from what the repository says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from pushgate.adopt import hosting, init, place, staging, telling
from pushgate.adopt.from_workflow import imported
from pushgate.hooks import install
from pushgate.model.outcome import ExitCode
from pushgate.plan.definition import Definition
from pushgate.providers import workflow
from pushgate.providers.registry import NAMES, named
from pushgate.reports import import_report, terminal
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Write a first definition, or show it."""
    project = place.find(Path(parsed.folder or "."), named=parsed.folder is not None)
    provider = parsed.provider or hosting.provider(git.toplevel(project))
    taken = None
    if parsed.from_workflow:
        folder = project.relative_to(git.toplevel(project))
        taken = imported.read(Path(parsed.from_workflow), folder.as_posix() if folder.parts else "")
    prepared = init.prepare(project, _workflow_writer(provider), taken)
    if taken:
        import_report.show(telling.account(taken.account, prepared.definition), taken.notes)
    terminal.show_lines(telling.findings(prepared))
    if parsed.dry_run:
        terminal.show_lines(telling.diffs(prepared))
        return ExitCode.PASSED
    staging.write(prepared.repository, prepared.changes)
    hook = None if parsed.no_hook else install.install(prepared.repository)
    terminal.show_lines(telling.done(prepared, hook.lines if hook else ()))
    return ExitCode.PASSED


def _workflow_writer(provider: str) -> Callable[[Definition], Sequence[Path]]:
    providers = [named(provider)] if provider in NAMES else []

    def write(definition: Definition) -> Sequence[Path]:
        files = workflow.planned(definition, providers) if providers else []
        for file in files:
            file.write(definition.settings.repository)
        return [Path(file.path) for file in files]

    return write
