"""Questions to git."""

from __future__ import annotations

import functools
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import process

_SUBMODULE: Final = "160000"
"""The mode of a submodule, which is a folder and no file of this repository."""

_DELETED: Final = "R"
_SKIPPED: Final = "S"
"""How ``git ls-files -t`` marks what is not there, and what is left out of a sparse checkout."""

_FIELDS_BEFORE_PATH: Final = {"1": 7, "u": 9}
"""How many fields stand between an entry's kind and its path in `git status --porcelain=v2`."""


class NoRepositoryError(Exception):
    """The folder is in no git repository, or git is missing."""


class ForeignRepositoryError(NoRepositoryError):
    """The repository is another user's, and git reads it only when told to."""


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


def ask(
    folder: Path, *arguments: str, check: bool = True, extra: Mapping[str, str] | None = None
) -> process.Completed:
    """Ask git something, without the variables that a hook has.

    Args:
        folder: Any folder of the repository.
        arguments: The words after ``git``.
        check: Whether a status other than 0 is an error.
        extra: Variables to add to the environment.

    Raises:
        process.CommandError: Git is missing; or ``check``, and a status other than 0.
    """
    # Without optional locks a question never rewrites the user's index.
    environment = process.clean_environment({"GIT_OPTIONAL_LOCKS": "0", **(extra or {})})
    return process.capture(["git", *arguments], cwd=folder, env=environment, check=check)


def version() -> str:
    """Return git's version, empty where there is no git."""
    try:
        return ask(process.NOWHERE, "--version").stdout.split()[2]
    except process.CommandError:
        return ""


@functools.cache
def toplevel(folder: Path) -> Path:
    """Find the top folder of the working tree that holds ``folder``.

    Raises:
        NoRepositoryError: There is none, or no git; ``ForeignRepositoryError``, where git
            does not trust it.
    """
    try:
        answer = ask(folder, "rev-parse", "--show-toplevel", check=False)
    except process.CommandError as error:
        message = f"{error}: Pushgate asks git which files CI will have"
        raise NoRepositoryError(message) from error
    if answer.returncode != 0:
        said = answer.stderr.strip().removeprefix("fatal: ").partition("\n")[0]
        if "safe.directory" in answer.stderr:
            what_to_do = answer.stderr.strip().rpartition("\n")[2].strip()
            message = f"{folder}: {said}: `{what_to_do}` lets git read it"
            raise ForeignRepositoryError(message)
        message = (
            f"{folder}: {said}: Pushgate asks git which files CI will have; "
            "`git init` makes a repository"
        )
        raise NoRepositoryError(message)
    return Path(answer.stdout.removesuffix("\n"))


@functools.cache
def common_folder(repository: Path) -> Path:
    """Return the git folder that all worktrees of a repository share.

    Args:
        repository: The top folder of a working tree.
    """
    answer = ask(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(answer.stdout.removesuffix("\n"))


def head(repository: Path) -> str:
    """Return the id of the commit that is checked out, empty before the first one."""
    return ask(repository, "rev-parse", "--verify", "--quiet", "HEAD", check=False).stdout.strip()


def untracked_files(folder: Path) -> tuple[str, ...]:
    """List the files below ``folder`` that are neither tracked nor ignored, relative to it.

    A repository in the repository is listed as a folder, with a slash at its end.
    """
    listing = ask(folder, "ls-files", "--others", "--exclude-standard", "-z").stdout
    return tuple(path for path in listing.split("\0") if path)


def ignored_files(folder: Path) -> tuple[str, ...]:
    """List what is ignored below ``folder``, relative to it.

    A folder of which nothing is tracked is listed as a whole, with a slash at its end.
    """
    options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
    listing = ask(folder, "ls-files", *options).stdout
    return tuple(path for path in listing.split("\0") if path)


def tracked_files(folder: Path) -> tuple[str, ...]:
    """List the tracked files below ``folder``, relative to it, that exist."""
    # Git looks at 50,000 files in the time that Python needs for a few thousand.
    listing = ask(folder, "ls-files", "--cached", "--deleted", "--stage", "-t", "-z").stdout
    present: dict[str, None] = {}
    for entry in listing.split("\0")[:-1]:
        about, _, path = entry.partition("\t")
        tag, mode, *_ = about.split(" ", 2)
        if tag == _DELETED:
            # It was listed before, like all that is tracked.
            present.pop(path, None)
        elif mode != _SUBMODULE and (tag != _SKIPPED or _is_file_or_link(folder / path)):
            present[path] = None
    return tuple(present)


def _is_file_or_link(path: Path) -> bool:
    # A link counts whatever it leads to.
    return path.is_symlink() or path.is_file()


def tracked_state(repository: Path) -> TrackedState:
    """Take down what the tracked files hold now, relative to the commit that is checked out."""
    listing = ask(
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
    ask(
        repository,
        *("clone", "--quiet", "--shared", "--no-checkout", str(repository), str(destination)),
    )
    if head(destination):
        ask(destination, "reset", "--quiet")
    for path in tracked_files(repository):
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / path, destination / path, follow_symlinks=False)


def extract(repository: Path, commit: str, destination: Path) -> None:
    """Write the files of a commit into a folder, and nothing into the repository.

    Args:
        repository: The top folder of a working tree.
        commit: The commit's id.
        destination: The folder, which is made.

    Raises:
        process.CommandError: There is no such commit, or no room.
    """
    with tempfile.TemporaryDirectory(prefix="pushgate-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        ask(repository, "read-tree", commit, extra=index)
        ask(repository, "checkout-index", "--all", f"--prefix={destination}/", extra=index)


def hooks_folder(repository: Path) -> Path:
    """Return the folder in which git looks for hooks, links resolved; it may not exist.

    Args:
        repository: The top folder of a working tree: a relative ``core.hooksPath``
            counts from there.
    """
    answer = ask(repository, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
    return Path(answer.stdout.removesuffix("\n"))
