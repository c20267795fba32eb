"""Install the pre-push hook."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.hooks import install
from pushgate.model.outcome import ExitCode
from pushgate.reports import terminal


def execute(_parsed: argparse.Namespace) -> ExitCode:
    """Write the hook, or say why not and what to do."""
    installed = install.install(Path.cwd())
    terminal.show_lines(installed.lines)
    return installed.status
