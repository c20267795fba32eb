"""Linters, formatters and type checkers: which the project uses, and which it does not."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from packaging.utils import canonicalize_name

from pushgate.adopt import requirements, tox
from pushgate.adopt.evidence import RUFF_FILES, Evidence
from pushgate.adopt.found import Found, Setting, Value, own_gate
from pushgate.config import layout
from pushgate.config.requirements import requirement_names
from pushgate.config.tables import table

_OTHERS: Final = {
    "black": ("--check", "/black", "/black-pre-commit-mirror"),
    "isort": ("--check-only", "/isort"),
    "flake8": ("", "/flake8"),
}
"""Other linters: how each is told to change nothing, and where pre-commit takes it from."""

_PLUGINS: Final = frozenset({"pep8-naming"})
"""What extends one of them and is not called ``flake8-`` and the like."""

_FORMATTERS: Final = ("black", "isort")
_TYPES: Final = {
    "mypy": ("mypy.ini", ".mypy.ini"),
    "pyright": ("pyrightconfig.json",),
    "ty": ("ty.toml",),
}
"""Type checkers in the order in which the gate chooses one, with their files."""


def look(evidence: Evidence, sessions: Collection[str]) -> Iterator[Found]:
    """Find out what the gates lint and types can ask for.

    Args:
        evidence: The project.
        sessions: The names of the sessions that it has: one called as a gate is that gate.
    """
    for gate, found in (("lint", _linters), ("types", _type_checker)):
        if gate in sessions:
            session = Setting(("gates", gate, "session"), gate, "the session of the noxfile")
            yield Found(gate, f"the noxfile's own session {gate}", (session,))
        else:
            yield found(evidence)
    if not _uses(evidence, requirements.required(evidence), "bandit"):
        said = "bandit is new here: `# nosec B324` accepts a finding, [tool.bandit] a kind of them"
        yield Found("security", said)


def _linters(evidence: Evidence) -> Found:
    required = requirements.required(evidence)
    others = [tool for tool in _OTHERS if _uses(evidence, required, tool)]
    where = ("gates", "lint")
    revision = evidence.hook_revision("/ruff-pre-commit")
    if not revision and not _uses(evidence, required, "ruff", *RUFF_FILES):
        if not others:
            why = "no linter is set up; with ruff, delete this table"
            off = Setting((*where, "enabled"), value=False, why=why)
            return Found("lint", "no linter is set up: the gate lint is off", (off,))
        said = f"{', '.join(others)}, no ruff: the gate lint runs them"
        return Found("lint", said, _gate("lint", evidence, others))
    formats = "format" in table(evidence.pyproject, "tool", "ruff") or _formats(evidence)
    # Of two formatters only one is right; the rules of the other linters may be asked for beside.
    beside = [tool for tool in others if not (formats and tool in _FORMATTERS)]
    said = f"ruff, {'with' if formats else 'without'} `ruff format`"
    settings: tuple[Setting, ...] = ()
    if revision and not _is_locked(evidence, "ruff"):
        said += f", in the version {revision} of pre-commit's hook"
        settings = _pinned_ruff(revision, formats=formats)
    elif not formats:
        why = "black formats it" if "black" in others else "nothing calls `ruff format`"
        said += f" ({why})"
        settings = (Setting((*where, "format"), value=False, why=why),)
    if beside:
        whose = "their" if len(beside) > 1 else "its"
        said += f"; {', '.join(beside)}: a gate of {whose} own, style"
        settings += _gate("style", evidence, beside)
    return Found("lint", said, settings)


def _pinned_ruff(version: str, *, formats: bool) -> tuple[Setting, ...]:
    """Return the gate lint with another ruff: a newer one has rules that nobody has met yet."""
    start = f"uvx ruff=={version}"
    commands = (f"{start} format --check .",) if formats else ()
    why = "the version of pre-commit's hook"
    return own_gate("lint", (*commands, f"{start} check --no-fix ."), why, environment=False)


def _is_locked(evidence: Evidence, package: str) -> bool:
    lock = requirements.native(evidence).lock
    return lock is not None and f'\nname = "{package}"\n' in lock.read_text(encoding="utf-8")


def _formats(evidence: Evidence) -> bool:
    text = evidence.commands
    return any(call in text for call in ("ruff-format", "ruff format", '"ruff", "format"'))


def _uses(evidence: Evidence, required: frozenset[str], tool: str, *files: str) -> bool:
    configured = tool in table(evidence.pyproject, "tool") or evidence.has(*files)
    return bool(configured) or tool in required or evidence.runs(tool)


def _gate(name: str, evidence: Evidence, tools: Sequence[str]) -> tuple[Setting, ...]:
    known = requirements.native(evidence)
    group = next((group for group, lines in known.groups.items() if _holds(lines, tools)), None)
    listed = [line for lines in known.extras.values() for line in lines]
    in_extras = _holds(listed, tools)
    here = group is not None or in_extras
    commands = [line for tool in tools for line in _commands(evidence, tool, here=here)]
    keys: dict[str, Value] = {}
    if not here:
        keys["environment"] = False
    elif group is not None and group not in known.default_groups:
        keys["groups"] = (group,)
    return own_gate(name, tuple(commands), f"the project uses {' and '.join(tools)}", **keys)


def _commands(evidence: Evidence, tool: str, *, here: bool) -> Iterator[str]:
    """Yield a linter's command lines: as tox is told them, else for all of the code.

    Args:
        evidence: The project.
        tool: The linter.
        here: Whether the gate's environment has it.
    """
    told = tox.calls(evidence, tool)
    start = [tool] if here else _fetched(evidence, tool, told.requirements)
    option = _OTHERS[tool][0]
    for arguments in told.arguments or [tuple(_paths(evidence))]:
        looks_only = not option or not {option, "--check"}.isdisjoint(arguments)
        yield shlex.join([*start, *([] if looks_only else [option]), *arguments])


def _fetched(evidence: Evidence, tool: str, requirements: Sequence[str]) -> list[str]:
    """Return the start of a command that brings the linter with it, and its plugins."""
    version = _version(evidence, tool)
    words = ["uvx"]
    for line in requirements:
        [name] = requirement_names([line]) or [""]
        if name.startswith(f"{tool}-") or name in _PLUGINS:
            words += ["--with", line]
        elif name == tool and (pinned := re.fullmatch(r"[\w-]+==([\w.]+)", line)):
            version = pinned[1]
    return [*words, f"{tool}=={version}" if version else tool]


def _holds(lines: Sequence[str], tools: Sequence[str]) -> bool:
    return set(tools) <= requirement_names(lines)


def _paths(evidence: Evidence) -> list[str]:
    pyproject = evidence.pyproject
    name = str(table(pyproject, "project").get("name") or evidence.root.name)
    sources = layout.sources(name, pyproject, evidence.tracked)
    tests = layout.tests(evidence.root, pyproject, evidence.tracked)
    found = dict.fromkeys((*sources, *tests))
    plain = [path for path in found if not any(sign in path for sign in " \"'\\;<>|&$")]
    return plain if plain and len(plain) == len(found) else ["."]


def _version(evidence: Evidence, tool: str) -> str:
    """Return the version of a tool that the project uses, empty where nothing says it."""
    for repository in _OTHERS[tool][1:]:
        if revision := evidence.hook_revision(repository):
            return revision
    try:
        packages = tomllib.loads(evidence.text("poetry.lock")).get("package", [])
    except tomllib.TOMLDecodeError:
        return ""
    named = (package for package in packages if canonicalize_name(package["name"]) == tool)
    return next((str(package["version"]) for package in named), "")


def _type_checker(evidence: Evidence) -> Found:
    required = requirements.required(evidence)
    in_setup_cfg = "[mypy]" in evidence.text("setup.cfg") or "[mypy]" in evidence.text("tox.ini")
    for tool, files in _TYPES.items():
        configured = table(evidence.pyproject, "tool", tool)
        if (tool == "mypy" and in_setup_cfg) or _uses(evidence, required, tool, *files):
            if configured or tool == "mypy":
                return Found("types", tool)
            why = f"the project uses {tool}"
            return Found("types", tool, (Setting(("gates", "types", "tool"), tool, why),))
    why = "no type checker is set up; with mypy, pyright or ty, delete this table"
    off = Setting(("gates", "types", "enabled"), value=False, why=why)
    return Found("types", "no type checker is set up: the gate types is off", (off,))
