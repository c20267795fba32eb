"""Clean checkouts of repositories with submodules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from checkouts import (
    Make,
    as_if_killed,
    checked_out,
    commits_of,
    digest,
    disturbed,
    slot_of,
)
from conftest import Project
from pushgate.run.checkout import CheckoutError
from pushgate.tools import git


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with two commits, a stash, and every kind of uncommitted change."""
    return disturbed(make_project)


@pytest.fixture
def with_submodules(
    make_project: Make, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A repository with a submodule that has one itself."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    inner = make_project({"inner": "1"}, name="inner")
    middle = make_project({"middle": "1"}, name="middle")
    middle.git("submodule", "--quiet", "add", str(inner.root), "deep")
    middle.commit()
    project.git("stash", "--quiet", "--include-untracked")
    project.git("submodule", "--quiet", "add", "../middle", "libs/middle")
    project.git("config", "remote.origin.url", str(project.root))
    project.commit("submodule")
    return project


def test_submodules(with_submodules: Project) -> None:
    """Submodules are checked out and cleaned as well; the user's configuration stays as it is."""
    project = with_submodules
    project.git("submodule", "deinit", "--quiet", "--all", "--force")
    before = digest(project.root)
    first, second = commits_of(project)
    expected = checked_out(project.root, second)
    assert expected["libs/middle/middle"][1] == b"1"
    assert expected["libs/middle/deep/inner"][1] == b"1"
    submodule = Project(slot_of(project) / "libs" / "middle")
    submodule.write({"middle": "2", "untracked": "1", "deep/inner": "2", "deep/.nox/x": "1"})
    assert checked_out(project.root, second) == expected
    assert "libs" not in checked_out(project.root, first)
    assert checked_out(project.root, second) == expected
    assert digest(project.root) == before


def test_a_submodule_that_cannot_be_had(with_submodules: Project, tmp_path: Path) -> None:
    """A submodule's commit that is nowhere to be fetched is told with git's words."""
    _, second = commits_of(with_submodules)
    (tmp_path / "middle").rename(tmp_path / "gone")
    with pytest.raises(CheckoutError, match=r"^a submodule of .* does not exist.*: push its"):
        checked_out(with_submodules.root, second)
    (tmp_path / "gone").rename(tmp_path / "middle")
    assert "libs/middle/middle" in checked_out(with_submodules.root, second)


def test_a_submodule_that_a_killed_run_left_half_cloned(with_submodules: Project) -> None:
    """After a kill in the middle of a clone the submodule is cloned anew."""
    _, second = commits_of(with_submodules)
    expected = checked_out(with_submodules.root, second)
    common = git.common_folder(with_submodules.root)
    shutil.rmtree(common / "worktrees" / "1" / "modules" / "libs" / "middle" / "objects")
    as_if_killed(with_submodules)
    assert checked_out(with_submodules.root, second) == expected
