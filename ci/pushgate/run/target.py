"""What a run looks at: the files as they are, a commit, or a merge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushgate.model.settings import ConfigurationError
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store
from pushgate.tools import commits, git


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a run looks at.

    Attributes:
        words: What it is, for the user.
        commit: The commit's id; of the files as they are the one that is checked out.
        clean: Whether it is looked at in a clean checkout, as CI does.
    """

    words: str
    commit: str
    clean: bool = True


def files(repository: Path) -> Target:
    """Return the files as they are, in the user's working tree."""
    return Target(words="the files as they are", commit=git.head(repository), clean=False)


def commit(repository: Path, revision: str) -> Target:
    """Return a commit.

    Args:
        repository: The top folder of a working tree.
        revision: Whatever git takes for a commit.

    Raises:
        commits.UnknownRevisionError: There is no such commit here.
    """
    found = commits.named(repository, revision)
    return Target(words=f"commit {found[:12]}", commit=found)


def merge(repository: Path, branch: str) -> Target:
    """Return the merge of the commit that is checked out with a branch, as CI tests it.

    Args:
        repository: The top folder of a working tree.
        branch: The base branch; the remote's, where it was fetched.

    Raises:
        ConfigurationError: There is no such branch here, or no commit.
        commits.MergeError: They cannot be merged; the message names the files.
    """
    base = commits.base(repository, branch)
    if base is None:
        message = f"there is no branch {branch} here to merge with: fetch it, or name another"
        raise ConfigurationError(message)
    head = commits.named(repository, "HEAD")
    name = base.ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    words = f"the merge of {head[:12]} with {name} ({base.commit[:12]})"
    return Target(words=words, commit=commits.merged(repository, head, base.commit))


@contextmanager
def checked_out(target: Target, project: Path, store: Store) -> Iterator[Path]:
    """Provide the project's folder as the target has it.

    Args:
        target: What is looked at.
        project: The project's folder in the user's working tree.
        store: Where the repository's runs are kept.

    Yields:
        The user's own folder, or the one in a clean checkout that no other run uses meanwhile.

    Raises:
        ConfigurationError: The target has no such project.
        CheckoutError: The commit cannot be checked out as CI would have it.
    """
    if not target.clean:
        yield project
        return
    repository = git.toplevel(project)
    with clean_checkout(repository, store, target.commit) as top:
        folder = top / project.relative_to(repository)
        if not (folder / "pyproject.toml").is_file():
            message = f"{target.words} has no {project.relative_to(repository) / 'pyproject.toml'}"
            raise ConfigurationError(message)
        yield folder
