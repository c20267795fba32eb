"""Runs that one report shows one after the other, as a push of several commits has them."""

from __future__ import annotations

import io

import pytest

from drawn_screen import Terminal
from pushgate.reports.board import Board
from pushgate.reports.lines import Lines
from sample_run import FakeClock, ended, expected, run_finished, run_started, started


def test_as_lines() -> None:
    """The next run has a paragraph of its own, and nothing of the one before."""
    first = (run_started(expected("bad")), ended("bad", "failed", log=""), run_finished(1))
    stream = io.StringIO()
    report = Lines(stream)
    for event in (*first, run_started(expected("bad"), target="another"), run_finished(130)):
        report(event)
    assert stream.getvalue().splitlines()[-4:] == [
        "",
        "1 job for push:main on another",
        "",
        "interrupted (0 jobs in 9.9 s)",
    ]


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run's board stands below the end of the one before, which stays."""
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    board = Board(terminal.stream, clock=FakeClock())
    names = ("one", "two", "three", "four")
    for name in names:
        jobs = [expected(f"{name}{number}") for number in range(3)]
        for event in (run_started(*jobs, target=name), started(f"{name}0")):
            board(event)
        board.tick()
        assert terminal.rows()[-4:-1] == [
            f"▸ {name}0   0:00",
            *(f"· {name}{number}" for number in (1, 2)),
        ]
        for number in range(3):
            board(ended(f"{name}{number}"))
        board(run_finished())
    shown = terminal.rows()
    assert [row for row in shown if " jobs for " in row] == [
        f"3 jobs for push:main on {name}" for name in names
    ]
    assert sum("passed   4.1 s" in row for row in shown) == 3 * len(names)
    assert shown.count("all selected jobs passed (3 jobs in 9.9 s)") == len(names)
    assert sum("done" in row for row in shown) == 0
    terminal.close()
