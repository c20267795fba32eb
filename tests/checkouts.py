"""Repositories to check out, and what their files hold."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conftest import Project
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store
from pushgate.tools import commits, git

Make = Callable[..., Project]


FILES: Final = {
    "src/pkg/__init__.py": "",
    "src/pkg/core.py": "VALUE = 1\n",
    "odd/ünïcödé 'name'": "1",
    "script": "#!/bin/sh\n",
}


def disturbed(make_project: Make) -> Project:
    """Make a repository with two commits, a stash, and every kind of uncommitted change."""
    project = make_project(FILES)
    (project.root / "script").chmod(0o755)
    (project.root / "link").symlink_to("script")
    project.commit("second")
    project.git("tag", "--annotate", "--message", "v1", "v1")
    project.write({"src/pkg/core.py": "VALUE = 2\n"})
    project.git("stash", "--quiet")
    project.write(
        {
            "src/pkg/core.py": "VALUE = 3\n",
            "staged.py": "1",
            "untracked.py": "1",
            ".nox/user/file": "1",
        }
    )
    project.git("add", "staged.py")
    return project


def digest(root: Path) -> dict[str, str]:
    """Take down every file of a user's working tree and of the repository.

    Left out are objects, and what belongs to the checkouts.
    """
    common = git.common_folder(root)
    state = {}
    for top in {root, common}:
        for parent, folders, files in os.walk(top):
            inside = Path(parent)
            if inside == common:
                folders[:] = [name for name in folders if name not in {"pushgate", "objects"}]
            if inside == common / "worktrees":
                folders[:] = [name for name in folders if not _is_checkout(inside / name)]
            links = [name for name in folders if (inside / name).is_symlink()]
            for path in (inside / name for name in (*files, *links)):
                holds = bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
                mode = path.lstat().st_mode
                state[str(path)] = f"{mode:o} {hashlib.sha256(holds).hexdigest()}"
    return state


def _is_checkout(git_folder: Path) -> bool:
    return b"/pushgate/checkouts/" in (git_folder / "gitdir").read_bytes()


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Map every file below a folder, apart from git's own, to its mode and what it holds."""
    content = {}
    for path in folder.rglob("*"):
        if path.name == ".git" or ".git" in path.relative_to(folder).parts:
            continue
        name = str(path.relative_to(folder))
        if path.is_symlink():
            content[name] = (0, bytes(path.readlink()))
        else:
            content[name] = (path.stat().st_mode, b"" if path.is_dir() else path.read_bytes())
    return content


def cloned(root: Path, commit: str, to: Path) -> dict[str, tuple[int, bytes]]:
    """Return what a fresh clone of a commit holds: CI's view."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", root, to], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=to, check=True)
    return content(to)


def checked_out(root: Path, commit: str) -> dict[str, tuple[int, bytes]]:
    """Return what a clean checkout of a commit holds."""
    with clean_checkout(root, Store.of(root), commit) as folder:
        return content(folder)


def slot_of(project: Project) -> Path:
    """Return the folder of a checkout."""
    return Store.of(project.root).checkouts / "1"


def commits_of(project: Project) -> tuple[str, str]:
    """Return the commit before the newest, and the newest."""
    return commits.named(project.root, "HEAD~1"), commits.named(project.root, "HEAD")


def no_remote(source: Project, _tmp_path: Path) -> Path:
    """Return a repository without a remote."""
    return source.root


def own_submodule(source: Project, tmp_path: Path) -> Path:
    """Return a repository that is a submodule of another."""
    outer = Project(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "--quiet")
    outer.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(str(source.root), "inner"),
    )
    return outer.root / "inner"


def as_if_killed(project: Project) -> None:
    """Leave the first checkout as a run that was killed leaves it."""
    (Store.of(project.root).locks / "checkout-1.in-use").touch()
