"""What is kept in a repository's database: never in the way of a run."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pushgate.run import database

Statement = tuple[str, tuple[object, ...]]


class Kept:
    """Something that a repository's database keeps, for those runs that come later.

    It is a convenience: where the file cannot be used, nothing is kept, every answer is
    empty, no call raises, and ``note`` says why. One call at a time, from any thread.

    Attributes:
        note: Why something is not kept, in one line; empty as long as all is.
    """

    _unusable: ClassVar[str]

    def __init__(self, path: Path) -> None:
        """Open the database, made anew where it is missing or damaged.

        Args:
            path: The file, absolute; its folder need not exist.
        """
        self.note = ""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = database.connect(path)
        except (database.NewerDatabaseError, OSError, *database.ERRORS) as error:
            self.note = f"{self._unusable}: {error}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _rows(
        self, question: str, parameters: tuple[object, ...] | Mapping[str, object] = ()
    ) -> list[sqlite3.Row]:
        if self._connection is None:
            return []
        try:
            rows: list[sqlite3.Row] = self._connection.execute(question, parameters).fetchall()
        except database.ERRORS as error:
            self._give_up(error)
            return []
        return rows

    def _change(self, *statements: Statement) -> None:
        """Execute statements, all of them or none."""
        if self._connection is None:
            return
        try:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement, parameters in statements:
                    connection.execute(statement, parameters)
        except database.ERRORS as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._close()
        self.note = f"{self._unusable}: {error}"
        if database.is_damage(error):
            with contextlib.suppress(OSError, database.NewerDatabaseError, *database.ERRORS):
                database.set_aside(self._path)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
