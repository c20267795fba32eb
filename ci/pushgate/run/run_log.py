"""A run's folder: its events as they come, and the logs of its jobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Self

from pushgate.model.run_event import RunEvent, as_json
from pushgate.run.liveness import ALIVE, folders

EVENTS: Final = "events.ndjson"
"""The file of a run's events in its folder: a JSON object a line."""

_CHUNK: Final = 1 << 20


class RunLog:
    """A consumer that writes a run's events to its folder, each as soon as it comes.

    Where they cannot be written (a full disk), it falls silent: the run goes on.

    Attributes:
        note: Why it fell silent, in one line; empty as long as it writes.
    """

    def __init__(self, folder: Path) -> None:
        """Begin the file.

        Args:
            folder: The run's folder, which need not exist.
        """
        self.note = ""
        self._file: IO[bytes] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Without a buffer: nothing is left that closing the file could fail to write.
            self._file = (folder / EVENTS).open("ab", buffering=0)
        except OSError as error:
            self._fall_silent(error.strerror)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def record(self, event: RunEvent) -> None:
        """Append an event."""
        if self._file is None:
            return
        line = json.dumps(as_json(event)).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            self._fall_silent(error.strerror)
        else:
            if written < len(line):
                self._fall_silent("the disk is full")

    def _fall_silent(self, reason: str | None) -> None:
        self._close()
        self.note = f"the run's events are not written: {reason}"

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a run as JSON objects, without a last line that was cut short.

    Args:
        folder: The run's folder; without a file of events there is none.
    """
    try:
        file = (folder / EVENTS).open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                return
            yield event


def shorten(log: Path, limit: int = 16 << 20) -> None:
    """Leave out the middle of a log that is too long; a line in its place says how much it was.

    The first quarter and the last three quarters of ``limit`` stay.

    Args:
        log: A file that nobody writes to any more.
        limit: Bytes; a log that is longer by less than the line stays as it is.

    Raises:
        OSError: The log cannot be read or written.
    """
    size = log.stat().st_size
    first = limit // 4
    left_out = f"\n... {size - limit} bytes left out ...\n".encode()
    if size <= limit + len(left_out):
        return
    with log.open("r+b") as file:
        file.seek(first)
        file.write(left_out)
        _move_down(file, size - (limit - first), first + len(left_out))


def _move_down(file: IO[bytes], source: int, target: int) -> None:
    """Move what begins at ``source`` down to ``target``; the file ends behind it."""
    file.seek(source)
    while chunk := file.read(_CHUNK):
        source += len(chunk)
        file.seek(target)
        target += file.write(chunk)
        file.seek(source)
    file.truncate(target)


def prune(runs: Path, keep: int = 30) -> tuple[str, ...]:
    """Remove the oldest runs' folders with their logs; none of a run that is under way.

    Args:
        runs: The folder of all runs' folders, which need not exist.
        keep: How many are kept.

    Returns:
        The names of those that were removed.
    """
    # Of a dead run, too, the folder stays until it has been swept: `alive` is gone then.
    newest_first = sorted(folders(runs), key=_changed, reverse=True)
    old = [folder for folder in newest_first[keep:] if not (folder / ALIVE).exists()]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(folder.name for folder in old)


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another process has just removed it
