"""The files that jobs read, and what they hold."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pushgate.model import globs
from pushgate.model.fingerprint import Files
from pushgate.model.settings import Settings
from pushgate.plan.definition import DEFINING
from pushgate.run import beside
from pushgate.tools import blobs
from pushgate.tools.blobs import HiddenChangesError

_PYPROJECT: Final = "pyproject.toml"

_ALWAYS: Final = (*DEFINING, "setup.py", "setup.cfg", "uv.toml")
"""What defines jobs or their environments, whatever a job's inputs are."""

_HEADER: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)
_OWN_HEADER: Final = re.compile(r"[ \t]*\[{1,2}[ \t]*tool[ \t]*\.[ \t]*pushgate[ \t]*[.\]]")


@dataclass(frozen=True)
class JobFiles:
    """The files of a repository, as the jobs of one of its projects read them.

    Attributes:
        folder: The project's folder, from the top.
        entries: The mode and id of each path from the top; of the project's own
            ``pyproject.toml`` a hash of all but ``[tool.pushgate]``.
        always: The paths that every job reads.
        only_here: What the commit will not have, by its path from the project; of a commit
            itself nothing.
        led_out: Where tracked links lead that leave the repository.
    """

    folder: str
    entries: Mapping[str, str]
    always: tuple[str, ...]
    only_here: Mapping[str, str]
    led_out: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings, commit: str | None, defining: Iterable[Path]) -> JobFiles:
        """Take down the files of a project's repository.

        Args:
            settings: The project's definition, read from these files.
            commit: The commit that is cleanly checked out; None: the files as they are.
            defining: Further files that define jobs.

        Raises:
            HiddenChangesError: It cannot be told what they hold.
            OSError: A file cannot be read.
            process.CommandError: Git cannot tell.
        """
        top = settings.repository
        found = blobs.of_files(top) if commit is None else blobs.of_commit(top, commit)
        pyproject = (settings.root / _PYPROJECT).relative_to(top).as_posix()
        mode = found.get(pyproject, "").partition(" ")[0]
        entries = {**found, pyproject: f"{mode} {_without_own_tables(settings)}".lstrip()}
        files = [settings.root / name for name in (*_ALWAYS, *settings.dependencies.requirements)]
        files += defining
        if settings.dependencies.lock:
            files.append(settings.dependencies.lock)
        try:
            always = [file.relative_to(top).as_posix() for file in files]
        except ValueError as error:
            message = f"{settings.dependencies.lock} is outside of the repository"
            raise HiddenChangesError(message) from error
        return cls(
            *(settings.folder, entries, tuple(path for path in always if path in entries)),
            only_here=beside.local(settings) if commit is None else {},
            led_out=beside.led_out(settings, found),
        )

    def read_by(self, inputs: tuple[str, ...]) -> Files:
        """Return the files that globs select, and those that every job reads."""
        if inputs not in self._selected:
            self._selected[inputs] = Files(self._select(inputs))
        return self._selected[inputs]

    def beside(self, inputs: tuple[str, ...]) -> Mapping[str, str]:
        """Return what globs select of what is only here, and where selected links lead."""
        only_here = {self._from_top(path): path for path in self.only_here}
        selected = set(only_here)
        if inputs != globs.EVERYTHING:
            matching = globs.translated(inputs, self.folder).among(sorted(only_here))
            selected = {*matching, *self.always} & only_here.keys()
        read = self.read_by(inputs).entries
        return {
            **{only_here[path]: self.only_here[only_here[path]] for path in sorted(selected)},
            **{path: stamp for path, stamp in self.led_out.items() if path in read},
        }

    def different(self, later: JobFiles) -> tuple[str, ...]:
        """Return the paths, from the top, of which another look has found something else."""
        pairs = ((self.entries, later.entries), (self.led_out, later.led_out))
        changed = {path for before, after in pairs for path in _unequal(before, after)}
        changed |= {self._from_top(path) for path in _unequal(self.only_here, later.only_here)}
        return tuple(sorted(changed))

    def _from_top(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path

    def _select(self, inputs: tuple[str, ...]) -> Mapping[str, str]:
        if inputs == globs.EVERYTHING and not self.folder:
            return self.entries
        selected = globs.translated(inputs, self.folder).among(self._paths)
        return {path: self.entries[path] for path in (*selected, *self.always)}

    @cached_property
    def _selected(self) -> dict[tuple[str, ...], Files]:
        return {}

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.entries)


def _unequal(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    if before != after:
        both = before.keys() | after.keys()
        yield from (path for path in both if before.get(path) != after.get(path))


def _without_own_tables(settings: Settings) -> str:
    """Name the text of a project's ``pyproject.toml`` without ``[tool.pushgate]``."""
    whole = (settings.root / _PYPROJECT).read_bytes()
    text = whole.decode()
    parsed = tomllib.loads(text)
    own = parsed.get("tool", {}).pop("pushgate", None)
    if own != settings.tool_tables.get("pushgate"):
        message = f"{_PYPROJECT} is being changed"
        raise HiddenChangesError(message)
    rest = _cut(text)
    # A line that only looks like a header stands in a string, for example.
    kept = rest.encode() if _parses_to(rest, parsed) else whole
    return hashlib.sha256(kept).hexdigest()


def _cut(text: str) -> str:
    starts = [match.start() for match in _HEADER.finditer(text)]
    kept = text[: starts[0]] if starts else text
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        if not _OWN_HEADER.match(text, start):
            kept += text[start:end]
    return kept


def _parses_to(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return {"tool": {}, **parsed} == {"tool": {}, **expected}
