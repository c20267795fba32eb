"""An existing GitHub workflow, taken over: what it says in Pushgate's words, and an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pushgate.adopt.from_workflow.job_import import JobImport
from pushgate.adopt.from_workflow.tables import CODECOV, Tables
from pushgate.adopt.from_workflow.triggers import selecting, triggers
from pushgate.adopt.from_workflow.workflow_reading import read_workflow
from pushgate.config.tables import table
from pushgate.model.account import JobAccount


@dataclass(frozen=True)
class Imported:
    """What became of a workflow.

    Attributes:
        tables: What ``[tool.pushgate]`` is to say, as nested mappings of TOML's own types.
        gates: The gates that it tells of; not each of them has a table.
        account: What became of each job, and of each of its steps.
        notes: What of the file as a whole is not carried over, or to be known.
    """

    tables: Mapping[str, object]
    gates: tuple[str, ...]
    account: tuple[JobAccount, ...]
    notes: tuple[str, ...]


def read(file: Path, folder: str = "") -> Imported:
    """Read an existing workflow.

    Args:
        file: The workflow's file.
        folder: The project's folder, from the top of the repository; empty for the top.

    Raises:
        ConfigurationError: The file is no workflow with jobs.
    """
    workflow = read_workflow(file)
    when = triggers(workflow.triggers)
    tables = Tables()
    made: dict[str, tuple[str, ...]] = {}
    account = []
    for job in workflow.jobs:
        taken = JobImport(job, when, tables, folder, made)
        account.append(taken.account())
        made[job.name] = tuple(gate for gate in taken.state.gates if gate != CODECOV)
    settings, notes = tables.whole(when)
    if settings and (on := selecting((each.event for each in when.moments), when.moments, "")):
        notes = (f"it runs on {', '.join(on)} only; Pushgate's own gates do on every event", *notes)
    gates = dict.fromkeys((*tables.gates, *table(settings, "gates")))
    return Imported(settings, tuple(gates), tuple(account), (*when.notes, *notes))
