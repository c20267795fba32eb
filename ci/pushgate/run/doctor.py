"""What this machine offers for a project's gates, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pushgate.model.settings import Settings
from pushgate.plan.definition import NOXFILE
from pushgate.tools import docker, git, interpreters, uv


@dataclass(frozen=True)
class Finding:
    """One thing that gates may need.

    Attributes:
        what: Its name.
        found: Its version and place; empty where it is missing.
        meaning: What follows where it is missing.
        required: Whether gates of this project cannot look without it.
    """

    what: str
    found: str
    meaning: str = ""
    required: bool = True


def examine(settings: Settings) -> Iterator[Finding]:
    """Look for everything that the project's gates may need on this machine.

    Args:
        settings: The project's definition.
    """
    yield Finding("git", git.version())
    try:
        yield Finding("uv", uv.version())
    except uv.UvMissingError as error:
        yield Finding("uv", "", f"{error}: no gate can run")
    for version in settings.python:
        yield _python(version, settings)
    yield Finding(
        "Docker",
        docker.engine_version() or "",
        "no engine answers; no gate of this project needs it",
        required=False,
    )
    if not (settings.root / NOXFILE).is_file():
        meaning = "no noxfile.py: `import pushgate` and `pushgate.register()` make one"
        yield Finding(NOXFILE, "", meaning)
    if not settings.sources:
        meaning = "git tracks no Python code here: only gates without code are on (`git add` it)"
        yield Finding("code", "", meaning, required=False)
    if settings.dependencies.lock is None:
        meaning = "no uv.lock: every environment is resolved anew, here and in CI (`uv lock`)"
        yield Finding("uv.lock", "", meaning, required=False)


def _python(version: str, settings: Settings) -> Finding:
    what = f"Python {version}"
    try:
        found = interpreters.find(version, download=False)
    except interpreters.InterpreterMissingError as error:
        default = (
            " and every gate of the default Python" if version == settings.default_python else ""
        )
        return Finding(what, "", f"test-{version}{default} cannot look: {error}")
    return Finding(what, f"{found.version} ({_short(found.path)})")


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
