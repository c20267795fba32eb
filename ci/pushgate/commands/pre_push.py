"""Judge what is pushed: git runs it as its hook."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from pushgate.commands import asked
from pushgate.hooks import pre_push, pushed
from pushgate.model.outcome import ExitCode
from pushgate.reports import run_report


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Let the push go, or refuse it."""
    # Git starts a hook at the top; the user's shell finds the paths that are told from here.
    with suppress(OSError):
        os.chdir(os.environ.get("GIT_PREFIX") or ".")
    # What git shows of a hook is on standard error: standard output may be a program's.
    with run_report.reporter(sys.stderr, verbose=parsed.verbose) as report:
        push = pushed.read(sys.stdin.buffer, os.environ, Path.cwd())
        return pre_push.judge(Path.cwd(), push, asked.pace(parsed), report)
