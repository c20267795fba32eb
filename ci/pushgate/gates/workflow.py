"""The drift check: do the workflow files of CI say what the definition says?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.model.ci import mark
from pushgate.model.job import Job
from pushgate.model.settings import GateOptions, Settings

name: Final = "workflow"
TOOLS: Final = ()
_PLACES: Final = (".*.yml", ".*/*.yml", ".*/workflows/*.yml")
"""Where CI providers look for their files, from the top of a repository."""


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.workflow]``: those of every gate."""


def applies(settings: Settings) -> Applies:
    """On where a workflow file of the repository was written from this project's definition."""
    folder = "/".join(settings.root.relative_to(settings.repository).parts)
    for file in sorted(file for place in _PLACES for file in settings.repository.glob(place)):
        with file.open(encoding="utf-8", errors="replace") as text:
            if mark(folder) in text.readline():
                path = file.relative_to(settings.repository)
                return Applies(on=True, reason=f"Pushgate wrote {path}")
    return Applies(on=False, reason="no workflow file is Pushgate's: `pushgate workflow` writes it")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "the workflow files say what the definition says")


def run(context: Context[Options]) -> None:
    """Compare the files with what the definition says; a difference fails the job."""
    # -P: no module of the project stands in for one of Pushgate's.
    context.run(sys.executable, "-P", "-m", "pushgate", "workflow", "--check")
