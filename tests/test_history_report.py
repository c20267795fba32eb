"""What `pushgate report` shows of the runs of the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushgate.model.outcome import ExitCode
from pushgate.model.run_event import JobStarted
from pushgate.model.settings import ConfigurationError
from pushgate.reports import history_report, terminal
from pushgate.run import liveness
from pushgate.run.history import History
from recorded_runs import PROJECT, events, failed, from_record, passed, record, started


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History.open(tmp_path / "state" / "pushgate.db") as opened:
        yield opened


def test_the_report_lists_runs_with_their_verdicts(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each run is a line: its verdict, its counts and what failed first."""
    record(history, events("a-passed", [passed("lint"), passed("types", attempts=2)]))
    record(history, events("b-failed", [passed("lint"), failed("types")], 1, first="types"))
    record(history, events("c-incomplete", [passed("lint")], ExitCode.INCOMPLETE))
    record(history, events("d-interrupted", [passed("lint")], ExitCode.INTERRUPTED))
    record(history, events("e-odd", [passed("lint")], 77))
    for run in ("f-killed", "g-lost", "h-running"):
        history.record(started(run, ["lint"]))
    history.mark_killed("f-killed")
    with liveness.alive(tmp_path / "runs" / "h-running"):
        runs = history_report.last_runs(history, tmp_path / "runs", 20)
    terminal.show_runs(runs)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [run.summary.name.partition("-")[2] for run in runs] == [
        *("running", "lost", "killed", "odd", "interrupted", "incomplete", "failed", "passed")
    ]
    assert [run.verdict for run in runs] == [
        *("running", "killed", "killed", "exit 77"),
        *("interrupted", "incomplete", "failed", "passed"),
    ]
    assert all(run.verdict in line for run, line in zip(runs, lines, strict=True))
    assert "1 open" in lines[0]
    assert "42.0 s  the files as they are, pull_request:main  failed" in lines[6]
    assert lines[6].endswith("1 passed, 1 failed  types")
    assert lines[7].endswith("2 passed (1 flaky)")


def test_the_report_of_a_run_shows_its_jobs(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each job is a line with its log, and what repeats a failure follows."""
    outcomes = [passed("lint", attempts=2), failed("types")]
    record(history, events("r1", outcomes, ExitCode.FAILED, first="types"))
    run = history_report.find_run(history, tmp_path, "last")
    terminal.show_run(run, history.jobs("r1"))
    head, _, where, _, lint, types, again = capsys.readouterr().out.splitlines()
    assert head == "r1: failed (1 passed (1 flaky), 1 failed)"
    assert where == f"{PROJECT} at c0ffeec0ffee"
    assert lint.split() == ["lint", "flaky", "1.0", "s", "2", "/logs/lint.log"]
    assert types.split()[1:] == ["failed", "3.0", "s", "1", "2", "findings", "/logs/types.log"]
    assert again == "  again: nox -s types"


def test_the_report_tells_what_came_from_records_and_what_is_flaky(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that passed and failed on the same files is shown so, and a pass that did not run."""
    record(history, events("r1", [passed("lint"), passed("types")], fingerprint="one"))
    again = [failed("lint"), from_record("types")]
    record(history, events("r2", again, ExitCode.FAILED, first="lint", fingerprint="one"))
    terminal.show_runs(history_report.last_runs(history, tmp_path, 5))
    for name in ("r1", "r2"):
        terminal.show_run(history_report.find_run(history, tmp_path, name), history.jobs(name))
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown[1].endswith("1 passed (1 from records), 1 failed (1 flaky) lint")
    assert shown[2].endswith("2 passed (1 flaky)")
    jobs = [line.split(maxsplit=5) for line in shown if line.startswith(("lint ", "types "))]
    words = "flaky: passed and failed on the same files /logs/lint.log"
    assert [(job[0], job[1], job[5]) for job in jobs] == [
        ("lint", "flaky", words),
        ("types", "passed", "/logs/types.log"),
        ("lint", "failed", f"2 findings; {words}"),
        ("types", "passed", "from its record: passed just now /logs/types.log"),
    ]
    run = history_report.find_run(history, tmp_path, "r2")
    told = json.loads(history_report.run_to_json(run, history.jobs("r2")))
    assert (told["counts"]["from_records"], told["counts"]["flaky_failures"]) == (1, 1)
    lint, types = told["jobs"]
    assert (lint["both_ways"], lint["from_record"], lint["fingerprint"]) == (True, False, "one")
    assert (types["both_ways"], types["from_record"], types["state"]) == (False, True, "passed")


def test_the_state_of_an_open_job_is_told(history: History, tmp_path: Path) -> None:
    """It runs or waits as long as its run is under way, and is aborted where that was killed."""
    history.record(started("r1", ["lint", "types"]))
    history.record(JobStarted(at=1.0, job="lint", cores=1, log="/logs/lint.log"))
    jobs = history.jobs("r1")
    with liveness.alive(tmp_path / "r1"):
        running = history_report.find_run(history, tmp_path, "r1")
    killed = history_report.find_run(history, tmp_path, "r1")
    assert [history_report.state(job, running) for job in jobs] == ["running", "waiting"]
    assert [history_report.state(job, killed) for job in jobs] == ["aborted", "aborted"]


def test_a_run_is_found_by_a_beginning_of_its_name(history: History, tmp_path: Path) -> None:
    """A beginning that runs share is asked back, unless it is the whole name of one."""
    for name in ("ab", "abc", "b%_"):
        record(history, events(name, [passed("lint")]))
    assert history_report.find_run(history, tmp_path, "ab").summary.name == "ab"
    assert history_report.find_run(history, tmp_path, "abc").summary.name == "abc"
    assert history_report.find_run(history, tmp_path, "last").summary.name == "b%_"
    with pytest.raises(ConfigurationError, match="2 runs begin with 'a'"):
        history_report.find_run(history, tmp_path, "a")
    with pytest.raises(ConfigurationError, match="no run '%': `pushgate report` lists them"):
        history_report.find_run(history, tmp_path, "%")


def test_the_json_says_what_the_tables_say(history: History, tmp_path: Path) -> None:
    """A program reads verdict, counts and jobs."""
    outcomes = [passed("lint", attempts=2), failed("types")]
    record(history, events("r1", outcomes, ExitCode.FAILED, first="types"))
    (listed,) = json.loads(
        history_report.runs_to_json(history_report.last_runs(history, tmp_path, 5))
    )
    run = history_report.find_run(history, tmp_path, "r1")
    shown = json.loads(history_report.run_to_json(run, history.jobs("r1")))
    jobs = shown.pop("jobs")
    assert listed.pop("jobs") == 2
    assert listed == shown
    assert (listed["verdict"], listed["exit_code"], listed["failed_first"]) == (
        *("failed", 1, "types"),
    )
    assert listed["counts"] == {
        **dict.fromkeys(("unavailable", "aborted", "skipped", "flaky_failures"), 0),
        "from_records": 0,
        **dict.fromkeys(("passed", "failed", "flaky"), 1),
    }
    assert [(job["state"], job["result"]) for job in jobs] == [
        *(("flaky", "passed"), ("failed", "failed")),
    ]


def test_no_runs_yet_is_one_line(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks too early is told what to do."""
    terminal.show_runs(history_report.last_runs(history, tmp_path, 20))
    assert capsys.readouterr().out == "no runs yet: `pushgate run` makes the first\n"


def test_a_history_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """Who asks for runs is told why there are none to see."""
    (tmp_path / "state").write_text("not a folder", encoding="utf-8")
    with History.open(tmp_path / "state" / "pushgate.db") as history:
        with pytest.raises(ConfigurationError, match="the history of runs cannot be used: "):
            history_report.last_runs(history, tmp_path, 20)
        with pytest.raises(ConfigurationError, match="the history of runs cannot be used: "):
            history_report.find_run(history, tmp_path, "last")
