"""Working trees that git links to a repository, each brought exactly to a commit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import process

VARIABLE: Final = "PUSHGATE_CHECKOUT"
"""Holds the working tree's folder in the environment of every command that changes it."""

_SETTINGS: Final = (
    # No hook of the user, no daemon, and nothing that goes on in the background.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    # What the user has set for files of their own; CI has git's defaults.
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.eol=lf",
    # Every change of a file is seen.
    "core.checkStat=default",
    "core.trustctime=true",
    "core.untrackedCache=false",
    # A file that someone told git to skip is looked at again if the patterns hold it: all do.
    "core.sparseCheckout=true",
    "core.sparseCheckoutCone=false",
    # The links between tree and repository are absolute, and the reflog does not grow.
    "worktree.useRelativePaths=false",
    "core.logAllRefUpdates=false",
    # All submodules, without a word about them in the repository's configuration.
    "submodule.active=.",
    "submodule.recurse=false",
)
_ENVIRONMENT: Final = {
    # Nothing asks for a password; what needs one fails.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "SSH_ASKPASS_REQUIRE": "force",
}
_REMOVED: Final = "removed-worktree"
"""In the git folder: what the repository kept about a working tree that is being removed."""

_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Worktree:
    """A working tree.

    Attributes:
        folder: Its top folder.
        git_folder: What the repository keeps about it.
    """

    folder: Path
    git_folder: Path

    @property
    def has_submodules(self) -> bool:
        """Whether submodules were ever fetched for it."""
        return (self.git_folder / "modules").is_dir()

    def git(self, *arguments: str, check: bool = True) -> process.Completed:
        """Run git in it.

        Raises:
            process.CommandError: ``check``, and a status other than 0.
        """
        # Left to search, git would find another repository where the link to this one is gone.
        where = (f"--git-dir={self.git_folder}", f"--work-tree={self.folder}")
        return _git(self.folder, *where, *arguments, folder=self.folder, check=check)


def _git(cwd: Path, *arguments: str, folder: Path, check: bool = True) -> process.Completed:
    settings = (option for setting in _SETTINGS for option in ("-c", setting))
    environment = process.clean_environment({**_ENVIRONMENT, VARIABLE: str(folder)})
    return process.capture(["git", *settings, *arguments], cwd=cwd, env=environment, check=check)


def find(folder: Path) -> Worktree | None:
    """Return the working tree in a folder, if it and a repository still know each other.

    Args:
        folder: The top folder of the working tree.
    """
    try:
        git_folder = Path(_link(folder / ".git").removeprefix("gitdir: "))
        known = Path(_link(git_folder / "gitdir")).samefile(folder / ".git")
    except (OSError, ValueError):
        return None
    return Worktree(folder, git_folder) if known else None


def _link(file: Path) -> str:
    return os.fsdecode(file.read_bytes()).removesuffix("\n")


def make(common: Path, folder: Path, commit: str) -> Worktree:
    """Make a working tree without files, in place of whatever is in the folder.

    Only one process at a time may make one.

    Args:
        common: The git folder of the repository.
        folder: The top folder of the working tree.
        commit: The id of the commit to be at.

    Raises:
        process.CommandError: Git refuses.
        OSError: What is in the folder cannot be removed.
    """
    remove(common, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    options = ("--detach", "--no-checkout")
    made = _git(
        common,
        *(f"--git-dir={common}", "worktree", "add", *options, str(folder), commit),
        folder=folder,
    )
    if (tree := find(folder)) is None:
        raise process.CommandError(made, f"git made no working tree in {folder}")
    return tree


def remove(common: Path, folder: Path) -> None:
    """Remove a working tree, sound or not, and what the repository keeps about it.

    Args:
        common: The git folder of the repository.
        folder: The top folder of the working tree.

    Raises:
        OSError: Something cannot be removed.
    """
    delete(folder)
    left = [
        git_folder
        for git_folder in (common / "worktrees").glob("*/")
        if _is_about(git_folder, folder)
    ]
    removed = common / _REMOVED
    delete(removed)
    for git_folder in left:
        # Half removed in its place, nothing would tell any more whose it is.
        git_folder.rename(removed)
        delete(removed)


def is_abandoned(folder: Path) -> bool:
    """Tell whether the repository of a working tree is no longer where it was.

    Args:
        folder: The top folder of the working tree.
    """
    try:
        git_folder = Path(_link(folder / ".git").removeprefix("gitdir: "))
        # What the repository kept about it may be gone for another reason.
        return not git_folder.parent.parent.is_dir()
    except OSError:
        return False


def delete(folder: Path) -> None:
    """Remove a folder or a file, there or not, whatever a command has made read-only.

    Raises:
        OSError: Something cannot be removed.
    """
    if folder.is_dir() and not folder.is_symlink():
        _open_folders(folder)
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def _is_about(git_folder: Path, folder: Path) -> bool:
    try:
        link = _link(git_folder / "gitdir")
    except FileNotFoundError:
        link = ""
    if not link:
        # Killed at once, git had not yet written down whose it is.
        return git_folder.name.startswith(folder.name)
    return link == str(folder / ".git")


def _open_folders(folder: Path) -> None:
    # Nothing can be removed from a folder that a command has made read-only.
    for parent, names, _ in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o700)


def is_readable(tree: Worktree) -> bool:
    """Tell whether git can read what is kept about a working tree."""
    return tree.git("status", "--porcelain", "--untracked-files=no", check=False).returncode == 0


def switch(tree: Worktree, commit: str) -> None:
    """Bring every tracked file to a commit, and detach from whatever branch was checked out.

    Args:
        tree: The working tree; no other process uses it.
        commit: The id of the commit.

    Raises:
        process.CommandError: Git refuses.
    """
    for lock in tree.git_folder.rglob("*.lock"):
        lock.unlink()
    patterns = tree.git_folder / "info" / "sparse-checkout"
    patterns.parent.mkdir(exist_ok=True)
    patterns.write_text("/*\n", encoding="utf-8")
    tree.git("checkout", "--quiet", "--force", "--detach", commit)


def untracked(tree: Worktree, kept: Iterable[str]) -> tuple[str, ...]:
    """List the untracked files, the ignored ones too, apart from those that are kept.

    Args:
        tree: The working tree.
        kept: Patterns as in a ``.gitignore``.
    """
    listing = tree.git("ls-files", "--others", "-z", *_excluded(kept)).stdout
    return tuple(path for path in listing.split("\0") if path)


def clean(tree: Worktree, kept: Iterable[str]) -> None:
    """Remove everything that is not tracked, apart from what is kept.

    Args:
        tree: The working tree.
        kept: Patterns as in a ``.gitignore``.

    Raises:
        process.CommandError: Something cannot be removed.
    """
    command = ("clean", "-ffdx", "--quiet", *_excluded(kept))
    if tree.git(*command, check=False).returncode != 0:
        _open_folders(tree.folder)
        tree.git(*command)


def _excluded(kept: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"--exclude={pattern}" for pattern in kept)


def update_submodules(tree: Worktree) -> None:
    """Bring all submodules exactly to what the commit says, clean; fetch them where needed.

    Raises:
        process.CommandError: One cannot be had.
    """
    tree.git("submodule", "--quiet", "update", "--recursive", "--force")
    tree.git("submodule", "--quiet", "foreach", "--recursive", "git clean -ffdx --quiet")


def state(tree: Worktree) -> tuple[str, tuple[str, ...]]:
    """Return the id of the commit that is checked out, and the tracked files that differ."""
    if _attributes(tree):
        # Git trusts what it has just written, but a filter may not lead back to the commit: with
        # an index older than the files it looks again.
        os.utime(tree.git_folder / "index", (1, 1))
    options = ("--untracked-files=no", "--no-renames", "--ignore-submodules=none")
    listing = tree.git("status", "--porcelain=v2", "--branch", "-z", *options).stdout
    lines = [line for line in listing.split("\0") if line]
    prefix = "# branch.oid "
    commit = next((line.removeprefix(prefix) for line in lines if line.startswith(prefix)), "")
    # 1 XY sub mH mI mW hH hI path; a conflict has more fields, but a checkout leaves none.
    changed = tuple(line.split(" ", 8)[-1] for line in lines if not line.startswith("#"))
    return commit, changed


def lfs_pointers(tree: Worktree) -> tuple[str, ...]:
    """List the files that Git LFS keeps elsewhere, and of which only the pointer is here."""
    if not any(b"filter=lfs" in file.read_bytes() for file in _attributes(tree)):
        return ()
    listing = tree.git("ls-files", "-z", "--", ":(attr:filter=lfs)").stdout
    return tuple(path for path in listing.split("\0") if path and _is_pointer(tree.folder / path))


def _attributes(tree: Worktree) -> tuple[Path, ...]:
    listing = tree.git("ls-files", "-z", "--", ":(glob)**/.gitattributes").stdout
    files = [tree.folder / path for path in listing.split("\0") if path]
    files.append(tree.git_folder.parent.parent / "info" / "attributes")
    return tuple(file for file in files if file.is_file())


def _is_pointer(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as content:
        return content.read(len(_LFS_POINTER)) == _LFS_POINTER
