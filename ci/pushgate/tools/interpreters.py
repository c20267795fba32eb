"""Python interpreters of this machine, found by version and verified by running them."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from pushgate.tools import process

_ASK = "import os, sys; print('%d.%d.%d' % sys.version_info[:3], os.path.realpath(sys.executable))"


@dataclass(frozen=True)
class Interpreter:
    """A Python that answered.

    Attributes:
        version: Its full version, such as ``3.12.1``.
        path: Its absolute path, links resolved.
    """

    version: str
    path: Path


class InterpreterMissingError(Exception):
    """No interpreter of a version was found; the message says where it was looked for."""


def running() -> Interpreter:
    """Return the interpreter that runs Pushgate, outside of any virtual environment."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Interpreter(version, Path(sys.executable).resolve())


def find(version: str, *, download: bool = True) -> Interpreter:
    """Find the interpreter of a version, never that of another.

    Looked at in this order: every ``pythonX.Y`` on PATH but pyenv's shims (they fail
    for every version that is not the active one), pyenv's versions, what uv manages.
    The first place with one that runs and tells this version decides; among
    several of pyenv's, the newest patch release.

    Args:
        version: ``X.Y``.
        download: Whether uv may fetch one that is nowhere, as its own settings allow it.

    Raises:
        InterpreterMissingError: None of them runs and tells this version.
    """
    found = _found(version, download=download)
    if found is not None:
        return found
    message = (
        f"no Python {version} here: looked for python{version} on PATH, in {pyenv_versions()} "
        f"and among uv's. Install it (`uv python install {version}`), or set `python` "
        "or `default-python` in [tool.pushgate]"
    )
    raise InterpreterMissingError(message)


def _found(version: str, *, download: bool) -> Interpreter | None:
    return installed(version) or _of_uv(version, download=download)


@functools.cache
def installed(version: str) -> Interpreter | None:
    """Find the interpreter of a version that is there without uv, as ``find`` does."""
    return _first(version, _on_path(version), _of_pyenv(version))


@functools.cache
def _of_uv(version: str, *, download: bool) -> Interpreter | None:
    return _first(version, _managed(version, download=download))


def _first(version: str, *places: Iterator[Path]) -> Interpreter | None:
    for found in map(_ask, itertools.chain(*places)):
        if found is not None and found.version.startswith(f"{version}."):
            return found
    return None


def pyenv_versions() -> Path:
    """Return the folder in which pyenv keeps its interpreters, there or not."""
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


def _on_path(version: str) -> Iterator[Path]:
    # A shim takes 100 ms or more, mostly to fail; what it leads to is looked at next.
    shims = pyenv_versions().parent / "shims"
    for folder in os.get_exec_path():
        if Path(folder) == shims:
            continue
        candidate = shutil.which(f"python{version}", path=folder)
        if candidate is not None:
            yield Path(candidate).absolute()


def _of_pyenv(version: str) -> Iterator[Path]:
    folders = pyenv_versions().glob(f"{version}.*")
    stable = (folder for folder in folders if folder.name.replace(".", "").isdigit())
    for folder in sorted(stable, key=lambda folder: Version(folder.name), reverse=True):
        yield folder / "bin" / f"python{version}"


def _managed(version: str, *, download: bool) -> Iterator[Path]:
    # `uv run` and not `uv python install`: it fetches one only where uv's settings allow it.
    command = ["uv", "run", "--quiet", "--no-project", "--managed-python", "--python", version]
    if not download:
        command.append("--no-python-downloads")
    try:
        answer = process.capture(
            [*command, "python", "-I", "-c", "import sys; print(sys.executable)"],
            cwd=process.NOWHERE,
            env=process.clean_environment({"UV_HTTP_RETRIES": "1"}),
            check=False,
        )
    except process.CommandError:
        return
    if answer.returncode == 0:
        yield Path(answer.stdout.strip())


def _ask(candidate: Path) -> Interpreter | None:
    # -I: neither the folder nor the environment may change what it says.
    try:
        answer = process.capture(
            [str(candidate), "-I", "-c", _ASK], cwd=process.NOWHERE, check=False
        )
    except process.CommandError:
        return None
    version, _, path = answer.stdout.strip().partition(" ")
    return Interpreter(version, Path(path)) if answer.returncode == 0 and path else None
