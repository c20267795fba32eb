"""A run as a live board: what a person sees on a real terminal, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drawn_screen import Terminal, use_xterm
from pushgate.model.run_event import Note, RunEvent
from pushgate.reports.board import Board
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
def _xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    use_xterm(monkeypatch)


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


def test_the_end(
    board: Board, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the end the board is gone, and all jobs, what failed and the verdict stay."""
    log = tmp_path / "types.log"
    log.write_text(f"a.py:3: error: {HOSTILE}\nFound 1 error\n")
    monkeypatch.chdir(tmp_path)
    _play(
        board,
        run_started(*JOBS[:3]),
        Note(at=START, text=f"a note {HOSTILE}"),
        *(started(job.name) for job in JOBS[:3]),
        ended("types", "failed", "why", log=log),
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
        "    a.py:3: error: [bold]x[/] red l7m é🚀",
        "    Found 1 error",
        "  log:   types.log",
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
