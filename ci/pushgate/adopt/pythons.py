"""Which Pythons a project is for, where its classifiers do not say it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as IniError
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pushgate.adopt import tox
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.found import Found, Setting
from pushgate.adopt.requirements import specifier
from pushgate.config import pythons
from pushgate.config.tables import strings, table
from pushgate.model.settings import Settings
from pushgate.tools import interpreters

_OLDEST: Final = pythons.RELEASED[0]
"""The oldest Python that the tools of the gates run under."""

_CLASSIFIER: Final = re.compile(r"Programming Language :: Python :: 3\.\d+")


def look(evidence: Evidence) -> Iterator[Found]:
    """Find the versions, and tell which of them this machine lacks."""
    where, versions, said = _versions(evidence)
    chosen = tuple(version for version in versions if _is_new_enough(version))
    settings: tuple[Setting, ...] = ()
    told = f"{', '.join(chosen)}, from {where}"
    if chosen != versions:
        gone = ", ".join(version for version in versions if version not in chosen)
        told += f"; without {gone}, which pytest and coverage no longer support"
    if chosen != said:
        settings = (Setting(("python",), chosen, f"from {where}"),)
    yield Found("pythons", told, settings)


def missing(settings: Settings) -> Iterator[str]:
    """Tell what it means that this machine lacks Pythons of a project, if it does.

    Args:
        settings: The project's.
    """
    default = settings.default_python
    # Uv fetches that one, if it may, while the definition is made.
    lacked = [
        version for version in settings.python if not _is_here(version, download=version == default)
    ]
    if lacked:
        them = "them" if len(lacked) > 1 else "it"
        yield (
            f"not on this machine: Python {', '.join(lacked)}: unless uv can fetch {them}, such "
            f"jobs are unavailable here and a push is refused: `uv python install "
            f"{' '.join(lacked)}`, or leave {them} out of `python` in [tool.pushgate]"
        )


def fallback(settings: Settings) -> Iterator[Found]:
    """Choose another Python for most gates where the usual one cannot be had.

    Args:
        settings: The project's, with that one.
    """
    default = settings.default_python
    here = [version for version in settings.python if _is_here(version)]
    if here and default not in here and not _is_here(default, download=True):
        why = f"{default} could not be had where this was written; delete it where it can"
        setting = Setting(("default-python",), here[-1], why)
        yield Found("default", f"Python {here[-1]}, since {default} cannot be had here", (setting,))


def _is_new_enough(version: str) -> bool:
    return pythons.version_key(version) >= pythons.version_key(_OLDEST)


def _is_here(version: str, *, download: bool = False) -> bool:
    try:
        interpreters.find(version, download=download)
    except interpreters.InterpreterMissingError:
        return False
    return True


def _versions(evidence: Evidence) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return where versions are said, the versions, and what Pushgate finds by itself."""
    project = table(evidence.pyproject, "project")
    said = pythons.supported(evidence.pyproject)
    if said and any(map(_CLASSIFIER.fullmatch, strings(project.get("classifiers")))):
        return "the classifiers", said, said
    told = tox.read(evidence)
    requires = project.get("requires-python") or _of_poetry(evidence)
    in_tox = _sorted(version for version in told.pythons if _allows(requires, version))
    if in_tox:
        return f"the environments in {told.file}", in_tox, said
    if said:
        return f"requires-python = {project.get('requires-python')!r}", said, said
    return *_elsewhere(evidence), said


def _elsewhere(evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    """Find the versions of a project without ``[project]``."""
    poetry = table(evidence.pyproject, "tool", "poetry")
    candidates = {
        "[tool.poetry]": (_of_poetry(evidence), " ".join(strings(poetry.get("classifiers")))),
        "setup.cfg": _of_setup_cfg(evidence),
        "setup.py": _of_setup_py(evidence),
    }
    for where, (requires, classifiers) in candidates.items():
        project = {"classifiers": _CLASSIFIER.findall(classifiers)}
        if requires:
            project["requires-python"] = requires  # type: ignore[assignment]
        if found := pythons.supported({"project": project}):
            return where, found
    pinned = re.search(r"3\.\d+", evidence.text(".python-version"))
    if pinned:
        return ".python-version", (pinned[0],)
    return "this machine: nothing says which", (
        f"{sys.version_info.major}.{sys.version_info.minor}",
    )


def _of_poetry(evidence: Evidence) -> str:
    said = table(evidence.pyproject, "tool", "poetry", "dependencies").get("python")
    return specifier(said) if isinstance(said, str) else ""


def _of_setup_cfg(evidence: Evidence) -> tuple[str, str]:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(evidence.text("setup.cfg"))
    except IniError:
        return "", ""
    requires = parser.get("options", "python_requires", fallback="")
    return requires, parser.get("metadata", "classifiers", fallback="")


def _of_setup_py(evidence: Evidence) -> tuple[str, str]:
    text = evidence.text("setup.py")
    requires = re.search(r"python_requires\s*=\s*[\"']([^\"']+)", text)
    return requires[1] if requires else "", text


def _allows(requires: object, version: str) -> bool:
    try:
        return SpecifierSet(str(requires or "")).contains(f"{version}.999")
    except InvalidSpecifier:
        return True


def _sorted(versions: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(versions), key=pythons.version_key))
