"""Records under kill -9, and under processes that write and read at once."""

from __future__ import annotations

import hashlib
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

import endless_records
from endless_records import JOBS, keep
from kept_records import Left, fingerprint
from living import until
from pushgate.run.contents import Contents
from pushgate.run.records import Record, Records
from pushgate.run.store import Store

KILLS: Final = 50


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left.make(tmp_path / "project")


@contextmanager
def _endless(what: str, store: Store, project: Path) -> Iterator[subprocess.Popen[str]]:
    program = [sys.executable, endless_records.__file__, what, str(store.folder), str(project)]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def _begin(process: subprocess.Popen[str], life: float) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{life}\n")
    process.stdin.flush()


def _ended(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _check(records: Records, left: Left, found: Record) -> bool:
    """Put a record back, and compare what is there with what was kept."""
    if not records.put_back(found, left.outputs, left.log):
        return False
    told = {path: content for path, (_, content) in left.all().items()}
    assert {"outcome.json", "junit.xml", "one", "deep", "deep/other", "sum", "log"} == set(told)
    assert told["sum"] == told["log"] == found.reason.encode()
    whole = (left.outputs / "one").read_bytes() + (left.outputs / "deep" / "other").read_bytes()
    assert hashlib.sha256(whole).hexdigest() == found.reason
    return True


@pytest.mark.slow
def test_records_survive_kill_9(store: Store, left: Left, tmp_path: Path) -> None:
    """Killed at any moment of writing, a process leaves the old or the new; never a half."""
    keep(store, left, range(len(JOBS)))
    seen = set()
    with _endless("keep", store, tmp_path / "written") as writer:
        for _ in range(KILLS):
            _begin(writer, random.uniform(0, 0.15))  # noqa: S311
            assert _ended(writer) == "killed"
            with Records.open(store) as records:
                for job in JOBS:
                    found = records.find(fingerprint(job))
                    assert found is not None
                    assert _check(records, left, found)
                    seen.add(found.reason)
                assert records.note == ""
    assert len(seen) > 2 * len(JOBS)
    assert not store.folder.joinpath("pushgate.db.damaged").exists()


def test_processes_that_write_one_record_at_once(store: Store, left: Left, tmp_path: Path) -> None:
    """Each time either one wins, and what is found meanwhile is whole or a miss."""
    keep(store, left, range(len(JOBS)))
    seen: dict[str, str] = {}
    with (
        _endless("keep", store, tmp_path / "one") as one,
        _endless("keep", store, tmp_path / "other") as other,
        Records.open(store) as records,
    ):

        def has_seen_many() -> bool:
            for job in JOBS:
                found = records.find(fingerprint(job))
                if found is not None and _check(records, left, found):
                    seen[found.reason] = (left.outputs / "one").read_text().split()[0]
            return len(seen) > 30 and len(set(seen.values())) > 2

        for writer in (one, other):
            _begin(writer, math.inf)
        until(has_seen_many)
        assert (one.poll(), other.poll(), records.note) == (None, None, "")


@pytest.mark.slow
def test_putting_back_survives_kill_9(store: Store, left: Left) -> None:
    """Killed at any moment, it leaves the outputs of before, those of the record, or none."""
    left.write({f"deep/{number}": bytes(100) for number in range(30)})
    with Records.open(store) as records:
        left.keep(records)
    whole = {path for path in left.all() if path != "log"}
    seen = set()
    with _endless("put-back", store, left.root) as reader:
        for _ in range(KILLS):
            _begin(reader, random.uniform(0, 0.05))  # noqa: S311
            assert _ended(reader) == "killed"
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
    store: Store, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of putting back: nothing of it stays, nothing of before is lost."""
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
            if len(copied) == 3:  # the log, and both outputs
                raise KeyboardInterrupt

        monkeypatch.setattr(Contents, "copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            records.put_back(found, left.outputs, left.log)
    assert left.all() == before
    assert list((left.root / ".pushgate" / "coming").iterdir()) == []
