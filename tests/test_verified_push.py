"""A push of a tree whose jobs are known to pass is through at once, and no other push is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Final

import pytest

from conftest import PYTHON as PYTHON_VERSION
from gated import BAD, PYTHON, WORKS, Gated, MakeProject, gates
from pushgate.run import premises as premises_module
from verifying import FAST, PREMISE, held, is_fast, opened, remember

pytestmark = pytest.mark.slow


@pytest.fixture
def gated(make_project: MakeProject) -> Gated:
    """A good project with the hook, an empty remote, and a tree that is known to pass."""
    gated = Gated.of(make_project(WORKS))
    remember(gated)
    return gated


def test_a_tree_that_passed(gated: Gated) -> None:
    """The same files are through at once, whatever the commit and the branch are called."""
    told = gated.passes("main")
    assert f"pushgate: main: 1 job {FAST}" in told
    assert "1 job for" not in told
    gated.project.git("commit", "--quiet", "--amend", "--message", "another word")
    assert is_fast(gated, "--force", "main")
    assert is_fast(gated, "main:refs/heads/other")
    assert is_fast(gated, "--force", "main", "main:other/branch")


def test_other_files(gated: Gated) -> None:
    """Other files are judged, and refused if they are bad; so is a push of both."""
    gated.project.git("branch", "good")
    gated.commit({"part.py": BAD})
    assert FAST not in gated.is_refused("main")
    assert FAST not in gated.is_refused("good", "main")
    gated.project.git("checkout", "--quiet", "--detach", "good")
    assert is_fast(gated, "good")


CHANGED: Final[Mapping[str, object]] = {
    "stats": {sys.executable: "1 1"},
    "pythons": {PYTHON_VERSION: "/another"},
    "programs": {"sh": "/another"},
    "variables": {PREMISE: premises_module.told("another")},
    "running": "/another",
    "pushgate": "another",
    "lasting": False,
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_premise_that_changed(gated: Gated, name: str) -> None:
    """What the fingerprints rest on holds, or the push is judged."""
    remember(gated, premises=held(**{name: CHANGED[name]}))
    assert not is_fast(gated, "main")
    remember(gated)
    assert is_fast(gated, "main")


def test_an_environment_that_changed(gated: Gated) -> None:
    """The variables that count are those of the hook."""
    assert is_fast(gated, "main", env={"PUSHGATE_TESTS_OTHER": "set"})
    assert not is_fast(gated, "main", env={PREMISE: "set"})


@pytest.mark.parametrize(
    ("statement", "fast"),
    [
        ("UPDATE record SET result = 'passed'", True),
        ("UPDATE record SET result = 'failed'", False),
        ("DELETE FROM record", False),
        ("UPDATE record SET at = at + 3600", False),
        ("UPDATE verified SET key = 'other'", False),
        ("UPDATE verified SET document = substr(document, 1, 40)", False),
        ("UPDATE verified SET document = replace(document, 'main', 'maim')", False),
        ("DROP TABLE verified", False),
        ("PRAGMA user_version = 1000", False),
    ],
)
def test_what_the_database_says(gated: Gated, statement: str, fast: bool) -> None:  # noqa: FBT001
    """A failure, a record that is gone or of the future, damage, a newer Pushgate: judged."""
    with opened(gated) as connection:
        connection.execute(statement)
    assert is_fast(gated, "main") is fast


def test_a_pass_whose_document_is_gone(gated: Gated) -> None:
    """A failure that the database could not take down, for want of disk, took it away."""
    for blob in (gated.state / "blobs").glob("??/*"):
        blob.unlink()
    assert not is_fast(gated, "main")


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0half"])
def test_a_database_that_is_none(gated: Gated, content: bytes | None) -> None:
    """A missing or damaged database is none of the user's problems: the push is judged."""
    for file in gated.state.glob("pushgate.db*"):
        file.unlink()
    if content is not None:
        (gated.state / "pushgate.db").write_bytes(content)
    assert not is_fast(gated, "main")


def test_a_database_in_use(gated: Gated) -> None:
    """Another process that writes meanwhile is in nobody's way."""
    with opened(gated) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE record SET result = 'failed'")
        assert is_fast(gated, "main")
        connection.execute("ROLLBACK")
    # Closed, the last connection has removed what readers share.
    assert not list(gated.state.glob("pushgate.db-*"))
    assert is_fast(gated, "main")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_that_is_read_only(gated: Gated) -> None:
    """Where nothing can be written, the push is judged, or is through, but does not fail oddly."""
    gated.state.chmod(0o500)
    try:
        told = gated.push("--dry-run", "main").stdout
    finally:
        gated.state.chmod(0o700)
    assert FAST in told or "cannot be written" in told


def test_freshness(gated: Gated) -> None:
    """A pass that is too old, by what the definition says now, does not count."""
    remember(gated, fresh_for=60)
    assert is_fast(gated, "main")
    remember(gated, fresh_for=60, at=time.time() - 61)
    assert not is_fast(gated, "main")
    # That push has run the job, and knows better.
    remember(gated, fresh_for=60, at=time.time() - 61)
    with opened(gated) as connection:
        # Kept when it counted for longer.
        connection.execute("UPDATE record SET fresh_for = NULL")
    assert not is_fast(gated, "main")


EVENTS: Final = gates(always=f"{PYTHON} -c pass", released=f"{PYTHON} -c pass").replace(
    "python = [", "branches = ['main', 'dev']\npython = [", 1
)


def test_events(make_project: MakeProject) -> None:
    """What counts are the jobs that the pushed branch selects, with all that they need."""
    text = EVENTS.replace("released = {", "released = { on = ['push:main'], needs = ['always'],")
    gated = Gated.of(make_project({"pyproject.toml": text}))
    remember(gated, passed=lambda job: job == "always")
    assert is_fast(gated, "main:dev")
    assert is_fast(gated, "main:topic")
    assert not is_fast(gated, "main")
    # That push has run both, and knows better.
    remember(gated, passed=lambda job: job == "always")
    assert not is_fast(gated, "main:topic", "main")
    remember(gated)
    assert f"main: 2 jobs {FAST}" in gated.passes("main")
    remember(gated, without=("released",))
    gated.project.git("commit", "--quiet", "--amend", "--message", "another word")
    assert not is_fast(gated, "--force", "main")
    assert is_fast(gated, "main:topic")


def test_several_projects(make_project: MakeProject) -> None:
    """Every project of the tree counts, and one does not forget what is known of another."""
    files = {f"{name}/{file}": text for name in ("one", "two") for file, text in WORKS.items()}
    noxfiles = {
        f"{name}/noxfile.py": "import pushgate\npushgate.register()\n" for name in ("one", "two")
    }
    gated = Gated.of(make_project({**files, **noxfiles, "noxfile.py": "import nox\n"}))
    remember(gated, folder="one")
    assert not is_fast(gated, "main")
    remember(gated, folder="two")
    assert f"main: 2 jobs {FAST}" in gated.passes("main")


@pytest.mark.parametrize(
    "arguments",
    [
        ("v1",),
        ("main", "v1"),
        ("main:refs/other/main",),
        ("main", ":gone"),
    ],
)
def test_pushes_out_of_the_ordinary(gated: Gated, arguments: tuple[str, ...]) -> None:
    """A tag, a deletion, a ref that is no branch: the normal path tells what it does."""
    gated.project.git("tag", "v1")
    gated.project.git("push", "--quiet", "--no-verify", "origin", "main:gone")
    pushed = gated.push("--dry-run", *arguments)
    assert pushed.returncode == 0, pushed.stdout
    assert FAST not in pushed.stdout
