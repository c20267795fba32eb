"""uv: environments and isolated tools."""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from pushgate.tools import process
from pushgate.tools.interpreters import Interpreter

_DIST_INFO: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")
_ENVIRONMENT_BIN: Final = "Scripts" if sys.platform == "win32" else "bin"


class UvMissingError(Exception):
    """uv is not on PATH, or does not run."""


@functools.cache
def version() -> str:
    """Return uv's version.

    Raises:
        UvMissingError: There is none that runs.
    """
    try:
        return process.capture(["uv", "--version"], cwd=process.NOWHERE).stdout.split()[1]
    except process.CommandError as error:
        message = f"{error}: every environment is made by uv; `pip install uv` brings it"
        raise UvMissingError(message) from error


def environment_bin(environment: Path) -> Path:
    """Return the folder of an environment's commands."""
    return environment / _ENVIRONMENT_BIN


def environment_python(environment: Path) -> Path:
    """Return an environment's interpreter."""
    return environment_bin(environment) / "python"


def package_folders(environment: Path) -> tuple[Path, ...]:
    """Return the folders in which an environment has its packages: one, if it is sound."""
    return (
        *environment.glob("lib/python*/site-packages"),
        *environment.glob("Lib/site-packages"),
    )


def variables() -> dict[str, str]:
    """Return the environment variables that tell uv what to do."""
    environment = process.clean_environment()
    return {name: value for name, value in environment.items() if name.startswith("UV_")}


def settings_files(project: Path) -> tuple[Path, ...]:
    """Return where uv itself is, and the files that hold its settings, there or not.

    Args:
        project: The folder of a ``pyproject.toml``, which is not among them.
    """
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = (project, *project.parents, user / "uv", Path("/etc/uv"), Path("/etc/xdg/uv"))
    program = os.environ.get("UV") or shutil.which("uv") or "uv"
    return (Path(program), *(place / "uv.toml" for place in places))


def installed(environment: Path) -> dict[str, str]:
    """Return the distributions in an environment: canonical name -> version."""
    folders = (
        folder
        for packages in package_folders(environment)
        for folder in packages.glob("*.dist-info")
    )
    matches = (_DIST_INFO.fullmatch(folder.name) for folder in folders)
    return {canonicalize_name(match["name"]): match["version"] for match in matches if match}


def create(environment: Path, interpreter: Interpreter) -> None:
    """Make an empty environment, in the place of one that is there.

    Raises:
        process.CommandError: uv could not.
    """
    command = ["uv", "venv", "--quiet", "--clear", "--no-project"]
    process.capture(
        [*command, "--python", str(interpreter.path), str(environment)], cwd=process.NOWHERE
    )


def sync(
    project: Path,
    environment: Path,
    interpreter: Interpreter,
    *,
    extras: Iterable[str],
    groups: Iterable[str],
    exact: bool,
) -> None:
    """Bring an environment to what the project's lock says.

    Args:
        project: The folder of the ``pyproject.toml``.
        environment: The environment's folder, made if need be.
        interpreter: Its Python, whatever a ``.python-version`` file says.
        extras: The extras to install.
        groups: The dependency groups to install besides uv's default ones.
        exact: Whether packages that are not in the lock are removed.

    Raises:
        process.CommandError: The lock is missing or out of date, or uv could not.
    """
    command = ["uv", "sync", "--quiet", "--locked", "--python", str(interpreter.path)]
    command += [f"--extra={extra}" for extra in extras]
    command += [f"--group={group}" for group in groups]
    if not exact:
        command.append("--inexact")
    process.capture(
        command,
        cwd=project,
        env=process.clean_environment({"UV_PROJECT_ENVIRONMENT": str(environment)}),
    )


def lock(project: Path, interpreter: Interpreter | None) -> None:
    """Bring a project's lock up to date with what it requires, as little as possible.

    Args:
        project: The folder of the ``pyproject.toml``.
        interpreter: The Python to ask packages with; uv chooses one unless given.

    Raises:
        process.CommandError: The requirements do not resolve, or uv could not.
    """
    command = ["uv", "lock", "--quiet"]
    if interpreter is not None:
        command += ["--python", str(interpreter.path)]
    process.capture(command, cwd=project, env=process.clean_environment())


def install(environment: Path, arguments: Sequence[str], *, cwd: Path) -> None:
    """Run ``uv pip install`` for an environment.

    Args:
        environment: The environment's folder.
        arguments: Requirements and options of ``uv pip install``.
        cwd: The folder that relative paths in them start from.

    Raises:
        process.CommandError: uv could not.
    """
    command = ["uv", "pip", "install", "--quiet", "--python", str(environment_python(environment))]
    process.capture([*command, *arguments], cwd=cwd)
