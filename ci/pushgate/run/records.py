"""Records: how jobs ended on what they read, with all that they left, to be put back."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from pushgate.model.fingerprint import Files, Fingerprint
from pushgate.model.outcome import Outcome, Result
from pushgate.run import outputs as job_outputs
from pushgate.run.contents import Blob, Contents, DamagedBlobError
from pushgate.run.kept import Kept, Statement
from pushgate.run.outputs import Part, UnkeepableError
from pushgate.run.sealed import OUTPUTS, Record, Sealed
from pushgate.run.store import Store

__all__ = ["Record", "Records"]

LIMIT_BYTES: Final = 1 << 30
"""How much disk the blobs may take."""

UNUSED_SECONDS: Final = 30 * 86400.0
"""For how long a record is kept that nobody asks for."""

_HOUR: Final = 3600.0
_LOG: Final = "log"
_DOCUMENT: Final = "document"
_LISTING: Final = "files"

_LOAD: Final = (
    "SELECT digest, job, project, result, reason, seconds, at, fresh_for, run, seal, used "
    "FROM record WHERE digest = ?"
)
_INSERT: Final = (
    "INSERT INTO record (digest, job, project, result, reason, seconds, at, fresh_for, run, seal, "
    "used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DROP: Final = "DELETE FROM record WHERE digest IN (SELECT value FROM json_each(?))"
_DROP_THIS: Final = "DELETE FROM record WHERE digest = ? AND seal = ?"
_NEWEST: Final = (
    "SELECT digest FROM record WHERE job = ? AND project = ? AND digest <> ? "
    "ORDER BY at DESC, used DESC LIMIT 1"
)
_SIZES: Final = """
    SELECT record.digest, blob.name, blob.size FROM record
    LEFT JOIN part ON part.record = record.digest LEFT JOIN blob ON blob.name = part.content
    ORDER BY record.used DESC, record.digest
"""


class Records(Kept):
    """The records of a repository; a doubtful one counts as none."""

    _unusable = "records cannot be used"

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)
        self._contents = Contents(store.blobs)

    @classmethod
    def open(cls, store: Store) -> Self:
        """Open the records of a repository.

        Args:
            store: Where they are kept.
        """
        return cls(store)

    def find(self, fingerprint: Fingerprint) -> Record | None:
        """Return the pass that may be taken instead of running the job, if there is one.

        Args:
            fingerprint: All that the job reads now. Its ``fresh_for`` decides how old a pass
                may be, whatever was said when it was kept.
        """
        kept = self._load(fingerprint.digest)
        if kept is None or kept.record.result is not Result.PASSED:
            return None
        now = time.time()
        # What was kept in the future was kept by another clock: nobody knows how old it is.
        fresh_for = float("inf") if fingerprint.fresh_for is None else fingerprint.fresh_for
        if not 0 <= now - kept.record.at < fresh_for:
            return None
        if abs(now - kept.used) > _HOUR:
            used = "UPDATE record SET used = ? WHERE digest = ?"
            self._change((used, (now, fingerprint.digest)))
        return kept.record

    def failed(self, fingerprint: Fingerprint) -> Record | None:
        """Return the failure of a job on exactly a fingerprint, if that is how it ended last."""
        kept = self._load(fingerprint.digest)
        return kept.record if kept and kept.record.result is Result.FAILED else None

    def put_back(self, record: Record, outputs: Path, log: Path) -> bool:
        """Put back what a job left when it passed.

        Args:
            record: What ``find`` returned.
            outputs: The job's outputs in a project's folder: replaced, or left as they are.
            log: Where to write the log; its folder must be there.

        Returns:
            Whether all is there, as it was. A record that is damaged is dropped.
        """
        kept = self._load(record.digest)
        if kept is None or kept.record != record:
            return False
        try:
            self._contents.read(record.digest)
            self._contents.copy(kept.blob(_LOG), log)
            job_outputs.put(kept.outputs, self._contents, outputs)
        except DamagedBlobError:
            self._change((_DROP_THIS, (record.digest, kept.seal)))
        except OSError:
            pass  # there is no room, or another process is at it: no fault of the record
        else:
            return True
        with suppress(OSError):
            log.unlink()
        return False

    def keep(
        self, fingerprint: Fingerprint, outcome: Outcome, *, run: str, outputs: Path, log: Path
    ) -> None:
        """Keep how a job ended, if it passed or failed; a failure replaces a pass.

        Args:
            fingerprint: All that it read, taken before it ran and still true.
            outcome: How it ended, when it really ran.
            run: The run that it was part of.
            outputs: What it left; kept of a pass.
            log: The file with its output; kept of a pass.
        """
        failed = outcome.result is Result.FAILED
        if failed or outcome.result is Result.PASSED:
            parts = self._parts(fingerprint, outcome, outputs, log)
            if parts is not None:
                # As the database has it: a whole number comes back as another value.
                fresh_for = None if fingerprint.fresh_for is None else float(fingerprint.fresh_for)
                self._write(_record(fingerprint, outcome, run), fresh_for, parts)
        if failed and self._connection is None:
            # On a full disk, say. No pass counts without its document.
            self._contents.remove(fingerprint.digest)

    def last(
        self, job: str, project: str, *, besides: str = ""
    ) -> tuple[Record, Fingerprint] | None:
        """Return a job's last end with all that it had read; None where nobody knows.

        Args:
            job: Its name.
            project: The project's folder from the top of the repository, as in fingerprints.
            besides: The digest of a fingerprint whose end does not count.
        """
        for row in self._rows(_NEWEST, (job, project, besides)):
            kept = self._load(row["digest"])
            if kept is not None and (fingerprint := self._read(kept)) is not None:
                return kept.record, fingerprint
        return None

    def prune(self, limit: int = LIMIT_BYTES, unused: float = UNUSED_SECONDS) -> None:
        """Drop what is too much, the records that were not used for the longest time first.

        Args:
            limit: How many bytes the blobs may take; once they take more, they are cut down to
                four fifths of it.
            unused: After how many seconds without use a record is dropped.
        """
        now = time.time()
        if not self._is_due(now, limit, unused):
            return
        old = "DELETE FROM {} WHERE used < ?"
        self._change(
            *((old.format(table), (now - unused,)) for table in ("record", "verified")),
            (_DROP, (json.dumps(self._excess(limit)),)),
            ("DELETE FROM blob WHERE name NOT IN (SELECT content FROM part)", ()),
        )
        named = {row["content"] for row in self._rows("SELECT DISTINCT content FROM part")}
        if self._connection is not None:
            self._contents.sweep(named)

    def clear(self) -> None:
        """Drop all records, and what the hook knows as verified; the history of runs stays."""
        drop = "DELETE FROM {}"
        self._change(*((drop.format(table), ()) for table in ("record", "blob", "verified")))
        self._contents.clear()

    def _parts(
        self, fingerprint: Fingerprint, outcome: Outcome, outputs: Path, log: Path
    ) -> dict[Part, Blob | None] | None:
        """Keep the contents of a record; return None where there can be no record."""
        if self._connection is None:
            return None
        parts: dict[Part, Blob | None] = {}
        try:
            parts.update(self._fingerprint(fingerprint))
            if outcome.result is Result.PASSED:
                parts.update(self._left(outputs, log))
        except (OSError, UnkeepableError) as error:
            self.note = f"{outcome.job} is not recorded: {error}"
            # A failure counts, whatever is known of it.
            return None if outcome.result is Result.PASSED else {}
        return parts

    def _fingerprint(self, fingerprint: Fingerprint) -> Iterator[tuple[Part, Blob]]:
        files = fingerprint.files
        document = fingerprint.document.encode()
        yield _named(_DOCUMENT, self._contents.add_named(fingerprint.digest, document))
        yield _named(_LISTING, self._contents.add_named(files.digest, files.listing))

    def _left(self, outputs: Path, log: Path) -> Iterator[tuple[Part, Blob | None]]:
        yield _named(_LOG, self._contents.add(log))
        for part, blob in job_outputs.take(outputs, self._contents):
            yield dataclasses.replace(part, path=f"{OUTPUTS}{part.path}"), blob

    def _write(
        self, record: Record, fresh_for: float | None, parts: Mapping[Part, Blob | None]
    ) -> None:
        kept = Sealed(record, fresh_for, tuple(sorted(parts)), record.at)
        about = (record.digest, record.job, record.project)
        end = (str(record.result), record.reason, record.seconds, record.at)
        row = (*about, *end, kept.fresh_for, record.run, kept.seal, kept.used)
        part = "INSERT INTO part (record, path, mode, content) VALUES (?, ?, ?, ?)"
        blob = "INSERT OR REPLACE INTO blob (name, size) VALUES (?, ?)"
        statements: list[Statement] = [
            ("DELETE FROM record WHERE digest = ?", (record.digest,)),
            (_INSERT, row),
            *((part, (record.digest, *dataclasses.astuple(each))) for each in kept.parts),
            *((blob, (each.name, each.size)) for each in parts.values() if each is not None),
        ]
        self._change(*statements)

    def _load(self, digest: str) -> Sealed | None:
        """Read a record, unless the database has lost or changed anything of it."""
        rows = self._rows(_LOAD, (digest,))
        chosen = "SELECT path, mode, content FROM part WHERE record = ? ORDER BY path"
        parts = tuple(Part(*part) for part in self._rows(chosen, (digest,)))
        return Sealed.of(rows[0], parts) if rows else None

    def _read(self, kept: Sealed) -> Fingerprint | None:
        try:
            document = json.loads(self._contents.read(kept.blob(_DOCUMENT)))
            fingerprint = Fingerprint(
                job=document["job"],
                project=document["project"],
                files=Files.parse(self._contents.read(kept.blob(_LISTING))),
                parts=document["parts"],
                fresh_for=kept.fresh_for,
            )
        except (DamagedBlobError, ValueError):
            return None
        return fingerprint if fingerprint.digest == kept.record.digest else None

    def _is_due(self, now: float, limit: int, unused: float) -> bool:
        question = (
            "SELECT (SELECT total(size) FROM blob) AS size, (SELECT min(used) FROM record) AS used"
        )
        for row in self._rows(question):
            old = row["used"] is not None and row["used"] < now - unused
            return old or row["size"] > limit or not self._contents.is_swept
        return False

    def _excess(self, limit: int) -> list[str]:
        """Choose the records to drop where their blobs take more than they may."""
        records: dict[str, dict[str, int]] = {}
        for row in self._rows(_SIZES):
            blobs = records.setdefault(row["digest"], {})
            if row["name"] is not None:
                blobs[row["name"]] = row["size"]
        # A listing of files, for one, is the same blob for many records.
        room = limit if sum(dict(_pairs(records.values())).values()) <= limit else limit * 4 // 5
        held: set[str] = set()
        dropped = []
        for digest, blobs in records.items():
            more = sum(blobs[name] for name in blobs.keys() - held)
            if more <= room:
                room -= more
                held.update(blobs)
            else:
                dropped.append(digest)
        return dropped


def _pairs(records: Iterable[Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    return itertools.chain.from_iterable(blobs.items() for blobs in records)


def _record(fingerprint: Fingerprint, outcome: Outcome, run: str) -> Record:
    return Record(
        job=fingerprint.job,
        project=fingerprint.project,
        digest=fingerprint.digest,
        result=outcome.result,
        reason=outcome.reason,
        seconds=float(outcome.seconds),
        at=time.time(),
        run=run,
    )


def _named(name: str, blob: Blob) -> tuple[Part, Blob]:
    return Part(name, 0, blob.name), blob
