"""Files that are only here: CI will not have them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath
from typing import Final

from pushgate.model.settings import Settings
from pushgate.tools import git
from pushgate.tools.listing import some

_LEFT: Final = (
    *("__pycache__", "*.py[co]", "*.egg-info", ".coverage", ".coverage.*", ".DS_Store"),
    *("*.swp", "*.swo", "*~", ".#*", "#*#"),
)
"""Names of caches and of what tools leave, whether they are ignored or not."""

_BUILT: Final = ("node_modules", "build", "dist", "htmlcov")
"""Folders that hold results; one that is not ignored may be a package of that name."""

_MARKERS: Final = ("CACHEDIR.TAG", "pyvenv.cfg")


@dataclass(frozen=True)
class LocalFiles:
    """What CI will not have, relative to the project; a folder has a slash at its end.

    Attributes:
        untracked: What was never added.
        ignored: What a ``.gitignore`` hides, apart from caches, environments and results.
        results: What tools have built, such as ``build/``, where it is ignored.
    """

    untracked: tuple[str, ...]
    ignored: tuple[str, ...]
    results: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each kind that there is."""
        kinds = {"untracked": self.untracked, "ignored": self.ignored}
        return tuple(
            f"CI will not have what is {kind} here: {some(paths)}"
            for kind, paths in kinds.items()
            if paths
        )


def only_here(settings: Settings) -> LocalFiles:
    """List the files in the project's folder that CI will not have and that could matter."""
    root = settings.root

    @cache
    def is_marked(folder: PurePosixPath) -> bool:
        return any((root / folder / marker).is_file() for marker in _MARKERS)

    def matters(path: str) -> bool:
        names = any(fnmatchcase(part, each) for part in PurePosixPath(path).parts for each in _LEFT)
        return not names and not any(is_marked(folder) for folder in _folders(path))

    ignored = git.ignored_files(root)
    # Git lists a folder that is not ignored itself beside the ignored things in it.
    around = {f"{folder}/" for path in ignored for folder in PurePosixPath(path).parents}
    return LocalFiles(
        untracked=tuple(path for path in git.untracked_files(root) if matters(path)),
        ignored=tuple(
            path
            for path in ignored
            if path not in around and not _is_result(path) and matters(path)
        ),
        results=tuple(
            path for path in ignored if path not in around and _is_built(path) and matters(path)
        ),
    )


def _folders(path: str) -> tuple[PurePosixPath, ...]:
    whole = PurePosixPath(path)
    # The last parent is the project itself.
    return (*([whole] if path.endswith("/") else []), *whole.parents[:-1])


def _is_result(path: str) -> bool:
    return _is_hidden(path) or any(folder.name in _BUILT for folder in _folders(path))


def _is_built(path: str) -> bool:
    return _is_result(path) and not _is_hidden(path)


def _is_hidden(path: str) -> bool:
    return any(folder.name.startswith(".") for folder in _folders(path))
