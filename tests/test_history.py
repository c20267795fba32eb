"""The history of runs: what is kept, what is answered, and that it is never in the way."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from pushgate.model.outcome import ExitCode, Outcome, Result
from pushgate.model.run_event import JobStarted, RunFinished
from pushgate.run.history import History
from pushgate.run.summary import KILLED
from recorded_runs import PROJECT, ended, events, failed, from_record, passed, record, started

WRITER: Final = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from recorded_runs import events, passed
from pushgate.run.history import History

print("ready", flush=True)
sys.stdin.readline()
with History.open(Path(sys.argv[1])) as history:
    for event in events(sys.argv[2], [passed("lint", 1.0), passed("types", 2.0)]):
        history.record(event)
    print(history.note)
"""
"""Says when it is ready, waits for a line, so that many begin at once, and records a run."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pushgate.db"


@pytest.fixture
def history(file: Path) -> Iterator[History]:
    with History.open(file) as opened:
        yield opened


def test_a_run_is_kept_with_its_jobs(history: History, file: Path) -> None:
    """What the stream told is found again by another process, jobs in the definition's order."""
    outcomes = [passed("types"), failed("lint"), passed("build", attempts=2)]
    record(history, events("r1", outcomes, ExitCode.FAILED, first="lint"))
    with History.open(file) as again:
        (run,) = again.runs(10)
        types, lint, build = again.jobs("r1")
    assert (run.name, run.project, run.event) == ("r1", str(PROJECT), "pull_request:main")
    assert (run.started, run.seconds, run.exit_code) == (1_800_000_000.0, 42.0, 1)
    assert (run.commit[:6], run.target, run.cores) == ("c0ffee", "the files as they are", 2)
    assert (run.jobs, run.flaky, run.failed_first) == (3, 1, "lint")
    assert (run.counts[Result.PASSED], run.counts[Result.FAILED]) == (2, 1)
    assert (lint.result, lint.reason, lint.seconds) == (Result.FAILED, "2 findings", 3.0)
    assert (lint.call, lint.log) == ("nox -s lint", "/logs/lint.log")
    assert (types.started, types.ended) == (1_800_000_009.0, 1_800_000_010.0)
    assert [job.flaky for job in (types, lint, build)] == [False, False, True]


def test_expected_is_the_median_of_the_last_ten_passes(history: History) -> None:
    """Older passes, failures and the jobs of nobody's question do not count."""
    for number, seconds in enumerate([1000.0] * 3 + [float(number) for number in range(1, 11)]):
        record(history, events(f"r{number}", [passed("lint", seconds), passed("types", 7.0)]))
    for number in range(5):
        record(history, events(f"failed-{number}", [failed("lint")], ExitCode.FAILED))
    assert history.expected(["lint", "build"], PROJECT) == {"lint": 5.5}


def test_expected_does_not_count_passes_from_records(history: History) -> None:
    """They say nothing of how long the job takes, however many they are."""
    record(history, events("r1", [passed("lint", 4.0)]))
    for number in range(20):
        record(history, events(f"hit-{number}", [from_record("lint"), from_record("types")]))
    assert history.expected(["lint", "types"], PROJECT) == {"lint": 4.0}
    lint, _ = history.jobs("hit-0")
    assert (lint.from_record, history.jobs("r1")[0].from_record) == (True, False)
    assert (history.runs(1)[0].from_records, history.runs(1)[0].flaky) == (2, 0)


def test_a_job_that_passed_and_failed_on_the_same_files_is_flaky(history: History) -> None:
    """Whichever came first; where nobody knows what it read, or it read something else, not."""
    record(history, events("r1", [passed("lint"), passed("types")], fingerprint="one"))
    record(history, events("r2", [failed("lint"), passed("types")], 1, fingerprint="one"))
    record(history, events("r3", [passed("lint")], fingerprint="other"))
    record(history, events("r4", [failed("other")], 1, fingerprint="other"))
    record(history, events("r5", [passed("plain")]))
    record(history, events("r6", [failed("plain")], 1))
    told = {run.name: (run.flaky, run.flaky_failures) for run in history.runs(10)}
    assert told.pop("r1") == (1, 0)
    assert told.pop("r2") == (0, 1)
    assert set(told.values()) == {(0, 0)}
    lint, types = history.jobs("r1")
    assert (lint.both_ways, lint.flaky, types.both_ways, types.flaky) == (True, True, False, False)
    lint, types = history.jobs("r2")
    assert (lint.both_ways, lint.flaky, types.both_ways, types.flaky) == (True, False, False, False)


def test_a_pass_from_a_record_is_no_evidence(history: History) -> None:
    """Only real ends tell that a job is flaky; then a pass from a record is, too."""
    record(history, events("r1", [failed("lint")], 1, fingerprint="one"))
    record(history, events("r2", [from_record("lint")], fingerprint="one"))
    assert [history.jobs(run)[0].both_ways for run in ("r1", "r2")] == [False, False]
    record(history, events("r3", [passed("lint")], fingerprint="one"))
    assert [history.jobs(run)[0].both_ways for run in ("r1", "r2", "r3")] == [True, True, True]


def test_expected_prefers_the_project_to_its_neighbours(history: History) -> None:
    """A fresh worktree borrows the times of the others; a project with its own keeps to them."""
    other = Path("/home/me/other")
    record(history, events("mine", [passed("lint", 1.0)]))
    for number in range(10):
        theirs = [passed("lint", 9.0), passed("docs", 5.0)]
        record(history, events(f"theirs-{number}", theirs, project=other))
    assert history.expected(["lint", "docs"], PROJECT) == {"lint": 1.0, "docs": 5.0}
    assert history.expected(["lint"], other) == {"lint": 9.0}


def test_the_last_run_is_the_projects_own_that_ended(history: History) -> None:
    """What an interrupt left undone is still to be done; a run under way has nothing to say."""
    interrupted = [
        passed("lint"),
        failed("types"),
        Outcome(job="build", result=Result.ABORTED, reason="interrupted"),
        Outcome(job="audit", result=Result.SKIPPED, reason="deferred to CI"),
    ]
    assert history.last(PROJECT) is None
    record(history, events("r1", interrupted, ExitCode.INTERRUPTED, first="types"))
    record(history, events("other", [passed("lint")], project=Path("/elsewhere")))
    history.record(started("r3", ["lint"]))
    last = history.last(PROJECT)
    assert last is not None
    assert (last.name, last.exit_code) == ("r1", 130)
    assert history.not_passed("r1") == ("types", "build")


def test_a_killed_run_is_completed(history: History) -> None:
    """Its jobs without an end are aborted; a run that ended keeps its own end."""
    history.record(started("r1", ["lint", "types", "build"]))
    for event in (*ended(passed("lint")), *ended(failed("types"))):
        history.record(event)
    history.record(JobStarted(at=1.0, job="build", cores=1, log="/logs/build.log"))
    record(history, events("r2", [passed("lint")]))
    history.mark_killed("r1")
    history.mark_killed("r2")
    whole, killed = history.runs(2)
    assert (whole.exit_code, killed.exit_code, killed.seconds) == (0, KILLED, None)
    assert (killed.failed_first, killed.counts[Result.ABORTED]) == ("types", 1)
    build = history.jobs("r1")[2]
    assert (build.result, build.reason) == (Result.ABORTED, "the run was killed")
    assert history.not_passed("r1") == ("types", "build")


def test_a_job_that_the_run_never_ended_is_aborted(history: History) -> None:
    """A run that is over has no open job, whatever its runner forgot."""
    history.record(started("r1", ["lint"]))
    history.record(RunFinished(at=1.0, seconds=1.0, exit_code=ExitCode.INTERRUPTED))
    assert [job.result for job in history.jobs("r1")] == [Result.ABORTED]


def test_the_oldest_runs_are_dropped_with_their_jobs(history: History, file: Path) -> None:
    """The file is bounded: rows of jobs go with their run."""
    for number in range(5):
        record(history, events(f"r{number}", [passed("lint"), passed("types")]))
    assert sorted(history.prune(keep_runs=3)) == ["r0", "r1"]
    assert history.prune(keep_runs=3) == ()
    assert [run.name for run in history.runs(10)] == ["r4", "r3", "r2"]
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM job").fetchone() == (6,)
    connection.close()


def _write_at_once(file: Path, names: Sequence[str]) -> None:
    arguments = (str(file), "{}", str(Path(__file__).parent))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, *(text.format(name) for text in arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert {writer.communicate()[0] for writer in writers} == {"\n"}


def test_many_processes_record_at_once(file: Path) -> None:
    """Twenty that find no database at the same moment all record their runs whole."""
    _write_at_once(file, [f"r{number}" for number in range(20)])
    with History.open(file) as history:
        runs = history.runs(100)
    assert {run.name for run in runs} == {f"r{number}" for number in range(20)}
    assert {(run.exit_code, run.counts[Result.PASSED]) for run in runs} == {(0, 2)}
    assert not file.with_name("pushgate.db.damaged").exists()


VERSION_1: Final = """
    CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
        target TEXT NOT NULL, commit_id TEXT NOT NULL, event TEXT NOT NULL,
        cores INTEGER NOT NULL, started REAL NOT NULL, seconds REAL, exit_code INTEGER,
        failed_first TEXT);
    CREATE INDEX run_of_project ON run (project);
    CREATE TABLE job (id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, name TEXT NOT NULL,
        gate TEXT NOT NULL, call TEXT NOT NULL, result TEXT, reason TEXT NOT NULL DEFAULT '',
        seconds REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
        log TEXT NOT NULL DEFAULT '', started REAL, ended REAL, UNIQUE (run, name));
    CREATE INDEX job_by_name ON job (name, result, run);
    INSERT INTO run VALUES (1, 'r1', '/home/me/project', 'it', 'c0ffee', 'all', 2, 1.0, 2.0, 0, '');
    INSERT INTO job VALUES
        (1, 1, 'lint', 'lint', 'nox -s lint', 'passed', '', 7.0, 1, '', 1.0, 2.0);
    PRAGMA user_version = 1;
"""
"""The database as the first Pushgate made it, with a run."""


def test_the_database_of_an_older_version_is_brought_up_to_date(file: Path) -> None:
    """Users keep their runs and durations, however many processes meet the older one at once."""
    file.parent.mkdir()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(VERSION_1)
    connection.close()
    _write_at_once(file, [f"r{number}" for number in range(2, 10)])
    with History.open(file) as history:
        assert {run.name for run in history.runs(100)} == {f"r{number}" for number in range(1, 10)}
        (lint,) = history.jobs("r1")
        assert (lint.seconds, lint.from_record, lint.fingerprint) == (7.0, False, "")
        record(history, events("new", [passed("lint", 5.0)], fingerprint="one"))
        assert history.jobs("new")[0].fingerprint == "one"
    assert not file.with_name("pushgate.db.damaged").exists()
    migrated, fresh = _schema(file), file.with_name("fresh.db")
    History.open(fresh).__exit__()
    assert migrated == _schema(fresh)


def _schema(file: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(file)
    names = connection.execute("SELECT name FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    columns = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)'
    schema = {name: connection.execute(columns, (name,)).fetchall() for (name,) in names}
    connection.close()
    return schema


def _garbage(file: Path) -> None:
    file.write_bytes(b"no database at all " * 1000)


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _older(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()


@pytest.mark.parametrize("spoil", [_garbage, _half, _older])
def test_what_cannot_be_used_is_set_aside(file: Path, spoil: Callable[[Path], None]) -> None:
    """A damaged, truncated or older database costs the history, never the run."""
    with History.open(file) as history:
        record(history, events("r1", [passed(f"job-{number}") for number in range(100)]))
    spoil(file)
    spoilt = file.read_bytes()
    with History.open(file) as history:
        assert history.runs(10) == ()
        record(history, events("r2", [passed("lint")]))
    assert file.with_name("pushgate.db.damaged").read_bytes() == spoilt
    with History.open(file) as history:
        assert [run.name for run in history.runs(10)] == ["r2"]


def test_damage_inside_is_set_aside_when_it_is_met(file: Path) -> None:
    """A file that opens and is broken further in is left alone from then on, and made anew."""
    with History.open(file) as history:
        record(history, events("r1", [passed(f"job-{number}") for number in range(100)]))
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with History.open(file) as history:
        assert history.runs(10) == ()
        assert "malformed" in history.note
        for event in events("r2", [passed("lint")]):
            history.record(event)
    assert file.with_name("pushgate.db.damaged").exists()
    with History.open(file) as history:
        record(history, events("r3", [passed("lint")]))
        assert [run.name for run in history.runs(10)] == ["r3"]


def test_the_new_database_of_another_process_stays(file: Path) -> None:
    """Of two processes that meet the same damage, the second does not set the new file aside."""
    with History.open(file) as history:
        record(history, events("r1", [passed(f"job-{number}") for number in range(100)]))
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with History.open(file) as one, History.open(file) as other:
        one.runs(10)
        with History.open(file) as renewed:
            record(renewed, events("r2", [passed("lint")]))
            other.runs(10)
            assert other.note
        with History.open(file) as history:
            assert [run.name for run in history.runs(10)] == ["r2"]


def test_the_database_of_a_newer_version_is_left_alone(file: Path) -> None:
    """Whoever goes back to an older Pushgate keeps the newer one's history."""
    History.open(file).__exit__()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = file.read_bytes()
    with History.open(file) as history:
        for event in events("r1", [passed("lint")]):
            history.record(event)
        assert history.runs(10) == ()
        assert (
            history.note == "the history of runs cannot be used: a newer Pushgate made pushgate.db"
        )
    assert file.read_bytes() == before


def test_a_folder_that_cannot_be_written_costs_the_history_only(tmp_path: Path) -> None:
    """Every call does nothing, and a note says why."""
    (tmp_path / "state").write_text("not a folder", encoding="utf-8")
    with History.open(tmp_path / "state" / "pushgate.db") as history:
        for event in events("r1", [passed("lint")]):
            history.record(event)
        history.mark_killed("r1")
        assert (history.runs(10), history.jobs("r1"), history.prune()) == ((), (), ())
        assert history.expected(["lint"]) == {}
        assert history.last(PROJECT) is None
        assert history.note.startswith("the history of runs cannot be used: ")


def test_a_database_that_vanishes_ends_no_run(history: History, file: Path) -> None:
    """Who removes the git folder's state in the middle of a run loses its history."""
    history.record(started("r1", ["lint"]))
    shutil.rmtree(file.parent)
    for event in (*ended(passed("lint")), RunFinished(at=1.0, seconds=1.0, exit_code=0)):
        history.record(event)
    with History.open(file) as again:
        assert again.note == ""
        assert again.runs(10) == ()


def test_a_folder_whose_name_is_no_text_ends_no_run(history: History) -> None:
    """Such a name cannot be kept; the run goes on without history."""
    for event in events("r1", [passed("lint")], project=Path("/home/me/caf\udce9")):
        history.record(event)
    assert history.note.startswith("the history of runs cannot be used: ")
