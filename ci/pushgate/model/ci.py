"""What a project says about its CI, beyond its gates."""

from __future__ import annotations

import itertools
import posixpath
import re
from dataclasses import dataclass, field
from typing import Final

MARK: Final = "Written by `pushgate workflow`"
"""What a comment at the top of a generated workflow file begins with."""

_CALL: Final = re.compile(
    r"^(?:[ \t]*- cd (?P<entered>[^\n]+)\n)?"
    r"[^#\n]*\bnox --no-dependencies -s [^\n]*"
    r"(?:\n[ \t]+working-directory: (?P<folder>[^#\n]+))?",
    re.MULTILINE,
)
"""How a generated workflow file starts a session, and in which folder."""

_REPEATED: Final = "pushgate run --commit"
"""What a generated workflow file tells of a job that failed, to whoever wants to repeat it."""


def mark(folder: str) -> str:
    """Return what a comment at the top of a project's own workflow file says.

    Args:
        folder: The project's folder, from the top of the repository; empty for the top.
    """
    return f"{MARK} from {posixpath.join(folder, 'pyproject.toml')} and"


def heading(text: str) -> str:
    """Return the comments at the top of a workflow file."""
    lines = text.splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line[:1] == "#" or not line.strip(), lines))


def calls_sessions(text: str, folder: str) -> bool:
    """Tell whether a workflow file runs a project's jobs as the generated one does.

    It does so whatever the comment at its top says. A workflow that calls Nox in its own way, or
    does not tell how Pushgate repeats a job, is none.

    Args:
        text: The file.
        folder: The project's folder, from the top of the repository; empty for the top.
    """
    called_in = (match["entered"] or match["folder"] or "" for match in _CALL.finditer(text))
    folders = (each.strip(" \t'\"").removeprefix("./") for each in called_in)
    return _REPEATED in text and folder in folders


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A site that one of the project's own gates builds, and CI publishes.

    Attributes:
        gate: The gate.
        path: The folder that it leaves the site in, relative to the project.
    """

    gate: str
    path: str


@dataclass(frozen=True, kw_only=True)
class CiSettings:
    """Keys of ``[tool.pushgate.ci]``.

    Attributes:
        runs_on: The machine of every job, as GitHub labels its runners.
        systems: Further machines, by label, on which the tests run as well.
        image: The image of every job, where the provider starts containers.
        schedule: When CI runs without being asked, in cron's five fields, UTC.
        timeout_minutes: How long a job may take whose gate says nothing of it, in minutes.
        history: Whether jobs get all of git's history; None: where the build back end reads
            the version from it, or a gate looks at it.
        codecov: Whether the coverage report is sent to Codecov.
        pages: The site that is published when the main branch is pushed.
    """

    runs_on: str = "ubuntu-24.04"
    systems: tuple[str, ...] = ()
    image: str = "python:3.13"
    schedule: tuple[str, ...] = ()
    timeout_minutes: int = field(default=30, metadata={"minimum": 1})
    history: bool | None = None
    codecov: bool = False
    pages: Pages | None = None
