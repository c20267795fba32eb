"""Merge what the test jobs measured."""

from __future__ import annotations

import argparse

from pushgate.commands import asked
from pushgate.model.outcome import ExitCode
from pushgate.reports import terminal
from pushgate.run import measured
from pushgate.shards import durations


def execute(_parsed: argparse.Namespace) -> ExitCode:
    """Merge it, and show the balance of the shards."""
    terminal.show_durations(measured.merge(asked.definition()), durations.FILE)
    return ExitCode.PASSED
