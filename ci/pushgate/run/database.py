"""The file of history and records: SQLite in WAL mode, made anew where it cannot be used."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_VERSION: Final = 2
"""Of the schema; raise it with every change."""

_BUSY_SECONDS: Final = 20.0
"""How long a process waits for others that write."""

_SCHEMA: Final = """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        project TEXT NOT NULL,
        target TEXT NOT NULL,
        commit_id TEXT NOT NULL,
        event TEXT NOT NULL,
        cores INTEGER NOT NULL,
        started REAL NOT NULL,
        seconds REAL,
        exit_code INTEGER,
        failed_first TEXT
    );
    CREATE INDEX run_of_project ON run (project);
    CREATE TABLE job (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        gate TEXT NOT NULL,
        call TEXT NOT NULL,
        result TEXT,
        reason TEXT NOT NULL DEFAULT '',
        seconds REAL NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        log TEXT NOT NULL DEFAULT '',
        started REAL,
        ended REAL,
        UNIQUE (run, name)
    );
    CREATE INDEX job_by_name ON job (name, result, run);
"""
"""Of version 1."""

_RECORDS: Final = """
    ALTER TABLE job ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
    ALTER TABLE job ADD COLUMN from_record INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX job_by_fingerprint ON job (fingerprint, name, from_record, result)
        WHERE fingerprint != '';
    CREATE VIEW judged_job AS SELECT *, (
        fingerprint != '' AND result IN ('passed', 'failed') AND 2 = (
            SELECT count(DISTINCT same.result) FROM job AS same
            WHERE same.fingerprint = job.fingerprint AND same.fingerprint != ''
            AND same.name = job.name AND same.from_record = 0
            AND same.result IN ('passed', 'failed')
        )
    ) AS both_ways FROM job;
    CREATE TABLE record (
        digest TEXT PRIMARY KEY,
        job TEXT NOT NULL,
        project TEXT NOT NULL,
        result TEXT NOT NULL,
        reason TEXT NOT NULL,
        seconds REAL NOT NULL,
        at REAL NOT NULL,
        fresh_for REAL,
        run TEXT NOT NULL,
        used REAL NOT NULL,
        seal TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX record_of_job ON record (job, project, at);
    CREATE INDEX record_by_use ON record (used);
    CREATE TABLE part (
        record TEXT NOT NULL REFERENCES record (digest) ON DELETE CASCADE,
        path TEXT NOT NULL,
        mode INTEGER NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (record, path)
    ) WITHOUT ROWID;
    CREATE TABLE blob (
        name TEXT PRIMARY KEY,
        size INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE verified (
        key TEXT PRIMARY KEY,
        document TEXT NOT NULL,
        used REAL NOT NULL
    ) WITHOUT ROWID;
"""
"""What version 2 adds."""

ERRORS: Final = (sqlite3.Error, UnicodeError)
"""What the use of a database raises; the second where text cannot be kept, or is damaged."""


class NewerDatabaseError(Exception):
    """A newer Pushgate made the file: it is neither read nor written."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a database; make it where it is missing, and anew where it cannot be used.

    What an older Pushgate made is brought up to date; what is damaged is kept beside the new
    one (``.damaged``).

    Args:
        path: The file, absolute.

    Returns:
        A connection without implicit transactions, for one call at a time.

    Raises:
        NewerDatabaseError: A newer Pushgate made the file.
        OSError: The folder cannot be written to.
        sqlite3.Error: The file cannot be opened.
    """
    return _existing(path) or _renewed(path)


def is_damage(error: BaseException) -> bool:
    """Tell whether an error means that the file holds no sound database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    corrupt = code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    return corrupt or isinstance(error, UnicodeDecodeError)


def set_aside(path: Path) -> None:
    """Put a database in which damage was met aside, unless another process has done so.

    Raises:
        OSError: The folder cannot be written to.
        sqlite3.Error: The file cannot be opened.
    """
    with _renewing(path):
        connection = _existing(path)
        if connection is not None:
            with contextlib.closing(connection):
                if _is_sound(connection):
                    return
        _move_aside(path)


def _existing(path: Path) -> sqlite3.Connection | None:
    """Open a database if there is one of this version, or of one that can be brought to it."""
    if not path.exists():
        return None
    connection = _open(path, "rw")
    try:
        version = _version(connection)
        if version == 1:
            version = _bring_up_to_date(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except ERRORS as error:
        connection.close()
        if is_damage(error):
            return None
        raise
    if version == _VERSION:
        return connection
    connection.close()
    if version > _VERSION:
        message = f"a newer Pushgate made {path.name}"
        raise NewerDatabaseError(message)
    return None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bring_up_to_date(connection: sqlite3.Connection) -> int:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have done it meanwhile.
        if _version(connection) == 1:
            for statement in _RECORDS.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    return _version(connection)


def _renewed(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _renewing(path):
        connection = _existing(path)
        if connection is None:
            _move_aside(path)
            _create(path)
            connection = _existing(path)
    if connection is None:
        message = f"{path} is damaged as soon as it is written"
        raise OSError(message)
    return connection


def _create(path: Path) -> None:
    # Under another name: no process ever sees it half made, or is in the way of WAL's beginning.
    new = path.with_name(f"{path.name}.new")
    for leftover in _files(new):
        leftover.unlink(missing_ok=True)
    with contextlib.closing(_open(new, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        script = f"BEGIN; {_SCHEMA} {_RECORDS} PRAGMA user_version = {_VERSION}; COMMIT;"
        connection.executescript(script)
    new.replace(path)


def _move_aside(path: Path) -> None:
    # The database itself goes last: a write-ahead log is never met by another file than its own.
    for source, target in zip(
        _files(path), _files(path.with_name(f"{path.name}.damaged")), strict=True
    ):
        target.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            source.replace(target)


def _files(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm", ""))


def _is_sound(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except ERRORS as error:
        return not is_damage(error)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


@contextlib.contextmanager
def _renewing(path: Path) -> Iterator[None]:
    # Only where there is no database yet, or a damaged one.
    from filelock import FileLock  # noqa: PLC0415

    with FileLock(path.with_name(f"{path.name}.lock"), timeout=_BUSY_SECONDS):
        yield
