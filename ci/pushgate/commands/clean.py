"""Remove records, runs, their history and clean checkouts."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.model.outcome import ExitCode
from pushgate.reports import terminal
from pushgate.run import cleaning
from pushgate.run.store import Store
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Remove them, or show what would be removed."""
    store = Store.of(git.toplevel(Path.cwd()))
    lines = list(cleaning.clean(store, dry_run=parsed.dry_run))
    terminal.show_lines(lines or ["there is nothing to remove"])
    return ExitCode.PASSED
