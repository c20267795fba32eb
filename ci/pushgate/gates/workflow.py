"""The drift check: do the workflow files of CI say what the definition says?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.model.ci import calls_sessions, heading, mark
from pushgate.model.job import Job
from pushgate.model.settings import GateOptions, Settings

name: Final = "workflow"
TOOLS: Final = ()
_PLACES: Final = tuple(
    f"{place}.{ending}" for place in (".*", ".*/*", ".*/workflows/*") for ending in ("yml", "yaml")
)
"""Where CI providers look for their files, from the top of a repository."""


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.workflow]``: those of every gate."""


def applies(settings: Settings) -> Applies:
    """On where a workflow file of the repository was written from this project's definition."""
    for file in written(settings, _PLACES):
        path = file.relative_to(settings.repository)
        return Applies(on=True, reason=f"Pushgate wrote {path}")
    return Applies(on=False, reason="no workflow file is Pushgate's: `pushgate workflow` writes it")


def written(settings: Settings, places: Iterable[str]) -> Sequence[Path]:
    """Return the workflow files that were written from a project's definition, by name.

    One of the comments at the top of such a file says so. Where none says it, the files count
    that run the project's jobs as a written one does: a comment that somebody edits must not
    take the file out of the comparison.

    Args:
        settings: The project's definition.
        places: Globs from the top of the repository.
    """
    top, folder = settings.repository, settings.folder
    files = sorted({file for place in places for file in top.glob(place) if file.is_file()})
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    said = [file for file, text in texts.items() if mark(folder) in heading(text)]
    return said or [file for file, text in texts.items() if calls_sessions(text, folder)]


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "the workflow files say what the definition says")


def run(context: Context[Options]) -> None:
    """Compare the files with what the definition says; a difference fails the job."""
    # -P: no module of the project stands in for one of Pushgate's.
    context.run(sys.executable, "-P", "-m", "pushgate", "workflow", "--check")
