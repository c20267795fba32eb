"""Clean checkouts are right whatever was left of earlier ones, and with several at once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from checkouts import (
    Make,
    as_if_killed,
    checked_out,
    cloned,
    commits_of,
    content,
    digest,
    disturbed,
    no_remote,
    own_submodule,
    slot_of,
)
from conftest import Project
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store
from pushgate.tools import commits, git, worktree

pytestmark = pytest.mark.slow


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with two commits, a stash, and every kind of uncommitted change."""
    return disturbed(make_project)


def _no_link(slot: Path, _git_folder: Path) -> None:
    (slot / ".git").unlink()


def _foreign_link(slot: Path, _git_folder: Path) -> None:
    (slot / ".git").write_text("gitdir: /nowhere/.git/worktrees/1\n", encoding="utf-8")


def _no_git_folder(_slot: Path, git_folder: Path) -> None:
    shutil.rmtree(git_folder)


def _no_folder(slot: Path, _git_folder: Path) -> None:
    shutil.rmtree(slot)


def _half_made(slot: Path, git_folder: Path) -> None:
    (git_folder / "locked").write_text("initializing", encoding="utf-8")
    (git_folder / "commondir").unlink()
    shutil.rmtree(slot)
    slot.mkdir()


def _hardly_begun(slot: Path, git_folder: Path) -> None:
    shutil.rmtree(slot)
    (git_folder / "gitdir").unlink()


def _git_locks(_slot: Path, git_folder: Path) -> None:
    for name in ("index.lock", "HEAD.lock"):
        (git_folder / name).touch()


def _no_head(_slot: Path, git_folder: Path) -> None:
    (git_folder / "HEAD").write_text("", encoding="utf-8")


def _broken_index(_slot: Path, git_folder: Path) -> None:
    (git_folder / "index").write_bytes(b"DIRC")


def _a_file_instead(slot: Path, _git_folder: Path) -> None:
    shutil.rmtree(slot)
    slot.touch()


DAMAGES: Final = (
    *(_no_link, _foreign_link, _no_git_folder, _no_folder, _half_made, _hardly_begun, _git_locks),
    *(_no_head, _broken_index, _a_file_instead),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkout_is_repaired(
    project: Project, damage: Callable[[Path, Path], None]
) -> None:
    """Whatever is missing or left half-made of a checkout, the next one is right."""
    _, second = commits_of(project)
    common = git.common_folder(project.root)
    expected = checked_out(project.root, second)
    before = digest(project.root)
    damage(slot_of(project), common / "worktrees" / "1")
    assert checked_out(project.root, second) == expected
    assert digest(project.root) == before
    assert [path.name for path in (common / "worktrees").iterdir()] == ["1"]
    assert not list((common / "worktrees").rglob("*.lock"))


def test_another_working_tree_of_the_user_is_left_alone(project: Project, tmp_path: Path) -> None:
    """A checkout that leads to a working tree of the user's is made anew; that one stays."""
    _, second = commits_of(project)
    tree = Project(tmp_path / "side")
    project.git("worktree", "add", "--quiet", "-b", "side", str(tree.root))
    # One whose folder is on a disk that is not there now, and whose name is no Unicode.
    git_folder = git.common_folder(project.root) / "worktrees" / "12"
    shutil.copytree(git_folder.parent / "side", git_folder)
    (git_folder / "gitdir").write_bytes(b"/gone/\xff/1/.git\n")
    expected = checked_out(project.root, second)
    tree.write({"src/pkg/core.py": "mine", "untracked": "mine"})
    before = digest(tree.root)
    shutil.copy(tree.root / ".git", slot_of(project) / ".git")
    assert checked_out(project.root, second) == expected
    assert digest(tree.root) == before


@pytest.mark.parametrize("layout", [no_remote, own_submodule])
def test_a_link_that_goes_missing_leads_nowhere_else(
    project: Project, tmp_path: Path, layout: Callable[[Project, Path], Path]
) -> None:
    """Without its link a checkout is still changed itself, not the working tree around it."""
    root = layout(project, tmp_path)
    commit = commits.named(root, "HEAD")
    (root / "script").write_text("mine", encoding="utf-8")
    expected = checked_out(root, commit)
    before = digest(root)
    tree = worktree.find(Store.of(root).checkouts / "1")
    assert tree
    (tree.folder / ".git").unlink()
    (tree.folder / "script").unlink()
    worktree.switch(tree, commit)
    assert content(tree.folder) == expected
    assert digest(root) == before


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_repository_that_moved(project: Project, tmp_path: Path, how: str) -> None:
    """A repository that was moved or copied has a checkout of its own; no abandoned one stays."""
    _, second = commits_of(project)
    expected = checked_out(project.root, second)
    old = slot_of(project)
    other = Project(tmp_path / "other")
    if how == "moved":
        project.root.rename(other.root)
        git.common_folder.cache_clear()
    else:
        shutil.copytree(project.root, other.root, symlinks=True)
        before = digest(project.root)
    with clean_checkout(other.root, Store.of(other.root), second) as folder:
        assert content(folder) == expected
        assert folder == Store.of(other.root).checkouts / "1" != old
        git_folder = Path(Project(folder).git("rev-parse", "--git-dir").strip())
        assert git_folder.parent == other.root / ".git" / "worktrees"
    assert old.exists() == old.parent.exists() == (how == "copied")
    if how == "copied":
        assert digest(project.root) == before
        assert checked_out(project.root, second) == expected


def test_five_at_once_get_a_folder_each(project: Project) -> None:
    """Processes that start at once get a folder each, the lowest that are free."""
    _, second = commits_of(project)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from pushgate.run.checkout import clean_checkout\nfrom pushgate.run.store import Store\n"
        "root = Path(sys.argv[1])\n"
        "with clean_checkout(root, Store.of(root), sys.argv[2]) as folder:\n"
        "    print(folder.name, flush=True)\n    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, project.root, second], stdin=pipe, stdout=pipe, text=True
        )
        for _ in range(5)
    ]
    names = [run.stdout.readline().strip() for run in runs if run.stdout]
    for run in runs:
        run.communicate()
    assert sorted(names) == ["1", "2", "3", "4", "5"]
    assert [run.returncode for run in runs] == [0] * 5
    with clean_checkout(project.root, Store.of(project.root), second) as folder:
        assert folder.name == "1"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux tells a process's environment")
def test_what_a_killed_run_left_writes_no_more(project: Project) -> None:
    """What a killed run had started in a checkout is ended before the next one uses it."""
    _, second = commits_of(project)
    checked_out(project.root, second)
    as_if_killed(project)
    environment = {**os.environ, worktree.VARIABLE: str(slot_of(project))}
    with subprocess.Popen(["sleep", "60"], env=environment) as left:
        checked_out(project.root, second)
        assert left.wait() == -signal.SIGTERM


_LOOP: Final = """
import shutil, sys
from pathlib import Path
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store

root = Path(sys.argv[1])
store = Store.of(root)
print("ready", flush=True)
for turn in range(10**6):
    if turn % 3 == 0:
        shutil.rmtree(store.checkouts / "1", ignore_errors=True)
    with clean_checkout(root, store, sys.argv[2 + turn % 2]) as folder:
        (folder / "left.py").touch()
        (folder / "script").unlink()
"""


def test_killed_at_any_moment(project: Project, tmp_path: Path) -> None:
    """After a kill -9 at any moment the next checkout is right, and the user's files are."""
    commits = commits_of(project)
    for number in range(200):
        project.write({f"many/{number}": str(number)})
    common = git.common_folder(project.root)
    before = digest(project.root)
    expected = {commit: cloned(project.root, commit, tmp_path / commit) for commit in commits}
    moments = random.Random(7)  # noqa: S311
    for turn in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", _LOOP, project.root, *commits], stdout=subprocess.PIPE
        ) as loop:
            assert loop.stdout
            loop.stdout.readline()
            time.sleep(moments.uniform(0.01, 0.25))
            loop.send_signal(signal.SIGKILL)
        for commit in (commits[turn % 2], commits[1 - turn % 2]):
            assert checked_out(project.root, commit) == expected[commit]
    assert digest(project.root) == before
    # A child that had not quite started yet held the first one's lock for a moment.
    assert {path.name for path in Store.of(project.root).checkouts.iterdir()} <= {"1", "2"}
    assert not list((common / "worktrees").rglob("*.lock"))
