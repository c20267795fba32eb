"""Where a project keeps its code and its tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.utils import canonicalize_name

from pushgate.config import pytest_settings
from pushgate.config.tables import strings, table

_PROJECT: Final = "pyproject.toml"

_NO_CODE: Final = (
    "bench",
    "benchmark",
    "benchmarks",
    "build",
    "ci",
    "conf",
    "conftest",
    "dist",
    "doc",
    "docs",
    "example",
    "examples",
    "noxfile",
    "sample",
    "samples",
    "script",
    "scripts",
    "setup",
    "tasks",
    "test",
    "testing",
    "tests",
    "tool",
    "tools",
)
"""Top-level names that are no package of the project, where nothing else says what is."""


def sources(name: str, pyproject: Mapping[str, object], tracked: Sequence[str]) -> tuple[str, ...]:
    """Find the project's code: what its build back end says, else what its layout tells.

    Args:
        name: The project's name.
        pyproject: Its ``pyproject.toml``.
        tracked: Its tracked files.

    Returns:
        Folders and files relative to the project; empty where there is no Python code.
    """
    python_files = [PurePosixPath(path) for path in tracked if path.endswith((".py", ".pyi"))]
    # "." says only that the layout is flat.
    said = [path for path in _said(pyproject) if PurePosixPath(path).parts]
    said = [path for path in said if _holds(path, python_files)]
    if said:
        return tuple(dict.fromkeys(said))
    if any(path.parts[0] == "src" and len(path.parts) > 1 for path in python_files):
        return ("src",)
    return tuple(_by_name(name, python_files)) or tuple(_by_elimination(python_files))


def tests(root: Path, pyproject: Mapping[str, object], tracked: Sequence[str]) -> tuple[str, ...]:
    """Find the project's tests: what pytest is told, else the usual folders.

    Args:
        root: The project's folder.
        pyproject: Its ``pyproject.toml``.
        tracked: Its tracked files.
    """
    said = pytest_settings.words(root, pyproject, "testpaths")
    paths = [PurePosixPath(path) for path in tracked if path.endswith(".py")]
    usual = ("tests", "test", "testing")
    return tuple(dict.fromkeys(path for path in said or usual if _holds(path, paths)))


def named(name: str, tracked: Iterable[str]) -> tuple[str, ...]:
    """Name a project's files that are called so: the one at its top, else those below.

    A folder with a ``pyproject.toml`` of its own is another project.

    Args:
        name: What they are called.
        tracked: The tracked files, relative to the project.
    """
    paths = [PurePosixPath(path) for path in tracked if path.endswith((name, _PROJECT))]
    others = {path.parent for path in paths if path.name == _PROJECT and path.parent.name}
    found = [str(path) for path in paths if path.name == name]
    own = [path for path in found if not others.intersection(PurePosixPath(path).parents)]
    return (name,) if name in own else tuple(own)


def _holds(folder: str, paths: Iterable[PurePosixPath]) -> bool:
    return any(path.is_relative_to(PurePosixPath(folder)) for path in paths)


def _said(pyproject: Mapping[str, object]) -> Iterator[str]:
    tool = table(pyproject, "tool")
    setuptools, uv = table(tool, "setuptools"), table(tool, "uv", "build-backend")
    yield from strings(table(tool, "hatch", "build", "targets", "wheel").get("packages"))
    yield from strings(table(setuptools, "packages", "find").get("where"))
    yield from strings(list(table(setuptools, "package-dir").values()))
    yield from _modules(setuptools.get("packages"))
    yield from _modules(setuptools.get("py-modules"))
    if (module_root := uv.get("module-root")) == "":
        yield from _modules(uv.get("module-name"))
    yield from strings(module_root)
    yield from _modules(table(tool, "flit", "module").get("name"))
    packages = table(tool, "poetry").get("packages")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict):
            yield str(PurePosixPath(str(package.get("from", "."))) / str(package.get("include")))


def _modules(names: object) -> Iterator[str]:
    for name in strings(names):
        top = name.partition(".")[0]
        yield from (top, f"{top}.py")


def _by_name(name: str, python_files: Iterable[PurePosixPath]) -> Iterator[str]:
    wanted = canonicalize_name(name)
    found = (
        path.parts[0]
        for path in python_files
        if canonicalize_name(path.parts[0].removesuffix(".py")) == wanted
    )
    yield from dict.fromkeys(found)


def _by_elimination(python_files: Iterable[PurePosixPath]) -> Iterator[str]:
    tops = dict.fromkeys(path.parts[0] for path in python_files)
    for top in tops:
        plain = top.removesuffix(".py").lower()
        if plain not in _NO_CODE and not plain.startswith((".", "test_", "_")):
            yield top
