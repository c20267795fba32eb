"""A run as a live board: what a person sees on a real terminal, whatever its size."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from drawn_screen import Terminal
from pushgate.model.run_event import Note, RunEvent
from pushgate.reports.board import Board
from pushgate.reports.progress import Progress
from pushgate.reports.run_report import reporter
from sample_run import (
    HOSTILE,
    START,
    FakeClock,
    ended,
    expected,
    run_finished,
    run_started,
    said,
    started,
)

JOBS = (
    expected("lint", 1),
    expected("types", 8),
    expected("test-3.12(1of4)", 15),
    expected("a-gate-with-a-name-that-is-far-too-long(2of4)", 3700),
    expected("audit"),
    expected("coverage", 2, needs=("lint", "test-3.12(1of4)")),
)
MANY = tuple(expected(f"job-{number}", 10) for number in range(200))


@pytest.fixture(autouse=True)
def _terminal_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("CI", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of 80 columns and 24 rows."""
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def board(terminal: Terminal, clock: FakeClock) -> Iterator[Board]:
    board = Board(terminal.stream, clock=clock)
    yield board
    board.close()


def _play(board: Board, *events: RunEvent) -> None:
    for event in events:
        board(event)
    board.tick()


def test_a_row_for_each_job(board: Board, terminal: Terminal, clock: FakeClock) -> None:
    """The board tells what each job does, how long it will take, and how far the run is."""
    clock.now += 12
    _play(
        board,
        run_started(*JOBS),
        started("lint"),
        ended("lint", seconds=1.2),
        started("types"),
        ended("types", "failed", "`mypy src` ended with 1", seconds=9),
        started("test-3.12(1of4)"),
        said("test-3.12(1of4)", f" 10%\rtests/test_a.py {'.' * 100}"),
        said("test-3.12(1of4)", "\r\n"),
    )
    assert terminal.rows() == [
        "6 jobs for push:main on the files as they are",
        "types  failed   9.0 s   `mypy src` ended with 1",
        "✓ lint                         0:01",
        "✗ types                        0:09           `mypy src` ended with 1",
        "▸ test-3.12(1of4)              0:12 / ~0:15   tests/test_a.py ................…",
        "· a-gate-with-…oo-long(2of4)          ~1:01:40",
        "· audit",
        "· coverage                            ~0:02   waits for test-3.12(1of4)",
        f"{'─' * 36}  2/6 done  1 failed  0:12  ~1:01:40 left",
    ]


def test_the_end(board: Board, terminal: Terminal) -> None:
    """In the end the board is gone, and all jobs, what failed and the verdict stay."""
    _play(
        board,
        run_started(*JOBS[:3]),
        Note(at=START, text=f"a note {HOSTILE}"),
        *(started(job.name) for job in JOBS[:3]),
        ended("types", "failed", "why"),
        ended("test-3.12(1of4)", attempts=2),
        ended("lint"),
        run_finished(1, "types"),
    )
    assert terminal.rows() == [
        "3 jobs for push:main on the files as they are",
        "note: a note [bold]x[/] red l7m é🚀",
        "types  failed   4.1 s   why",
        "test-3.12(1of4)  flaky    4.1 s   passed on attempt 2",
        "",
        "lint             passed   4.1 s",
        "types            failed   4.1 s   why",
        "test-3.12(1of4)  flaky    4.1 s   passed on attempt 2",
        "",
        "types failed: why",
        "  log:   /logs/types",
        "  again: nox -s 'types'",
        "",
        "only the failed ones again: pushgate run --failed",
        "",
        "a job failed: 1 failed, 1 flaky, 1 passed (3 jobs in 9.9 s)",
        "",
    ]
    assert terminal.screen.cursor


def test_of_many_jobs_only_those_that_matter_are_listed(board: Board, terminal: Terminal) -> None:
    """At the end of a large run, jobs that passed or never started are counted only."""
    results = {3: ("failed", None), 5: ("aborted", ""), 7: ("skipped", None)}
    events = [
        ended(job.name, results.get(number, ("passed", None))[0], log=results.get(number, "--")[1])
        for number, job in enumerate(MANY)
        if number not in results
    ]
    events += [ended(f"job-{number}", how, log=log) for number, (how, log) in results.items()]
    _play(board, run_started(*MANY), *events, run_finished(1, "job-3"))
    rows = terminal.rows()
    first = rows.index("")
    assert rows[first : first + 5] == [
        "",
        "job-3  failed   4.1 s",
        "job-7  skipped  4.1 s",
        "… and 198 jobs: 1 aborted, 197 passed",
        "",
    ]


@pytest.mark.parametrize(
    "size", [(80, 24), (200, 50), (200, 300), (40, 10), (30, 4), (12, 3), (5, 2), (1, 1)]
)
def test_never_larger_than_the_terminal(clock: FakeClock, size: tuple[int, int]) -> None:
    """With 200 jobs on a terminal of any size, nothing is folded, and nothing scrolls away."""
    terminal = Terminal(*size)
    board = Board(terminal.stream, clock=clock)
    _play(board, run_started(*MANY, target="t"))
    above = 0
    for row in terminal.rows():
        above += not row.startswith(("·", "…", "─", "0/2"))
    for number in range(30):
        clock.now += 1
        _play(board, started(f"job-{number}"), said(f"job-{number}", f"wide 🚀é {'x' * 300}"))
        if number % 2:
            _play(board, ended(f"job-{number}"))
    drawn = terminal.rows()[above:]
    assert len(drawn) <= max(size[1] - 1, 1)
    board.close()
    left = terminal.rows()
    terminal.close()
    assert [row for row in left[above:] if row] == []


def test_which_jobs_keep_their_row(board: Board, terminal: Terminal) -> None:
    """Where not all jobs fit, those that run come first, then the failed, then the waiting."""
    terminal.resize(80, 12)
    _play(board, run_started(*MANY), *(started(f"job-{number}") for number in range(50)))
    _play(board, *(ended(f"job-{number}") for number in range(44)))
    _play(board, ended("job-44", "failed"), ended("job-45", "aborted", log=""))
    rows = terminal.rows()[2:]
    assert [row.partition("  ")[0] for row in rows[:-1]] == [
        *(f"▸ job-{number}" for number in (46, 47, 48, 49)),
        "✗ job-44",
        "- job-45",
        *(f"· job-{number}" for number in (50, 51, 52)),
        "… 147 waiting, 44 passed",
    ]
    assert "  46/200 done  1 failed, 1 aborted  0:00  " in rows[-1]


def test_a_terminal_that_is_resized(board: Board, terminal: Terminal, clock: FakeClock) -> None:
    """Narrower, wider, narrower: one board is on the screen, as wide as it is then."""
    output = said("lint", "x" * 300)
    _play(board, run_started(*JOBS), started("lint"), output)
    for width in (200, 60, 120, 40, 80):
        terminal.resize(width, 40)
        clock.now += 1
        if width == 60:
            # What is printed above the board finds it folded, too.
            board(Note(at=START, text="a note"))
        board.tick()
        rows = terminal.rows()
        assert sum(row.startswith("▸ lint") for row in rows) == 1
        assert sum("0/6 done" in row for row in rows) == 1
        lint = next(row for row in rows if "▸ lint" in row)
        assert (len(lint), lint[-1]) == (width - 1, "…")
    # All that stands above is still there.
    assert "".join(rows).startswith("6 jobs for push:main on the files as they arenote: a note")


def test_no_output_steers_the_terminal(board: Board, terminal: Terminal) -> None:
    """Names, output and reasons are shown without what would steer the terminal."""
    _play(board, run_started(expected(HOSTILE, needs=(HOSTILE,))), started(HOSTILE))
    _play(board, said(HOSTILE, f"{HOSTILE} \u202e\u200d\ufe0f"))
    _play(board, ended(HOSTILE, "failed", HOSTILE, log="x"))
    _play(board, run_finished(1, HOSTILE))
    rows = "\n".join(terminal.rows())
    assert rows.count("[bold]x[/] red l7m é🚀") >= 5
    assert "\x1b[1;31mfailed" in terminal.written
    # What turns text around or has no width of its own is left out of a row.
    assert not set("\u202e\u200d\ufe0f") & set(terminal.written)


def test_nothing_is_drawn_twice(board: Board, terminal: Terminal) -> None:
    """While nothing changes, nothing is written."""
    _play(board, run_started(*JOBS))
    terminal.rows()
    before = len(terminal.written)
    board.tick()
    terminal.rows()
    assert len(terminal.written) == before


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
    assert rows[0] == "6 jobs for push:main on x"
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


def test_the_time_left() -> None:
    """Work is spread over the cores, but a chain of jobs takes as long as all its jobs."""
    progress = Progress()
    chain = (expected("a", 10), expected("b", 10, needs=("a",)), expected("c", 10, needs=("b",)))
    progress.follow(run_started(*chain, cores=8))
    assert progress.seconds_left(START) == 30
    progress.follow(started("a"))
    assert progress.seconds_left(START + 4) == 26
    assert progress.seconds_left(START + 40) == 20
    wide = Progress()
    wide.follow(run_started(*(expected(f"j{number}", 10) for number in range(8)), cores=2))
    assert wide.seconds_left(START) == 40
    assert wide.share(START) == 0


def test_jobs_that_nobody_has_measured() -> None:
    """A new job counts as the typical one; in a first run, as those that have ended."""
    progress = Progress()
    progress.follow(run_started(expected("a"), expected("b"), expected("c"), cores=1))
    assert progress.seconds_left(START) is None
    progress.follow(ended("a", seconds=7))
    assert progress.seconds_left(START) == 14
    assert progress.share(START) == pytest.approx(1 / 3)
    known = Progress()
    known.follow(run_started(expected("a", 4), expected("b", 8), expected("c"), cores=1))
    assert known.seconds_left(START) == 18


def test_the_share_that_is_done() -> None:
    """All is done when all jobs have ended, not before, however long one takes."""
    progress = Progress()
    progress.follow(run_started(expected("a", 10), expected("b", 0)))
    progress.follow(started("a"))
    assert progress.share(START + 5) == 0.5
    progress.follow(ended("b"))
    assert progress.share(START + 500) == 0.99
    progress.follow(ended("a"))
    assert progress.share(START + 500) == 1
    assert Progress().share(START) == 1
