"""What is known about the jobs of a tree: the format, and reading it within milliseconds.

``run/verification.py`` writes it. No import that costs: a verified push waits for this.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from zlib import crc32

from pushgate.run.premises import Premises

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

SCHEMA = 2
"""The version of the database's schema that this reads."""

_FORMAT = 2
"""Of the documents; raise it with every change."""

_BUSY_SECONDS = 0.2
"""How long to wait for others that write; the normal path can do without waiting."""

_DOCUMENT = "SELECT document FROM verified WHERE key = ?"
_PASSED = """
    SELECT count(*) FROM json_each(:jobs) AS job
    JOIN record ON record.digest = json_extract(job.value, '$[0]')
    WHERE result = 'passed' AND at <= :now
    AND (json_extract(job.value, '$[1]') IS NULL OR at + json_extract(job.value, '$[1]') > :now)
"""


def key(tree: str) -> str:
    """Return the name under which a tree's document is kept.

    Args:
        tree: The tree's id in git.
    """
    return f"{_FORMAT}:{tree}"


def sealed(tree: str, document: Mapping[str, Any]) -> str:
    """Return a document as it is kept: JSON, after a checksum of it and of whose it is."""
    text = json.dumps(document)
    return _seal(tree, text) + text


def unsealed(tree: str, kept: str) -> Mapping[str, Any]:
    """Read what ``sealed`` returned.

    Raises:
        LookupError: It is damaged, or another tree's.
    """
    seal, text = kept[:8], kept[8:]
    if seal != _seal(tree, text):
        raise LookupError(tree)
    document: Mapping[str, Any] = json.loads(text)
    return document


def _seal(tree: str, text: str) -> str:
    return f"{crc32(os.fsencode(key(tree) + text)):08x}"


def jobs_passed(common: str, pushes: Sequence[tuple[str, str]]) -> int:
    """Count the jobs that CI would run for a push, all of which are known to pass.

    Args:
        common: The git folder that all worktrees share, absolute.
        pushes: For each branch that is pushed the tree's id, and the branch's name.

    Raises:
        LookupError: Not every job is known to pass, or there is none.
        Exception: The database is missing, or it cannot be used.
    """
    place = f"{common}/pushgate/pushgate.db"
    for special in "%?#":
        place = place.replace(special, f"%{ord(special):02x}")
    connection = sqlite3.connect(f"file://{place}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
            raise LookupError(SCHEMA)
        jobs = {job for push in pushes for job in _jobs(connection, *push)}
        asked = {"jobs": json.dumps(list(jobs)), "now": time.time()}
        count: int = connection.execute(_PASSED, asked).fetchone()[0]
    finally:
        connection.close()
    if count != len(jobs) or not jobs:
        raise LookupError(count)
    # A failure that no database could take down has taken the document of the pass away.
    documents = (f"{common}/pushgate/blobs/{digest[:2]}/{digest[2:]}" for digest, _ in jobs)
    if not all(map(os.path.exists, documents)):
        raise LookupError(common)
    return count


def _jobs(
    connection: sqlite3.Connection, tree: str, branch: str
) -> Iterator[tuple[str, float | None]]:
    """Yield the jobs that a push of a tree to a branch selects: digest, and seconds of freshness.

    Raises:
        LookupError: Nobody knows them, or what they rest on has changed.
    """
    row = connection.execute(_DOCUMENT, (key(tree),)).fetchone()
    if row is None:
        raise LookupError(tree)
    document = unsealed(tree, row[0])
    for folder in document["folders"]:
        project = document["projects"][folder]
        jobs = project["branches"].get(branch, project["others"])
        if not jobs or not Premises.of_json(project["premises"]).hold():
            raise LookupError(folder)
        yield from map(tuple, jobs)
