"""What jobs may read beside the files that git has: a pass may rest on it all the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pushgate.model.settings import Settings
from pushgate.run.local_files import only_here
from pushgate.tools.blobs import HiddenChangesError

_MOST: Final = 1000
"""How many files of a folder are looked at; one of more is hardly the project's."""

_HASHED_BYTES: Final = 64 * 1024
"""How large a file may be that is read for this."""

_SETTINGS: Final = (
    *("pyproject.toml", "setup.cfg", "tox.ini", "uv.toml", ".editorconfig"),
    *("ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "pyrightconfig.json"),
    *("pytest.ini", ".pytest.ini", "conftest.py", ".coveragerc", ".bandit", "package.json"),
)
"""What tools look for in the folders above a project, and mostly take."""

_OF_USER: Final = (
    *("ruff/ruff.toml", "ruff/.ruff.toml", "ruff/pyproject.toml"),
    *("mypy/config", "uv/uv.toml"),
)
"""What tools take from the folder of the user's settings."""

_LINK: Final = "120000"


def local(settings: Settings) -> Mapping[str, str]:
    """Describe the files of a project that its commit will not have and that could matter.

    Returns:
        For each path from the project what it is: the hash of what it holds (of a large one,
        its size in bytes and the time of its last change in ns), or that it is untracked: then
        it is among the files that jobs read.

    Raises:
        HiddenChangesError: There are too many.
    """
    found = only_here(settings)
    described = dict.fromkeys(found.untracked, "untracked")
    for path in found.ignored:
        files = _below(settings.root, path)
        if files is None:
            message = f"{path!r} is ignored by git and holds too many files to look at"
            raise HiddenChangesError(message)
        described |= files
    for path in found.results:
        described |= _below(settings.root, path) or {path: _described(settings.root / path)}
    return described


def settings_above(settings: Settings) -> Mapping[str, str]:
    """Describe the settings of tools that lie outside of the repository.

    Returns:
        The size in bytes and the time of the last change in ns of each, by its path.
    """
    home = Path.home()
    told = os.environ.get("XDG_CONFIG_HOME")
    of_user = Path(told) if told else home / ".config"
    files = [folder / name for folder in settings.repository.parents for name in _SETTINGS]
    files += [*(of_user / name for name in _OF_USER), home / ".mypy.ini"]
    return {str(file): _stamp(file) for file in files if file.is_file()}


def led_out(settings: Settings, entries: Mapping[str, str]) -> Mapping[str, str]:
    """Describe where tracked links lead that leave the repository.

    Args:
        settings: The project's definition.
        entries: The mode and id of each path from the top of the repository.

    Returns:
        The size in bytes and the time of the last change in ns of what each link leads to.

    Raises:
        HiddenChangesError: One leads to a folder.
    """
    top = settings.repository.resolve()
    described = {}
    for path, entry in entries.items():
        if entry.startswith(_LINK):
            target = (top / path).resolve()
            if target.is_relative_to(top):
                continue
            if target.is_dir():
                message = f"{path!r} leads to a folder outside of the repository"
                raise HiddenChangesError(message)
            described[path] = _stamp(target)
    return described


def _below(root: Path, path: str) -> dict[str, str] | None:
    """Describe a file, or the files of a folder; None where these are too many."""
    files: dict[str, str] = {}
    for file in _files(root / path):
        files[file.relative_to(root).as_posix()] = _described(file)
        if len(files) > _MOST:
            return None
    return files


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        links = (name for name in folders if Path(folder, name).is_symlink())
        yield from (Path(folder, name) for name in (*files, *links))


def _described(path: Path) -> str:
    """Describe what a file holds: a build writes the same version file again and again."""
    try:
        if not path.is_symlink() and path.stat().st_size <= _HASHED_BYTES:
            return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "gone"
    return _stamp(path)


def _stamp(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns}"
