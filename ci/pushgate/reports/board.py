"""A run as a live board: one row a job, redrawn in place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Final, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.text import Text

from pushgate.model.outcome import Result
from pushgate.model.run_event import (
    JobFinished,
    JobOutput,
    Note,
    RunEvent,
    RunFinished,
    RunStarted,
)
from pushgate.reports.closing import STYLE, closing, counts, ending, headline, job_line, reason
from pushgate.reports.progress import Progress
from pushgate.reports.text import console, line, one_line, settled

_SYMBOL: Final = {
    "running": "▸",
    "waiting": "·",
    "passed": "✓",
    "flaky": "✓",
    "failed": "✗",
    "unavailable": "?",
    "aborted": "-",
    "skipped": "»",
}
_STYLE: Final = {**STYLE, "running": "bold cyan", "waiting": "dim", "passed": "dim green"}
_URGENCY: Final = (
    "running",
    "failed",
    "unavailable",
    "aborted",
    "waiting",
    "flaky",
    "skipped",
    "passed",
)
"""Which jobs keep their row where the terminal has too few: the first ones."""

_BAR: Final = range(10, 41)
"""How wide the bar may be."""


class Board:
    """A report that shows what every job does now, and below it how far the run is.

    Args:
        stream: The terminal.
        clock: Tells the time as the events do.
    """

    interval: Final = 0.25

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock
        self._progress = Progress()
        self._said: dict[str, str] = {}
        self._rows: list[Text] = []
        self._console = console(stream)
        self._size = self._console.size
        self._live = _live(self._console)

    def __call__(self, event: RunEvent) -> None:
        """Take over what an event tells; what must not be missed is printed for good."""
        self._progress.follow(event)
        match event:
            case RunStarted():
                if self._progress.runs > 1:
                    self._print(line())
                self._print(headline(event))
                # One that was started before would take away as many lines as it had then.
                self._live, self._rows = _live(self._console), []
                self._live.start()
                self.tick()
            case Note():
                self._print(line("note: ", one_line(event.text)))
            case JobOutput():
                if said := _shown(event.line):
                    self._said[event.job] = said
            case JobFinished():
                self._said.pop(event.outcome.job, None)
                if _is_news(event):
                    self._print(job_line(event))
            case RunFinished():
                self.close()
                for part in closing(self._progress, event, told=False):
                    self._print(part)
            case _:
                pass

    def tick(self) -> None:
        """Draw the board anew, if it looks different by now."""
        if not self._live.is_started:
            return
        resized = self._fit()
        rows = self._draw()
        if resized or rows != self._rows:
            self._rows = rows
            self._live.update(Group(*rows), refresh=True)

    def close(self) -> None:
        """Take the board away and give the cursor back."""
        if self._live.is_started:
            self.tick()
            self._live.stop()

    def _print(self, what: Text) -> None:
        # The board below it is drawn again, too: it must fit by then.
        self.tick()
        self._console.print(what, soft_wrap=True)

    def _fit(self) -> bool:
        """Take over the terminal's size, and tell whether it is another one."""
        try:
            columns, height = os.get_terminal_size(self._stream.fileno())
        except OSError:
            return False
        # A terminal that is not ready tells 0; without a size of its own, rich asks other streams.
        size = ConsoleDimensions(columns or 80, height or 24)
        if size == self._size:
            return False
        self._size = self._console.size = size
        # A terminal that became narrower has folded the rows: the cursor is further down
        # from the first one than rich believes.
        folded = sum(max(row.cell_len - 1, 0) // size.width for row in self._rows)
        if folded:
            self._stream.write(f"\x1b[{folded}A\x1b[J")
        return True

    def _draw(self) -> list[Text]:
        width, height = self._console.size
        # One line stays free for the cursor.
        names, hidden = self._shown_jobs(max(height - 3, 0))
        rows = self._job_rows(names, width - 1)
        if hidden:
            rows.append(line((f"… {hidden}", "dim")))
        # A terminal shows Ctrl-C at the end of the last row: folded, it would shift the board.
        rows.append(self._summary(width - len("^C") - 1))
        for row in rows:
            row.truncate(width - 1)
            row.rstrip()
        return rows[-max(height - 1, 1) :]

    def _shown_jobs(self, most: int) -> tuple[list[str], str]:
        """Choose the jobs that get a row, and count the others."""
        progress = self._progress
        if len(progress.jobs) <= most:
            return list(progress.jobs), ""
        groups: dict[str, list[str]] = {state: [] for state in _URGENCY}
        groups["running"] = list(progress.running)
        groups["waiting"] = progress.waiting
        for name in reversed(progress.ended):
            groups[ending(progress.ended[name].outcome)].append(name)
        shown: list[str] = []
        hidden = []
        for state, names in groups.items():
            room = max(most - len(shown), 0)
            shown += names[:room]
            if len(names) > room:
                hidden.append(f"{len(names) - room} {state}")
        return shown, ", ".join(hidden)

    def _job_rows(self, names: Iterable[str], width: int) -> list[Text]:
        labels = {name: one_line(name) for name in self._progress.jobs}
        longest = max(map(cell_len, labels.values()), default=0)
        column = min(longest, max(width // 3, 8))
        now = self._clock()
        return [self._row(name, _middle_cut(labels[name], column), width, now) for name in names]

    def _row(self, name: str, label: str, width: int, now: float) -> Text:
        progress = self._progress
        ended, since = progress.ended.get(name), progress.running.get(name)
        expected = progress.jobs[name].seconds
        usual = f"~{_clock(max(expected, 1))}" if expected is not None else ""
        if ended is not None:
            state, told = ending(ended.outcome), one_line(reason(ended.outcome))
            times = _clock(ended.outcome.seconds) if ended.log else ""
        elif since is not None:
            state, told = "running", self._said.get(name, "")
            times = f"{_clock(now - since):>5}" + (f" / {usual}" if usual else "")
        else:
            state, told = "waiting", self._missing(name)
            times = f"{'':8}{usual}"
        head = f"{_SYMBOL[state]} {label}  {f'{times:>5}':14}  "
        style = _STYLE[state]
        row = Text(head, "" if state == "running" else style, no_wrap=True, overflow="crop")
        row.stylize(style, 0, 1)
        told = _cut(told, width - cell_len(head))
        return row.append(told, "dim" if state in {"running", "passed"} else "")

    def _missing(self, name: str) -> str:
        needs = self._progress.jobs[name].needs
        missing = [one_line(need) for need in needs if need not in self._progress.ended]
        return f"waits for {', '.join(missing)}" if missing else ""

    def _summary(self, width: int) -> Text:
        progress, now = self._progress, self._clock()
        bad = counts(ended.outcome for ended in progress.ended.values() if _is_bad(ended))
        left = progress.seconds_left(now)
        parts = [
            (f"{len(progress.ended)}/{len(progress.jobs)} done", ""),
            *([(bad, "bold red")] if bad else []),
            (_clock(now - progress.since), ""),
            *([(_time_left(left), "dim")] if left is not None else []),
        ]
        words = line()
        for part in parts:
            words.append_text(line("  ", part))
        room = min(width - words.cell_len, _BAR[-1])
        if room not in _BAR:
            return words[2:]
        full = int(progress.share(now) * room)
        return line(("━" * full, "red" if bad else "green"), ("─" * (room - full), "dim")) + words


def _live(console: Console) -> Live:
    return Live(
        console=console,
        auto_refresh=False,
        # Another stream may be read by a program: it must not be taken along.
        redirect_stdout=False,
        redirect_stderr=False,
        transient=True,
        vertical_overflow="crop",
    )


def _is_bad(ended: JobFinished) -> bool:
    return ended.outcome.result not in {Result.PASSED, Result.SKIPPED}


def _is_news(ended: JobFinished) -> bool:
    """Tell whether a job's end is printed for good: not a pass, nor the sequel of another's end."""
    if ended.outcome.result is Result.ABORTED:
        return bool(ended.log)
    return ending(ended.outcome) != "passed"


def _shown(said: str) -> str:
    """Return output for a row: what has no certain width would break it."""
    return "".join(
        character
        for character in settled(said)
        if character.isprintable() and not "\ufe00" <= character <= "\ufe0f"
    ).strip()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _time_left(seconds: float) -> str:
    # Jobs that take longer than before leave nothing to count down.
    return f"~{_clock(seconds)} left" if seconds >= 1 else "any moment"


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def _middle_cut(name: str, width: int) -> str:
    """Fit a name into a column: its end, such as which shard it is, stays."""
    if cell_len(name) <= width:
        return set_cell_size(name, width)
    end = name[-(width // 2) :]
    return set_cell_size(f"{_cut(name, width - cell_len(end))}{end}", width)
