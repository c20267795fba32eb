"""The merge that CI tests for a pull request."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from pushgate.tools import commits, git

Make = Callable[..., Project]


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with two files."""
    return make_project({"plain": "1", "folder/changed": "1"})


def _diverged(project: Project) -> tuple[str, str]:
    """Let ``side`` and ``main`` each change a file of their own; return both commits."""
    project.git("checkout", "--quiet", "-b", "side")
    project.write({"plain": "side"})
    project.commit("side")
    project.git("checkout", "--quiet", "main")
    project.write({"folder/changed": "main"})
    project.commit("main")
    return commits.named(project.root, "side"), commits.named(project.root, "main")


def test_a_merge_has_the_changes_of_both(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same commit each time, whoever makes it, with the base as first parent."""
    side, main = _diverged(project)
    before = (project.root / ".git" / "index").read_bytes()
    merge = commits.merged(project.root, side, main)
    assert project.git("show", f"{merge}:plain") == "side"
    assert project.git("show", f"{merge}:folder/changed") == "main"
    assert project.git("show", "--no-patch", "--format=%P", merge).split() == [main, side]
    dates = project.git("show", "--no-patch", "--format=%at %ct", merge).split()
    assert set(dates) == {project.git("show", "--no-patch", "--format=%ct", side).strip()}
    assert (project.root / ".git" / "index").read_bytes() == before
    assert git.head(project.root) == main
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    project.git("config", "user.name", "Another")
    project.git("config", "i18n.commitEncoding", "latin1")
    assert commits.merged(project.root, side, main) == merge


def test_nothing_to_merge(project: Project) -> None:
    """A commit that holds its base already is what CI tests."""
    first = git.head(project.root)
    project.commit("second")
    second = git.head(project.root)
    assert commits.merged(project.root, second, first) == second
    assert commits.merged(project.root, second, second) == second


def test_a_merge_conflict_names_the_files(project: Project) -> None:
    """The files in conflict are named, and no other."""
    side, _ = _diverged(project)
    project.write({"plain": "main"})
    project.commit()
    with pytest.raises(
        commits.MergeConflictError, match=r"in conflict with .* in plain: "
    ) as error:
        commits.merged(project.root, side, git.head(project.root))
    assert error.value.files == ("plain",)


def test_a_merge_without_the_history_is_told(project: Project, tmp_path: Path) -> None:
    """Where a shallow clone holds no common commit, what to do is said."""
    side, main = _diverged(project)
    shallow = Project(tmp_path / "shallow")
    url = project.root.as_uri()
    project.git("clone", "--quiet", "--depth=1", "--no-single-branch", url, str(shallow.root))
    with pytest.raises(commits.MergeError, match=r"unrelated histories.*git fetch --unshallow"):
        commits.merged(shallow.root, side, main)


def test_an_old_git_cannot_merge(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that knows no merge without a working tree is told to be too old."""
    side, main = _diverged(project)
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    real = shutil.which("git")
    old.write_text(
        '#!/bin/sh\n[ "$1" = merge-tree ] && exit 129\n'
        '[ "$1" = --version ] && echo "git version 2.30.2" && exit\n'
        f'exec "{real}" "$@"\n',
        encoding="utf-8",
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    with pytest.raises(commits.MergeError, match=r"git 2\.30\.2 .* 2\.38 or newer"):
        commits.merged(project.root, side, main)
