"""Settings: detected, configured, validated."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pushgate.config import ci, inputs, layout, pytest_settings, pythons, requirements
from pushgate.config.schema import Problems, read_over
from pushgate.config.tables import table
from pushgate.model.ci import CiSettings
from pushgate.model.services import ServiceSettings
from pushgate.model.settings import ConfigurationError, GateOptions, Settings
from pushgate.tools import git

_VERSION: Final = re.compile(r"3\.\d+")
_GATE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_NAME_EXPECTED: Final = "a name of a-z, 0-9, - and _, a letter first"
_GATES: Final = "tool.pushgate.gates"


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        message = "expected a version such as '3.12'"
        raise ValueError(message)
    return text


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Table:
    """The keys of ``[tool.pushgate]``."""

    branches: tuple[str, ...] = dataclasses.field(default=("main",), metadata={"nonempty": True})
    python: tuple[str, ...] = dataclasses.field(
        default=(), metadata={"parse": _version, "nonempty": True}
    )
    default_python: str | None = dataclasses.field(default=None, metadata={"parse": _version})
    sources: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    verify_records: float = dataclasses.field(default=0.005, metadata={"minimum": 0, "maximum": 1})
    ci: CiSettings = dataclasses.field(default_factory=CiSettings)
    services: ServiceSettings = dataclasses.field(default_factory=ServiceSettings)
    gates: dict[str, object] = dataclasses.field(default_factory=dict)


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
    message = f"{folder}: no pyproject.toml here or above, up to {top}: "
    if below := _projects_below(folder):
        message += f"go to a project below, {' or '.join(below)}"
    else:
        message += "Pushgate reads the project's definition there; `pushgate init` makes one"
    raise ConfigurationError(message)


def _projects_below(folder: Path) -> list[str]:
    """Return the commands that lead to the folders below which hold a definition."""
    tracked = set(map(PurePosixPath, git.tracked_files(folder)))
    found = [file.parent for file in tracked if file.name == "noxfile.py"]
    projects = [path for path in sorted(found) if path / "pyproject.toml" in tracked]
    return [f"`{shlex.join(('cd', str(path)))}`" for path in projects]


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
    configured = _configured(pyproject, problems)
    own_table = read_over(_Table(), configured, "tool.pushgate", problems)
    _check_paths(root, own_table, problems)
    gates = _gates(own_table.gates, schemas, own, declared, problems)
    found = requirements.detect(root, pyproject, problems)
    name = str(table(pyproject, "project").get("name") or root.name)
    try:
        repository, tracked = git.toplevel(root), git.tracked_files(root)
    except git.NoRepositoryError as error:
        raise ConfigurationError(*problems.lines, str(error)) from error
    problems.lines += inputs.problems(
        gates, own_table.gates, declared, inputs.Tracked.of(root, repository, tracked, gates)
    )
    python = own_table.python
    if "python" not in configured and not (python := pythons.supported(pyproject)):
        problems.lines.append(
            f"{problems.file}: tool.pushgate.python is missing, and neither project.classifiers "
            "nor project.requires-python says it: expected an array such as ['3.12', '3.13']"
        )
    python = tuple(sorted(set(python), key=pythons.version_key))
    if python and own_table.default_python and own_table.default_python not in python:
        problems.add(
            "tool.pushgate.default-python", own_table.default_python, f"one of {', '.join(python)}"
        )
    ci_settings = ci.completed(own_table.ci, pyproject, gates, problems)
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
        tracked=tracked,
        pytest_options=pytest_settings.words(root, pyproject, "addopts"),
        dependencies=found,
        verify_records=own_table.verify_records,
        ci=ci_settings,
        services=own_table.services,
        tool_tables=table(pyproject, "tool"),
        gates=gates,
    )


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        message = f"{file.name}: {error}"
        raise ConfigurationError(message) from error


def _configured(pyproject: Mapping[str, object], problems: Problems) -> Mapping[str, object]:
    configured = table(pyproject, "tool").get("pushgate", {})
    if isinstance(configured, dict):
        return configured
    problems.add("tool.pushgate", configured, "a table")
    return {}


def _check_paths(root: Path, own_table: _Table, problems: Problems) -> None:
    for key in ("sources", "tests"):
        for index, path in enumerate(getattr(own_table, key)):
            inside = Path(os.path.normpath(root / path)).is_relative_to(root)
            if not inside or not (root / path).exists():
                problems.add(
                    f"tool.pushgate.{key}[{index}]", path, "a file or folder of the project"
                )


def _gates(
    tables: Mapping[str, object],
    schemas: Mapping[str, type[GateOptions]],
    own: type[GateOptions],
    declared: Mapping[str, GateOptions],
    problems: Problems,
) -> dict[str, GateOptions]:
    options: dict[str, GateOptions] = {name: schema() for name, schema in schemas.items()}
    options |= declared
    for name, keys in tables.items():
        where = f"{_GATES}.{name}"
        if not isinstance(keys, dict):
            problems.add(where, keys, "a table")
        elif name not in options and not keys.keys() & {"run", "session"}:
            known = {*schemas, *declared}
            problems.unknown(_GATES, name, known, "gate", "one of your own has `run` or `session`")
        elif not _GATE_NAME.fullmatch(name):
            problems.add(where, name, _NAME_EXPECTED)
        else:
            said = {"run", "session"} & keys.keys()
            if len(said) > 1:
                problems.lines.append(
                    f"{problems.file}: {where}: expected run or session, not both"
                )
            if {"session", "retries"} <= keys.keys():
                problems.lines.append(
                    f"{problems.file}: {where}.retries: a session of the project's own is Nox's "
                    "to carry out, here and in CI: let it try again itself"
                )
            base = options.get(name)
            if base is None or (said and not isinstance(base, own)):
                base = own()
            options[name] = read_over(base, keys, where, problems)
    problems.lines += _unknown_gates(tables, declared, options)
    return options


def _unknown_gates(
    tables: Mapping[str, object],
    declared: Mapping[str, GateOptions],
    options: Mapping[str, GateOptions],
) -> list[str]:
    """Tell which gates are badly named or wait for ones that do not exist, in either file."""
    configured, noxfile = Problems("pyproject.toml"), Problems("noxfile.py")
    for name in declared:
        if not _GATE_NAME.fullmatch(name):
            noxfile.add("gate", name, _NAME_EXPECTED)
    # A gate whose table is wrong is told once, there.
    known = options.keys() | tables.keys()
    for name, option in options.items():
        for key in ("after", "needs"):
            in_table = key in table(tables, name)
            told = configured if in_table or name not in declared else noxfile
            where = f"{_GATES}.{name}.{key}" if told is configured else f"gate {name!r}: {key}"
            for gate in getattr(option, key, ()):
                if gate not in known:
                    told.unknown(where, gate, options, "gate")
    return [*configured.lines, *noxfile.lines]
