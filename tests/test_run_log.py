"""A run's folder: its events, its logs, and the lock that shows it to be under way."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from pushgate.model.run_event import as_json
from pushgate.run import liveness, run_log
from pushgate.run.run_log import RunLog
from recorded_runs import events, failed, passed

STREAM: Final = tuple(events("r1", [passed("lint"), failed("types")], 1))

RUNNER: Final = """
import sys
from pathlib import Path
from pushgate.run import liveness

with liveness.alive(Path(sys.argv[1])):
    print("under way", flush=True)
    sys.stdin.readline()
"""

SWEEPER: Final = """
import sys, time
from pathlib import Path
from pushgate.run import liveness

print("ready", flush=True)
sys.stdin.readline()
for folder in liveness.dead(Path(sys.argv[1])):
    time.sleep(0.05)
    print(folder.name)
"""


def write(folder: Path) -> None:
    with RunLog(folder) as log:
        for event in STREAM:
            log.record(event)
        assert log.note == ""


@contextmanager
def python(script: str, argument: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a script that says a word when it is ready and ends when it is told a line."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def kill_a_run(folder: Path) -> None:
    with python(RUNNER, folder) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_every_event_is_a_line_as_soon_as_it_comes(tmp_path: Path) -> None:
    """What another process reads in the middle of a run is whole."""
    with RunLog(tmp_path / "r1") as log:
        for number, event in enumerate(STREAM, start=1):
            log.record(event)
            assert len(list(run_log.read(tmp_path / "r1"))) == number
    assert list(run_log.read(tmp_path / "r1")) == [
        json.loads(json.dumps(as_json(event))) for event in STREAM
    ]


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    """A run that was killed while it wrote is read up to there."""
    write(tmp_path)
    file = tmp_path / "events.ndjson"
    file.write_bytes(file.read_bytes()[:-9])
    assert len(list(run_log.read(tmp_path))) == len(STREAM) - 1
    assert list(run_log.read(tmp_path / "no such run")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_full_disk_ends_no_run(tmp_path: Path) -> None:
    """The log falls silent and says why."""
    (tmp_path / "events.ndjson").symlink_to("/dev/full")
    with RunLog(tmp_path) as log:
        for event in STREAM:
            log.record(event)
        assert log.note == "the run's events are not written: No space left on device"


def test_a_folder_that_cannot_be_made_ends_no_run(tmp_path: Path) -> None:
    """The log is silent from the beginning and says why."""
    (tmp_path / "runs").write_text("not a folder", encoding="utf-8")
    with RunLog(tmp_path / "runs" / "r1") as log:
        log.record(STREAM[0])
        assert log.note.startswith("the run's events are not written: ")


@pytest.mark.parametrize("size", [2_000, 1 << 20, 5 << 20])
def test_a_long_log_loses_its_middle(tmp_path: Path, size: int) -> None:
    """The first quarter and the last three stay, and a line between says what is missing."""
    log = tmp_path / "lint.log"
    content = b"".join(b"%07d\n" % number for number in range(size // 8))
    log.write_bytes(content)
    run_log.shorten(log, limit=1_600)
    line = f"\n... {len(content) - 1_600} bytes left out ...\n".encode()
    assert log.read_bytes() == content[:400] + line + content[-1_200:]


def test_long_logs_are_moved_in_pieces(tmp_path: Path) -> None:
    """A tail of several pieces arrives whole, also where it overlaps what it was."""
    log = tmp_path / "lint.log"
    content = os.urandom(5 << 20)
    log.write_bytes(content)
    limit = (5 << 20) - 1_000
    run_log.shorten(log, limit)
    kept = log.read_bytes()
    assert kept.startswith(content[: limit // 4] + b"\n... 1000 bytes left out ...\n")
    assert kept.endswith(content[-(limit - limit // 4) :])


@pytest.mark.parametrize("excess", [-10, 0, 10])
def test_a_short_log_stays_as_it_is(tmp_path: Path, excess: int) -> None:
    """Nothing is left out that a line in its place would outweigh."""
    log = tmp_path / "lint.log"
    content = b"x" * (1_000 + excess)
    log.write_bytes(content)
    run_log.shorten(log, limit=1_000)
    assert log.read_bytes() == content


def test_the_folders_of_old_runs_are_removed(tmp_path: Path) -> None:
    """The newest stay, and so does an old run that is under way or not swept yet."""
    for number in range(6):
        write(tmp_path / f"r{number}")
        os.utime(tmp_path / f"r{number}", (number, number))
    kill_a_run(tmp_path / "r0")
    with liveness.alive(tmp_path / "r1"):
        for number in range(2):
            os.utime(tmp_path / f"r{number}", (number, number))
        assert sorted(run_log.prune(tmp_path, keep=3)) == ["r2"]
        assert {path.name for path in tmp_path.iterdir()} == {"r0", "r1", "r3", "r4", "r5"}
    assert run_log.prune(tmp_path / "none") == ()


def test_a_run_under_way_is_not_dead(tmp_path: Path) -> None:
    """It holds its lock to its end, and leaves no trace of it."""
    with python(RUNNER, tmp_path / "r1") as process:
        assert liveness.is_under_way(tmp_path / "r1")
        assert list(liveness.dead(tmp_path)) == []
        process.communicate("end\n")
    assert not liveness.is_under_way(tmp_path / "r1")
    assert list((tmp_path / "r1").iterdir()) == []
    assert list(liveness.dead(tmp_path)) == []


def test_a_killed_run_is_found_until_it_was_swept(tmp_path: Path) -> None:
    """A sweep that breaks off leaves the run to the next; one that goes on is the last."""
    kill_a_run(tmp_path / "r1")
    assert not liveness.is_under_way(tmp_path / "r1")
    for folder in liveness.dead(tmp_path):
        assert folder.name == "r1"
        break
    assert [folder.name for folder in liveness.dead(tmp_path)] == ["r1"]
    assert list(liveness.dead(tmp_path)) == []
    assert list(liveness.dead(tmp_path / "none")) == []


def test_a_run_that_another_sweep_was_faster_with_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was done between this one's opening the file and its locking it."""
    kill_a_run(tmp_path / "r1")
    lock = fcntl.flock

    def lock_late(file: int, kind: int) -> None:
        (tmp_path / "r1" / liveness.ALIVE).unlink()
        lock(file, kind)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    assert list(liveness.dead(tmp_path)) == []


def test_sweeps_at_once_share_the_dead(tmp_path: Path) -> None:
    """Each dead run is given to one of them, and none that is under way to any."""
    for number in range(5):
        kill_a_run(tmp_path / f"r{number}")
    with (
        liveness.alive(tmp_path / "running"),
        python(SWEEPER, tmp_path) as one,
        python(SWEEPER, tmp_path) as other,
    ):
        for sweeper in (one, other):
            assert sweeper.stdin is not None
            sweeper.stdin.write("go\n")
            sweeper.stdin.flush()
        swept = [name for sweeper in (one, other) for name in sweeper.communicate()[0].split()]
        assert liveness.is_under_way(tmp_path / "running")
    assert sorted(swept) == [f"r{number}" for number in range(5)]


def _start_runs(runs: Path, count: int) -> None:
    for number in range(count):
        with liveness.alive(runs / f"r{number}"):
            pass


def test_a_run_that_starts_or_ends_is_never_taken_for_dead(tmp_path: Path) -> None:
    """However often a sweep looks while runs come and go."""
    starting = multiprocessing.get_context("spawn").Process(
        target=_start_runs, args=(tmp_path, 300)
    )
    starting.start()
    found: list[Path] = []
    while starting.is_alive():
        found += liveness.dead(tmp_path)
    assert found == []
    assert starting.exitcode == 0
    assert len(liveness.folders(tmp_path)) == 300
