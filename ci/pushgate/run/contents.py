"""What records hold: compressed blobs, each in a file that is named by its content's hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

_CHUNK: Final = 1 << 18
_LEVEL: Final = 1
"""Of compression: logs and coverage data shrink to a quarter, and it is faster than a disk."""

_PART: Final = "part-"
_GRACE_SECONDS: Final = 3600.0
"""For so long a blob is not removed which no record names: one may be about to."""


_SWEPT: Final = "swept"
"""The file that tells by its age when the folder was swept."""

_DAY: Final = 86400.0


class DamagedBlobError(Exception):
    """A blob is missing, or does not hold what its name says."""


@dataclass(frozen=True)
class Blob:
    """A content that is kept.

    Attributes:
        name: The content's SHA-256, in hexadecimal.
        size: How many bytes it takes on the disk.
    """

    name: str
    size: int


class Contents:
    """The folder of blobs.

    Nothing is ever synced to the disk: whoever reads a blob compares it with its name, and a
    torn one counts as missing. Any number of processes may use the folder at once.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder.

        Args:
            folder: It is made when the first blob is written.
        """
        self.folder = folder

    def add(self, source: Path) -> Blob:
        """Keep what a file holds.

        Raises:
            OSError: The file cannot be read, or the blob not be written.
        """
        with source.open("rb") as file:
            return self._write(iter(lambda: file.read(_CHUNK), b""))

    def add_named(self, name: str, content: bytes) -> Blob:
        """Keep a content whose hash is known, unless it is kept already.

        Args:
            name: Its hash.
            content: The content.

        Raises:
            OSError: The blob cannot be written.
        """
        place = self._place(name)
        try:
            # It is about to be named once more.
            os.utime(place)
            return Blob(name, place.stat().st_size)
        except FileNotFoundError:
            return self._write([content])

    def read(self, name: str) -> bytes:
        """Return a content.

        Raises:
            DamagedBlobError: It is not there whole.
        """
        return b"".join(self._chunks(name))

    def copy(self, name: str, target: Path) -> None:
        """Write a content to a file, of which only a part may be there after an error.

        Raises:
            DamagedBlobError: It is not there whole.
            OSError: The file cannot be written.
        """
        with target.open("wb") as file:
            for chunk in self._chunks(name):
                file.write(chunk)

    def remove(self, name: str) -> None:
        """Remove a blob, if it is there and can be removed."""
        with suppress(OSError):
            self._place(name).unlink()

    @property
    def is_swept(self) -> bool:
        """Whether there is nothing to sweep: it was done within the day, or there is no blob."""
        try:
            return abs(time.time() - (self.folder / _SWEPT).stat().st_mtime) < _DAY
        except FileNotFoundError:
            return not self.folder.exists()
        except OSError:
            return True

    def sweep(self, named: Collection[str]) -> None:
        """Remove the blobs that are not named, less those that were written within the hour.

        Args:
            named: The names of the blobs that stay.
        """
        before = time.time() - _GRACE_SECONDS
        young = False
        for path in (*self.folder.glob("??/*"), *self.folder.glob(f"{_PART}*")):
            if f"{path.parent.name}{path.name}" not in named:
                # Another process may be at it, too.
                with suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                    else:
                        young = True
        with suppress(OSError):
            if young:
                (self.folder / _SWEPT).unlink(missing_ok=True)
            else:
                (self.folder / _SWEPT).touch()

    def clear(self) -> None:
        """Remove all blobs."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, name: str) -> Path:
        return self.folder / name[:2] / name[2:]

    def _write(self, chunks: Iterable[bytes]) -> Blob:
        self.folder.mkdir(parents=True, exist_ok=True)
        number, part = tempfile.mkstemp(prefix=_PART, dir=self.folder)
        try:
            digest, packer = hashlib.sha256(), zlib.compressobj(_LEVEL)
            with os.fdopen(number, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(packer.compress(chunk))
                file.write(packer.flush())
                size = file.tell()
            place = self._place(digest.hexdigest())
            place.parent.mkdir(exist_ok=True)
            Path(part).replace(place)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        return Blob(digest.hexdigest(), size)

    def _chunks(self, name: str) -> Iterator[bytes]:
        digest, unpacker = hashlib.sha256(), zlib.decompressobj()
        try:
            with self._place(name).open("rb") as file:
                while packed := file.read(_CHUNK):
                    chunk = unpacker.decompress(packed)
                    digest.update(chunk)
                    yield chunk
        except OSError as error:
            raise DamagedBlobError(name) from error
        except zlib.error as error:
            self._damaged(name, error)
        if digest.hexdigest() != name:
            self._damaged(name)

    def _damaged(self, name: str, error: Exception | None = None) -> NoReturn:
        # So that the next one who has this content writes it anew.
        self.remove(name)
        raise DamagedBlobError(name) from error
