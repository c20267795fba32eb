"""Records under kill -9, and under processes that write and read at once."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from kept_records import Left, fingerprint
from pushgate.run.contents import Contents
from pushgate.run.records import Records
from pushgate.run.store import Store

KILLS: Final = 40
JOBS: Final = 5

WRITER: Final = """
import hashlib
import itertools
import os
import random
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kept_records import Left, failed, fingerprint
from pushgate.model.outcome import Outcome, Result
from pushgate.run.records import Records
from pushgate.run.store import Store

left = Left.make(Path(sys.argv[3]))
print("ready", flush=True)
with Records.open(Store(Path(sys.argv[2]))) as records:
    for number in itertools.count():
        job = f"job-{random.randrange(5)}"
        word = f"{os.getpid()} {number} "
        one, other = word.encode() * 2000, os.urandom(50_000)
        told = hashlib.sha256(one + other).hexdigest()
        left.write({"one": one, "deep/other": other, "sum": told.encode()})
        left.log.write_text(told)
        outcome = Outcome(job=job, result=Result.PASSED, reason=told)
        records.keep(fingerprint(job), outcome, run="r", outputs=left.outputs, log=left.log)
        if number % 5 == 0:
            records.prune(limit=1_000_000)
        assert records.note == "", records.note
"""
"""Keeps records for ever: each tells in four places what it is."""

READER: Final = """
import sys
import time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kept_records import Left, fingerprint
from pushgate.run.records import Records
from pushgate.run.store import Store

left = Left.make(Path(sys.argv[3]))
with Records.open(Store(Path(sys.argv[2]))) as records:
    found = records.find(fingerprint())
    print("ready", flush=True)
    while True:
        left.write({"half": b"of before"})
        assert records.put_back(found, left.outputs, left.log)
"""
"""Puts back the same record for ever, over outputs that are not its own."""


def _start(program: str, *arguments: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(Path(__file__).parent), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _check(records: Records, left: Left) -> int:
    """Put back whatever is found; return how much that was."""
    count = 0
    for number in range(JOBS):
        found = records.find(fingerprint(f"job-{number}"))
        if found is None:
            continue
        assert records.put_back(found, left.outputs, left.log)
        told = {path: content for path, (_, content) in left.all().items()}
        assert {"outcome.json", "junit.xml", "one", "deep", "deep/other", "sum", "log"} == set(told)
        assert told["sum"] == told["log"] == found.reason.encode()
        one, other = told["one"], told["deep/other"]
        assert isinstance(one, bytes)
        assert isinstance(other, bytes)
        assert hashlib.sha256(one + other).hexdigest() == found.reason
        count += 1
    assert records.note == ""
    return count


def test_records_survive_kill_9(tmp_path: Path) -> None:
    """Killed at any moment of writing, a process leaves the old or the new; never a half."""
    store = Store(tmp_path / "state")
    left = Left.make(tmp_path / "project")
    found = 0
    for number in range(KILLS):
        writer = _start(WRITER, store.folder, tmp_path / f"written-{number}")
        time.sleep(random.uniform(0, 0.08))  # noqa: S311
        _kill(writer)
        with Records.open(store) as records:
            found += _check(records, left)
    assert found > KILLS
    assert not store.folder.joinpath("pushgate.db.damaged").exists()


def test_processes_that_write_one_record_at_once(tmp_path: Path) -> None:
    """Each time either one wins, and what is found meanwhile is whole."""
    store = Store(tmp_path / "state")
    left = Left.make(tmp_path / "project")
    writers = [_start(WRITER, store.folder, tmp_path / f"written-{name}") for name in "abc"]
    try:
        with Records.open(store) as records:
            found = 0
            end = time.monotonic() + 30
            while found < 40 and time.monotonic() < end:
                found += _check_racing(records, left)
        assert [writer.poll() for writer in writers] == [None] * 3
    finally:
        for writer in writers:
            _kill(writer)
    with Records.open(store) as records:
        assert _check(records, left) == JOBS
    assert found >= 40


def _check_racing(records: Records, left: Left) -> int:
    found = records.find(fingerprint("job-0"))
    if found is None or not records.put_back(found, left.outputs, left.log):
        return 0
    assert (left.outputs / "sum").read_bytes() == found.reason.encode() == left.log.read_bytes()
    return 1


def test_putting_back_survives_kill_9(tmp_path: Path) -> None:
    """Killed at any moment, it leaves the outputs of before, those of the record, or none."""
    store = Store(tmp_path / "state")
    left = Left.make(tmp_path / "project")
    left.write({f"deep/{number}": bytes(100) for number in range(30)})
    with Records.open(store) as records:
        left.keep(records)
    whole = {path for path in left.all() if path != "log"}
    seen = set()
    for _ in range(KILLS):
        reader = _start(READER, store.folder, left.root)
        time.sleep(random.uniform(0, 0.03))  # noqa: S311
        _kill(reader)
        names = {path for path in left.all() if path != "log"}
        assert names in (whole, whole | {"half"}, {"half"}, set())
        seen.add(len(names))
    assert len(seen) > 1
    with Records.open(store) as records:
        found = records.find(fingerprint())
        assert found is not None
        assert records.put_back(found, left.outputs, left.log)
    assert {path for path in left.all() if path != "log"} == whole


def test_an_interrupt_leaves_the_outputs_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of putting back: nothing of it stays, nothing of before is lost."""
    store = Store(tmp_path / "state")
    left = Left.make(tmp_path / "project")
    with Records.open(store) as records:
        left.keep(records)
        found = records.find(fingerprint())
        assert found is not None
        left.write({"stale": b"of before"})
        before = left.all()
        copy, copied = Contents.copy, []

        def interrupted(contents: Contents, name: str, target: Path) -> None:
            copy(contents, name, target)
            copied.append(target)
            if len(copied) == 3:  # the log, and one of two outputs
                raise KeyboardInterrupt

        monkeypatch.setattr(Contents, "copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            records.put_back(found, left.outputs, left.log)
    assert left.all() == before
    assert list((left.root / ".pushgate" / "coming").iterdir()) == []
