"""Settings: detected, configured, validated."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pushgate.config import layout, pythons, requirements
from pushgate.config.schema import Problems, read
from pushgate.config.tables import table
from pushgate.model.settings import ConfigurationError, GateOptions, Settings
from pushgate.tools import git

_VERSION: Final = re.compile(r"3\.\d+")
_GATE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        message = "expected a version such as '3.12'"
        raise ValueError(message)
    return text


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Table:
    """The keys of ``[tool.pushgate]``."""

    branches: tuple[str, ...] = ("main",)
    python: tuple[str, ...] = dataclasses.field(default=(), metadata={"parse": _version})
    default_python: str | None = dataclasses.field(default=None, metadata={"parse": _version})
    sources: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


def find_project(folder: Path) -> Path:
    """Find the project that ``folder`` is in: the nearest folder with a ``pyproject.toml``.

    Raises:
        ConfigurationError: There is none up to the top of the git repository, or no repository.
    """
    folder = folder.resolve()
    try:
        top = git.toplevel(folder)
    except git.NoRepositoryError as error:
        raise ConfigurationError(str(error)) from error
    for candidate in (folder, *folder.parents):
        if (candidate / "pyproject.toml").is_file():
            return candidate
        if candidate == top:
            break
    message = (
        f"{folder}: no pyproject.toml here or above, up to {top}: "
        "Pushgate reads the project's definition there"
    )
    raise ConfigurationError(message)


def load(
    root: Path,
    schemas: Mapping[str, type[GateOptions]],
    own: type[GateOptions],
    declared: Mapping[str, GateOptions],
) -> Settings:
    """Read a project's definition.

    Args:
        root: The project's folder.
        schemas: The options of every built-in gate, by its name.
        own: The options of a gate that only ``[tool.pushgate.gates]`` defines.
        declared: The gates that the noxfile declares, with the options that it gave.

    Raises:
        ConfigurationError: With every problem that was found.
    """
    pyproject = _parsed(root / "pyproject.toml")
    problems = Problems("pyproject.toml")
    configured = dict(table(pyproject, "tool", "pushgate"))
    gate_tables = configured.pop("gates", {})
    own_table = read(_Table, configured, "tool.pushgate", problems) or _Table()
    gates = _gates(gate_tables, schemas, own, declared, problems)
    _check_paths(root, own_table, problems)
    found = requirements.detect(root, pyproject, problems)
    name = str(table(pyproject, "project").get("name") or root.name)
    try:
        repository, tracked = git.toplevel(root), git.tracked_files(root)
    except git.NoRepositoryError as error:
        raise ConfigurationError(*problems.lines, str(error)) from error
    python = own_table.python or pythons.supported(pyproject)
    if not python:
        problems.lines.append(
            f"{problems.file}: tool.pushgate.python is missing, and neither project.classifiers "
            "nor project.requires-python says it: expected an array such as ['3.12', '3.13']"
        )
    python = tuple(sorted(set(python), key=pythons.version_key))
    if own_table.default_python and own_table.default_python not in python:
        problems.add(
            "tool.pushgate.default-python", own_table.default_python, f"one of {', '.join(python)}"
        )
    if problems.lines:
        raise ConfigurationError(*problems.lines)
    return Settings(
        root=root,
        repository=repository,
        name=name,
        branches=own_table.branches,
        python=python,
        default_python=own_table.default_python or pythons.default(root, python),
        sources=own_table.sources or layout.sources(name, pyproject, tracked),
        tests=own_table.tests or layout.tests(root, pyproject, tracked),
        dependencies=found,
        tool_tables=table(pyproject, "tool"),
        gates=gates,
    )


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        message = f"{file.name}: {error}"
        raise ConfigurationError(message) from error


def _check_paths(root: Path, configured: _Table, problems: Problems) -> None:
    for key in ("sources", "tests"):
        for index, path in enumerate(getattr(configured, key)):
            if not (root / path).exists():
                problems.add(
                    f"tool.pushgate.{key}[{index}]", path, "a file or folder of the project"
                )
    if not configured.branches:
        problems.add("tool.pushgate.branches", [], "at least the main branch")


def _gates(
    tables: object,
    schemas: Mapping[str, type[GateOptions]],
    own: type[GateOptions],
    declared: Mapping[str, GateOptions],
    problems: Problems,
) -> dict[str, GateOptions]:
    where = "tool.pushgate.gates"
    if not isinstance(tables, dict):
        problems.add(where, tables, "a table")
        return {}
    options: dict[str, GateOptions] = {name: schema() for name, schema in schemas.items()}
    options |= declared
    for name, keys in tables.items():
        if not isinstance(keys, dict):
            problems.add(f"{where}.{name}", keys, "a table")
            continue
        if name not in options and not keys.keys() & {"run", "session"}:
            problems.unknown(f"{where}.{name}", options, "gate")
            continue
        if not _GATE_NAME.fullmatch(name):
            problems.add(f"{where}.{name}", name, "a name of a-z, 0-9, - and _, a letter first")
            continue
        schema = own if {"run", "session"} & keys.keys() else type(options.get(name, own()))
        given = read(schema, keys, f"{where}.{name}", problems)
        if given is not None:
            base = options.get(name)
            changed = {key.replace("-", "_"): getattr(given, key.replace("-", "_")) for key in keys}
            options[name] = (
                dataclasses.replace(base, **changed)
                if base is not None and type(base) is schema
                else given
            )
    for name, option in options.items():
        for gate in option.after:
            if gate not in options:
                problems.unknown(f"{where}.{name}.after.{gate}", options, "gate")
    return options
