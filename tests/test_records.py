"""Records: what is kept is put back as it was, or not found at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kept_records import Left, age, blobs, failed, fingerprint, passed
from pushgate.model.outcome import Outcome, Result
from pushgate.run.contents import Contents
from pushgate.run.records import Record, Records
from pushgate.run.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def records(store: Store) -> Iterator[Records]:
    with Records.open(store) as opened:
        yield opened


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left.make(tmp_path / "project")


def test_a_pass_is_put_back_as_it_was(records: Records, left: Left, store: Store) -> None:
    """Another process finds the outcome, the log and every output with its permissions."""
    left.write({"outcome.json": b"{}", "deep/er/coverage.1": b"\0\xff" * 10_000, "empty": b""})
    (left.outputs / "tool").write_bytes(b"#!/bin/sh\n")
    (left.outputs / "tool").chmod(0o755)
    (left.outputs / "hollow").mkdir()
    (left.outputs / "deep" / "link").symlink_to("../tool")
    before = left.all()
    now = time.time()
    records.keep(fingerprint(), passed(), run="r1", outputs=left.outputs, log=left.log)
    left.spoil()
    with Records.open(store) as again:
        found = again.find(fingerprint())
        assert found is not None
        assert now <= found.at <= time.time()
        assert found == Record(
            job="lint",
            project="backend",
            digest=fingerprint().digest,
            result=Result.PASSED,
            reason="",
            seconds=1.5,
            at=found.at,
            run="r1",
        )
        assert again.put_back(found, left.outputs, left.log)
        assert again.note == ""
    assert left.all() == before
    assert (left.root / ".pushgate" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert list((left.root / ".pushgate" / "coming").iterdir()) == []


def test_another_fingerprint_is_a_miss(records: Records, left: Left) -> None:
    """Nothing but the very same is found."""
    left.keep(records)
    assert records.find(fingerprint()) is not None
    assert records.find(fingerprint(files={"a.py": "100644 0000"})) is None


@pytest.mark.parametrize(
    "result", [result for result in Result if result not in {Result.PASSED, Result.FAILED}]
)
def test_what_says_nothing_about_the_files_is_not_kept(
    records: Records, left: Left, result: Result
) -> None:
    """A job that could not look is neither found nor in the way of an earlier pass."""
    left.keep(records, Outcome(job="lint", result=result))
    assert records.last("lint", "backend") is None
    left.keep(records)
    left.keep(records, Outcome(job="lint", result=result))
    assert records.find(fingerprint()) is not None


def test_a_failure_replaces_a_pass(records: Records, left: Left, store: Store) -> None:
    """The pass is never taken again, its outputs go, and what was read is still known."""
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    left.keep(records, failed())
    assert records.find(fingerprint()) is None
    assert not records.put_back(found, left.outputs, left.log)
    last = records.last("lint", "backend")
    assert last is not None
    assert (last[0].result, last[0].reason, last[1]) == (
        *(Result.FAILED, "2 findings", fingerprint()),
    )
    age(store, 7200)
    records.prune()
    assert len(blobs(store)) == 2
    left.keep(records)
    assert records.find(fingerprint()) is not None


def test_a_failure_replaces_a_pass_where_its_own_contents_cannot_be_kept(
    records: Records, left: Left, store: Store
) -> None:
    """A blob that cannot be written never lets the pass of a job stand that has failed."""
    left.keep(records)
    shutil.rmtree(store.blobs)
    store.blobs.write_bytes(b"in the way")
    left.keep(records, failed())
    assert records.note.startswith("lint is not recorded: ")
    assert records.find(fingerprint()) is None
    assert records.last("lint", "backend") is None


def test_the_limit_of_age_is_the_one_of_now(
    records: Records, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass counts for as long as the job's definition says now, and never from the future."""
    left.keep(records, fresh_for=10.0)
    now = time.time()
    for later, limit, found in (
        (9.0, 10.0, True),
        (11.0, 10.0, False),
        (11.0, None, True),
        (11.0, 12.0, True),
        (0.0, 0.0, False),
        (-60.0, None, False),
    ):
        monkeypatch.setattr(time, "time", lambda later=later: now + later)
        assert (records.find(fingerprint(fresh_for=limit)) is not None) == found, (later, limit)


def test_the_last_end_of_a_job_is_its_projects_own(records: Records, left: Left) -> None:
    """Its fingerprint is as it was taken, whichever end came last."""
    earlier = fingerprint(files={"a.py": "100644 1111", "caf\udce9.py": "100755 2222"})
    assert records.last("lint", "backend") is None
    left.keep(records, fresh_for=5.0)
    records.keep(earlier, failed(), run="r2", outputs=left.outputs, log=left.log)
    left.keep(records, project="")
    left.keep(records, Outcome(job="types", result=Result.PASSED))
    last = records.last("lint", "backend")
    assert last is not None
    assert (last[0].run, last[1]) == ("r2", earlier)
    assert [change.name for change in fingerprint().differences(last[1])][:2] == ["a.py", "b.py"]


def test_a_listing_is_kept_once_for_all_jobs(records: Records, left: Left, store: Store) -> None:
    """What jobs have in common takes no room twice."""
    left.keep(records)
    before = len(blobs(store))
    left.keep(records, Outcome(job="types", result=Result.PASSED))
    assert len(blobs(store)) == before + 1  # only the document differs


def _fifo(left: Left) -> None:
    os.mkfifo(left.outputs / "fifo")


def _absolute(left: Left) -> None:
    (left.outputs / "link").symlink_to(left.log)


def _outward(left: Left) -> None:
    (left.outputs / "link").symlink_to("../../../secret")


def _nameless(left: Left) -> None:
    (left.outputs / "caf\udce9").write_bytes(b"")


def _without_log(left: Left) -> None:
    left.log.unlink()


@pytest.mark.parametrize("spoil", [_fifo, _absolute, _outward, _nameless, _without_log])
def test_outputs_that_cannot_be_kept_whole_are_not_kept(
    records: Records, left: Left, spoil: Callable[[Left], None]
) -> None:
    """Half a record is none; the note says why."""
    spoil(left)
    left.keep(records)
    assert records.find(fingerprint()) is None
    assert records.note.startswith("lint is not recorded: ")


def test_damage_of_a_blob_is_a_miss(left: Left, store: Store) -> None:
    """A truncated, flipped or missing blob: nothing is put back, and the job is kept anew."""
    left.write({"a": os.urandom(3000), "b": b"text " * 1000})
    with Records.open(store) as records:
        left.keep(records)
        names = blobs(store)
        assert len(names) == 7
        for spoil in (_truncate, _empty, _flip, Path.unlink):
            for name in names:
                _check_damage(records, left, store, name, spoil)


def _truncate(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])


def _empty(blob: Path) -> None:
    blob.write_bytes(b"")


def _flip(blob: Path) -> None:
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)


def _check_damage(
    records: Records, left: Left, store: Store, name: str, spoil: Callable[[Path], None]
) -> None:
    before = left.all()
    spoil(store.blobs / name)
    found = records.find(fingerprint())
    assert found is not None
    known = records.last("lint", "backend") is not None
    back = records.put_back(found, left.outputs, left.log)
    listing = fingerprint().files.digest
    assert back == (name.replace("/", "") == listing), (name, spoil)
    assert known == (name.replace("/", "") not in {listing, fingerprint().digest})
    left.log.write_bytes(b"the log\n")
    assert left.all() == before
    assert (records.find(fingerprint()) is None) == (not back)
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    assert records.put_back(found, left.outputs, left.log)
    assert records.last("lint", "backend") is not None


def test_a_truncated_database_is_a_miss(left: Left, store: Store) -> None:
    """At whatever length it was cut: nothing raises, and what is found is sound."""
    with Records.open(store) as records:
        for number in range(40):
            left.keep(records, Outcome(job=f"job-{number}", result=Result.PASSED))
        left.keep(records)
    whole = store.database.read_bytes()
    before = left.all()
    lengths = {0, 1, 99, 100, 4095, 4096, 4097, len(whole) - 1}
    for length in sorted({*lengths, *range(8192, len(whole), 12_288)}):
        shutil.rmtree(store.folder / "pushgate.db.damaged", ignore_errors=True)
        store.database.write_bytes(whole[:length])
        with Records.open(store) as records:
            found = records.find(fingerprint())
            if found is not None and records.put_back(found, left.outputs, left.log):
                assert left.all() == before
            left.keep(records)
        with Records.open(store) as records:
            left.keep(records)
            assert (records.note, records.find(fingerprint()) is not None) == ("", True), length


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(1, 255)), min_size=1, max_size=8)
)
def test_a_database_with_other_bytes_is_never_a_false_hit(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[float, int]]
) -> None:
    """Whatever a disk has made of the index: what is put back is what was kept."""
    tmp = tmp_path_factory.mktemp("flipped")
    store, left = Store(tmp / "state"), Left.make(tmp / "project")
    with Records.open(store) as records:
        left.keep(records)
    before = left.all()
    content = bytearray(store.database.read_bytes())
    for place, change in places:
        content[int(place * len(content))] ^= change
    store.database.write_bytes(content)
    with Records.open(store) as records:
        found = records.find(fingerprint())
        if found is not None:
            assert (found.result, found.digest) == (Result.PASSED, fingerprint().digest)
            assert records.put_back(found, left.outputs, left.log)
        records.last("lint", "backend")
        records.prune()
    assert left.all() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE record SET result = 'passed'",
        "UPDATE record SET at = at - 1",
        "UPDATE record SET job = 'types'",
        "UPDATE record SET run = 'r9'",
    ],
)
def test_a_changed_row_is_a_miss(records: Records, left: Left, store: Store, change: str) -> None:
    """A record that says something else than what was kept does not count."""
    left.keep(records, failed() if "passed" in change else passed())
    _execute(store, change)
    assert records.find(fingerprint()) is None


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM part WHERE path = 'outputs/outcome.json'",
        "UPDATE part SET path = 'outputs/x' WHERE path = 'outputs/outcome.json'",
        "UPDATE part SET mode = mode + 1 WHERE path = 'outputs/outcome.json'",
    ],
)
def test_a_lost_part_is_a_miss(records: Records, left: Left, store: Store, change: str) -> None:
    """Outputs that lack a file, or have another, are never put back."""
    left.keep(records)
    _execute(store, change)
    assert records.find(fingerprint()) is None


def _execute(store: Store, statement: str) -> None:
    connection = sqlite3.connect(store.database)
    with connection:
        connection.execute(statement)
    connection.close()


def test_what_was_replaced_meanwhile_is_a_miss(records: Records, left: Left, store: Store) -> None:
    """A record that another run has replaced since it was found stays, and is not put back."""
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    with Records.open(store) as other:
        left.keep(other)
    assert not records.put_back(found, left.outputs, left.log)
    assert records.find(fingerprint()) is not None


def test_a_place_that_cannot_be_written_keeps_the_record(records: Records, left: Left) -> None:
    """Where the outputs cannot be put back, the job runs; the record is not to blame."""
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    coming = left.root / ".pushgate" / "coming"
    coming.write_bytes(b"in the way")
    before = left.all()
    assert not records.put_back(found, left.outputs, left.log)
    assert not left.log.exists()
    left.log.write_bytes(b"the log\n")
    assert not records.put_back(found, left.outputs, left.root / "missing" / "log")
    assert left.all() == before
    coming.unlink()
    assert records.put_back(found, left.outputs, left.log)


def test_what_a_kill_left_is_removed(records: Records, left: Left) -> None:
    """Outputs that were half put together by a process that was killed go with the next ones."""
    coming = left.root / ".pushgate" / "coming"
    for name in ("old", "young"):
        (coming / name / "new").mkdir(parents=True)
    os.utime(coming / "old", (time.time() - 7200,) * 2)
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    assert records.put_back(found, left.outputs, left.log)
    assert [path.name for path in coming.iterdir()] == ["young"]


@pytest.mark.parametrize("size", [900_000, 10])
def test_the_least_used_go_first(
    records: Records, left: Left, store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """By size or by age: what was asked for lately stays whole, the others go with their blobs."""
    now = time.time()
    names = [f"job-{number}" for number in range(6)]
    for name in names:
        left.write({"large": os.urandom(size)})
        left.keep(records, Outcome(job=name, result=Result.PASSED))
    monkeypatch.setattr(time, "time", lambda: now + 20 * 86400.0)
    used = records.find(fingerprint("job-0"))
    assert used is not None
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86400.0)
    if size == 10:
        records.prune()
        kept = ["job-0"]
    else:
        records.prune(limit=4_000_000, unused=10**9)
        kept = ["job-0", "job-4", "job-5"]
    assert [name for name in names if records.find(fingerprint(name))] == kept
    assert records.put_back(used, left.outputs, left.log)
    assert len(blobs(store)) == 4 + 2 * len(kept)


def test_nothing_goes_that_is_in_its_bounds(records: Records, left: Left, store: Store) -> None:
    """However often records are pruned."""
    for name in ("lint", "types"):
        left.keep(records, Outcome(job=name, result=Result.PASSED))
    age(store, 7200)
    before = blobs(store)
    for _ in range(3):
        records.prune()
    (store.blobs / "swept").unlink()
    records.prune()
    assert blobs(store) == before
    assert records.find(fingerprint()) is not None


def test_a_blob_that_is_about_to_be_named_stays(records: Records, left: Left, store: Store) -> None:
    """What a process has written within the hour and not yet told the index is not swept."""
    left.keep(records)
    (young := store.blobs / "ab" / "cd").parent.mkdir(exist_ok=True)
    old, part = young.with_name("ef"), store.blobs / "part-xyz"
    for path in (young, old, part):
        path.write_bytes(b"")
    for path in (old, part):
        os.utime(path, (time.time() - 7200,) * 2)
    records.prune()
    assert (young.exists(), old.exists(), part.exists()) == (True, False, False)
    os.utime(young, (time.time() - 7200,) * 2)
    records.prune()
    assert not young.exists()
    assert records.find(fingerprint()) is not None


def test_a_content_that_is_kept_once_more_is_young_again(store: Store) -> None:
    """Who finds a blob there may be about to name it."""
    contents = Contents(store.blobs)
    content = b"a listing"
    name = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        assert contents.add_named(name, content).name == name
        contents.sweep(())
        assert contents.read(name) == content
        age(store, 7200)
    contents.sweep(())
    assert blobs(store) == []


def test_nothing_is_swept_where_nobody_knows_what_is_named(
    records: Records, left: Left, store: Store
) -> None:
    """A database that breaks in the middle of pruning costs no blob."""
    left.keep(records)
    age(store, 7200)
    before = blobs(store)
    _execute(store, "ALTER TABLE part RENAME TO other")
    records.prune()
    assert records.note.startswith("records cannot be used: ")
    assert blobs(store) == before


def test_a_record_is_replaced_whole_or_not_at_all(
    records: Records, left: Left, store: Store
) -> None:
    """What breaks in the middle of replacing a record leaves the old one."""
    left.keep(records)
    found, before = records.find(fingerprint()), left.all()
    _execute(store, "CREATE TRIGGER stop BEFORE INSERT ON blob BEGIN SELECT RAISE(FAIL, 'no'); END")
    left.write({"junit.xml": b"of later"})
    left.keep(records)
    assert records.note == "records cannot be used: no"
    _execute(store, "DROP TRIGGER stop")
    with Records.open(store) as again:
        assert again.find(fingerprint()) == found
        assert found is not None
        assert again.put_back(found, left.outputs, left.log)
    assert left.all() == before


def test_clear_drops_everything(records: Records, left: Left, store: Store) -> None:
    """Not a record or blob is left, and it goes on from there."""
    left.keep(records)
    _execute(store, "INSERT INTO verified VALUES ('key', 'document', 1)")
    records.clear()
    assert records.find(fingerprint()) is None
    assert not store.blobs.exists()
    connection = sqlite3.connect(store.database)
    for question in (
        "SELECT digest FROM record UNION SELECT record FROM part UNION SELECT name FROM blob",
        "SELECT * FROM verified",
    ):
        assert connection.execute(question).fetchall() == []
    connection.close()
    left.keep(records)
    assert records.find(fingerprint()) is not None


def _no_folder(store: Store) -> None:
    store.folder.write_bytes(b"in the way")


def _newer(store: Store) -> None:
    Records.open(store).__exit__()
    _execute(store, "PRAGMA user_version = 99")


def _without_table(store: Store) -> None:
    Records.open(store).__exit__()
    _execute(store, "DROP TABLE part")


@pytest.mark.parametrize("spoil", [_no_folder, _newer, _without_table])
def test_a_database_that_cannot_be_used_is_never_in_the_way(
    left: Left, store: Store, spoil: Callable[[Store], None]
) -> None:
    """Every answer is empty, nothing raises, and one line says why."""
    spoil(store)
    before = left.all()
    with Records.open(store) as records:
        left.keep(records)
        assert records.find(fingerprint()) is None
        assert records.last("lint", "backend") is None
        nothing = Record(
            job="lint",
            project="",
            digest="0",
            result=Result.PASSED,
            reason="",
            seconds=1.0,
            at=1.0,
            run="r",
        )
        assert not records.put_back(nothing, left.outputs, left.log)
        records.prune()
        records.clear()
        assert records.note.startswith("records cannot be used: ")
        assert "\n" not in records.note
    assert left.all() == before


FILLS: Final = """
import resource
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kept_records import Left, failed, fingerprint
from pushgate.model.outcome import Outcome, Result
from pushgate.run.records import Records
from pushgate.run.store import Store

left = Left.make(Path(sys.argv[3]))
with Records.open(Store(Path(sys.argv[2]))) as records:
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), most))
    for number in range(100):
        left.keep(records, Outcome(job=f"job-{number}", result=Result.PASSED))
        records.prune()
    left.keep(records, failed())
    records.find(fingerprint())
    print(records.note)
    # Whoever measures this process writes a file at its end.
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
"""
"""Keeps records, at a size of files that no write may exceed."""


@pytest.mark.parametrize("size", [50, 100_000])
def test_a_disk_that_is_full_is_never_in_the_way(
    records: Records, left: Left, store: Store, size: int
) -> None:
    """In the middle of a blob or of the database: a line says so, and the rest is sound.

    Above all, the failure of a job that had passed counts.
    """
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    program = [sys.executable, "-c", FILLS, str(Path(__file__).parent)]
    answer = subprocess.run(
        [*program, str(store.folder), str(left.root), str(size)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr == ""
    assert answer.stdout.startswith("records cannot be used: ")
    assert answer.stdout.count("\n") == 1
    assert not records.put_back(found, left.outputs, left.log)
    for number in range(100):
        found = records.find(fingerprint(f"job-{number}"))
        if found is not None:
            assert records.put_back(found, left.outputs, left.log)
    left.log.write_bytes(b"the log\n")
    left.keep(records)
    assert records.note == ""
    assert records.find(fingerprint()) is not None


def test_what_is_kept_may_be_read_only(records: Records, left: Left) -> None:
    """Permissions without writing come back, on files and on folders."""
    left.write({"folder/file": b"x"})
    (left.outputs / "folder" / "file").chmod(0o400)
    (left.outputs / "folder").chmod(0o500)
    left.keep(records)
    found = records.find(fingerprint())
    assert found is not None
    assert records.put_back(found, left.outputs, left.log)
    folder = left.outputs / "folder"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "file")]
    folder.chmod(0o700)
    assert modes == [0o500, 0o400]
