"""A repository's first definition: tried in a copy, then written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pushgate.adopt import (
    branches,
    checkers,
    noxfile,
    offers,
    pyproject,
    pythons,
    requirements,
    staging,
    subjects,
    taken_over,
)
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.found import Found, Setting
from pushgate.adopt.from_workflow.imported import Imported
from pushgate.adopt.staging import Change
from pushgate.config import pythons as versions
from pushgate.config.requirements import requirement_names
from pushgate.config.tables import table
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import NOXFILE, Definition, of_project
from pushgate.tools import git, interpreters, process, uv

_GROUPS: Final = ("ci", "pushgate", "pushgate-ci")
_PYPROJECT: Final = "pyproject.toml"

Render = Callable[[Definition], Sequence[Path]]
"""Writes the workflow files of a definition into its repository, and names them from its top."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is to be written, proven in a copy.

    Attributes:
        project: The project's folder.
        repository: The top folder of its repository.
        found: What was found, and what follows from it.
        changes: What is to be written.
        definition: The project's definition as it will be; its folders are the copy's.
    """

    project: Path
    repository: Path
    found: tuple[Found, ...]
    changes: tuple[Change, ...]
    definition: Definition


def prepare(project: Path, render: Render, imported: Imported | None) -> Prepared:
    """Find out what a project needs, and try it in a copy of its repository.

    Args:
        project: The project's folder.
        render: Writes the workflow files.
        imported: The workflow that is taken over; None: there is none.

    Raises:
        ConfigurationError: It does not work; the message says why.
        process.CommandError: Git or uv refuses.
    """
    repository = git.toplevel(project)
    with staging.staged(repository) as copy:
        root = copy / project.relative_to(repository)
        try:
            found, definition, files = _tried(root, repository, render, imported)
        except ConfigurationError as error:
            here = (each.replace(str(copy), str(repository)) for each in error.problems)
            raise ConfigurationError(*here) from error
        return Prepared(
            project=project,
            repository=repository,
            found=found,
            changes=staging.changes(copy, repository, files),
            definition=definition,
        )


def _tried(
    root: Path, repository: Path, render: Render, imported: Imported | None
) -> tuple[tuple[Found, ...], Definition, list[Path]]:
    evidence = Evidence.of(root)
    own = noxfile.sessions(evidence.text(NOXFILE))
    looked = _looked(evidence, repository, [session.name for session in own])
    existing = table(evidence.pyproject, "tool", "pushgate")
    found = taken_over.over(imported, looked, existing) if imported else tuple(looked)
    before = _text(root / _PYPROJECT)
    text = _with_groups(evidence, before)
    _write(root / _PYPROJECT, pyproject.with_settings(text, _settings(found)))
    noxfile_text = noxfile.extended(
        _text(root / NOXFILE),
        type_checked=noxfile.is_type_checked(evidence),
        imports=noxfile.required_imports(evidence),
    )
    _write(root / NOXFILE, noxfile_text)
    staging.track(evidence.repository, [str(_from_top(evidence, name)) for name in _defining()])
    definition = of_project(root)
    fitting = _fitting(found, definition, own)
    if imported or not existing:
        fitting += tuple(pythons.fallback(definition.settings))
    if fitting != found:
        found = fitting
        _write(root / _PYPROJECT, pyproject.with_settings(text, _settings(found)))
        definition = of_project(root)
    if own:
        found += tuple(noxfile.offers(own, frozenset(definition.gates)))
    found = tuple(offers.fitting(found, _text(root / _PYPROJECT), definition.gates))
    _check_nox(root)
    lock = definition.settings.dependencies.lock
    if lock and text != before:
        _lock(definition)
    files = [_from_top(evidence, name) for name in _defining()]
    files += [lock.relative_to(evidence.repository)] if lock else []
    files += render(definition)
    # With the gate that is there as soon as the workflow is.
    return found, of_project(root), files


def _fitting(
    found: tuple[Found, ...], definition: Definition, own: tuple[noxfile.Session, ...]
) -> tuple[Found, ...]:
    """Return what was found, and follows, as far as it fits the definition that came of it."""
    found = taken_over.as_sessions(found, noxfile.clashes(definition, own))
    off = {gate.gate: gate.reason for gate in definition.off}
    return taken_over.without_codecov(found, off)


def _defining() -> tuple[str, str]:
    return _PYPROJECT, NOXFILE


def _from_top(evidence: Evidence, name: str) -> Path:
    return evidence.root.relative_to(evidence.repository) / name


def _looked(evidence: Evidence, repository: Path, sessions: Sequence[str]) -> Iterator[Found]:
    yield from requirements.look(evidence)
    if _has_to_be_locked(evidence):
        group = _group(evidence)
        yield Found("lock", f"uv.lock: Pushgate comes into it, in the dependency group {group}")
    if table(evidence.pyproject, "tool", "pushgate"):
        yield Found("settings", "[tool.pushgate] is there: what it says stays")
        return
    yield from pythons.look(evidence)
    yield from branches.look(repository)
    yield from checkers.look(evidence, sessions)
    yield from subjects.look(evidence)


def _with_groups(evidence: Evidence, text: str) -> str:
    """Return ``pyproject.toml`` with the groups that are missing; the lock has to follow."""
    _, tests = requirements.of_tests(evidence)
    if tests:
        text = pyproject.with_group(text, requirements.GROUP, tests)
    if _has_to_be_locked(evidence):
        text = pyproject.with_group(text, _group(evidence), [_requirement(evidence)])
    return text


def _has_to_be_locked(evidence: Evidence) -> bool:
    known = requirements.native(evidence)
    listed = (known.runtime, *known.groups.values(), *known.extras.values())
    names = requirement_names([line for lines in listed for line in lines])
    own = table(evidence.pyproject, "project").get("name")
    return bool(known.lock) and "pushgate" not in {*names, own}


def _group(evidence: Evidence) -> str:
    """Return the name of the group that Pushgate comes into: one of its own."""
    return next(each for each in _GROUPS if each not in requirements.native(evidence).groups)


def _requirement(evidence: Evidence) -> str:
    ours = f"pushgate>={version('pushgate')}"
    requires = table(evidence.pyproject, "project").get("requires-python")
    try:
        allowed = SpecifierSet(str(requires or ""))
    except InvalidSpecifier:
        return ours
    older = ("3.6", "3.7", "3.8", *(each for each in versions.RELEASED if not _runs_ours(each)))
    if any(allowed.contains(f"{each}.999") for each in older):
        return f"{ours} ; python_version >= '{versions.OURS}'"
    return ours


def _runs_ours(python: str) -> bool:
    return SpecifierSet(f">={versions.OURS}").contains(f"{python}.999")


def _settings(found: Sequence[Found]) -> list[Setting]:
    return [setting for each in found for setting in each.settings]


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode() if file.is_file() else ""
    except UnicodeDecodeError as error:
        message = f"{file.name}: {error}"
        raise ConfigurationError(message) from error


def _write(file: Path, text: str) -> None:
    if text or file.is_file():
        file.write_bytes(text.encode())


def _check_nox(root: Path) -> None:
    """Let Nox itself read the noxfile: with its own sessions and Pushgate's gates."""
    # -P: a nox.py of the project is not Nox.
    command = (sys.executable, "-P", "-m", "nox", "--list", "--script-mode", "none")
    try:
        process.capture(command, cwd=root, env=process.clean_environment())
    except process.CommandError as error:
        said = error.completed.stderr.strip() or error.completed.stdout.strip()
        lines = [line for line in said.splitlines() if line.strip()]
        message = f"{NOXFILE} would not work: {lines[-1] if lines else error}"
        raise ConfigurationError(message) from error


def _lock(definition: Definition) -> None:
    try:
        python = interpreters.find(definition.settings.default_python)
    except interpreters.InterpreterMissingError:
        python = None
    try:
        uv.lock(definition.settings.root, python)
    except process.CommandError as error:
        said = error.completed.stderr.strip().splitlines()
        head = "`uv lock` refuses what would be written, so nothing is:"
        raise ConfigurationError(head, *(said or [str(error)])) from error
