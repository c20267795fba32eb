"""The outputs of a job, taken apart to be kept, and put together again."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.gates import state
from pushgate.model.job import OUTPUTS
from pushgate.run.contents import Blob, Contents

_COMING: Final = "coming"
"""The folder below ``.pushgate`` in which outputs are put together."""

_LEFT_SECONDS: Final = 3600.0
"""What is older there was left by a process that was killed."""


class UnkeepableError(Exception):
    """The outputs hold something that cannot be kept; the message says what."""


@dataclass(frozen=True, order=True)
class Part:
    """A file, folder or link.

    Attributes:
        path: Where it is, relative to the folder of all.
        mode: Its type and permissions, as the system tells them.
        content: The name of a file's blob, or a link's target; empty for a folder.
    """

    path: str
    mode: int
    content: str


def take(folder: Path, contents: Contents) -> Iterator[tuple[Part, Blob | None]]:
    """Keep all that a folder holds.

    Args:
        folder: The job's outputs, if it has left any.
        contents: Where to.

    Yields:
        Each part, a folder before what is in it, with the blob of a file.

    Raises:
        UnkeepableError: It is more than files, folders and links to each other.
        OSError: Something cannot be read, or not be written.
    """
    for path in _below(folder) if folder.exists() else ():
        name, mode = _name(path, folder), path.lstat().st_mode
        if stat.S_ISREG(mode):
            blob = contents.add(path)
            yield Part(name, mode, blob.name), blob
        elif stat.S_ISDIR(mode):
            yield Part(name, mode, ""), None
        elif stat.S_ISLNK(mode) and (target := _inner_target(path, folder)):
            yield Part(name, mode, target), None
        else:
            message = f"{name} in its outputs is neither a file nor a link to one there"
            raise UnkeepableError(message)


def put(parts: Iterable[Part], contents: Contents, outputs: Path) -> None:
    """Replace a job's outputs, by all of the parts or, after an error, not at all.

    Args:
        parts: What they were, as ``take`` told it.
        contents: Where it is kept.
        outputs: The job's outputs, in a project's folder.

    Raises:
        DamagedBlobError: Not all is there whole.
        OSError: The folder cannot be written, or another process writes it, too.
    """
    with _beside(outputs) as (new, old):
        folders = []
        for part in sorted(parts):
            path = new / part.path
            if stat.S_ISDIR(part.mode):
                path.mkdir()
                folders.append((path, part.mode))
            elif stat.S_ISLNK(part.mode):
                path.symlink_to(part.content)
            else:
                contents.copy(part.content, path)
                path.chmod(stat.S_IMODE(part.mode))
        for path, mode in reversed(folders):
            path.chmod(stat.S_IMODE(mode))
        with suppress(FileNotFoundError):
            outputs.rename(old)
        new.rename(outputs)


@contextmanager
def _beside(outputs: Path) -> Iterator[tuple[Path, Path]]:
    """Provide an empty folder, and the name of another, on the disk of the outputs."""
    root = outputs.parents[len(OUTPUTS.parts)]
    state.make(root, *OUTPUTS.parts[1:])
    coming = state.make(root, _COMING)
    for left in coming.iterdir():
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _LEFT_SECONDS:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=coming, ignore_cleanup_errors=True) as folder:
        new = Path(folder, "new")
        new.mkdir()
        yield new, Path(folder, "old")


def _below(folder: Path) -> Iterator[Path]:
    # `rglob` would pass over a folder that cannot be read, and half of the outputs be kept.
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _name(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        message = f"the name of {name!r} in its outputs is no text"
        raise UnkeepableError(message) from None
    return name


def _inner_target(link: Path, folder: Path) -> str:
    """Return where a link leads; empty where that is outside of the folder."""
    target = link.readlink()
    here = Path(os.path.normpath(link.parent.relative_to(folder) / target))
    return "" if here.is_absolute() or here.parts[:1] == ("..",) else str(target)
