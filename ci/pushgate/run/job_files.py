"""The files that jobs read, and what they hold."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pushgate.model import globs
from pushgate.model.fingerprint import Files
from pushgate.model.settings import Settings
from pushgate.plan.definition import DEFINING
from pushgate.run.local_files import only_here
from pushgate.tools import blobs
from pushgate.tools.blobs import HiddenChangesError

_PYPROJECT: Final = "pyproject.toml"

_ALWAYS: Final = (*DEFINING, "setup.py", "setup.cfg", "uv.toml")
"""What defines jobs or their environments, whatever a job's inputs are."""

_HEADER: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)
_OWN_HEADER: Final = re.compile(r"[ \t]*\[{1,2}[ \t]*tool[ \t]*\.[ \t]*pushgate[ \t]*[.\]]")

_MOST_IGNORED: Final = 1000
"""How many ignored files are looked at; a folder of more is hardly the project's."""


@dataclass(frozen=True)
class JobFiles:
    """The files of a repository, as the jobs of one of its projects read them.

    Attributes:
        folder: The project's folder, from the top.
        entries: The mode and id of each path from the top; of the project's own
            ``pyproject.toml`` a hash of all but ``[tool.pushgate]``.
        always: The paths that every job reads.
    """

    folder: str
    entries: Mapping[str, str]
    always: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings, commit: str | None) -> JobFiles:
        """Take down the files of a project's repository.

        Args:
            settings: The project's definition, read from these files.
            commit: The commit that is cleanly checked out; None: the files as they are.

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
        if settings.dependencies.lock:
            files.append(settings.dependencies.lock)
        try:
            always = [file.relative_to(top).as_posix() for file in files]
        except ValueError as error:
            message = f"{settings.dependencies.lock} is outside of the repository"
            raise HiddenChangesError(message) from error
        folder = "/".join(settings.root.relative_to(top).parts)
        return cls(folder, entries, tuple(path for path in always if path in entries))

    def read_by(self, inputs: tuple[str, ...]) -> Files:
        """Return the files that globs select, and those that every job reads."""
        if inputs not in self._selected:
            self._selected[inputs] = Files(self._select(inputs))
        return self._selected[inputs]

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


def ignored(settings: Settings) -> Mapping[str, str]:
    """Describe the ignored files of a project that could matter to a job.

    Returns:
        The size in bytes and the time of the last change in ns of each, by its path from the
        project.

    Raises:
        HiddenChangesError: There are too many.
    """
    files: dict[str, str] = {}
    for path in only_here(settings).ignored:
        for file in _below(settings.root / path):
            found = file.lstat()
            name = file.relative_to(settings.root).as_posix()
            files[name] = f"{found.st_size} {found.st_mtime_ns}"
            if len(files) > _MOST_IGNORED:
                message = f"{path!r} is ignored by git and holds too many files to look at"
                raise HiddenChangesError(message)
    return files


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        links = (name for name in folders if Path(folder, name).is_symlink())
        yield from (Path(folder, name) for name in (*files, *links))


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
