"""Whether an environment is as uv last found it: then uv need not be asked again.

A seal is set where uv has looked at an environment and changed nothing. It holds while all
that uv would look at is the same: the project's files, what is installed, the interpreter,
and uv with its settings. Where uv looks at more than can be told here, no seal is set. Without
a lock it looks for the newest versions of all that the project requires, which takes long: once
a run, for which that seal holds.
"""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pushgate.config.tables import table
from pushgate.gates.base import RUN_VARIABLE
from pushgate.model.settings import Settings
from pushgate.tools import uv

_FILE: Final = "pushgate-seal.json"

_ALWAYS: Final = ""

_THIS_PROCESS: Final = secrets.token_hex(8)
"""The run of a Nox call by hand, which carries out all shards of a session."""

_TOLD: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""How the names of those entries end that say what is installed."""

_ELSEWHERE: Final = {"directory", "path"}
"""The sources in a lock that uv looks at anew each time, as it does at other members."""


def state(settings: Settings, folder: Path, stamp: object) -> object:
    """Take down all that uv looks at, without reading much.

    Args:
        settings: The project's definition.
        folder: The environment's folder.
        stamp: What the environment was made from.

    Returns:
        A value to compare with another one of the same environment.
    """
    source = settings.root / "src"
    return {
        "stamp": stamp,
        "python": _python(folder),
        "installed": [_entry(entry) for entry in _entries(folder)],
        "uv": [_file(file) for file in uv.settings_files(settings.root)],
        "variables": uv.variables(),
        # uv builds the project anew where this folder is another one.
        "source": source.stat().st_ino if source.is_dir() else None,
    }


def holds(folder: Path, seen: object) -> bool:
    """Tell whether an environment is sealed as it was seen now.

    Args:
        folder: The environment's folder.
        seen: Its ``state``.
    """
    try:
        sealed: object = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return sealed in [_seal(seen, _ALWAYS), _seal(seen, _run())]


def put(settings: Settings, folder: Path, before: object, after: object) -> None:
    """Seal an environment.

    Args:
        settings: The project's definition.
        folder: The environment's folder.
        before: Its ``state`` before uv has looked at it.
        after: Its ``state`` afterwards.
    """
    if settings.dependencies.lock is None:
        run = _run()
    # Only what uv has left alone: it may have looked before another job changed something.
    elif before == after and _is_told(settings, settings.dependencies.lock):
        run = _ALWAYS
    else:
        return
    part = folder / f"{_FILE}.part"
    part.write_text(json.dumps(_seal(after, run)), encoding="utf-8")
    part.replace(folder / _FILE)


def _seal(seen: object, run: str) -> object:
    return {"run": run, "seen": seen}


def _run() -> str:
    return os.environ.get(RUN_VARIABLE) or _THIS_PROCESS


def _python(folder: Path) -> list[object]:
    python = uv.environment_python(folder)
    return [os.path.realpath(python), *_file(python), *_file(folder / "pyvenv.cfg")]


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    for packages in sorted(uv.package_folders(folder)):
        with os.scandir(packages) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def _entry(entry: os.DirEntry[str]) -> list[object]:
    # What Python keeps of its own in a package's folder changes the folder's time.
    if entry.name.endswith(_TOLD):
        return [entry.name, *_times(entry.stat())]
    return [entry.name]


def _file(file: Path) -> list[object]:
    try:
        return [str(file), *_times(file.stat())]
    except OSError:
        return [str(file)]


def _times(found: os.stat_result) -> list[int]:
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _is_told(settings: Settings, lock: Path) -> bool:
    if lock.parent != settings.root:
        return False
    if any((folder / "pyproject.toml").exists() for folder in settings.root.parents):
        return False  # it may be a workspace's, or hold uv's settings
    pyproject = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))
    dynamic = table(pyproject, "project").get("dynamic", ())
    if "project" not in pyproject or {"dependencies", "optional-dependencies"} & _words(dynamic):
        return False  # only a build tells what it requires
    if "cache-keys" in table(settings.tool_tables, "uv"):
        return False
    locked = tomllib.loads(lock.read_text(encoding="utf-8")).get("package", [])
    return all(_is_settled(package.get("source", {})) for package in locked)


def _words(value: object) -> set[object]:
    return set(value) if isinstance(value, Iterable) else set()


def _is_settled(source: Mapping[str, Any]) -> bool:
    here = {source.get("editable", "."), source.get("virtual", ".")}
    return here == {"."} and not _ELSEWHERE & source.keys()
