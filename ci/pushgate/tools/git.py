"""Questions to git."""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import process

_FIELDS_BEFORE_PATH: Final = {"1": 7, "u": 9}
"""How many fields stand between an entry's kind and its path in `git status --porcelain=v2`."""


_USAGE: Final = 129
"""How git ends when it does not know an option."""

_MERGE_IDENTITY: Final = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Pushgate"), ("EMAIL", "pushgate@example.invalid"))
}


class NoRepositoryError(Exception):
    """The folder is in no git repository, or git is missing."""


class UnknownRevisionError(Exception):
    """There is no such commit in the repository."""


class MergeError(Exception):
    """Two commits cannot be merged here."""


class MergeConflictError(MergeError):
    """Two commits are in conflict.

    Attributes:
        files: The files in conflict.
    """

    def __init__(self, files: tuple[str, ...], commit: str, base: str) -> None:
        super().__init__(
            f"{commit[:12]} is in conflict with {base[:12]} in {', '.join(files)}: "
            "merge or rebase it first"
        )
        self.files = files


@dataclass(frozen=True)
class Base:
    """Where a branch stands, as far as this repository knows.

    Attributes:
        commit: The id of its newest commit.
        ref: The full name of the ref that says so: the remote's branch or the local one.
    """

    commit: str
    ref: str


@dataclass(frozen=True)
class TrackedState:
    """What the tracked files hold.

    Attributes:
        head: The id of the commit that is checked out; empty before the first one.
        changed: The files that differ from it, each with a hash of what it holds now
            (empty for a file that is gone).
    """

    head: str
    changed: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """A short name of this state: the commit, and a hash of the changes if there are any."""
        if not self.changed:
            return self.head
        changes = hashlib.sha256(repr(self.changed).encode()).hexdigest()
        return f"{self.head}+{changes[:16]}"

    def differences(self, other: TrackedState) -> tuple[str, ...]:
        """Name the files that differ between this state and ``other``, which has the same head."""
        return tuple(sorted({path for path, _ in set(self.changed) ^ set(other.changed)}))


def _git(
    folder: Path, *arguments: str, check: bool = True, extra: Mapping[str, str] | None = None
) -> process.Completed:
    # Without optional locks a question never rewrites the user's index.
    environment = process.clean_environment({"GIT_OPTIONAL_LOCKS": "0", **(extra or {})})
    return process.capture(["git", *arguments], cwd=folder, env=environment, check=check)


def version() -> str:
    """Return git's version, empty where there is no git."""
    try:
        return _git(process.NOWHERE, "--version").stdout.split()[2]
    except process.CommandError:
        return ""


@functools.cache
def toplevel(folder: Path) -> Path:
    """Find the top folder of the working tree that holds ``folder``.

    Raises:
        NoRepositoryError: There is none, or no git.
    """
    try:
        answer = _git(folder, "rev-parse", "--show-toplevel", check=False)
    except process.CommandError as error:
        message = f"{error}: Pushgate asks git which files CI will have"
        raise NoRepositoryError(message) from error
    if answer.returncode != 0:
        said = answer.stderr.strip().removeprefix("fatal: ").partition("\n")[0]
        message = f"{folder}: {said}: Pushgate asks git which files CI will have"
        raise NoRepositoryError(message)
    return Path(answer.stdout.removesuffix("\n"))


@functools.cache
def common_folder(repository: Path) -> Path:
    """Return the git folder that all worktrees of a repository share.

    Args:
        repository: The top folder of a working tree.
    """
    answer = _git(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(answer.stdout.removesuffix("\n"))


def head(repository: Path) -> str:
    """Return the id of the commit that is checked out, empty before the first one."""
    return _git(repository, "rev-parse", "--verify", "--quiet", "HEAD", check=False).stdout.strip()


def commit(repository: Path, name: str) -> str:
    """Return the id of the commit that ``name`` stands for, empty where there is none here."""
    answer = _git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)
    return answer.stdout.strip()


def merge_base(repository: Path, one: str, other: str) -> str:
    """Return the id of the newest commit that two commits have in common, empty without one."""
    return _git(repository, "merge-base", one, other, check=False).stdout.strip()


def is_shallow(repository: Path) -> bool:
    """Tell whether the history was cut off when it was fetched."""
    return _git(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def changed_files(repository: Path, since: str, until: str | None = None) -> frozenset[str]:
    """Name the files that differ between two commits, relative to the top of the repository.

    A renamed file is two: it is gone under one name and new under the other.

    Args:
        repository: The top folder of a working tree.
        since: The id of the commit to compare with.
        until: The id of the other one; the tracked files as they are now unless given.
    """
    listing = _git(
        repository,
        *("diff", "--name-only", "-z", "--no-renames"),
        # Of a submodule CI sees the commit, whatever the user's settings hide.
        "--ignore-submodules=dirty",
        *(since, *([until] if until else []), "--"),
    ).stdout
    return frozenset(path for path in listing.split("\0") if path)


def commit_of(repository: Path, revision: str) -> str:
    """Return the full id of the commit that a revision names; a tag is followed to its commit.

    Args:
        repository: Any folder of the repository.
        revision: A branch, a tag, an id, or anything else that git understands.

    Raises:
        UnknownRevisionError: There is no such commit here.
    """
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    answer = _git(repository, *arguments, check=False)
    if answer.returncode != 0:
        message = f"there is no commit `{revision}` in {repository}: fetch it, or name another"
        raise UnknownRevisionError(message)
    return answer.stdout.strip()


def base_commit(repository: Path, branch: str, remote: str = "origin") -> Base | None:
    """Find the newest commit of a branch that is known here.

    Args:
        repository: Any folder of the repository.
        branch: Its short name, such as ``main``.
        remote: The remote whose branch counts; the local one of that name is second best.
    """
    wanted = (f"refs/remotes/{remote}/{branch}", f"refs/heads/{branch}")
    listing = _git(repository, "for-each-ref", "--format=%(refname) %(objectname)", *wanted).stdout
    found = dict(line.split(" ") for line in listing.splitlines())
    return next((Base(found[ref], ref) for ref in wanted if ref in found), None)


def merged(repository: Path, commit: str, base: str) -> str:
    """Merge a commit into a base, as CI does to test a pull request, without touching any file.

    Args:
        repository: Any folder of the repository.
        commit: The id of what would be merged.
        base: The id of what it would be merged into.

    Returns:
        The id of the merge, the same one each time; ``commit`` itself if it holds ``base``
        already, since the merge would have the same files.

    Raises:
        MergeConflictError: The two are in conflict.
        MergeError: This git cannot tell, or has too little of the history.
    """
    if _git(repository, "merge-base", "--is-ancestor", base, commit, check=False).returncode == 0:
        return commit
    date = _git(repository, "show", "--no-patch", "--format=%cd", "--date=raw", commit).stdout
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), date.strip())
    arguments = (
        *("-c", "i18n.commitEncoding=UTF-8", "commit-tree", "-p", base, "-p", commit),
        *("-m", f"Merge {commit} into {base}", _merged_tree(repository, commit, base)),
    )
    return _git(repository, *arguments, extra=_MERGE_IDENTITY | dates).stdout.strip()


def _merged_tree(repository: Path, commit: str, base: str) -> str:
    options = ("--write-tree", "--name-only", "--no-messages", "-z")
    answer = _git(repository, "merge-tree", *options, base, commit, check=False)
    tree, *files = answer.stdout.rstrip("\0").split("\0")
    if answer.returncode == 0:
        return tree
    if answer.returncode == 1:
        raise MergeConflictError(tuple(files), commit, base)
    if answer.returncode == _USAGE:
        message = f"git {version()} cannot merge without a working tree: 2.38 or newer can"
        raise MergeError(message)
    said = answer.stderr.strip().partition("\n")[0].removeprefix("fatal: ")
    message = (
        f"{commit[:12]} cannot be merged into {base[:12]}: {said} (a shallow clone has too "
        "little of the history: `git fetch --unshallow`)"
    )
    raise MergeError(message)


def untracked_files(folder: Path) -> tuple[str, ...]:
    """List the files below ``folder`` that are neither tracked nor ignored, relative to it.

    A repository in the repository is listed as a folder, with a slash at its end.
    """
    listing = _git(folder, "ls-files", "--others", "--exclude-standard", "-z").stdout
    return tuple(path for path in listing.split("\0") if path)


def ignored_files(folder: Path) -> tuple[str, ...]:
    """List what is ignored below ``folder``, relative to it.

    A folder of which nothing is tracked is listed as a whole, with a slash at its end.
    """
    options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
    listing = _git(folder, "ls-files", *options).stdout
    return tuple(path for path in listing.split("\0") if path)


def tracked_files(folder: Path) -> tuple[str, ...]:
    """List the tracked files below ``folder``, relative to it, that exist."""
    listing = _git(folder, "ls-files", "-z").stdout
    paths = (path for path in listing.split("\0") if path)
    return tuple(path for path in paths if _is_file_or_link(folder / path))


def _is_file_or_link(path: Path) -> bool:
    # A link counts whatever it leads to; a submodule is a folder, and no file of this repository.
    return path.is_symlink() or path.is_file()


def tracked_state(repository: Path) -> TrackedState:
    """Take down what the tracked files hold now, relative to the commit that is checked out."""
    listing = _git(
        repository,
        *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--no-renames"),
    ).stdout
    commit, paths = "", []
    for line in listing.split("\0"):
        kind, _, rest = line.partition(" ")
        if rest.startswith("branch.oid ") and not rest.endswith("(initial)"):
            commit = rest.removeprefix("branch.oid ")
        elif kind in _FIELDS_BEFORE_PATH:
            paths.append(rest.split(" ", _FIELDS_BEFORE_PATH[kind])[-1])
    return TrackedState(
        commit, tuple((path, _content_hash(repository / path)) for path in sorted(paths))
    )


def _content_hash(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(str(path.readlink()).encode()).hexdigest()
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_tracked(repository: Path, destination: Path) -> None:
    """Copy a repository as CI would have it, with the tracked files as they are now.

    The copy has the history (a build may read its version from a tag) but no
    untracked or ignored file.

    Args:
        repository: The top folder of the working tree.
        destination: A folder that does not exist yet.
    """
    _git(
        repository,
        *("clone", "--quiet", "--shared", "--no-checkout", str(repository), str(destination)),
    )
    if head(destination):
        _git(destination, "reset", "--quiet")
    for path in tracked_files(repository):
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / path, destination / path, follow_symlinks=False)


def commit_id(repository: Path, revision: str) -> str:
    """Return the full id of the commit that a revision names, a tag peeled.

    Returns:
        The id; empty where the revision names a folder or a file.

    Raises:
        process.CommandError: It names nothing that this repository has.
    """
    question = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    answer = _git(repository, *question, f"{revision}^{{commit}}", check=False)
    if answer.returncode != 0:
        # Not a commit, or an object that is missing or broken? Only the latter fails here.
        _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{}}")
    return answer.stdout.strip()


def hooks_folder(repository: Path) -> Path:
    """Return the folder in which git looks for hooks; it may not exist.

    Args:
        repository: The top folder of a working tree: a relative ``core.hooksPath``
            counts from there.
    """
    answer = _git(repository, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
    return Path(answer.stdout.removesuffix("\n"))
