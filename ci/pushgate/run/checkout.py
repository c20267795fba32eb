"""Clean checkouts: what CI would have, in folders of stable names that keep environments warm."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.gates import environments
from pushgate.run.store import Store, all_checkouts
from pushgate.tools import git, process, strays, worktree

_KEPT: Final = (
    # Environments, and caches whose tools compare what the files hold.
    f"{environments.FOLDER}/",
    ".mypy_cache/",
    ".ruff_cache/",
    # The locks of environments, and what hides them from git.
    "**/.pushgate/locks/",
    "**/.pushgate/.gitignore",
)
_COMPILED: Final = (".so", ".pyd")
_START_SECONDS: Final = 0.1


class CheckoutError(Exception):
    """The commit cannot be checked out as CI would have it."""


@contextmanager
def clean_checkout(repository: Path, store: Store, commit: str) -> Iterator[Path]:
    """Check a commit out, in a folder that no other run uses meanwhile.

    Of an earlier checkout only environments and a few caches stay. The user's working
    trees, indexes, refs and configuration are not touched.

    Args:
        repository: The top folder of any working tree of the repository.
        store: Where the repository's runs are kept.
        commit: The full id of the commit.

    Yields:
        The top folder of the checkout; the same few are used over and over.

    Raises:
        CheckoutError: The commit is missing, or the checkout would differ from it.
    """
    with ExitStack() as stack:
        try:
            slot = stack.enter_context(_slot(store))
        except OSError as error:
            message = f"{store.folder} cannot be written, where runs are kept: {error.strerror}"
            raise CheckoutError(message) from error
        try:
            _prepare(git.common_folder(repository), store, slot, commit)
        except (process.CommandError, OSError) as error:
            message = (
                f"{commit[:12]} cannot be checked out: {_reason(error)} "
                f"(if that is about the checkout itself, remove {slot.folder})"
            )
            raise CheckoutError(message) from error
        yield slot.folder


@dataclass(frozen=True)
class _Slot:
    """A folder that only this process uses."""

    folder: Path
    left_by_kill: bool


@contextmanager
def _slot(store: Store) -> Iterator[_Slot]:
    # Importing it takes longer than preparing a checkout.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    store.locks.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        lock = FileLock(store.locks / f"checkout-{number}.lock")
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            continue
        with held, _marked(store, number) as slot:
            yield slot
        return


@contextmanager
def _marked(store: Store, number: int) -> Iterator[_Slot]:
    mark = store.locks / f"checkout-{number}.in-use"
    slot = _Slot(store.checkouts / str(number), left_by_kill=mark.exists())
    if slot.left_by_kill:
        # What its last user had started may still be writing there. A command that was only
        # just being started holds the lock, and a moment later shows its environment.
        time.sleep(_START_SECONDS)
        strays.end(worktree.VARIABLE, str(slot.folder))
    mark.touch()
    try:
        yield slot
    finally:
        mark.unlink(missing_ok=True)


def _prepare(common: Path, store: Store, slot: _Slot, commit: str) -> None:
    tree = worktree.find(slot.folder)
    # Half a clone of a submodule looks like a whole one.
    if tree is None or (slot.left_by_kill and tree.has_submodules):
        tree = _make(common, store, slot.folder, commit)
    try:
        _bring(tree, commit)
    except process.CommandError:
        if worktree.is_readable(tree):
            raise
        tree = _make(common, store, slot.folder, commit)
        _bring(tree, commit)
    _verify(tree, commit)


def remove_unused(store: Store) -> None:
    """Remove a repository's clean checkouts that no run uses now.

    Args:
        store: Where the repository's runs are kept.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415

    for folder in store.checkouts.glob("*/"):
        with (
            suppress(Timeout),
            FileLock(store.locks / f"checkout-{folder.name}.lock", blocking=False),
        ):
            worktree.remove(store.folder.parent, folder)
    with suppress(OSError):
        store.checkouts.rmdir()


def _make(common: Path, store: Store, folder: Path, commit: str) -> worktree.Worktree:
    from filelock import FileLock  # noqa: PLC0415

    with FileLock(store.locks / "checkouts.lock"):
        tree = worktree.make(common, folder, commit)
    _remove_abandoned(folder)
    return tree


def _remove_abandoned(own: Path) -> None:
    """Remove the checkouts of repositories that are gone, or have been moved."""
    for folder in all_checkouts().glob("*/*/"):
        if folder != own and worktree.is_abandoned(folder):
            # Another process may be at it, too.
            with suppress(OSError):
                worktree.delete(folder)
                folder.parent.rmdir()


def _bring(tree: worktree.Worktree, commit: str) -> None:
    worktree.switch(tree, commit)
    if any(path.endswith(_COMPILED) for path in worktree.untracked(tree, _KEPT)):
        # An environment with the project built in place lacks them from now on.
        _forget_environments(tree.folder)
    worktree.clean(tree, _KEPT)
    if (tree.folder / ".gitmodules").is_file():
        try:
            worktree.update_submodules(tree)
        except process.CommandError as error:
            message = (
                f"a submodule of {commit[:12]} cannot be had: {_reason(error)}: "
                "push its commit, or mend its URL in .gitmodules"
            )
            raise CheckoutError(message) from error


def _forget_environments(folder: Path) -> None:
    for parent, names, _ in os.walk(folder):
        if environments.FOLDER.name in names:
            for stamp in Path(parent, environments.FOLDER).glob(f"*/{environments.STAMP}"):
                stamp.unlink()
            names.remove(environments.FOLDER.name)


def _verify(tree: worktree.Worktree, commit: str) -> None:
    head, changed = worktree.state(tree)
    if head != commit:
        message = f"the checkout is at {head or 'nothing'} instead of {commit}: give the full id"
        raise CheckoutError(message)
    if changed:
        message = (
            f"{_first(changed)} not what {commit[:12]} holds as soon as checked out: line endings "
            "or a filter in .gitattributes change it: `git add --renormalize .`, and commit"
        )
        raise CheckoutError(message)
    if left := worktree.untracked(tree, _KEPT):
        message = f"{_first(left)} left of an earlier checkout: remove {tree.folder}"
        raise CheckoutError(message)
    if pointers := worktree.lfs_pointers(tree):
        message = (
            f"{_first(pointers)} only a Git LFS pointer here: "
            "`git lfs install`, then `git lfs fetch`"
        )
        raise CheckoutError(message)


def _first(paths: tuple[str, ...]) -> str:
    more = len(paths) - 1
    return f"{paths[0]} and {more} more are" if more else f"{paths[0]} is"


def _reason(error: process.CommandError | OSError) -> str:
    if isinstance(error, OSError) or not error.completed.stderr.strip():
        return str(error)
    lines = error.completed.stderr.strip().splitlines()
    told = (line for line in lines if line.startswith(("fatal: ", "error: ")))
    return next(told, lines[0]).removeprefix("fatal: ").removeprefix("error: ")
