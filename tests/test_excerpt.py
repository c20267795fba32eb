"""The part of a log that is shown: what matters, bounded, and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushgate.reports.excerpt import excerpt

FAILURES = "=================================== FAILURES ==================================="
ERRORS = "==================================== ERRORS ===================================="
SUMMARY = "=========================== short test summary info ============================"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


@pytest.mark.parametrize("heading", [FAILURES, ERRORS])
def test_pytest_from_the_first_problem_on(log: Path, heading: str) -> None:
    """Of pytest's log the problems and the summary are shown, not the tests before."""
    problems = [heading, "____ test_sum ____", "", "E   assert 2 == 3", SUMMARY, "FAILED t.py"]
    log.write_text("\n".join(["collected 9 items", "t.py ..F", "", *problems, "1 failed", ""]))
    assert excerpt(log) == [*problems, "1 failed"]


def test_much_of_pytest(log: Path) -> None:
    """Of many failures the first ones and the summary stay, and it is told how much is missing."""
    lines = [FAILURES, *(f"E {number}" for number in range(200)), SUMMARY, "200 failed"]
    log.write_text("\n".join(["t.py FFF", *lines]))
    shown = excerpt(log, limit=30)
    assert len(shown) == 30
    assert shown[:10] == lines[:10]
    assert shown[10] == f"… {len(lines) - 29} lines left out …"
    assert shown[11:] == lines[-19:]


def test_the_end_of_any_other_log(log: Path) -> None:
    """Of another log the end is shown."""
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    shown = excerpt(log)
    assert shown == ["… 41 lines left out …", *(f"line {number}" for number in range(41, 100))]


def test_what_nox_says_around(log: Path) -> None:
    """Nox's frame and blank lines are left out at both ends, and nowhere else."""
    middle = ["nox > ruff check", "", "nox > Session inner failed.", "Found 1 error.", "nox > word"]
    end = [
        "nox > Session lint aborted: failed: x.",
        "nox > Ran 2 sessions:",
        "nox > * lint: failed",
    ]
    log.write_text("\n".join(["nox > Running session lint", *middle, "", *end, "", ""]))
    assert excerpt(log) == middle


def test_progress_and_colours(log: Path) -> None:
    """A line that was written over is shown as it was in the end, without control characters."""
    log.write_bytes(b" 10%\r 55%\r100% done\r\n\x1b[1mbold\x1b[0m\x1b]0;t\x07\x00 \tx\n\xff\xfe\n")
    assert excerpt(log) == ["100% done", "bold    x", "��"]


def test_a_log_too_long_to_read(log: Path) -> None:
    """Of a gigabyte only the end is read; the line that the reading starts in is left out."""
    with log.open("wb") as file:
        file.seek(1 << 30)
        file.write(b"\n".join(b"%07d" % number for number in range(100_000)))
    shown = excerpt(log)
    assert len(shown) == 60
    assert shown[0] == "… more than 32709 lines left out …"
    assert shown[-1] == "0099999"


def test_a_line_too_long_to_show(log: Path) -> None:
    """A line without an end is cut."""
    log.write_bytes(b"x" * 10_000_000)
    assert excerpt(log) == [f"{'x' * 499}…"]


@pytest.mark.parametrize("content", [b"", b"\n\n \n", bytes(range(256)) * 4000])
def test_anything_at_all(log: Path, content: bytes) -> None:
    """Whatever a log holds, the excerpt is short printable lines."""
    log.write_bytes(content)
    shown = excerpt(log)
    assert len(shown) <= 60
    assert all(len(line) <= 500 and "\x1b" not in line and "\n" not in line for line in shown)
    assert bool(shown) == bool(content.strip())


def test_no_log(tmp_path: Path) -> None:
    """A log that is not there, or cannot be read, has no excerpt."""
    assert excerpt(tmp_path / "none") == []
    assert excerpt(tmp_path) == []
