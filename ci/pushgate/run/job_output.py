"""What a job has printed up to now."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_TAIL_BYTES: Final = 4096
_LINE_CHARACTERS: Final = 500


def look(log: Path, known: int) -> tuple[int, str]:
    """Return the size of a log and, where that is not known yet, its last line.

    Args:
        log: The file that the job's output goes to, there or not.
        known: The size that it had when it was last looked at, in bytes.
    """
    try:
        size = log.stat().st_size
        return size, _last_line(log, size) if size != known else ""
    except OSError:
        return known, ""  # not there yet, or taken away


def _last_line(log: Path, size: int) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES).decode(errors="replace")
    lines = [line for line in tail.replace("\r", "\n").split("\n") if line.strip()]
    return lines[-1].strip()[:_LINE_CHARACTERS] if lines else ""
