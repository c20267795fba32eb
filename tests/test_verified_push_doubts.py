"""What is doubtful about a push or a tree is left to the normal path."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gated import BAD, WORKS, Gated, MakeProject
from pushgate.hooks import verified
from pushgate.plan.definition import of_project
from pushgate.run import database, target, verification, verified_trees
from pushgate.run.store import Store
from verifying import FAST, fingerprints, held, is_fast, opened, remember, verified_in

pytestmark = pytest.mark.slow


@pytest.fixture
def gated(make_project: MakeProject) -> Gated:
    """A good project with the hook, an empty remote, and a tree that is known to pass."""
    gated = Gated.of(make_project(WORKS))
    remember(gated)
    return gated


def test_what_stands_in_for_a_commit(gated: Gated) -> None:
    """What is pushed are the objects, whatever git shows in their place here."""
    good = gated.id("HEAD")
    bad = gated.commit({"part.py": BAD})
    gated.project.git("replace", bad, good)
    line = f"refs/heads/main {bad} refs/heads/main {'0' * 40}\n".encode()
    assert verified_in(gated, line) is None
    # And nothing is learnt where something is replaced.
    gated.project.git("replace", "--delete", bad)
    gated.commit({"part.py": "VALUE = 1  # good again\n"})
    gated.project.git("replace", bad, good)
    remember(gated)
    assert not is_fast(gated, "main")


def test_another_worktree(gated: Gated) -> None:
    """All worktrees of a repository know what one has verified, in any of their folders."""
    other = gated.project.root.with_name("other")
    (gated.project.root / "folder").mkdir()
    gated.project.git("worktree", "add", "--quiet", "-b", "other", str(other))
    for folder in (other, gated.project.root / "folder"):
        pushed = gated.push("--dry-run", "other", cwd=folder)
        assert f"other: 1 job {FAST}" in pushed.stdout


def test_the_files_as_they_are(gated: Gated) -> None:
    """A run on the files as they are is no proof of what a clean checkout holds."""
    commit = gated.commit({"part.py": "VALUE = 1  # another\n"})
    definition = of_project(gated.project.root)
    made = fingerprints({job.name: None for job in definition.jobs}, commit, held())
    files = target.files(gated.project.root)
    verification.remember(Store(gated.state), definition, files, made)
    with opened(gated) as connection:
        (count,) = connection.execute("SELECT count(*) FROM verified").fetchone()
    assert count == 1
    clean = target.commit(gated.project.root, commit)
    verification.remember(Store(gated.state), definition, clean, made)
    with opened(gated) as connection:
        (count,) = connection.execute("SELECT count(*) FROM verified").fetchone()
    assert count == 2


def test_a_noxfile_that_looks_around(make_project: MakeProject) -> None:
    """Where a noxfile may declare other gates the next time, it is read each time."""
    noxfile = "import os\nimport pushgate\n\n{}pushgate.register()\n"
    gated = Gated.of(make_project({**WORKS, "noxfile.py": noxfile.format("")}))
    remember(gated)
    assert is_fast(gated, "main")
    gated.commit({"noxfile.py": noxfile.format("if os.environ.get('MORE'):\n    print(1)\n\n")})
    remember(gated)
    assert not is_fast(gated, "main")


def test_only_the_newest_are_kept(gated: Gated) -> None:
    """The database does not grow with every tree."""
    with opened(gated) as connection:
        rows = [(f"1:{number}", float(number)) for number in range(600)]
        connection.executemany("INSERT INTO verified VALUES (?, '', ?)", rows)
    remember(gated)
    with opened(gated) as connection:
        kept = {row["key"] for row in connection.execute("SELECT key FROM verified")}
    assert len(kept) == 500
    assert {verified_trees.key(gated.id("HEAD^{tree}")), "1:599"} <= kept


@pytest.mark.parametrize(
    ("told", "arguments"),
    [
        (b"", ("origin", "url")),
        (b"\n", ("origin", "url")),
        (b"nonsense\n", ("origin", "url")),
        (b"%(line)s nonsense\n", ("origin", "url")),
        (b"%(line)s", ("-v", "origin", "url")),
        (b"%(line)s", ("origin", "url", "more")),
        (b"%(missing)s", ("origin", "url")),
    ],
)
def test_what_is_not_understood(gated: Gated, told: bytes, arguments: tuple[str, ...]) -> None:
    """An option, an odd line, a commit that is not here: the normal path tells."""
    line = f"refs/heads/main {gated.id('HEAD')} refs/heads/main {'0' * 40}\n".encode()
    parts = {b"line": line, b"missing": line.replace(gated.id("HEAD").encode(), b"1" * 40)}
    assert verified_in(gated, line) is not None
    assert verified_in(gated, told % parts, arguments) is None


def test_a_framework_that_runs_the_hook(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frameworks tell of a push in variables of their own: the normal path reads them."""
    line = f"refs/heads/main {gated.id('HEAD')} refs/heads/main {'0' * 40}\n".encode()
    monkeypatch.setenv("PRE_COMMIT", "1")
    assert verified_in(gated, line) is None


def test_the_schema_is_the_database_s(tmp_path: Path) -> None:
    """Another schema needs another look at what the fast path reads."""
    with contextlib.closing(database.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == verified_trees.SCHEMA


def test_it_imports_next_to_nothing() -> None:
    """What judges a push is not even imported."""
    question = (
        "import sys, pushgate.__main__, pushgate.hooks.verified; "
        "print([name for name in sys.modules if name.startswith('pushgate')], "
        "{'subprocess', 'pathlib', 'dataclasses', 'typing', 'argparse'} & set(sys.modules))"
    )
    # -S: what a site imports is its own.
    told = subprocess.run(
        [sys.executable, "-S", "-c", question],
        env={**os.environ, "PYTHONPATH": str(Path(verified.__file__).parents[2])},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told == (
        "['pushgate', 'pushgate.__main__', 'pushgate.hooks', 'pushgate.run', "
        "'pushgate.run.premises', 'pushgate.run.verified_trees', 'pushgate.hooks.verified'] "
        "set()\n"
    )
