"""Which report a run gets, and that no reader ends a run by going away."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from drawn_screen import Terminal, use_xterm
from pushgate.model.run_event import Note
from pushgate.reports.run_report import reporter
from sample_run import START, ended, expected, run_finished, run_started, started

JOBS = (expected("lint", 1), expected("types", 8))


@pytest.fixture(autouse=True)
def _xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    use_xterm(monkeypatch)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of 80 columns and 24 rows."""
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_terminal_that_is_gone() -> None:
    """A terminal that is closed ends the report, not the run."""
    master, slave = os.openpty()
    stream = os.fdopen(slave, "w", encoding="utf-8")
    with reporter(stream, verbose=False) as tell:
        tell(run_started(*JOBS))
        os.close(master)
        for event in (started("lint"), ended("lint", "failed", "why"), run_finished(1, "lint")):
            tell(event)
    stream.close()


def test_a_pipe_that_is_closed(capfd: pytest.CaptureFixture[str]) -> None:
    """A pipe that nobody reads ends the report, and is no error when it is closed."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w", encoding="utf-8")
    with reporter(stream, verbose=False) as tell:
        tell(run_started(*JOBS))
        os.close(reader)
        for event in (ended("lint", "failed", "why"), run_finished(1, "lint")):
            tell(event)
    stream.close()
    assert capfd.readouterr() == ("", "")


def test_a_closed_stream() -> None:
    """A stream that was closed ends the report, not the run."""
    stream = io.StringIO()
    with reporter(stream, verbose=False) as tell:
        stream.close()
        tell(run_started(*JOBS))


def test_what_a_stream_cannot_encode() -> None:
    """Characters that a stream does not have are replaced."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with reporter(stream, verbose=False) as tell:
        tell(Note(at=START, text="é\udcff…"))
    stream.seek(0)
    assert stream.read() == "note: ???\n"


@pytest.mark.parametrize(
    ("variables", "settings", "draws"),
    [
        ({}, {}, True),
        ({"CI": "1"}, {}, False),
        ({"TERM": "dumb"}, {}, False),
        ({}, {"verbose": True}, False),
        ({}, {"encoding": "latin-1"}, False),
    ],
)
def test_which_report_a_terminal_gets(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    settings: dict[str, Any],
    *,
    draws: bool,
) -> None:
    """A board is drawn where it can be; CI, dumb terminals and whole logs get lines."""
    for name, content in variables.items():
        monkeypatch.setenv(name, content)
    terminal.stream.reconfigure(encoding=settings.get("encoding", "utf-8"))  # type: ignore[attr-defined]
    with reporter(terminal.stream, verbose=settings.get("verbose", False)) as tell:
        tell(run_started(*JOBS, target="x"))
        terminal.rows()
        assert terminal.screen.cursor is not draws
        tell(ended("lint"))
    rows = terminal.rows()
    assert terminal.screen.cursor
    assert rows[0] == "2 jobs for push:main on x"
    # Interrupted before its end, a board leaves nothing but what was printed above it.
    assert any(row.startswith("lint") for row in rows) is not draws


def test_the_board_lives(terminal: Terminal) -> None:
    """The time goes on while no event comes."""
    with reporter(terminal.stream, verbose=False) as tell:
        tell(run_started(*JOBS))
        before = terminal.rows()
        deadline = time.monotonic() + 60
        while terminal.rows() == before:
            assert time.monotonic() < deadline, "nothing was drawn"
            time.sleep(0.01)
