"""What jobs leave, and the fingerprints under which it is kept."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.model.fingerprint import Files, Fingerprint
from pushgate.model.outcome import Outcome, Result
from pushgate.run.records import Records
from pushgate.run.store import Store

_FILES: Final = {"a.py": "100644 aaaa", "b.py": "100644 bbbb"}


def fingerprint(
    job: str = "lint",
    *,
    project: str = "backend",
    files: Mapping[str, str] = _FILES,
    fresh_for: float | None = None,
) -> Fingerprint:
    return Fingerprint(
        job=job,
        project=project,
        files=Files(files),
        parts={"interpreters": {"3.12": "CPython 3.12.4"}, "definition": {"command": "ruff"}},
        fresh_for=fresh_for,
    )


def passed() -> Outcome:
    return Outcome(job="lint", result=Result.PASSED, seconds=1.5)


def failed() -> Outcome:
    return Outcome(job="lint", result=Result.FAILED, reason="2 findings", seconds=3.0)


@dataclass(frozen=True)
class Left:
    """What a job has left in a project.

    Attributes:
        root: The project's folder.
        outputs: The job's outputs.
        log: Its log.
    """

    root: Path
    outputs: Path
    log: Path

    @classmethod
    def make(cls, root: Path) -> Left:
        left = cls(root, root / ".pushgate" / "out" / "lint", root / "lint.log")
        left.write({"outcome.json": b'{"result": "passed"}', "junit.xml": b"<testsuites/>" * 100})
        left.log.write_bytes(b"the log\n")
        return left

    def write(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self.outputs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def spoil(self) -> None:
        """Leave something else."""
        shutil.rmtree(self.outputs)
        self.write({"stale": b"of another run"})
        self.log.unlink()

    def all(self) -> dict[str, tuple[int, bytes | str]]:
        """Return everything that is there."""
        told: dict[str, tuple[int, bytes | str]] = {"log": (0, self.log.read_bytes())}
        for path in self.outputs.rglob("*"):
            mode = path.lstat().st_mode
            content: bytes | str = b""
            if stat.S_ISLNK(mode):
                content = str(path.readlink())
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            told[str(path.relative_to(self.outputs))] = (mode, content)
        return told

    def keep(
        self,
        records: Records,
        outcome: Outcome | None = None,
        *,
        project: str = "backend",
        fresh_for: float | None = None,
    ) -> None:
        """Keep a job's end with all of this."""
        end = outcome or passed()
        key = fingerprint(end.job, project=project, fresh_for=fresh_for)
        records.keep(key, end, run="r1", outputs=self.outputs, log=self.log)


def blobs(store: Store) -> list[str]:
    """Name the files of all blobs."""
    found = store.blobs.glob("??/*")
    return sorted(str(path.relative_to(store.blobs)) for path in found)


def age(store: Store, seconds: float) -> None:
    """Make all that was swept or written older."""
    for path in (*store.blobs.glob("??/*"), *store.blobs.glob("swept")):
        os.utime(path, (time.time() - seconds,) * 2)
