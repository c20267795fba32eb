"""Which program a command calls, whatever it is called through."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from pushgate.adopt.from_workflow.options import options

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PYTHON: Final = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+)?)?|py")
_PYTHON_WITH_VALUE: Final = frozenset({"-X", "-W"})
_UV_RUN_WITH_VALUE: Final = frozenset(
    {
        *("--group", "--only-group", "--no-group", "--extra", "--no-extra", "--with", "-w"),
        *("--with-requirements", "--python", "-p", "--package", "--project", "--directory"),
        *("--env-file", "--index", "--index-url", "--default-index", "--with-editable"),
        *("--resolution", "--prerelease", "--exclude-newer", "--python-platform"),
    }
)
_UV_RUN_HARMLESS: Final = frozenset(
    {
        *("--locked", "--frozen", "--no-sync", "--all-extras", "--dev", "--extra", "--exact"),
        *(
            "--no-default-groups",
            "--no-progress",
            "-q",
            "--quiet",
            "-v",
            "--verbose",
            "--active",
            "-s",
            "--no-editable",
        ),
    }
)
"""What asks for nothing that a gate's environment lacks: it has all extras, and the groups."""

_TOOL_RUN_WITH_VALUE: Final = frozenset({"--from", "--spec", "--with", "-w", "--python", "-p"})
_THROUGH: Final = frozenset({"poetry", "pdm", "pipenv", "rye", "hatch", "pixi"})
SCRIPT_RUNNERS: Final = frozenset({"pdm", "rye", "hatch", "pixi"})
"""What runs scripts of its own by name, which only it knows."""


@dataclass(frozen=True)
class Call:
    """A command, and what it is called through.

    Attributes:
        program: The name of the program, or of the module that Python runs.
        arguments: Its arguments.
        words: What runs it where the project's environment comes first on PATH.
        variables: What is set for it alone.
        groups: The dependency groups that it asks for.
        packages: The packages that it asks for besides the project's own.
        runner: What it is called through, such as ``poetry``; empty: nothing.
        in_project: Whether it is called in the project's environment.
        options: What it is called with besides that changes what it finds, each with its value.
    """

    program: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    runner: str = ""
    in_project: bool = False
    options: tuple[tuple[str, str], ...] = ()


def called(words: Sequence[str]) -> Call:
    """Find the program that a command's words call in the end."""
    rest = list(words)
    variables: dict[str, str] = {}
    if len(rest) > 1 and rest[0] == "env" and _ASSIGNMENT.fullmatch(rest[1]):
        del rest[0]
    while len(rest) > 1 and _ASSIGNMENT.fullmatch(rest[0]):
        name, _, value = rest.pop(0).partition("=")
        variables[name] = value
    call = _through(tuple(rest))
    if not call.words:
        # A runner that is given nothing to run.
        call = Call("".join(rest[:1]), tuple(rest[1:]), tuple(rest))
    return replace(call, variables={**variables, **call.variables})


def _through(words: tuple[str, ...]) -> Call:
    match words:
        case ("uv", "run", *rest):
            return _uv_run(words, tuple(rest))
        case ("uvx", *rest) | ("uv", "tool", "run", *rest) | ("pipx", "run", *rest):
            return _tool_run(tuple(rest))
        case (runner, "run", _, *_) if runner in _THROUGH:
            return _script_run(words, words[2:])
        case _:
            return _plain(words)


def _plain(words: tuple[str, ...]) -> Call:
    if not words:
        return Call("", (), ())
    program = words[0]
    if "bin/" in program:
        program = PurePosixPath(program).name
        words = (program, *words[1:])
    if _PYTHON.fullmatch(program):
        at = 1
        while at < len(words) and words[at].startswith("-") and words[at] not in {"-m", "-c", "-"}:
            at += 2 if words[at] in _PYTHON_WITH_VALUE else 1
        if at + 1 < len(words) and words[at] == "-m":
            flags, _ = _options(words[1:at], _PYTHON_WITH_VALUE)
            module = words[at + 1]
            return Call(module, words[at + 2 :], ("python", *words[1:]), options=tuple(flags))
        return Call("python", words[1:], ("python", *words[1:]))
    return Call(program, words[1:], words)


def _options(
    words: Sequence[str], with_value: frozenset[str]
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Split a runner's own options, each with its value, from what it runs."""
    found: list[tuple[str, str]] = []
    at = 0
    for option in options(words, with_value):
        if not option.name:
            break
        at += len(option.words)
        if option.name in {"-m", "--module"}:
            return found, ("python", "-m", *words[at:])
        if option.name == "--":
            break
        found.append((option.name, option.value))
    return found, tuple(words[at:])


def _uv_run(words: tuple[str, ...], rest: tuple[str, ...]) -> Call:
    own, command = _options(rest, _UV_RUN_WITH_VALUE)
    inner = called(command)
    groups = tuple(value for name, value in own if name in {"--group", "--only-group"})
    packages = tuple(value for name, value in own if name in {"--with", "-w"})
    if {"--directory", "--project", "--package"} & {name for name, _ in own}:
        # Another project than the one that is taken over.
        return Call("uv", words[1:], words, runner="uv")
    harmless = {"--group", "--only-group"} | _UV_RUN_HARMLESS
    told = (*(each for each in own if each[0] not in harmless), *inner.options)
    if any(name not in harmless | {"--with", "-w"} for name, _ in own):
        return replace(inner, words=words, runner="uv", in_project=True, options=told)
    return replace(
        inner,
        options=told,
        groups=(*groups, *inner.groups),
        packages=(*packages, *inner.packages),
        runner=inner.runner or "uv",
        in_project=True,
    )


def _tool_run(rest: tuple[str, ...]) -> Call:
    own, command = _options(rest, _TOOL_RUN_WITH_VALUE)
    spelled = {"--spec": "--from", "-w": "--with"}
    kept = [word for name, value in own for word in (spelled.get(name, name), value) if word]
    inner = _plain(command)
    # The version that is asked for stands behind the name: `uvx ruff@0.17.6`.
    program = re.split(r"@|==|\[", inner.program)[0]
    told = [each for each in own if each not in {("--from", program), ("--spec", program)}]
    told += [(inner.program, "")] if program != inner.program else []
    return replace(
        inner,
        program=program,
        words=("uvx", *kept, *command),
        runner="uvx",
        options=(*told, *inner.options),
    )


def _script_run(words: tuple[str, ...], command: tuple[str, ...]) -> Call:
    """Look through a project manager; the scripts that it runs by name are known to it alone."""
    runner = words[0]
    script = command[0].rpartition(":")[2] if runner == "hatch" else command[0]
    inner = called((script, *command[1:]))
    if runner in SCRIPT_RUNNERS and script == "build":
        # A script of the project's own, which is seldom the tool of that name.
        inner = replace(inner, program=command[0])
    if runner not in SCRIPT_RUNNERS:
        return replace(inner, runner=runner, in_project=True)
    # Of these, two are on PyPI, where uv finds them.
    start = ("uvx",) if runner in {"pdm", "hatch"} else ()
    return replace(inner, words=(*start, *words), runner=runner)
