"""Which report a run gets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TextIO

from pushgate.model.run_event import Consumer, RunEvent
from pushgate.reports.board import Board
from pushgate.reports.lasting import lasting
from pushgate.reports.lines import Lines


@contextmanager
def reporter(stream: TextIO, *, verbose: bool) -> Iterator[Consumer]:
    """Show a run while it runs: as a live board on a terminal, else as plain lines.

    Args:
        stream: Where to. A reader that goes away ends the report, not the run.
        verbose: Whether to print the whole log of every job when it ends, always as lines.

    Yields:
        What to give the run's events to.
    """
    lasts = lasting(stream)
    github = os.environ.get("GITHUB_ACTIONS") == "true"
    report: Board | Lines = (
        Board(lasts)
        if not verbose and _can_draw(lasts)
        else Lines(lasts, verbose=verbose, github=github)
    )
    # The clock's thread and the run's thread draw on the same terminal.
    lock = Lock()

    def consume(event: RunEvent) -> None:
        with lock:
            report(event)

    def tick() -> None:
        with lock:
            report.tick()

    with _repeated(tick, report.interval):
        try:
            yield consume
        finally:
            with lock:
                report.close()


def _can_draw(stream: TextIO) -> bool:
    dumb = os.environ.get("TERM", "") in {"", "dumb", "unknown"}
    unicode = stream.encoding.lower().replace("-", "") == "utf8"
    return stream.isatty() and not dumb and not os.environ.get("CI") and unicode


@contextmanager
def _repeated(call: Callable[[], None], seconds: float) -> Iterator[None]:
    over = Event()

    def repeat() -> None:
        while not over.wait(seconds):
            call()

    thread = Thread(target=repeat, name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
