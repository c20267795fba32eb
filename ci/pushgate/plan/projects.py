"""The projects of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pushgate.plan.definition import NOXFILE
from pushgate.tools import git

_MARKS: Final = {NOXFILE: b"pushgate", "pyproject.toml": b"[tool.pushgate"}
"""What a file of Pushgate's users holds."""


def find(top: Path) -> tuple[list[Path], list[Path]]:
    """Find the folders of projects, and those of other projects within them.

    Args:
        top: The top folder of a working tree.

    Returns:
        Both relative to it, the outermost first. Of those within another project there are
        only those with a noxfile.
    """
    found: list[Path] = []
    inner: list[Path] = []
    tracked = (Path(path) for path in git.tracked_files(top))
    files = [path for path in tracked if path.name in _MARKS and (top / path).is_file()]
    marked = {file.parent for file in files if _MARKS[file.name] in (top / file).read_bytes()}
    for folder in sorted(marked, key=lambda folder: (len(folder.parts), folder)):
        within = any(folder.is_relative_to(project) for project in found)
        (inner if within else found).append(folder)
    return found, [folder for folder in inner if (top / folder / NOXFILE).is_file()]
