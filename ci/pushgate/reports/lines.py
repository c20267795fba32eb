"""A run as plain lines: for pipes, CI and terminals that cannot draw."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

from rich.text import Text

from pushgate.model.outcome import Result
from pushgate.model.run_event import (
    JobFinished,
    Note,
    RunEvent,
    RunFinished,
    RunStarted,
)
from pushgate.reports.closing import closing, ending, headline, job_line, name_width, place
from pushgate.reports.excerpt import excerpt
from pushgate.reports.progress import Progress
from pushgate.reports.text import line, one_line, rendered, settled
from pushgate.tools.listing import some

SILENCE_SECONDS: Final = 30.0
"""After so long without a line, the jobs that still run are named."""

_CHUNK: Final = 64 * 1024
_WORKFLOW_COMMAND: Final = re.compile(r"^\s*:(?=:)|##(?=\[)", re.MULTILINE)
"""What makes a line a command to the runner of GitHub Actions, in both of its forms."""


class Lines:
    """A report that prints a line for each job that has ended.

    Args:
        stream: Where to.
        verbose: Whether the whole log of every job is printed when it ends.
        github: Whether GitHub Actions reads: a log is then a group to unfold, and no text
            of a job counts as a command to the runner.
        clock: Tells the time as the events do.
    """

    interval: Final = 1.0

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        github: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._github = github
        self._clock = clock
        self._progress = Progress()
        self._said = clock()
        self._width = 0

    def __call__(self, event: RunEvent) -> None:
        """Print what an event is worth."""
        self._progress.follow(event)
        match event:
            case RunStarted():
                if self._progress.runs > 1:
                    self._say(line())
                self._width = name_width(self._progress.jobs)
                self._say(headline(event))
            case Note():
                self._say(line("note: ", one_line(event.text)))
            case JobFinished():
                self._say(job_line(event, self._width))
                self._show_log(event)
            case RunFinished():
                for part in closing(self._progress, event, told=True):
                    self._say(part)
            case _:
                pass
        self._stream.flush()

    def tick(self) -> None:
        """Name the jobs that run if nothing was printed for long."""
        now = self._clock()
        if now - self._said < SILENCE_SECONDS or not self._progress.running:
            return
        running = [
            f"{name} ({now - since:.0f} s)" for name, since in self._progress.running.items()
        ]
        self._say(line(f"still running: {some(running, 8)}"))
        self._stream.flush()

    def close(self) -> None:
        """End the report; all that it had to say is said."""

    def _say(self, what: Text) -> None:
        self._write(rendered(what, self._stream))
        self._said = self._clock()

    def _write(self, written: str) -> None:
        self._stream.write(_WORKFLOW_COMMAND.sub(r"\g<0> ", written) if self._github else written)

    def _show_log(self, ended: JobFinished) -> None:
        passed = ended.outcome.result in {Result.PASSED, Result.SKIPPED}
        if not ended.log or (passed and not self._verbose):
            return
        log = Path(ended.log)
        title = f"{one_line(ended.outcome.job)} {ending(ended.outcome)}"
        lines = _whole(log) if self._verbose else excerpt(log)
        if lines:
            self._show_group(title, place(ended.log), lines)

    def _show_group(self, title: str, log: str, lines: Iterable[str]) -> None:
        if self._github:
            self._stream.write(f"::group::{title}\n")
        else:
            self._write(f"  {log}:\n")
        margin = "" if self._github else "    "
        for said in lines:
            self._write(f"{margin}{said}".rstrip() + "\n")
        if self._github:
            self._stream.write("::endgroup::\n")


def _whole(log: Path) -> Iterator[str]:
    """Yield a log's lines; of a very long one, pieces."""
    try:
        with log.open("rb") as file:
            while piece := file.readline(_CHUNK):
                yield settled(piece.decode(errors="replace").rstrip("\r\n"))
    except OSError as error:
        yield f"(the log cannot be read: {error.strerror})"
