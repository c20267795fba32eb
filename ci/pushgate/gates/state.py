"""The folder in the checkout in which jobs leave things."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = ".pushgate"


def folder(root: Path, *path: str) -> Path:
    """Return the path of a folder below ``.pushgate`` in a project, there or not."""
    return root.joinpath(FOLDER, *path)


def make(root: Path, *path: str) -> Path:
    """Make a folder below ``.pushgate`` in a project; git ignores all of it by itself.

    Args:
        root: The project's folder.
        path: The folder's path below.
    """
    made = folder(root, *path)
    made.mkdir(parents=True, exist_ok=True)
    ignore = root / FOLDER / ".gitignore"
    if not ignore.is_file():
        ignore.write_text("*\n", encoding="utf-8")
    return made
