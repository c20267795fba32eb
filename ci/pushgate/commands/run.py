"""Run the gates."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pushgate.commands import asked
from pushgate.config.load import find_project
from pushgate.model.outcome import ExitCode
from pushgate.model.plan import Plan
from pushgate.model.run_event import Consumer, as_json
from pushgate.model.settings import ConfigurationError
from pushgate.plan import changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan
from pushgate.reports import run_report
from pushgate.reports.lasting import lasting
from pushgate.run import failed, launch, target
from pushgate.run.history import History
from pushgate.run.launch import Request
from pushgate.run.local_files import only_here
from pushgate.run.recall import Trust
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Run the jobs that are asked for."""
    project = find_project(Path.cwd())
    store = Store.of(git.toplevel(project))
    chosen = _target(parsed, project)
    launch.sweep(store)  # what a killed run has left may still write to the checkout
    with target.checked_out(chosen, project, store) as root:
        definition = of_project(root)
        planned = _planned(parsed, definition, chosen, project)
        request = Request(
            jobs=planned.selected,
            event=str(planned.event),
            target=chosen,
            project=project,
            notes=() if chosen.clean else only_here(definition.settings).notes,
            trust=_trust(parsed, definition),
        )
        with launch.opened(store) as run, _reporter(parsed, sys.stdout) as report:
            return launch.launch(definition, request, run, asked.pace(parsed), report)


def _target(parsed: argparse.Namespace, project: Path) -> Target:
    repository = git.toplevel(project)
    if parsed.commit is not None:
        return target.commit(repository, parsed.commit)
    if parsed.merge:
        definition = of_project(project)
        return target.merge(
            repository, asked.event(parsed, definition).ref or asked.main_branch(definition)
        )
    return target.files(repository)


def _planned(
    parsed: argparse.Namespace, definition: Definition, chosen: Target, project: Path
) -> Plan:
    event, wanted = asked.event(parsed, definition), parsed.jobs
    head = chosen.commit if chosen.clean else None
    if parsed.failed:
        if wanted:
            message = f"--failed chooses the jobs: leave {', '.join(wanted)} out"
            raise ConfigurationError(message)
        with History.open(Store.of(git.toplevel(project)).database) as history:
            wanted = failed.names(history, definition, project)
    return plan(definition, event, wanted, changes.of(definition.settings, event, head=head))


def _trust(parsed: argparse.Namespace, definition: Definition) -> Trust:
    share = definition.settings.verify_records
    return Trust(take=not parsed.no_cache, verify=1.0 if parsed.verify_records else share)


@contextmanager
def _reporter(parsed: argparse.Namespace, stream: TextIO) -> Iterator[Consumer]:
    if parsed.json:
        lasts = lasting(stream)
        yield lambda event: print(json.dumps(as_json(event)), file=lasts, flush=True)
        return
    with run_report.reporter(stream, verbose=parsed.verbose) as report:
        yield report
