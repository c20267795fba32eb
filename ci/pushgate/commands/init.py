"""A first definition, from what the repository says."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.adopt import hosting, init, place, staging, telling
from pushgate.adopt.from_workflow import imported
from pushgate.hooks import install
from pushgate.model.outcome import ExitCode
from pushgate.plan.definition import Definition
from pushgate.providers import workflow
from pushgate.providers.registry import NAMES, named
from pushgate.providers.workflow import WorkflowFile
from pushgate.reports import import_report, terminal
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Write a first definition, or show it."""
    project = place.find(Path(parsed.folder or "."), named=parsed.folder is not None)
    provider = parsed.provider or hosting.provider(git.toplevel(project))
    taken = None
    if parsed.from_workflow is not None:
        folder = project.relative_to(git.toplevel(project))
        taken = imported.read(Path(parsed.from_workflow), folder.as_posix() if folder.parts else "")
    writer = _WorkflowWriter(provider)
    prepared = init.prepare(project, writer, taken)
    if taken:
        import_report.show(telling.account(taken.account, prepared.definition), taken.notes)
    terminal.show_lines(telling.findings(prepared))
    terminal.show_lines(line for file in writer.files for line in file.told)
    if parsed.dry_run:
        terminal.show_lines(telling.diffs(prepared, hook=not parsed.no_hook))
        return ExitCode.PASSED
    staging.write(prepared.repository, prepared.changes)
    hook = None if parsed.no_hook else install.install(prepared.repository)
    terminal.show_lines(telling.done(prepared, hook.lines if hook else ()))
    return ExitCode.PASSED


class _WorkflowWriter:
    """Writes the workflow files of a definition."""

    def __init__(self, provider: str) -> None:
        self._providers = [named(provider)] if provider in NAMES else []
        self.files: list[WorkflowFile] = []

    def __call__(self, definition: Definition) -> list[Path]:
        self.files = workflow.planned(definition, self._providers) if self._providers else []
        for file in self.files:
            file.write(definition.settings.repository)
        return [Path(file.path) for file in self.files]
