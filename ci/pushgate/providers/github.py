"""GitHub Actions: a workflow file with one thin job for each gate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pushgate.model.ci import MARK, mark
from pushgate.model.settings import ConfigurationError
from pushgate.providers import documents, github_jobs, github_names, kept_blocks, pins
from pushgate.providers.documents import Headed, Inline
from pushgate.providers.drift import Document
from pushgate.providers.github_jobs import Jobs
from pushgate.providers.pins import Pin
from pushgate.providers.pipeline import Pipeline

name: Final = "github"

_FOLDER: Final = ".github/workflows"
_STAYING: Final = "Newer pins of actions stay, and so does what is between the lines"
_MARKS: Final = f"`# {kept_blocks.BEGIN}` and `# {kept_blocks.END}`."
_SUPERSEDED: Final = (
    "A newer commit of a pull request ends the run of the one before it; nothing else is."
)
_EDITED: Final = "Edited: what passed for one base says nothing of another."
COMMENTS: Final = (MARK, _STAYING, _MARKS, _SUPERSEDED, _EDITED, *github_jobs.COMMENTS)
PLACES: Final = (f"{_FOLDER}/*.yml", f"{_FOLDER}/*.yaml")
UNORDERED: Final = frozenset(
    {"branches", "tags", "types", "schedule", "needs", "session", "shard", "system"}
)


def paths(pipeline: Pipeline) -> tuple[str, ...]:
    """Return where a new file may be: a name of ours where another's is there."""
    of_folder = "".join(f"-{part}" for part in re.findall(r"[\w.-]+", pipeline.folder))
    return tuple(f"{_FOLDER}/{stem}{of_folder}.yml" for stem in ("ci", "pushgate"))


def written(pipeline: Pipeline, existing: str) -> str:
    """Return the text of the workflow file, without marked blocks."""
    return _written(pipeline, pins.chosen(existing))


def _written(pipeline: Pipeline, pinned: Mapping[str, Pin]) -> str:
    if problems := github_names.problems(pipeline):
        raise ConfigurationError(*problems)
    folder = pipeline.folder
    header = f"{mark(folder)} noxfile.py: change these, and run it again.\n{_STAYING}\n{_MARKS}"
    document = {
        "name": f"CI ({folder})" if folder else "CI",
        "on": Headed(_events(pipeline)),
        "permissions": Headed({}),
        "concurrency": Headed(
            {
                # Groups are the repository's: the user's own workflow may be a CI, too.
                "group": "pushgate-${{ github.workflow }}-"
                "${{ github.event.pull_request.number || github.run_id }}",
                "cancel-in-progress": True,
            },
            _SUPERSEDED,
        ),
        "env": Headed(
            {"COMMIT": "${{ github.event.pull_request.head.sha || github.sha }}"},
        ),
        "jobs": Headed(Jobs(pipeline, pinned).all()),
    }
    return documents.written(document, header)


def _events(pipeline: Pipeline) -> dict[str, object]:
    """Return what starts the workflow."""
    filters = github_names.filters
    events: dict[str, object] = {
        "push": {
            "branches": Inline(filters((*pipeline.branches, *pipeline.pushes))),
            "tags": Inline(["**"]),
        },
        "pull_request": _pull_requests(filters((*pipeline.branches, *pipeline.pull_requests))),
        "merge_group": None,
        "workflow_dispatch": None,
    }
    if pipeline.ci.schedule:
        events["schedule"] = [{"cron": times} for times in pipeline.ci.schedule]
    return events


def _pull_requests(bases: Sequence[str]) -> dict[str, object]:
    """Return which pull requests start the workflow."""
    started: dict[str, object] = {"branches": Inline(bases)}
    if len(bases) > 1 or "*" in bases[0]:
        started["types"] = Headed(
            Inline(["opened", "synchronize", "reopened", "edited"]),
            _EDITED,
            apart=False,
        )
    return started


def split(document: Mapping[str, object]) -> Document:
    """Return what the file means, the jobs apart."""
    rest = dict(document)
    jobs = rest.pop("jobs", None)
    return Document(jobs=jobs if isinstance(jobs, dict) else {}, rest=rest)
