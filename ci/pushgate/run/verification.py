"""Remembering what a tree's jobs are and rest on, for pushes of the same tree."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pushgate.model.event import Event
from pushgate.plan import noxfile, projects
from pushgate.plan.definition import NOXFILE, Definition
from pushgate.plan.planner import plan
from pushgate.run import database, verified_trees
from pushgate.run.fingerprints import Fingerprints
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.tools import git, process

_KEPT: Final = 500
"""How many trees are remembered; the newest ones."""

_FIND: Final = "SELECT document FROM verified WHERE key = ?"
_WRITE: Final = "INSERT OR REPLACE INTO verified (key, document, used) VALUES (?, ?, ?)"
_PRUNE: Final = """
    DELETE FROM verified
    WHERE key NOT IN (SELECT key FROM verified ORDER BY used DESC LIMIT ?)
"""


def remember(
    store: Store, definition: Definition, target: Target, fingerprints: Fingerprints
) -> None:
    """Keep what a push of the same tree has to know: its jobs' digests, for each branch.

    Whether they pass is not kept: their records say so. Nothing is kept of the files as they
    are, since a push is judged by a clean checkout, which may be refused or hold other files
    (those that are ignored, or that a filter changes); and nothing where the definition may
    be another one the next time. Where the database cannot be used, nothing happens.

    Args:
        store: Where the repository's runs are kept.
        definition: As it was read from the target.
        target: What was looked at.
        fingerprints: Of the definition's jobs.
    """
    failures = (sqlite3.Error, OSError, database.NewerDatabaseError, process.CommandError)
    with contextlib.suppress(*failures):
        _remember(store, definition, target, fingerprints)


def _remember(
    store: Store, definition: Definition, target: Target, fingerprints: Fingerprints
) -> None:
    settings = definition.settings
    top = settings.repository
    if not target.clean or noxfile.looks_around(settings.root / NOXFILE):
        return
    folders = [str(folder) for folder in projects.find(top)[0]]
    folder = str(settings.root.relative_to(top))
    if folder in folders and (tree := _tree(top, target.commit)):
        _write(store, tree, folders, {folder: _entry(definition, fingerprints)})


def _tree(top: Path, commit: str) -> str:
    """Return the id of a commit's tree; empty where something stands in for git's objects."""
    if git.ask(top, "for-each-ref", "--count=1", "refs/replace").stdout:
        return ""
    return git.ask(top, "rev-parse", "--verify", f"{commit}^{{tree}}").stdout.strip()


def _entry(definition: Definition, fingerprints: Fingerprints) -> Mapping[str, object]:
    main, *_ = branches = definition.settings.branches
    pushes = {branch: Event("push", branch) for branch in branches}
    return {
        "premises": fingerprints.premises.as_json(),
        "branches": {
            branch: _jobs(definition, event, fingerprints) for branch, event in pushes.items()
        },
        "others": _jobs(definition, Event("pull_request", main), fingerprints),
    }


def _jobs(
    definition: Definition, event: Event, fingerprints: Fingerprints
) -> list[tuple[str, float | None]] | None:
    """List an event's jobs, whatever it changes: digests, and for how long a pass counts.

    Returns:
        None where a job has no fingerprint.
    """
    jobs = [fingerprints.of.get(job.name) for job in plan(definition, event).selected]
    known = [(job.digest, job.fresh_for) for job in jobs if job]
    return known if len(known) == len(jobs) else None


def _write(store: Store, tree: str, folders: list[str], entry: Mapping[str, object]) -> None:
    key = verified_trees.key(tree)
    with contextlib.closing(database.connect(store.database)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(_FIND, (key,)).fetchone()
        others = _projects(tree, row["document"]) if row else {}
        document = {"folders": folders, "projects": {**others, **entry}}
        connection.execute(_WRITE, (key, verified_trees.sealed(tree, document), time.time()))
        connection.execute(_PRUNE, (_KEPT,))


def _projects(tree: str, kept: str) -> Mapping[str, object]:
    """Return the entries that a document has already; what is damaged is written anew."""
    try:
        entries: Mapping[str, object] = verified_trees.unsealed(tree, kept)["projects"]
    except LookupError:
        return {}
    return entries
