"""Whose things are, and folders that go with their processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushgate.services import folders, owners

_MAKES = """
import os
from pushgate.services import folders, owners
made = folders.make("tests-", owners.this_process())
(made.path / "file").touch()
print(owners.this_process(), made.path)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def _ended() -> tuple[str, Path]:
    command = [sys.executable, "-c", _MAKES]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    owner, path = answer.stdout.split()
    return owner, Path(path)


def test_whether_an_owner_is_gone() -> None:
    """A process is gone when it has ended, or when another has its number."""
    mine = owners.this_process()
    place, number, started = mine.split("_")
    assert not owners.is_gone(mine)
    assert owners.is_gone(_ended()[0])
    assert owners.is_gone(f"{place}_{number}_{int(started) - 60}")


def test_an_owner_elsewhere_is_not_known() -> None:
    """Of a process of another machine or container, and of what is no name, nobody says it."""
    _, number, started = owners.this_process().split("_")
    assert not owners.is_gone(f"0badcafe_{number}_{int(started) - 60}")
    assert not owners.is_gone("nonsense")
    assert not owners.is_gone("")


def test_a_process_that_nobody_has_waited_for_is_gone() -> None:
    """A process that has ended uses nothing, although its number is still taken."""
    code = "from pushgate.services import owners; print(owners.this_process())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        owner = child.stdout.readline().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert owners.is_gone(owner)


def test_a_folder_of_an_ended_process_is_swept(place: Path) -> None:
    """What an ended process has left goes with the next sweep, and nothing else does."""
    _, left = _ended()
    mine = folders.make("tests-", owners.this_process())
    (place / "tests-of-somebody").mkdir()
    assert left.is_dir()
    folders.sweep("other-")
    assert left.is_dir()
    folders.sweep("tests-")
    kept = {mine.path, mine.lock_path, place / "tests-of-somebody"}
    assert set(place.iterdir()) == kept
    mine.remove()
    assert set(place.iterdir()) == {place / "tests-of-somebody"}


def test_a_folder_is_its_owners_alone() -> None:
    """Nobody else reads what is in a folder."""
    mine = folders.make("tests-", owners.this_process())
    assert mine.path.stat().st_mode & 0o077 == 0
    assert mine.lock_path.stat().st_mode & 0o077 == 0
    mine.remove()


def test_a_folder_that_a_child_still_uses(place: Path) -> None:
    """A folder stays while a process has its lock, whatever has become of the owner."""
    mine = folders.make("tests-", owners.this_process())
    with subprocess.Popen(["sleep", "60"], pass_fds=[mine.lock]) as child:
        os.close(mine.lock)
        folders.sweep("tests-")
        assert mine.path.is_dir()
        child.kill()
    folders.sweep("tests-")
    assert list(place.iterdir()) == []


def test_what_a_gone_owner_has_started_is_waited_for(place: Path) -> None:
    """A folder whose owner is gone goes as soon as the last process with its lock has."""
    owner, _ = _ended()
    left = folders.make("tests-", owner)
    with subprocess.Popen(["sleep", "0.5"], pass_fds=[left.lock]):
        os.close(left.lock)
        folders.sweep("tests-")
    assert list(place.iterdir()) == []
