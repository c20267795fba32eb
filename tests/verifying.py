"""Trees that are known to pass, and pushes that find out."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conftest import PYTHON as PYTHON_VERSION
from gated import Gated
from pushgate.hooks import verified
from pushgate.model.fingerprint import Files, Fingerprint
from pushgate.plan.definition import of_project
from pushgate.run import database, target, verification
from pushgate.run import premises as premises_module
from pushgate.run.checkout import clean_checkout
from pushgate.run.contents import Contents
from pushgate.run.fingerprints import Fingerprints
from pushgate.run.premises import Premises
from pushgate.run.store import Store

FAST: Final = "passed before on exactly these files"
PREMISE: Final = "PUSHGATE_TESTS_PREMISE"

_RECORD: Final = (
    "INSERT OR REPLACE INTO record (digest, job, project, result, reason, seconds, at, fresh_for, "
    "run, used, seal) VALUES (?, ?, '', ?, '', 1, ?, ?, 'run', ?, '')"
)


def fingerprints(jobs: Mapping[str, float | None], mark: str, premises: Premises) -> Fingerprints:
    """Make fingerprints of jobs, by name with the seconds for which a pass counts."""
    made = {
        name: Fingerprint(
            job=name,
            project="",
            files=Files({}),
            parts={"made": {"mark": mark}},
            fresh_for=fresh_for,
        )
        for name, fresh_for in jobs.items()
    }
    return Fingerprints(of=made, without={}, premises=premises)


def held(**changed: object) -> Premises:
    """Take down what holds on this machine, apart from what is changed."""
    shell = premises_module.program("sh")
    values: dict[str, object] = {
        "stats": {shell: premises_module.stamp(shell)},
        "pythons": {PYTHON_VERSION: premises_module.python(PYTHON_VERSION)},
        "programs": {"sh": shell},
        "variables": {PREMISE: premises_module.told(None)},
    }
    return bare(**(values | changed))


def bare(**other: object) -> Premises:
    """Return premises that rest on nothing but Pushgate itself, and on what is said."""
    plain: dict[str, object] = {
        **{key: {} for key in ("stats", "pythons", "programs", "variables", "images")},
        "engine": "",
        "running": os.path.realpath(sys.executable),
        "pushgate": premises_module.pushgate_code(),
        "lasting": True,
    }
    return Premises.of_json(plain | other)


def remember(
    gated: Gated,
    *,
    folder: str = "",
    fresh_for: float | None = None,
    at: float | None = None,
    passed: Callable[[str], bool] = lambda _job: True,
    without: tuple[str, ...] = (),
    premises: Premises | None = None,
) -> None:
    """Remember the tree of HEAD, as a run does in a clean checkout, and its jobs' passes."""
    store = Store(gated.state)
    commit = gated.id("HEAD")
    root = gated.project.root
    with clean_checkout(root, store, commit) as top:
        definition = of_project(top / folder)
        jobs = {job.name: fresh_for for job in definition.jobs if job.name not in without}
        made = fingerprints(jobs, f"{commit} {folder}", premises or held())
        verification.remember(store, definition, target.commit(root, commit), made)
    now = time.time() if at is None else at
    with opened(gated) as connection:
        for name, each in made.of.items():
            result = "passed" if passed(name) else "failed"
            connection.execute(_RECORD, (each.digest, name, result, now, fresh_for, now))
            Contents(gated.state / "blobs").add_named(each.digest, each.document.encode())


@contextlib.contextmanager
def opened(gated: Gated) -> Iterator[sqlite3.Connection]:
    """Open the database."""
    with contextlib.closing(database.connect(gated.state / "pushgate.db")) as connection:
        yield connection


def is_fast(gated: Gated, *arguments: str, env: Mapping[str, str] | None = None) -> bool:
    """Push for show, and tell whether it was through at once; it is through in any case."""
    pushed = gated.push("--dry-run", *arguments, env=env)
    assert pushed.returncode == 0, pushed.stdout
    ran = "1 passed" in pushed.stdout or "jobs for" in pushed.stdout or "1 job for" in pushed.stdout
    assert (FAST in pushed.stdout) is not ran, pushed.stdout
    return FAST in pushed.stdout


def verified_in(
    gated: Gated, told: bytes, arguments: tuple[str, ...] = ("origin", "url")
) -> str | None:
    """Ask the fast path in a project's folder."""
    with contextlib.chdir(gated.project.root):
        return verified.passed(arguments, told)
