"""GitLab: ``.gitlab-ci.yml``.

Each gate is a job, or a matrix of jobs, and a pipeline has exactly those that the plan of its
event has; ``providers/gitlab_rules.py`` tells which event of Pushgate a pipeline of GitLab is.
There is no job that stands for all: what GitLab requires is the pipeline.

A push is judged where gates or ``branches`` ask for its branch, whether or not a merge request
is open for it: the two are different events with different gates. All other branches have
pipelines of their merge requests only.

GitLab keeps the times of schedules outside of the file: they are made in its own pages.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pushgate.model.ci import MARK
from pushgate.model.settings import ConfigurationError
from pushgate.providers import documents, drift, gitlab_jobs, kept_blocks
from pushgate.providers.pipeline import Pipeline

name: Final = "gitlab"

_FILE: Final = ".gitlab-ci.yml"
_FOLDER: Final = "The project's folder: "
_NEEDS_LIMIT: Final = 50
"""How many jobs a job may wait for, where an administrator has not said otherwise."""

_MATRIX_LIMIT: Final = 200
"""How many jobs a matrix may have."""

_OF_PATTERNS: Final = frozenset("*?[]{}\\")


def path(pipeline: Pipeline) -> str:  # noqa: ARG001  # GitLab reads this file only
    """Return where the file is, from the top of the repository."""
    return _FILE


def render(pipeline: Pipeline, existing: str) -> str:
    """Return the text of the file; ``Provider`` tells more."""
    _refuse_others(pipeline, existing)
    return kept_blocks.put_back(_written(pipeline, existing), existing, _FILE)


def differences(pipeline: Pipeline, existing: str) -> Sequence[str]:
    """Compare the file with what it has to say; ``Provider`` tells more."""
    _refuse_others(pipeline, existing)
    there = documents.parsed(kept_blocks.without(existing), _FILE)
    return drift.lines(there, documents.parsed(_written(pipeline, existing), _FILE))


def _written(pipeline: Pipeline, existing: str) -> str:
    if problems := [*_problems(pipeline)]:
        raise ConfigurationError(*problems)
    document = gitlab_jobs.document(_pinned(pipeline, existing))
    lines = [f"{MARK} from [tool.pushgate] and noxfile.py. To change it, change these."]
    if pipeline.folder:
        lines.append(f"{_FOLDER}{pipeline.folder}")
    lines += (f"Make a schedule in GitLab's own pages: {times}" for times in pipeline.ci.schedule)
    headed = {key: documents.Headed(value) for key, value in document.items()}
    return documents.written(headed, "\n".join(lines))


def _refuse_others(pipeline: Pipeline, existing: str) -> None:
    """Refuse to write over a file that says what others want, or another project."""
    if not existing.strip():
        return
    first, _, rest = existing.partition("\n")
    if MARK not in first:
        message = (
            f"{_FILE} was not written by Pushgate, and GitLab reads only this one: rename it, and "
            "run this again; a block between `# pushgate: keep` and `# pushgate: end` in the new "
            "file can `include` it"
        )
        raise ConfigurationError(message)
    second = rest.partition("\n")[0].removeprefix("# ")
    folder = second.removeprefix(_FOLDER) if second.startswith(_FOLDER) else ""
    if folder != pipeline.folder:
        message = (
            f"{_FILE} runs the project in {folder or 'the top folder'}, and GitLab reads only "
            f"this one: remove it to let it run that in {pipeline.folder or 'the top folder'}"
        )
        raise ConfigurationError(message)


def _pinned(pipeline: Pipeline, existing: str) -> Pipeline:
    """Return what the file has to say, the image with the digest that the file has for it."""
    image = re.escape(pipeline.ci.image)
    pinned = re.search(rf"^ *image: ({image}@sha256:[0-9a-f]{{64}})\b", existing, re.MULTILINE)
    return replace(pipeline, ci=replace(pipeline.ci, image=pinned[1])) if pinned else pipeline


def _problems(pipeline: Pipeline) -> Iterator[str]:
    """Yield a line for all that GitLab cannot carry."""
    paths = {"the project's folder": pipeline.folder}
    if pages := pipeline.ci.pages:
        paths["tool.pushgate.ci.pages.path"] = pages.path
    jobs = [job for gate in pipeline.gates for job in gate.jobs]
    sessions = {f"tool.pushgate.gates.{job.gate}.session": job.session for job in jobs}
    for key, said in {**paths, **sessions}.items():
        if not said.isprintable():
            yield f"{key} = {said!r}: expected a name without control characters"
    for key, said in paths.items():
        if _OF_PATTERNS & set(said):
            yield f"{key} = {said!r}: expected a name that is no pattern for GitLab's artifacts"
        elif posixpath.normpath(said).startswith(("/", "..")):
            yield f"{key} = {said!r}: expected a folder of the project"
    yield from _beyond_limits(pipeline)


def _beyond_limits(pipeline: Pipeline) -> Iterator[str]:
    for gate in pipeline.gates:
        awaited = sum(len(pipeline.gate(need).jobs) for need in (*gate.needs, *gate.after))
        for what, count, limit in (
            ("its matrix", len(gate.jobs), _MATRIX_LIMIT),
            ("what it waits for", awaited, _NEEDS_LIMIT),
        ):
            if count > limit:
                yield (
                    f"gate {gate.name}: {what} has {count} jobs, and GitLab takes {limit}: "
                    "choose fewer shards or Pythons"
                )
