"""A record as it is kept, with a seal: what is lost or changed of it is noticed."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from pushgate.model.outcome import Result
from pushgate.run.outputs import Part

OUTPUTS: Final = "outputs/"
"""Before the path of each part of the outputs; the other parts have names of their own."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """How a job ended on a fingerprint.

    Attributes:
        job: The job's name.
        project: The project's folder from the top of the repository.
        digest: The fingerprint's digest.
        result: ``passed`` or ``failed``.
        reason: Why, in one line; empty for a plain pass.
        seconds: How long it took.
        at: When it ended (seconds since the epoch).
        run: The run that it was part of.
    """

    job: str
    project: str
    digest: str
    result: Result
    reason: str
    seconds: float
    at: float
    run: str


@dataclass(frozen=True)
class Sealed:
    """A record as it is kept.

    Attributes:
        record: How the job ended.
        fresh_for: For how many seconds a pass counted when it was kept.
        parts: The job's log and outputs, and the fingerprint.
        used: When it was last asked for; no part of the seal.
    """

    record: Record
    fresh_for: float | None
    parts: tuple[Part, ...]
    used: float

    @property
    def seal(self) -> str:
        """A hash of all: whatever the database has lost of it is noticed."""
        whole = (dataclasses.astuple(self.record), self.fresh_for, self.parts)
        return hashlib.sha256(repr(whole).encode()).hexdigest()

    @property
    def outputs(self) -> Iterator[Part]:
        """The parts of the job's outputs, as they were taken."""
        for part in self.parts:
            if part.path.startswith(OUTPUTS):
                yield dataclasses.replace(part, path=part.path.removeprefix(OUTPUTS))

    def blob(self, path: str) -> str:
        """Return the name of the blob of a part; empty where there is none."""
        return next((part.content for part in self.parts if part.path == path), "")

    @classmethod
    def of(cls, row: sqlite3.Row, parts: tuple[Part, ...]) -> Self | None:
        """Read a record; None where the database has lost or changed anything of it."""
        told = {field.name: row[field.name] for field in dataclasses.fields(Record)}
        try:
            record = Record(**{**told, "result": Result(row["result"])})
        except ValueError:
            return None
        kept = cls(record, row["fresh_for"], parts, row["used"])
        return kept if kept.seal == row["seal"] else None
