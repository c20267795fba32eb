"""Which folder of a repository is the project that is meant."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath
from typing import Final

from pushgate.model.settings import ConfigurationError
from pushgate.tools import git

_MARK: Final = "pyproject.toml"
_OLDER: Final = ("setup.py", "setup.cfg", "tox.ini", "requirements.txt", "Pipfile")
"""What tells a project that has no ``pyproject.toml``."""

_NOT_MEANT: Final = frozenset(
    {"tests", "test", "testing", "examples", "example", "samples", "fixtures", "docs", "templates"}
)
"""Folders whose projects are no one's work, but material."""


def find(folder: Path, *, named: bool) -> Path:
    """Find the project: this folder or one above it, else the only one below it.

    Args:
        folder: Where to look.
        named: Whether the user named the folder: then nothing above it is meant.

    Raises:
        ConfigurationError: There is no project, or there are several; the message names them.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        message = f"{folder}: there is no such folder"
        raise ConfigurationError(message)
    try:
        top = git.toplevel(folder)
    except git.NoRepositoryError as error:
        raise ConfigurationError(str(error)) from error
    above = [parent for parent in folder.parents if parent.is_relative_to(top)]
    candidates = [folder] if named else [folder, *above]
    for marks in ((_MARK,), _OLDER[:2]):
        for candidate in candidates:
            if any((candidate / mark).is_file() for mark in marks):
                return candidate
    return _below(folder) or _without_marks(folder, candidates)


def _below(folder: Path) -> Path | None:
    files = (*git.tracked_files(folder), *git.untracked_files(folder))
    paths = sorted(PurePosixPath(path).parent for path in files)
    marked = [
        path
        for path in dict.fromkeys(paths)
        if (folder / path / _MARK).is_file() and _NOT_MEANT.isdisjoint(path.parts)
    ]
    outermost = [path for path in marked if not any(other in path.parents for other in marked)]
    if len(outermost) > 1:
        message = f"{folder} has several projects: name one, or one after the other"
        calls = (shlex.join(("pushgate", "init", str(path))) for path in outermost)
        raise ConfigurationError(message, *calls)
    return folder / outermost[0] if outermost else None


def _without_marks(folder: Path, candidates: list[Path]) -> Path:
    for candidate in candidates:
        if any((candidate / mark).is_file() for mark in _OLDER):
            return candidate
    files = (*git.tracked_files(folder), *git.untracked_files(folder))
    if any(path.endswith(".py") for path in files):
        return folder
    message = f"{folder}: there is no Python project: no pyproject.toml, setup.py or Python file"
    raise ConfigurationError(message)
