"""Interpreters that have answered before, and are the same files since."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from pushgate.run import premises
from pushgate.run.store import Store
from pushgate.tools import interpreters
from pushgate.tools.interpreters import Interpreter


class KnownPythons:
    """What interpreters have told: to ask three of them takes longer than all the rest of a start.

    A file that is missing, damaged or cannot be written only means that they are asked.
    """

    def __init__(self, store: Store) -> None:
        """Read what is known.

        Args:
            store: Where the repository's runs are kept.
        """
        self._file = store.folder / "pythons.json"
        self._known = _read(self._file)
        self._new: dict[str, list[str]] = {}

    def find(self, version: str) -> Interpreter:
        """Find the interpreter of a version; none is fetched.

        Args:
            version: ``X.Y``.

        Raises:
            InterpreterMissingError: There is none here.
        """
        first = premises.python(version)
        mark = f"{first} {premises.stamp(first)}"
        match self._known.get(version):
            case [kept, str(full), str(implementation), str(platform)] if first and kept == mark:
                return Interpreter(full, Path(first), implementation, platform)
        found = interpreters.find(version, download=False)
        if str(found.path) == first:
            self._new[version] = [mark, found.version, found.implementation, found.platform]
        return found

    def keep(self) -> None:
        """Write down what is new."""
        if not self._new:
            return
        part = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_text(json.dumps({**self._known, **self._new}), encoding="utf-8")
                part.replace(self._file)
            finally:
                part.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
