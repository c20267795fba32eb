"""Show which jobs an event selects, and why."""

from __future__ import annotations

import argparse
import os
import sys

from pushgate.commands import asked
from pushgate.model.outcome import ExitCode
from pushgate.plan import changes
from pushgate.plan.planner import plan
from pushgate.providers import github_event
from pushgate.reports import plan_formats, terminal


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Plan, and run nothing."""
    definition = asked.definition()
    if parsed.ci:
        event, changed = github_event.seen(definition.settings, os.environ)
    else:
        event = asked.event(parsed, definition)
        changed = changes.of(definition.settings, event, head=None)
    planned = plan(definition, event, parsed.jobs, changed)
    if parsed.ci:
        github_event.hand_on(planned, os.environ)
    if parsed.json:
        print(plan_formats.to_json(planned))
    elif parsed.mermaid:
        print(plan_formats.to_mermaid(planned))
    elif parsed.ci:
        # Standard output is what a workflow may read.
        terminal.show_plan(planned, sys.stderr)
    else:
        terminal.show_plan(planned)
    return ExitCode.PASSED
