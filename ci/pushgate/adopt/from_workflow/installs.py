"""Commands that make an environment, and what they put into it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from pushgate.adopt.from_workflow.calls import Call
from pushgate.adopt.from_workflow.options import options

_INSTALLER: Final = re.compile(
    r"install\.python-(poetry)\.org|astral\.sh/(uv)/|(pdm)-project\.org/install|get-(pip)\.py"
)
"""The scripts that project managers are installed with."""

_NO_TOOLS: Final = frozenset({"pip", "setuptools", "wheel", "uv", "virtualenv", "build"})
_REQUIREMENTS: Final = frozenset({"-r", "--requirement", "--requirements"})
_EDITABLE: Final = frozenset({"-e", "--editable"})
_PIP_WITH_VALUE: Final = frozenset(
    {
        *_REQUIREMENTS,
        *_EDITABLE,
        "--group",
        *("-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links"),
        *("-t", "--target", "--prefix", "--python", "-p", "--config-settings", "-C", "--root"),
        *("--no-binary", "--only-binary", "--upgrade-package", "--resolution", "--index"),
        *("--progress-bar", "--platform", "--trusted-host", "--prerelease", "--default-index"),
    }
)
_MAKES_ENVIRONMENT: Final[Mapping[str, frozenset[str]]] = {
    "uv": frozenset({"sync", "venv", "python", "lock", "cache", "self", "export"}),
    "poetry": frozenset({"install", "config", "env", "self", "lock", "sync", "cache"}),
    "pdm": frozenset({"install", "sync", "config", "use", "lock", "venv", "cache", "self"}),
    "pipenv": frozenset({"install", "sync", "lock"}),
    "hatch": frozenset({"env", "config", "python"}),
    "rye": frozenset({"sync", "config", "pin"}),
    "pip": frozenset({"cache", "config", "list", "freeze", "--version", "-V", "debug"}),
    "pre-commit": frozenset({"install", "install-hooks", "gc"}),
    "pipx": frozenset({"ensurepath", "list"}),
}
_INSTALLS_PROJECT: Final = frozenset({"install", "sync"})


@dataclass(frozen=True)
class Installed:
    """What a command puts into an environment.

    Attributes:
        project: Whether the project itself is.
        packages: Further packages, as they are required.
        requirements: Files of requirements.
        groups: Dependency groups.
    """

    project: bool = False
    packages: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __add__(self, other: Installed) -> Installed:
        """Return what both put there."""
        return Installed(
            self.project or other.project,
            tuple(dict.fromkeys((*self.packages, *other.packages))),
            tuple(dict.fromkeys((*self.requirements, *other.requirements))),
            tuple(dict.fromkeys((*self.groups, *other.groups))),
        )


def by_script(line: str) -> str:
    """Return the project manager whose installer a line runs; empty: it runs none."""
    found = _INSTALLER.search(line)
    return next(filter(None, found.groups()), "") if found else ""


def installed(call: Call) -> Installed | None:
    """Return what a command installs; None: it makes no environment."""
    first = next(iter(call.arguments), "")
    match call.program, call.arguments:
        case ("pip" | "pip3", ("install", *rest)) | ("uv", ("pip", "install", *rest)):
            return _of_pip(tuple(rest))
        case ("pipx", ("install" | "inject", *rest)) | ("uv", ("tool", "install", *rest)):
            return _of_pip(tuple(rest))
        case ("uv", ("pip", *_)) | ("venv" | "virtualenv" | "ensurepip", _):
            return Installed()
    program = "pip" if call.program == "pip3" else call.program
    if first not in _MAKES_ENVIRONMENT.get(program, ()):
        return None
    groups = _groups(call.arguments) if program == "uv" else ()
    return Installed(project=first in _INSTALLS_PROJECT and program != "pre-commit", groups=groups)


def pinned(packages: Iterable[str], names: Collection[str]) -> list[str]:
    """Return the packages of these names of which one version is asked for."""
    split = ((package, re.split(r"\[|[=~]=", package)[0].strip()) for package in packages)
    return [each for each, name in split if "==" in each and canonicalize_name(name) in names]


def _groups(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dependency groups that are asked for by name."""
    names = {"--group", "--only-group"}
    return tuple(each.value for each in options(arguments, names) if each.name in names)


def _of_pip(arguments: tuple[str, ...]) -> Installed:
    packages: list[str] = []
    files: list[str] = []
    project = False
    for option in options(arguments, _PIP_WITH_VALUE):
        name, value = option.name, option.value
        if name in _REQUIREMENTS:
            files.append(value)
        elif name in _EDITABLE:
            project = True
        elif name:
            continue
        elif re.match(r"\.|/|dist\b|.*\.(whl|tar\.gz)", value):
            project = True
        elif canonicalize_name(re.split(r"[\[<>=!~@; ]", value)[0]) not in _NO_TOOLS:
            packages.append(value)
    return Installed(project, tuple(packages), tuple(files), _groups(arguments))
