"""A stream whose reader may go away."""

from __future__ import annotations

import io
import os
from typing import TextIO, cast


def lasting(stream: TextIO) -> TextIO:
    """Return a stream that goes silent where nobody reads it any more.

    A closed pipe or a terminal that is gone ends what is shown of a run, not the run.
    Characters that the stream cannot encode become question marks.
    """
    return cast("TextIO", _Lasting(stream))


class _Lasting(io.TextIOBase):
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    # What it shares with the stream that it stands for.

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        return not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    # What it does itself.

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
            except (OSError, ValueError):
                self._leave()
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._leave()

    def _leave(self) -> None:
        self._gone = True
        try:
            number = self._stream.fileno()
        except (OSError, ValueError):
            return
        # What is still buffered must not be an error once more when this process ends.
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, number)
        os.close(sink)
