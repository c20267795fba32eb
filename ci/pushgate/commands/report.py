"""Show the last runs, or one."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.model.outcome import ExitCode
from pushgate.reports import history_report, terminal
from pushgate.run.history import History
from pushgate.run.store import Store
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Read the history, and show it."""
    store = Store.of(git.toplevel(Path.cwd()))
    with History.open(store.database) as history:
        if parsed.run:
            run = history_report.find_run(history, store.runs, parsed.run)
            jobs = history.jobs(run.summary.name)
            if parsed.json:
                print(history_report.run_to_json(run, jobs))
            else:
                terminal.show_run(run, jobs)
        else:
            runs = history_report.last_runs(history, store.runs, parsed.n)
            if parsed.json:
                print(history_report.runs_to_json(runs))
            else:
                terminal.show_runs(runs)
    return ExitCode.PASSED
