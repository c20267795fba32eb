"""Write the workflow files of CI, or tell where they have drifted."""

from __future__ import annotations

import argparse

from pushgate.commands import asked
from pushgate.model.outcome import ExitCode
from pushgate.plan.definition import require_sessions
from pushgate.providers import workflow
from pushgate.reports import terminal


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Write, show or compare them."""
    definition = asked.definition()
    require_sessions(definition)
    providers = workflow.chosen(definition, parsed.provider)
    if parsed.check:
        drifts = list(workflow.check(definition, providers))
        right = "the workflow says what the definition says"
        wrong = "`pushgate workflow` writes what the definition says (--dry-run shows it)"
        terminal.show_lines([*drifts, wrong] if drifts else [right])
        return ExitCode.FAILED if drifts else ExitCode.PASSED
    if parsed.dry_run:
        changes = [line for file in workflow.planned(definition, providers) for line in file.diff]
        terminal.show_lines(changes or ["nothing would be changed"])
    else:
        terminal.show_lines(workflow.write(definition, providers))
    return ExitCode.PASSED
