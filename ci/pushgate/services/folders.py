"""Temporary folders that go with the processes that use them, or at the next start.

Beside each lies a file that all these processes hold locked: as soon as the last of them is
gone, however it ended, the lock is.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.services import owners

_PATIENCE_SECONDS: Final = 10.0
"""How long what a killed process has started may take to notice it."""

_MOMENT_SECONDS: Final = 0.02
_SUFFIX: Final = ".lock"


@dataclass(frozen=True)
class Folder:
    """A temporary folder.

    Attributes:
        path: The folder.
        lock: The open file which a process inherits that uses the folder.
    """

    path: Path
    lock: int

    @property
    def lock_path(self) -> Path:
        """The file that is locked for as long as the folder is used."""
        return self.path.with_name(self.path.name + _SUFFIX)

    def remove(self) -> None:
        """Remove it; nobody else uses it any more."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock_path.unlink(missing_ok=True)
        os.close(self.lock)


def make(prefix: str, owner: str) -> Folder:
    """Make a folder that only this user and those with its lock know.

    Args:
        prefix: How its name begins, which ``sweep`` asks for.
        owner: The process that it is for.

    Raises:
        OSError: There is no place for it.
    """
    place = Path(tempfile.gettempdir()).resolve()
    while True:
        path = place / f"{prefix}{secrets.token_hex(4)}"
        lock = os.open(f"{path}{_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            break
        os.close(lock)  # swept before it was locked
    try:
        os.write(lock, owner.encode())
        path.mkdir(mode=0o700)
    except BaseException:
        Folder(path, lock).remove()
        raise
    return Folder(path, lock)


def sweep(prefix: str) -> None:
    """Remove the folders of this user whose processes are gone.

    Args:
        prefix: How their names begin.
    """
    for lock in Path(tempfile.gettempdir()).resolve().glob(f"{prefix}*{_SUFFIX}"):
        with suppress(OSError), _opened(lock) as file:
            if os.fstat(file).st_uid == os.getuid() and _locked(file):
                shutil.rmtree(lock.with_name(lock.name.removesuffix(_SUFFIX)), ignore_errors=True)
                lock.unlink()


def _locked(file: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(file, 200, 0).decode(errors="replace")
            if not owners.is_gone(owner) or time.monotonic() > deadline:
                return False
            time.sleep(_MOMENT_SECONDS)
        else:
            return bool(os.fstat(file).st_nlink)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        yield file
    finally:
        os.close(file)
