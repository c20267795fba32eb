"""Questions to git, and the copy of what it tracks."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.tools import commits, git, process

ODD_NAMES: Final = ("with space", 'quote"', "it's", "new\nline", "tab\t", "ünïcödé", "-dash", "*")

Make = Callable[..., Project]


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with files of every kind."""
    project = make_project(
        {
            "plain": "1",
            "folder/changed": "1",
            "folder/deleted": "1",
            "script": "#!/bin/sh\n",
            **{f"odd/{name}": name for name in ODD_NAMES},
        }
    )
    (project.root / "script").chmod(0o755)
    (project.root / "to-file").symlink_to("plain")
    (project.root / "to-folder").symlink_to("folder")
    (project.root / "to-nothing").symlink_to("missing")
    project.commit("links")
    return project


def _change(project: Project) -> None:
    """Change, delete, add, relink and make executable; leave things that git does not track."""
    project.write({"folder/changed": "2", "added": "1", "untracked": "1", ".nox/ignored": "1"})
    (project.root / "folder" / "deleted").unlink()
    (project.root / "to-file").unlink()
    (project.root / "to-file").symlink_to("script")
    (project.root / "plain").chmod(0o755)
    for name in ("new\nline", "with space"):
        (project.root / "odd" / name).write_text("2", encoding="utf-8")
    project.git("add", "added")


CHANGED: Final = (
    *("added", "folder/changed", "folder/deleted"),
    *("odd/new\nline", "odd/with space", "plain", "to-file"),
)


def test_toplevel_is_found_from_any_folder(make_project: Make) -> None:
    """The top of a working tree is found from below it, whatever its name is."""
    project = make_project({"a/b/file": ""}, name="odd name\n")
    assert git.toplevel(project.root / "a" / "b") == project.root
    assert git.toplevel(project.root) == project.root


def test_no_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder outside of every repository is named with git's words; a missing git is told."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(git.NoRepositoryError, match="not a git repository") as error:
        git.toplevel(tmp_path)
    assert str(tmp_path) in str(error.value)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(git.NoRepositoryError, match="`git` cannot be started"):
        git.toplevel(tmp_path)
    assert not git.version()


def test_a_hook_does_not_confuse(
    project: Project, make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git sets for a hook of one repository does not change answers about another."""
    other = make_project(name="other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
    state = git.tracked_state(project.root)
    assert git.toplevel(project.root / "folder") == project.root
    assert "plain" in git.tracked_files(project.root)
    monkeypatch.undo()
    assert state.head == project.git("rev-parse", "HEAD").strip()
    assert not state.changed


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_before_the_first_commit(tmp_path: Path, object_format: str) -> None:
    """Before the first commit there is no head, and everything that git tracks is a change."""
    project = Project(tmp_path / "project")
    project.root.mkdir()
    project.git("init", "--quiet", f"--object-format={object_format}")
    project.write({"tracked": "1", "untracked": "1"})
    project.git("add", "tracked")
    assert not git.head(project.root)
    state = git.tracked_state(project.root)
    assert (state.head, [path for path, _ in state.changed]) == ("", ["tracked"])
    copy = tmp_path / "copy"
    git.copy_tracked(project.root, copy)
    assert sorted(path.name for path in copy.iterdir()) == [".git", "tracked"]
    project.commit()
    assert git.head(project.root) == project.git("rev-parse", "HEAD").strip()


def test_tracked_files(project: Project) -> None:
    """Tracked files that exist are listed from any folder; others and deleted ones are not."""
    assert set(git.tracked_files(project.root / "odd")) == set(ODD_NAMES)
    _change(project)
    listed = git.tracked_files(project.root)
    assert {"added", "plain", "odd/new\nline", "to-file", "to-folder", "to-nothing"} <= set(listed)
    assert not {"untracked", ".nox/ignored", "folder/deleted"} & set(listed)


def test_tracked_state_tells_every_change(project: Project) -> None:
    """Every kind of change to tracked files, and nothing else, makes another state."""
    before = git.tracked_state(project.root)
    assert before == git.TrackedState(git.head(project.root), ())
    assert before.digest == before.head
    _change(project)
    after = git.tracked_state(project.root)
    assert before.differences(after) == after.differences(before) == CHANGED
    assert after.digest.startswith(f"{before.head}+")


def test_a_second_change_is_another_state(project: Project) -> None:
    """A file that was changed before and is changed again differs; what is as it was does not."""
    _change(project)
    first = git.tracked_state(project.root)
    assert git.tracked_state(project.root) == first
    project.write({"folder/changed": "3", "untracked": "2"})
    second = git.tracked_state(project.root)
    assert first.differences(second) == ("folder/changed",)
    assert first.digest != second.digest
    project.write({"folder/changed": "2"})
    assert git.tracked_state(project.root) == first


def test_a_conflict_is_part_of_the_state(project: Project) -> None:
    """A file in conflict is a change under its own name."""
    project.git("checkout", "--quiet", "-b", "side")
    project.write({"folder/changed": "side"})
    project.commit()
    project.git("checkout", "--quiet", "main")
    project.write({"folder/changed": "main"})
    project.commit()
    assert project.run("git", "merge", "side").returncode == 1
    state = git.tracked_state(project.root)
    assert [path for path, _ in state.changed] == ["folder/changed"]
    project.write({"folder/changed": "both"})
    assert state.differences(git.tracked_state(project.root)) == ("folder/changed",)


def test_questions_leave_the_index_alone(project: Project, tmp_path: Path) -> None:
    """No question rewrites the user's index, which git itself does when asked for the status."""
    os.utime(project.root / "plain", (1, 1))
    before = _hash(project.root / ".git" / "index")
    assert not git.tracked_state(project.root).changed
    git.tracked_files(project.root)
    git.copy_tracked(project.root, tmp_path / "copy")
    assert _hash(project.root / ".git" / "index") == before
    project.git("status")
    assert _hash(project.root / ".git" / "index") != before


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _content(folder: Path) -> dict[str, tuple[str, int]]:
    """Map every file below a folder, apart from git's own, to what it holds and its mode."""
    content = {}
    for parent, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for path in (Path(parent, name) for name in (*links, *files) if name != ".git"):
            holds = str(path.readlink()) if path.is_symlink() else path.read_text(encoding="utf-8")
            content[str(path.relative_to(folder))] = (holds, path.lstat().st_mode)
    return content


def test_the_copy_holds_the_tracked_files_as_they_are(project: Project, tmp_path: Path) -> None:
    """The copy has every tracked file as it is now, with links and modes, and no other."""
    _change(project)
    expected = _content(project.root)
    assert expected.pop("untracked")
    assert expected.pop(".nox/ignored")
    git.copy_tracked(project.root, tmp_path / "copy")
    assert _content(tmp_path / "copy") == expected


def test_the_copy_has_the_history(project: Project, tmp_path: Path) -> None:
    """A build in the copy finds commits, tags and the same changes as in the original."""
    project.git("tag", "v1")
    project.commit("second")
    project.write({"plain": "2"})
    git.copy_tracked(project.root, tmp_path / "copy")
    copy = Project(tmp_path / "copy")
    for question in (
        ("log", "--format=%H %s"),
        ("describe", "--tags", "--dirty"),
        ("symbolic-ref", "HEAD"),
        ("status", "--porcelain"),
    ):
        assert copy.git(*question) == project.git(*question)
    assert copy.git("status", "--porcelain") == " M plain\n"


@pytest.mark.parametrize("detached", [False, True])
def test_the_copy_of_a_worktree(project: Project, tmp_path: Path, *, detached: bool) -> None:
    """The copy of a linked worktree is of its commit, not of the main one's."""
    tree = Project(tmp_path / "tree")
    where = ["--detach"] if detached else ["-b", "side"]
    project.git("worktree", "add", "--quiet", *where, str(tree.root))
    tree.write({"plain": "side"})
    tree.commit("side")
    tree.write({"plain": "side, changed"})
    assert git.toplevel(tree.root / "folder") == tree.root
    assert git.tracked_state(tree.root).changed[0][0] == "plain"
    git.copy_tracked(tree.root, tmp_path / "copy")
    assert git.head(tmp_path / "copy") == git.head(tree.root) != git.head(project.root)
    assert _content(tmp_path / "copy")["plain"][0] == "side, changed"


def test_the_copy_of_a_shallow_clone(project: Project, tmp_path: Path) -> None:
    """The copy of a shallow clone, such as CI makes, is of its commit."""
    project.commit("second")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", project.root.as_uri(), tmp_path / "shallow"],
        check=True,
    )
    git.copy_tracked(tmp_path / "shallow", tmp_path / "copy")
    assert git.head(tmp_path / "copy") == git.head(project.root)
    assert _content(tmp_path / "copy") == _content(project.root)
    assert Project(tmp_path / "copy").git("rev-list", "--count", "HEAD") == "1\n"


def test_a_copy_that_cannot_be_is_told(project: Project) -> None:
    """A folder that is in use already is not written into."""
    before = _content(project.root)
    with pytest.raises(process.CommandError, match="already exists and is not an empty"):
        git.copy_tracked(project.root, project.root)
    assert _content(project.root) == before


def test_the_commit_of_a_revision(project: Project) -> None:
    """A branch, a tag of any kind and a short id lead to the commit's full id."""
    project.git("tag", "light")
    project.git("tag", "--annotate", "--message", "1", "heavy")
    full = project.git("rev-parse", "HEAD").strip()
    for revision in ("HEAD", "main", "light", "heavy", full, full[:8]):
        assert commits.named(project.root, revision) == full


@pytest.mark.parametrize("revision", ["missing", "--all", "", "HEAD:plain", "0" * 40, "a b"])
def test_an_unknown_revision_is_told(project: Project, revision: str) -> None:
    """What names no commit is named."""
    with pytest.raises(commits.UnknownRevisionError) as error:
        commits.named(project.root, revision)
    assert f"no commit `{revision}`" in str(error.value)


def test_the_base_is_the_remotes_branch_or_the_local_one(project: Project, tmp_path: Path) -> None:
    """The remote's branch comes before the local one, and a ref of a like name does not count."""
    project.git("branch", "dev/main")
    project.git("clone", "--quiet", str(project.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    theirs = git.head(clone.root)
    clone.commit("mine")
    mine = git.head(clone.root)
    clone.git("branch", "only-here")
    root = clone.root
    assert commits.base(root, "main") == commits.Base(theirs, "refs/remotes/origin/main")
    assert commits.base(root, "main", "fork") == commits.Base(mine, "refs/heads/main")
    assert commits.base(root, "only-here") == commits.Base(mine, "refs/heads/only-here")
    assert commits.base(root, "dev") is None
