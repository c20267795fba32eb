"""A run as plain lines, and what is said at its end."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from pushgate.model.run_event import JobFinished, Note, RunEvent
from pushgate.reports.lines import Lines
from sample_run import (
    HARMLESS,
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


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log below the current folder."""
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "logs" / "job.log"
    log.parent.mkdir()
    log.write_text(f"first\n{HOSTILE}\n::error::a\n  ::stop\nx ##[warning]b\nlast\n")
    return log


def _shown(*events: RunEvent, verbose: bool = False, github: bool = False) -> list[str]:
    stream = io.StringIO()
    lines = Lines(stream, verbose=verbose, github=github, clock=FakeClock())
    for event in events:
        lines(event)
    lines.close()
    return stream.getvalue().splitlines()


def _end(*jobs: JobFinished, exit_code: int = 0, first: str = "", folder: str = "") -> str:
    """Return what stands below the jobs' lines at the end of a run."""
    names = [job.outcome.job for job in jobs]
    start = run_started(*map(expected, names), folder=folder)
    return "\n".join(_shown(start, *jobs, run_finished(exit_code, first))).partition("\n\n")[2]


def test_a_run_line_by_line(log: Path) -> None:
    """Each job has its line when it ends, a failed one with its log; the end repeats no log."""
    jobs = (expected("test-3.12(1of4)"), expected("types"), expected("audit"), expected("web"))
    assert _shown(
        run_started(*jobs),
        Note(at=START, text=f"3 files {HOSTILE}"),
        started("types"),
        said("types", "noise"),
        ended("test-3.12(1of4)"),
        ended("types", "failed", "`mypy`\nended with 1", seconds=125, log=log),
        ended("audit", "skipped", "deferred to CI: no answer", seconds=0),
        ended("web", "aborted", "its need types did not pass", log=""),
        run_finished(1, "types"),
    ) == [
        "4 jobs for push:main on the files as they are",
        f"note: 3 files {HARMLESS}",
        "test-3.12(1of4)  passed   4.1 s",
        "types            failed   2 min 5 s  `mypy` ended with 1",
        "  logs/job.log:",
        "    first",
        f"    {HARMLESS}",
        "    ::error::a",
        "      ::stop",
        "    x ##[warning]b",
        "    last",
        "audit            skipped  0.0 s   deferred to CI: no answer",
        "web              aborted          its need types did not pass",
        "",
        "types failed: `mypy` ended with 1",
        "  log:   logs/job.log",
        "  again: nox -s 'types'",
        "",
        "only the failed ones again: pushgate run --failed",
        "",
        "a job failed: 1 failed, 1 aborted, 1 deferred to CI, 1 passed (4 jobs in 9.9 s)",
    ]


def test_nothing_of_a_job_is_a_workflow_command(log: Path) -> None:
    """In GitHub Actions a log is a group, and only Pushgate's own lines steer the runner."""
    shown = _shown(
        run_started(expected("types")),
        Note(at=START, text="::error::note"),
        ended("types", "failed", "\n::error::a ##[error]b", log=log),
        run_finished(1, "types"),
        github=True,
    )
    commands = [line for line in shown if re.search(r"^\s*::|##\[", line)]
    assert commands == ["::group::types failed", "::endgroup::"]
    group = shown[shown.index("::group::types failed") + 1 : shown.index("::endgroup::")]
    # A colon and two number signs alone do no harm: each line can still be read.
    assert group == ["first", HARMLESS, ": :error::a", "  : :stop", "x ## [warning]b", "last"]


@pytest.mark.parametrize("github", [False, True])
def test_whole_logs(log: Path, *, github: bool) -> None:
    """Verbose, every job's whole log is printed, however long, also of those that passed."""
    log.write_bytes(b"x" * 200_000 + b"\n" + b"y\n" * 1000)
    shown = _shown(run_started(expected("a")), ended("a", log=log), verbose=True, github=github)
    margin = "" if github else "    "
    assert shown[2] == ("::group::a passed" if github else "  logs/job.log:")
    assert "".join(shown).count("x") == 200_000
    assert shown.count(f"{margin}y") == 1000


def test_a_log_that_is_gone(tmp_path: Path) -> None:
    """A log that cannot be read is told, verbose; the report goes on."""
    gone = ended("a", "failed", log=tmp_path / "gone")
    assert "    (the log cannot be read: No such file or directory)" in _shown(gone, verbose=True)
    assert len(_shown(gone)) == 1


def test_a_silent_run() -> None:
    """After half a minute without a line, and again after the next, it is told what runs."""
    clock, stream = FakeClock(), io.StringIO()
    lines = Lines(stream, clock=clock)
    lines(run_started(*(expected(f"job{number}") for number in range(10))))
    for number in range(9):
        lines(started(f"job{number}", after=number))
    told = []
    for now in (29, 31, 32, 60, 61.5):
        clock.now = START + now
        before = stream.tell()
        lines.tick()
        told.append(stream.getvalue()[before:])
    names = ", ".join(f"job{number} ({31 - number} s)" for number in range(8))
    assert told[:4] == ["", f"still running: {names} and 1 more\n", "", ""]
    assert told[4].startswith("still running: job0 (62 s), ")
    for number in range(9):
        lines(ended(f"job{number}"))
    clock.now += 100
    before = stream.tell()
    lines.tick()
    assert stream.getvalue()[before:] == ""


@pytest.mark.parametrize(
    ("results", "exit_code", "told"),
    [
        ("passed passed", 0, "all selected jobs passed (2 jobs in 9.9 s)"),
        (
            "passed skipped",
            0,
            "all selected jobs passed: 1 deferred to CI, 1 passed (2 jobs in 9.9 s)",
        ),
        (
            "passed failed aborted",
            1,
            "a job failed: 1 failed, 1 aborted, 1 passed (3 jobs in 9.9 s)",
        ),
        (
            "passed unavailable",
            3,
            (
                "nothing failed, but something could not be looked at: "
                "1 unavailable, 1 passed (2 jobs in 9.9 s)"
            ),
        ),
        ("passed aborted", 130, "interrupted: 1 aborted, 1 passed (2 jobs in 9.9 s)"),
        ("passed", 130, "interrupted (1 job in 9.9 s)"),
        ("", 0, "no job is selected: `pushgate plan` tells why (0 jobs in 9.9 s)"),
    ],
)
def test_the_verdict(results: str, exit_code: int, told: str) -> None:
    """The last line says how the run ended, and what else than a pass there was."""
    jobs = [ended(f"job{number}", result) for number, result in enumerate(results.split())]
    assert _end(*jobs, exit_code=exit_code).split("\n")[-1] == told


def test_a_flaky_job() -> None:
    """A pass after the first attempt is no plain pass, and no failure either."""
    flaky = ended("a", attempts=2)
    shown = _shown(run_started(expected("a")), flaky, run_finished())
    assert shown[1:] == [
        "a  flaky    4.1 s   passed on attempt 2",
        "",
        "all selected jobs passed: 1 flaky (1 job in 9.9 s)",
    ]


def test_on_a_commit() -> None:
    """What failed on a clean checkout of a commit can be repeated exactly there."""
    bad = ended("test-3.12(1of4)", "failed")
    told = _end(bad, exit_code=1, first="test-3.12(1of4)", folder="/checkout")
    assert (
        "  again: nox -s 'test-3.12(1of4)'\n"
        "  again: pushgate run --commit 0123456789ab 'test-3.12(1of4)'  (on exactly this commit)\n"
    ) in told


def test_a_project_elsewhere() -> None:
    """What repeats a job of a project in another folder starts there."""
    here = run_started(expected("bad"), project=str(Path.cwd() / "back end"))
    told = _shown(here, ended("bad", "failed"), run_finished(1, "bad"))
    assert "  again: cd 'back end' && nox -s 'bad'" in told
    assert "only the failed ones again: cd 'back end' && pushgate run --failed" in told


def test_several_that_did_not_pass() -> None:
    """What failed first is told first, then the others that ran; of very many, how many more."""
    jobs = [ended(f"job{number}", "failed", f"why {number}") for number in range(30)]
    told = _end(*jobs, ended("never", "aborted", log=""), exit_code=1, first="job7")
    headlines = re.findall(r"^(job\d+) failed: why", told, re.MULTILINE)
    assert headlines == ["job7", *(f"job{number}" for number in range(21) if number != 7)]
    assert "job8 failed: why 8\n  log:   /logs/job8\n" in told
    assert "\n… and 9 more that did not pass\n" in told
    assert told.count("again: nox") == 1
    assert "never" not in told


def test_an_interrupt_is_not_explained() -> None:
    """Who interrupts is told what failed before, not which jobs were aborted by it."""
    jobs = (ended("bad", "failed", "why"), ended("cut", "aborted", "interrupted"))
    told = _end(*jobs, exit_code=130, first="bad")
    assert "bad failed: why" in told
    assert "cut" not in told
    assert "again" not in _end(jobs[1], exit_code=130, first="cut")
