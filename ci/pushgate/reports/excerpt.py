"""The part of a job's log that tells why it did not pass."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from pushgate.reports.text import settled

_READ_BYTES: Final = 256 * 1024
_LINE_LENGTH: Final = 500
_PYTEST_PROBLEMS: Final = re.compile(r"={3,} (FAILURES|ERRORS) ={3,}")
_NOX: Final = re.compile(r"nox > (Running session |Session |Ran \d+ sessions:|\* )")
"""What Nox says around a session; how it ended is told without it."""


def excerpt(log: Path, limit: int = 60) -> list[str]:
    """Return the lines of a log that matter: pytest's failures from the first on, else its end.

    Args:
        log: The log; only its last 256 KiB are looked at, whatever they hold.
        limit: How many lines at most.

    Returns:
        Lines of at most 500 characters, without control characters; none where the log is
        empty or cannot be read.
    """
    try:
        content, is_whole = _tail(log)
    except OSError:
        return []
    lines = [_cut(settled(line)) for line in content.decode(errors="replace").split("\n")]
    while lines and _is_frame(lines[-1]):
        lines.pop()
    while lines and _is_frame(lines[0]):
        lines.pop(0)
    for number, line in enumerate(lines):
        if _PYTEST_PROBLEMS.fullmatch(line):
            return _shortened(lines[number:], limit, head=limit // 3)
    return _shortened(lines, limit, more=not is_whole)


def _tail(log: Path) -> tuple[bytes, bool]:
    """Return the end of a log, and whether that is all of it."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _READ_BYTES, 0))
        content = file.read(_READ_BYTES)
    if size <= len(content):
        return content, True
    # In the middle of a log, the first line is part of one.
    rest = content.partition(b"\n")[2]
    return rest if rest.strip() else content, False


def _cut(line: str) -> str:
    line = line.rstrip()
    return line if len(line) <= _LINE_LENGTH else f"{line[: _LINE_LENGTH - 1]}…"


def _is_frame(line: str) -> bool:
    return not line or _NOX.match(line) is not None


def _shortened(lines: list[str], limit: int, *, head: int = 0, more: bool = False) -> list[str]:
    """Keep the first ``head`` lines and the last ones, ``limit`` in all.

    Args:
        lines: The lines.
        limit: How many to return at most.
        head: How many of them from the beginning.
        more: Whether there are lines before those that nobody has counted.
    """
    if len(lines) <= limit:
        return lines
    tail = limit - head - 1
    left_out = f"{'more than ' if more else ''}{len(lines) - head - tail}"
    return [*lines[:head], f"… {left_out} lines left out …", *lines[len(lines) - tail :]]
