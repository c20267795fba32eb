"""What the commands of one step are: gates, installations, or something of the project's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from pushgate.adopt.from_workflow import installs
from pushgate.adopt.from_workflow.calls import Call, called
from pushgate.adopt.from_workflow.findings import Finding
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.left_commands import (
    left_because,
    left_of_text,
    line_only_shows,
    only_shows,
)
from pushgate.adopt.from_workflow.recognition import recognised
from pushgate.adopt.from_workflow.shell_lines import Line, lines
from pushgate.adopt.from_workflow.workflow_reading import Texts

_GITHUB_FILES: Final = re.compile(r"\b(?:GITHUB_(?!STEP_SUMMARY|ACTIONS)|RUNNER_)[A-Z_]+\b")
_CHANGES_SHELL: Final = re.compile(
    r"(?:export|cd|pushd|popd|unset|alias|ulimit|shopt|trap|eval|exec|return|exit|read|declare"
    r"|local|\w+=\S*$)\b|\w+=\S*\s*$|\w+=\("
)
_ACTIVATES: Final = re.compile(r"(?:source|\.)\s+\S*(?:activate|VENV|VIRTUAL_ENV)\S*")
_SETS_OPTIONS: Final = re.compile(r"set\s+[-+]\w")


@dataclass(frozen=True)
class Found:
    """A gate that a command of a step is.

    Attributes:
        finding: The gate.
        line: The line that the command is in.
        call: The command.
    """

    finding: Finding
    line: Line
    call: Call


@dataclass(frozen=True)
class Reading:
    """What the commands of a step are.

    Attributes:
        found: The gates that they are.
        installed: What they install.
        installs: Whether one of them makes an environment.
        others: The lines that are none of that, with the shell's options that hold for them.
        whole: Whether the script makes sense as a whole only; ``others`` is empty then.
        left: Why a command stays in CI; empty: none does.
        calls: All commands that could be told apart.
    """

    found: tuple[Found, ...] = ()
    installed: Installed = field(default_factory=Installed)
    installs: bool = False
    others: tuple[Line, ...] = ()
    whole: bool = False
    left: str = ""
    calls: tuple[Call, ...] = ()


def read_script(script: str, variables: Texts, python: str) -> Reading:
    """Tell what a script's commands are.

    Args:
        script: What a shell is given, expressions replaced by their values.
        variables: The variables that are set for it.
        python: The Python that it runs on (``X.Y``); empty: none is said.
    """
    split = lines(script, variables)
    if split is None or any(_CHANGES_SHELL.match(line.text) for line in split):
        return Reading(whole=True, left=_of_github(script, variables) or _left_in(script))
    reading = Reading()
    for line in split:
        reading = _with_line(reading, line, variables, python)
    meaningful = [line for line in reading.others if not _SETS_OPTIONS.match(line.text)]
    if not meaningful:
        return replace(reading, others=())
    # What comes after a command may look at what it has made: these stay together.
    measured = any(call.program == "coverage" for call in reading.calls)
    own = [
        found
        for found in reading.found
        if found.finding.own or (measured and found.call.program == "coverage")
    ]
    together = tuple(
        line for line in split if line in (*reading.others, *(found.line for found in own))
    )
    rest = tuple(found for found in reading.found if found not in own)
    return replace(reading, others=together, found=rest)


def _of_github(text: str, variables: Texts) -> str:
    """Tell what of GitHub's own a text uses; empty: nothing."""
    used = [name for name in _GITHUB_FILES.findall(text) if name not in variables]
    return f"it uses `${used[0]}`, which only GitHub sets" if used else ""


def _left_in(script: str) -> str:
    """Look for what must stay in CI in a script that nobody can take apart."""
    if reason := left_of_text(script):
        return reason
    for text in re.split(r"[\n;|&]+", script):
        words = text.split()
        while words and (words[0] in {"if", "then", "do", "else", "!", "&&"} or "=$(" in words[0]):
            words = words[1:]
        if words and (reason := left_because(called(words))):
            return reason
    return ""


def _with_line(reading: Reading, line: Line, variables: Texts, python: str) -> Reading:
    known = _known(line, variables)
    if known is not None:
        return joined(reading, known)
    calls = tuple(called(words) for words in line.commands or ())
    parts = [_of_command(call, line, variables, python) for call in calls]
    told = [part for part in parts if part is not None]
    if not parts or len(told) < len(parts):
        left = next(filter(None, map(left_because, calls)), "") or _left_in(line.text)
        return joined(reading, Reading(others=(line,), left=left, calls=calls))
    for part in told:
        reading = joined(reading, part)
    return reading


def _known(line: Line, variables: Texts) -> Reading | None:
    """Tell what a line is that needs no look at its commands."""
    if line_only_shows(line.text):
        return Reading()
    if reason := _of_github(line.text, variables):
        return Reading(left=reason)
    if _ACTIVATES.fullmatch(line.text):
        return Reading(installs=True)
    if tool := installs.by_script(line.text):
        packages = (tool,) if tool in {"poetry", "pdm"} else ()
        return Reading(installs=True, installed=Installed(packages=packages))
    installed = _installs_by_substitution(line) if line.commands is None else None
    return None if installed is None else Reading(installs=True, installed=installed)


def _installs_by_substitution(line: Line) -> Installed | None:
    """Tell what a line installs that asks another command for a word: ``$(cat …)``."""
    text = re.sub(r"\$\([^)]*\)", "$", line.text)
    if re.search(r"[`|;&<>]", text):
        return None
    installed = installs.installed(called(text.split()))
    if installed is None:
        return None
    named = tuple(package for package in installed.packages if "$" not in package)
    return replace(installed, packages=named)


def _of_command(call: Call, line: Line, variables: Texts, python: str) -> Reading | None:
    if _ACTIVATES.fullmatch(" ".join((call.program, *call.arguments))):
        return Reading(installs=True)
    if reason := left_because(call):
        return Reading(left=reason)
    if (installed := installs.installed(call)) is not None:
        return Reading(installed=installed, installs=True)
    if only_shows(call):
        return Reading()
    seen = replace(call, variables={**variables, **call.variables})
    findings = recognised(seen, python)
    if not findings:
        return None
    return Reading(found=tuple(Found(finding, line, call) for finding in findings))


def joined(first: Reading, second: Reading) -> Reading:
    """Return what two parts of a step's commands are together."""
    return Reading(
        found=(*first.found, *second.found),
        installed=first.installed + second.installed,
        installs=first.installs or second.installs,
        others=(*first.others, *second.others),
        whole=first.whole or second.whole,
        left=first.left or second.left,
        calls=(*first.calls, *second.calls),
    )
