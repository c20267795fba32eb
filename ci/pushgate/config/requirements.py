"""Where a project's requirements are written down."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pushgate.config.schema import Problems
from pushgate.config.tables import strings, table
from pushgate.model.settings import Dependencies

_REQUIREMENTS: Final = (
    "requirements.txt",
    *(f"requirements-{kind}.txt" for kind in ("dev", "test", "tests")),
    *(f"{kind}-requirements.txt" for kind in ("dev", "test", "tests")),
    *(f"requirements/{kind}.txt" for kind in ("base", "dev", "test", "tests")),
)


def detect(root: Path, pyproject: Mapping[str, object], problems: Problems) -> Dependencies:
    """Find a project's requirements.

    Requirements files count only where the project has no lock, dependency
    group or extra: they are then the only place that names its test tools.

    Args:
        root: The project's folder.
        pyproject: Its ``pyproject.toml``.
        problems: Receives dependency groups that include missing ones or themselves.
    """
    project = table(pyproject, "project")
    extras = {
        name: strings(requirements)
        for name, requirements in table(project, "optional-dependencies").items()
    }
    raw_groups: dict[str, object] = {
        canonicalize_name(name): group
        for name, group in table(pyproject, "dependency-groups").items()
    }
    groups = {name: _resolved(name, raw_groups, (), problems) for name in raw_groups}
    configured = table(pyproject, "tool", "uv").get("default-groups", ["dev"])
    default_groups = (
        tuple(groups) if configured == "all" else map(canonicalize_name, strings(configured))
    )
    lock = _lock(root)
    package = table(pyproject, "tool", "uv").get("package", "build-system" in pyproject)
    legacy = (root / "setup.py").is_file() or _describes_package(root / "setup.cfg")
    files = () if lock or groups or extras else _REQUIREMENTS
    return Dependencies(
        installable=bool(package) or legacy or bool(project and not lock),
        lock=lock,
        extras=extras,
        groups=groups,
        default_groups=tuple(name for name in default_groups if name in groups),
        requirements=tuple(name for name in files if (root / name).is_file()),
        runtime=strings(project.get("dependencies")),
    )


def requirement_names(requirements: Sequence[str]) -> frozenset[str]:
    """Return the canonical names of the packages that requirements (PEP 508) ask for."""
    names = set()
    for requirement in requirements:
        try:
            names.add(canonicalize_name(Requirement(requirement).name))
        except InvalidRequirement:
            continue
    return frozenset(names)


def group_of(package: str, groups: Mapping[str, Sequence[str]]) -> str:
    """Return the dependency group that a package is in, empty where it is in none.

    Args:
        package: Its canonical name.
        groups: Each group's requirements, by its name; of several, ``ci`` is preferred.
    """
    for name in sorted(groups, key=lambda group: group != "ci"):
        if package in requirement_names(groups[name]):
            return name
    return ""


def _lock(root: Path) -> Path | None:
    if (root / "uv.lock").is_file():
        return root / "uv.lock"
    # A member of a uv workspace is locked by the workspace's own uv.lock.
    for folder in root.parents:
        if (folder / "uv.lock").is_file() and (folder / "pyproject.toml").is_file():
            return folder / "uv.lock" if _is_member(root, folder) else None
    return None


def _describes_package(setup_cfg: Path) -> bool:
    """Tell a package's ``setup.cfg`` from one that holds only tools' settings."""
    text = setup_cfg.read_text(encoding="utf-8", errors="replace") if setup_cfg.is_file() else ""
    return "[metadata]" in text


def _is_member(project: Path, workspace: Path) -> bool:
    try:
        pyproject = tomllib.loads((workspace / "pyproject.toml").read_text(encoding="utf-8"))
        declared = table(pyproject, "tool", "uv", "workspace")
        members, excluded = (
            {path for pattern in strings(declared.get(key)) for path in workspace.glob(pattern)}
            for key in ("members", "exclude")
        )
    except (ValueError, NotImplementedError):
        return False
    return project in members - excluded


def _resolved(
    name: str, groups: Mapping[str, object], including: tuple[str, ...], problems: Problems
) -> tuple[str, ...]:
    if name in including or name not in groups:
        what = "includes itself" if name in including else f"of {including[-1]} is missing"
        line = f"{problems.file}: dependency-groups: group {name!r} {what}"
        # Every group that includes this one comes upon it.
        if line not in problems.lines:
            problems.lines.append(line)
        return ()
    resolved: list[str] = []
    entries = groups[name]
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, str):
            resolved.append(entry)
        elif isinstance(entry, dict) and isinstance(included := entry.get("include-group"), str):
            included = canonicalize_name(included)
            resolved.extend(_resolved(included, groups, (*including, name), problems))
    return tuple(resolved)
