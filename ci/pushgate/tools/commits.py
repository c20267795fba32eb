"""Commits: found, compared and merged without touching any file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import git

_USAGE: Final = 129
"""How git ends when it does not know an option."""

_MERGE_IDENTITY: Final = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Pushgate"), ("EMAIL", "pushgate@example.invalid"))
}


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


def find(repository: Path, revision: str) -> str:
    """Return the full id of the commit that a revision names, empty where there is none here.

    Args:
        repository: Any folder of the repository.
        revision: A branch, a tag, an id, or anything else that git understands; a tag is
            followed to its commit.
    """
    question = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return git.ask(repository, *question, check=False).stdout.strip()


def merge_base(repository: Path, one: str, other: str) -> str:
    """Return the id of the newest commit that two commits have in common, empty without one."""
    return git.ask(repository, "merge-base", one, other, check=False).stdout.strip()


def is_shallow(repository: Path) -> bool:
    """Tell whether the history was cut off when it was fetched."""
    return git.ask(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def changed_files(repository: Path, since: str, until: str | None = None) -> frozenset[str]:
    """Name the files that differ between two commits, relative to the top of the repository.

    A renamed file is two: it is gone under one name and new under the other.

    Args:
        repository: The top folder of a working tree.
        since: The id of the commit to compare with.
        until: The id of the other one; the tracked files as they are now unless given.
    """
    listing = git.ask(
        repository,
        *("diff", "--name-only", "-z", "--no-renames"),
        # Of a submodule CI sees the commit, whatever the user's settings hide.
        "--ignore-submodules=dirty",
        *(since, *([until] if until else []), "--"),
    ).stdout
    return frozenset(path for path in listing.split("\0") if path)


def named(repository: Path, revision: str) -> str:
    """Return the full id of the commit that a revision names.

    Args:
        repository: Any folder of the repository.
        revision: As for ``find``.

    Raises:
        UnknownRevisionError: There is no such commit here.
    """
    commit = find(repository, revision)
    if not commit:
        message = f"there is no commit `{revision}` in {repository}: fetch it, or name another"
        raise UnknownRevisionError(message)
    return commit


def base(repository: Path, branch: str, remote: str = "origin") -> Base | None:
    """Find the newest commit of a branch that is known here.

    Args:
        repository: Any folder of the repository.
        branch: Its short name, such as ``main``.
        remote: The remote whose branch counts; the local one of that name is second best.
    """
    wanted = (f"refs/remotes/{remote}/{branch}", f"refs/heads/{branch}")
    listing = git.ask(
        repository, "for-each-ref", "--format=%(refname) %(objectname)", *wanted
    ).stdout
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
    if (
        git.ask(repository, "merge-base", "--is-ancestor", base, commit, check=False).returncode
        == 0
    ):
        return commit
    date = git.ask(repository, "show", "--no-patch", "--format=%cd", "--date=raw", commit).stdout
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), date.strip())
    arguments = (
        *("-c", "i18n.commitEncoding=UTF-8", "commit-tree", "-p", base, "-p", commit),
        *("-m", f"Merge {commit} into {base}", _merged_tree(repository, commit, base)),
    )
    return git.ask(repository, *arguments, extra=_MERGE_IDENTITY | dates).stdout.strip()


def _merged_tree(repository: Path, commit: str, base: str) -> str:
    options = ("--write-tree", "--name-only", "--no-messages", "-z")
    answer = git.ask(repository, "merge-tree", *options, base, commit, check=False)
    tree, *files = answer.stdout.rstrip("\0").split("\0")
    if answer.returncode == 0:
        return tree
    if answer.returncode == 1:
        raise MergeConflictError(tuple(files), commit, base)
    if answer.returncode == _USAGE:
        message = f"git {git.version()} cannot merge without a working tree: 2.38 or newer can"
        raise MergeError(message)
    said = answer.stderr.strip().partition("\n")[0].removeprefix("fatal: ")
    message = (
        f"{commit[:12]} cannot be merged into {base[:12]}: {said} (a shallow clone has too "
        "little of the history: `git fetch --unshallow`)"
    )
    raise MergeError(message)


def pushed(repository: Path, revision: str) -> str:
    """Return the full id of the commit that is pushed.

    Args:
        repository: Any folder of the repository.
        revision: What is pushed.

    Returns:
        The id; empty where the revision names a folder or a file.

    Raises:
        process.CommandError: It names nothing that this repository has.
    """
    commit = find(repository, revision)
    if not commit:
        # Not a commit, or an object that is missing or broken? Only the latter fails here.
        git.ask(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{}}")
    return commit
