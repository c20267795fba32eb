"""Show what a job depends on, and what is different from its last run."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.config.load import find_project
from pushgate.model.event import Event
from pushgate.model.outcome import ExitCode
from pushgate.plan.definition import of_project
from pushgate.plan.planner import plan
from pushgate.reports import why_report
from pushgate.run import fingerprints, target, why
from pushgate.run.records import Records
from pushgate.run.store import Store
from pushgate.tools import git


def execute(parsed: argparse.Namespace) -> ExitCode:
    """Explain, and run nothing."""
    project = find_project(Path.cwd())
    repository = git.toplevel(project)
    store = Store.of(repository)
    chosen = target.files(repository)
    if parsed.commit is not None:
        chosen = target.commit(repository, parsed.commit)
    with target.checked_out(chosen, project, store) as root, Records.open(store) as records:
        definition = of_project(root)
        plan(definition, Event("all"), [parsed.job])  # it refuses a name that is none
        taken = fingerprints.take(definition, chosen.commit if chosen.clean else None)
        asked = [job for job in definition.jobs if parsed.job in {job.name, job.session, job.gate}]
        explained = [why.explain(job.name, taken, records) for job in asked]
    if parsed.json:
        print(why_report.to_json(explained))
    else:
        why_report.show(explained)
    return ExitCode.PASSED
