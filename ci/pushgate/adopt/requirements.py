"""What the tests require where only another tool's table says it: Poetry, PDM, Hatch, tox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pushgate.adopt import tox
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.found import Found
from pushgate.config import requirements
from pushgate.config.requirements import requirement_names
from pushgate.config.schema import Problems
from pushgate.config.tables import strings, table
from pushgate.gates.environments import TEST_GROUPS
from pushgate.model.settings import Dependencies

GROUP: Final = "tests"
"""The dependency group that is written for what only another tool's table says."""

_NAMES: Final = (*TEST_GROUPS, "dev", "hatch-test", "default")
_CARET_OR_TILDE: Final = re.compile(r"([\^~])\s*(\d+(?:\.\d+)*)\S*")


def native(evidence: Evidence) -> Dependencies:
    """Return what Pushgate itself reads of a project's requirements."""
    return requirements.detect(evidence.root, evidence.pyproject, Problems("pyproject.toml"))


def required(evidence: Evidence) -> frozenset[str]:
    """Return the canonical names of all that the project requires to be developed."""
    known = native(evidence)
    lists = [*known.groups.values(), *known.extras.values(), _of_files(evidence, known)]
    lists += [lines for _, _, lines in _others(evidence)]
    return requirement_names([line for lines in lists for line in lines])


def installed(evidence: Evidence) -> frozenset[str]:
    """Return the canonical names of what a gate's environment holds without asking for a group."""
    known = native(evidence)
    lists = [known.runtime, *known.extras.values(), _of_files(evidence, known)]
    lists += [known.groups[name] for name in known.default_groups]
    return requirement_names([line for lines in lists for line in lines])


def of_tests(evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    """Find what the tests require, where Pushgate's gates would not find it.

    Returns:
        Where it is written, and the requirements (PEP 508); empty where nothing is missing.
    """
    known = native(evidence)
    listed = (*known.groups.items(), *known.extras.items(), ("", _of_files(evidence, known)))
    if any(name in TEST_GROUPS or "pytest" in requirement_names(lines) for name, lines in listed):
        return "", ()
    others = [(where, name, lines) for where, name, lines in _others(evidence) if lines]
    chosen = [other for other in others if "pytest" in requirement_names(other[2])]
    chosen += [other for other in others if other[1] in _NAMES and other not in chosen]
    if not chosen:
        return "", ()
    # With a group in pyproject.toml, requirements files no longer count.
    lines = [line for _, _, lines in chosen for line in lines]
    lines += _of_files(evidence, known)
    where = ", ".join(dict.fromkeys(where for where, _, _ in chosen))
    return where, tuple(dict.fromkeys(filter(_is_requirement, lines)))


def look(evidence: Evidence) -> Iterator[Found]:
    """Tell what is written down for the tests, and what other tools then have to be told."""
    where, lines = of_tests(evidence)
    if not lines:
        return
    said = f"what the tests require is only in {where}: copied to the dependency group {GROUP}"
    locks = {"poetry.lock": "poetry lock", "pdm.lock": "pdm lock"}
    for file, command in locks.items():
        if evidence.has(file):
            said += f"; {file} has to know: `{command}` (the gates take the newest that fit)"
    yield Found("requires", said)


def _is_requirement(line: str) -> bool:
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True


def _of_files(evidence: Evidence, known: Dependencies) -> tuple[str, ...]:
    return tuple(line for name in known.requirements for line in _of_file(evidence.root / name, ()))


def _of_file(file: Path, including: tuple[Path, ...]) -> Iterator[str]:
    if not file.is_file() or file in including:
        return
    text = file.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    for raw in text.splitlines():
        line = re.sub(r"(?:^|\s)#.*|\s--hash=\S+", "", raw).strip()
        if included := re.fullmatch(r"(?:-r|--requirement)[ =]*(\S+)", line):
            yield from _of_file(file.parent / included[1], (*including, file))
        elif line:
            yield line


def _others(evidence: Evidence) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield where requirements are, what their group is called, and they themselves."""
    tool = table(evidence.pyproject, "tool")
    poetry = table(tool, "poetry")
    legacy = table(poetry, "dev-dependencies")
    yield "[tool.poetry.dev-dependencies]", "dev", tuple(_of_poetry(legacy))
    for name in table(poetry, "group"):
        lines = tuple(_of_poetry(table(poetry, "group", name, "dependencies")))
        yield f"[tool.poetry.group.{name}]", name, lines
    for name, said in table(tool, "pdm", "dev-dependencies").items():
        yield "[tool.pdm.dev-dependencies]", name, strings(said)
    environments = {**table(tool, "hatch", "envs"), **table(evidence.toml("hatch.toml"), "envs")}
    for name in environments:
        keys = table(environments, name)
        lines = strings(keys.get("dependencies")) + strings(keys.get("extra-dependencies"))
        yield f"Hatch's environment {name}", name, lines
    yield from _of_setup_cfg(evidence)
    told = tox.read(evidence)
    lines = tuple(line for each in told.requirements for line in _of_line(evidence.root, each))
    yield told.file, "tests", lines


def _of_line(root: Path, line: str) -> Iterator[str]:
    included = re.fullmatch(r"-r\s*(\S+)", line)
    if included:
        yield from _of_file(root / included[1], ())
    else:
        yield line


def _of_setup_cfg(evidence: Evidence) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(evidence.text("setup.cfg"))
    except IniError:
        return
    if parser.has_section("options.extras_require"):
        for name, lines in parser["options.extras_require"].items():
            yield "setup.cfg", name, tuple(filter(None, map(str.strip, lines.splitlines())))


def _of_poetry(tables: Mapping[str, Any]) -> Iterator[str]:
    for name, said in tables.items():
        for each in said if isinstance(said, list) else [said]:
            keys = each if isinstance(each, dict) else {"version": each}
            if "path" in keys or "url" in keys:
                continue
            extras = f"[{','.join(keys['extras'])}]" if keys.get("extras") else ""
            where = f" @ git+{keys['git']}" if "git" in keys else specifier(str(keys["version"]))
            marker = _marker(str(keys.get("python", "")), str(keys.get("markers", "")))
            yield f"{canonicalize_name(name)}{extras}{where}{marker}"


def specifier(constraint: str) -> str:
    """Return a version constraint of Poetry's as PEP 440 writes it, empty where anything goes.

    Args:
        constraint: Such as ``^1.2``, ``~1.2.3``, ``1.*`` or ``>=1,<3``.
    """
    if "|" in constraint:
        return ""
    parts = re.split(r"\s*,\s*|(?<=[\d*])\s+(?=[<>=!^~])", constraint.strip())
    return ",".join(filter(None, map(_specified, parts)))


def _specified(part: str) -> str:
    if part in {"", "*"}:
        return ""
    if match := _CARET_OR_TILDE.fullmatch(part):
        return f">={match[2]},<{_next(match[1], [int(n) for n in match[2].split('.')])}"
    part = part.replace(" ", "")
    return part if part[0] in "<>=!~" else f"=={part}"


def _next(sign: str, numbers: list[int]) -> str:
    """Return the first version that a caret or a tilde leaves out."""
    kept = min(1, len(numbers) - 1)
    if sign == "^":
        kept = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(map(str, [*numbers[:kept], numbers[kept] + 1]))


def _marker(python: str, markers: str) -> str:
    versions = [part for part in specifier(python).split(",") if part]
    found = [re.sub(r"^(\W+)(.*)", r"python_version \1 '\2'", part) for part in versions]
    if markers:
        found.append(f"({markers})")
    return f" ; {' and '.join(found)}" if found else ""
