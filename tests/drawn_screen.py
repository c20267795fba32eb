"""A terminal for the tests of what is drawn: a real one, and what a person sees on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from typing import Final, TextIO

import pytest
from rich.cells import cell_len

_PART: Final = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|([\r\n])|([^\x00-\x1f\x7f-\x9f])")
_MARK: Final = b"\x00"


def use_xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the environment that of a terminal that can draw, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("CI", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


class Screen:
    """What the control sequences that a terminal was sent have drawn.

    Anything that it does not know is an error: no other sequence may be sent.

    Attributes:
        rows: All rows, from the first that was ever written.
        cursor: Whether the cursor is shown.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [""]
        self.cursor = True
        self._row = self._column = 0

    def feed(self, written: str) -> None:
        """Draw."""
        position = 0
        while position < len(written):
            part = _PART.match(written, position)
            assert part is not None, f"what is {written[position : position + 20]!r}?"
            position = part.end()
            if part[2]:
                self._control(part[1], part[2])
            elif part[3] == "\r":
                self._column = 0
            elif part[3]:
                self._down()
            else:
                self._put(part[4])

    def narrow(self, width: int) -> None:
        """Fold the rows as a terminal does that becomes narrower; the cursor stays at the end."""
        self.rows = [
            row[start : start + width]
            for row in self.rows
            for start in range(0, max(len(row), 1), width)
        ]
        self.width, self._row = width, len(self.rows) - 1

    def _control(self, arguments: str, kind: str) -> None:
        match kind, arguments:
            case "m", _:
                pass
            case "A", _:
                top = max(len(self.rows) - self.height, 0)
                self._row = max(self._row - int(arguments or 1), top)
            case "K", "2":
                self.rows[self._row] = ""
            case "J", "":
                self.rows[self._row] = self.rows[self._row][: self._column]
                del self.rows[self._row + 1 :]
            case "l" | "h", "?25":
                self.cursor = kind == "h"
            case _:
                message = f"unknown: {arguments}{kind}"
                raise AssertionError(message)

    def _put(self, character: str) -> None:
        if self._column + cell_len(character) > self.width:
            self._down()
            self._column = 0
        row = self.rows[self._row].ljust(self._column)
        self.rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.rows):
            self.rows.append("")


class Terminal:
    """A real terminal, whose screen is known.

    Attributes:
        stream: What to write to.
        screen: What was drawn.
        written: All that was ever sent to it.
    """

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self.screen = Screen(width, height)
        self.written = ""
        self._pending = bytearray()
        self._seen = threading.Semaphore(0)
        self.resize(width, height)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def rows(self) -> list[str]:
        """Return the rows on the screen, after all that was written up to now."""
        self.stream.write(_MARK.decode())
        self.stream.flush()
        self._seen.acquire()
        written, _, rest = bytes(self._pending).partition(_MARK)
        del self._pending[: len(self._pending) - len(rest)]
        self.written += written.decode()
        self.screen.feed(written.decode())
        return [row.rstrip() for row in self.screen.rows]

    def resize(self, width: int, height: int) -> None:
        """Change its size."""
        if width < self.screen.width:
            self.rows()
            self.screen.narrow(width)
        self.screen.width, self.screen.height = width, height
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, size)

    def close(self) -> None:
        """Let nothing of it stay."""
        self.stream.close()
        self._reader.join()

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self._master, 4096)
            except OSError:
                # All writers are gone.
                break
            self._pending += read
            for _ in range(read.count(_MARK)):
                self._seen.release()
        os.close(self._master)
