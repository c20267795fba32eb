"""Which runs are under way: each holds a lock in its folder; the dead lose theirs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ALIVE: Final = "alive"
"""The file in a run's folder that is there, and locked, while the run is under way."""


@contextlib.contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Make a run's folder, and show that the run is under way until the block is left.

    Args:
        folder: The run's folder, which need not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Locked before it has its name: nobody ever sees it there without its lock.
    unnamed = folder / f".{ALIVE}"
    with _opened(unnamed, os.O_RDWR | os.O_CREAT) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unnamed.rename(folder / ALIVE)
        try:
            yield
        finally:
            (folder / ALIVE).unlink(missing_ok=True)


def dead(runs: Path) -> Iterator[Path]:
    """Yield the folders of runs whose process was killed.

    Of processes that ask at once only one is given a folder. Its run counts as dead until the
    next one is asked for: a sweep that is killed itself is repeated by the next.

    Args:
        runs: The folder of all runs' folders, which need not exist.
    """
    for folder in folders(runs):
        with contextlib.suppress(OSError), _opened(folder / ALIVE, os.O_RDWR) as file:
            if _lock(file, fcntl.LOCK_EX) and _is_at(file, folder / ALIVE):
                yield folder
                (folder / ALIVE).unlink()


def is_under_way(folder: Path) -> bool:
    """Tell whether the run of a folder is under way."""
    try:
        with _opened(folder / ALIVE, os.O_RDONLY) as file:
            return not _lock(file, fcntl.LOCK_SH)
    except OSError:
        return False


def folders(runs: Path) -> list[Path]:
    """List the folders of runs.

    Args:
        runs: The folder of all runs' folders, which need not exist.
    """
    try:
        with os.scandir(runs) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    # Another sweep, or the run's own end, may have removed it before it was locked here.
    return os.path.samestat(path.stat(), os.fstat(file))


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags)
    try:
        yield file
    finally:
        os.close(file)
