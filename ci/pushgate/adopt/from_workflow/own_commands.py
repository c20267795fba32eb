"""The commands of gates of a project's own, which do what a step's commands do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from pushgate.adopt.from_workflow.calls import Call, called
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.recognition import RECOGNISERS
from pushgate.adopt.from_workflow.shell_lines import Line
from pushgate.adopt.from_workflow.workflow_reading import Texts

_BASH: Final = ("bash", "-e", "-c")
_SHELLS: Final[Mapping[str, tuple[str, ...]]] = {
    # What GitHub itself starts for each word.
    "": _BASH,
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"),
    "sh": ("sh", "-e", "-c"),
    "python": ("python", "-c"),
}
_NOT_CARRIED: Final = re.compile(
    r"(UV|PIP|PIPX|POETRY|PDM|HATCH|NOX|TOX)_\w+|TOXENV|NOXFORCEPYTHON"
    r"|FORCE_COLOR|NO_COLOR|PY_COLORS|CLICOLOR(_FORCE)?|TERM|COLUMNS"
)
"""Variables of what makes environments, which the gates do, and of colours."""


@dataclass(frozen=True)
class Surroundings:
    """What a step's commands have around them.

    Attributes:
        shell: What runs them, in GitHub's words.
        folder: Where they run, from the project's folder; empty: there.
        variables: The variables that are set for them.
        installed: What the job has installed before.
    """

    shell: str
    folder: str
    variables: Texts
    installed: Installed


def carried(variables: Texts) -> dict[str, str]:
    """Return the variables that a gate's commands are given."""
    return {name: value for name, value in variables.items() if not _NOT_CARRIED.fullmatch(name)}


def known_shell(shell: str) -> bool:
    """Tell whether a gate can start a step's shell as GitHub does."""
    return shell in _SHELLS


def of_script(script: str, around: Surroundings) -> tuple[str, ...]:
    """Return the words that run a script as GitHub does."""
    start = _SHELLS[around.shell]
    if around.folder:
        script = f"cd {shlex.quote(around.folder)}\n{script}"
    words = (*_packages(around.installed, ""), *start, script.strip("\n"))
    return (*_environment(around.variables), *words)


def called_in(line: Line) -> Call:
    """Return the one command of a line that needs no shell."""
    return called(line.commands[0]) if line.commands else Call("", (), ())


def of_call(call: Call, around: Surroundings) -> tuple[str, ...]:
    """Return the words that run one command."""
    variables = {**around.variables, **call.variables}
    wanted = around.installed + Installed(packages=call.packages)
    words = call.words
    if words[0] not in {"uv", "uvx"}:
        name = canonicalize_name(call.program)
        extra = _needed(wanted, name)
        by_name = words[0] == call.program or words[:3] == ("python", "-m", call.program)
        direct = by_name and not wanted.project and not call.in_project
        if direct and not extra.requirements and _names(extra.packages) == [name]:
            spec = extra.packages[0]
            start = ("uvx",) if spec == name else ("uvx", "--from", spec)
            words = (*start, call.program, *call.arguments)
        else:
            words = (*_packages(extra, name), *words)
    return (*_environment(variables), *words)


def _environment(variables: Texts) -> tuple[str, ...]:
    kept = carried(variables)
    return ("env", *(f"{name}={value}" for name, value in kept.items())) if kept else ()


def _names(packages: Iterable[str]) -> list[str]:
    return [canonicalize_name(re.split(r"[\[<>=!~@; ]", package)[0]) for package in packages]


def _needed(installed: Installed, program: str) -> Installed:
    """Leave out the tools that a job installs for its other commands."""
    pairs = zip(_names(installed.packages), installed.packages, strict=True)
    others = {*RECOGNISERS, "pip"} - {program}
    packages = (spec for name, spec in pairs if name not in others)
    return Installed(installed.project, tuple(packages), installed.requirements)


def _packages(installed: Installed, program: str) -> tuple[str, ...]:
    """Return what puts packages above the environment for one command."""
    needed = _needed(installed, program) if program else installed
    options = [word for package in needed.packages for word in ("--with", package)]
    for file in needed.requirements:
        options += ["--with-requirements", file]
    return ("uv", "run", "--no-project", *options, "--") if options else ()


def needs_project(calls: Sequence[Call], words: Iterable[tuple[str, ...]], got: Installed) -> bool:
    """Tell whether commands of a gate look for the project's environment.

    Args:
        calls: What they call.
        words: The commands as the gate runs them.
        got: What the job had installed before.
    """
    if got.project or any(call.in_project for call in calls):
        return True
    brought = {"uv", "uvx"}
    starts = [[word for word in each if word != "env" and "=" not in word][:1] for each in words]
    return not all(set(start) <= brought for start in starts)
