"""Which Python versions a project is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from pushgate.config.tables import strings, table

RELEASED: Final = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
"""The feature releases that a project without classifiers may mean."""

OURS: Final = "3.11"
"""The oldest that Pushgate runs under, and each tool that it pins."""

_CLASSIFIER: Final = re.compile(r"Programming Language :: Python :: (3\.\d+)")
_PINNED: Final = re.compile(r"^\s*(?:cpython-)?(3\.\d+)(?:\.\d+)?\s*$", re.MULTILINE)
"""The first version in a ``.python-version``, which may hold several, and comments."""


def version_key(version: str) -> Version:
    """Order ``3.9`` before ``3.10``."""
    return Version(version)


def supported(pyproject: Mapping[str, object]) -> tuple[str, ...]:
    """Find the versions of a project, oldest first.

    Its classifiers name them, less those that ``requires-python`` excludes; a project
    without them means every release that ``requires-python`` allows.

    Args:
        pyproject: Its ``pyproject.toml``.

    Returns:
        Versions as ``X.Y``; empty where neither says anything.
    """
    project = table(pyproject, "project")
    matches = map(_CLASSIFIER.fullmatch, strings(project.get("classifiers")))
    classified = sorted({match[1] for match in matches if match}, key=version_key)
    requires = project.get("requires-python")
    if not isinstance(requires, str):
        return tuple(classified)
    try:
        allowed = SpecifierSet(requires)
    except InvalidSpecifier:
        return tuple(classified)
    # A patch that no release reaches stands for "the newest": >=3.11.4 allows 3.11.
    return tuple(
        version for version in classified or RELEASED if allowed.contains(f"{version}.999")
    )


def default(root: Path, python: tuple[str, ...]) -> str:
    """Choose the version for the gates that need one: ``.python-version``'s, else the newest.

    Args:
        root: The project's folder.
        python: The versions of its matrix, oldest first, at least one.
    """
    file = root / ".python-version"
    said = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    pinned = _PINNED.search(said)
    return pinned[1] if pinned and pinned[1] in python else python[-1]
