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

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from pushgate.model.ci import MARK, CiSettings, mark
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import ConfigurationError
from pushgate.providers import documents, gitlab_jobs, kept_blocks
from pushgate.providers.documents import Headed
from pushgate.providers.drift import Document
from pushgate.providers.pipeline import Pipeline, unscheduled

name: Final = "gitlab"

HasImage = TypeVar("HasImage", CiSettings, PostgresOptions)

_FILE: Final = ".gitlab-ci.yml"
_STAYING: Final = "Digests of images stay, and so does what is between the lines"
_MARKS: Final = f"`# {kept_blocks.BEGIN}` and `# {kept_blocks.END}`."
_ELSEWHERE: Final = "Not in this file:"
COMMENTS: Final = (MARK, _STAYING, _MARKS, _ELSEWHERE)
PLACES: Final = (_FILE,)  # GitLab reads no other
_NEEDS_LIMIT: Final = 50
"""How many jobs a job may wait for, where an administrator has not said otherwise."""

_MATRIX_LIMIT: Final = 200
"""How many jobs a matrix may have."""

_NO_TEXT: Final = re.compile(r"y|n|yes|no|on|off|[-+]?[0-9][0-9_:.,]*", re.IGNORECASE)
"""What YAML 1.1 takes for something else than a text, beside what YAML 1.2 does."""

_OF_PATTERNS: Final = frozenset("*?[]{}\\")
_NO_JOBS: Final = frozenset(
    {
        *("after_script", "before_script", "cache", "default", "image", "include", "services"),
        *("spec", "stages", "variables", "workflow"),
    }
)
"""Top-level keys that are no jobs."""

UNORDERED: Final = frozenset(
    {"changes", "dependencies", "paths", "PUSHGATE_SESSION", "PUSHGATE_SHARD"}
)


def paths(pipeline: Pipeline) -> tuple[str, ...]:  # noqa: ARG001  # GitLab reads only this file
    """Return where the file is."""
    return (_FILE,)


def written(pipeline: Pipeline, existing: str) -> str:
    """Return the text of the file, without marked blocks."""
    return _written(_pinned(pipeline, existing))


def _written(pipeline: Pipeline) -> str:
    if problems := [*_problems(pipeline)]:
        raise ConfigurationError(*problems)
    document = gitlab_jobs.document(pipeline)
    headed = {key: Headed(_quoted(value)) for key, value in document.items()}
    return documents.written(headed, "\n".join(_header(pipeline)))


def _header(pipeline: Pipeline) -> Iterator[str]:
    """Yield the comments at the top; what the definition says to others alone is told there."""
    yield f"{mark(pipeline.folder)} noxfile.py: change these, and run it again."
    yield from (_STAYING, _MARKS)
    for times in pipeline.ci.schedule:
        yield f"{_ELSEWHERE} GitLab's own pages schedule it, at {times}."
    if pipeline.ci.systems:
        yield f"{_ELSEWHERE} the tests on {', '.join(pipeline.ci.systems)}."
    if pipeline.ci.codecov:
        yield f"{_ELSEWHERE} Codecov. GitLab shows the coverage report itself."


def _quoted(value: object) -> object:
    """Return a value with quotes around each text that is none for GitLab, by YAML 1.1."""
    # No gate of a run reads YAML: the start of every other command does without it.
    from ruamel.yaml.scalarstring import SingleQuotedScalarString  # noqa: PLC0415

    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and _NO_TEXT.fullmatch(value):
        return SingleQuotedScalarString(value)
    return value


def _pinned(pipeline: Pipeline, existing: str) -> Pipeline:
    """Return what the file has to say, each image with the digest that the file has for it."""
    gates = tuple(
        replace(gate, postgres=gate.postgres and _with_digest(gate.postgres, existing))
        for gate in pipeline.gates
    )
    return replace(pipeline, ci=_with_digest(pipeline.ci, existing), gates=gates)


def _with_digest(settings: HasImage, existing: str) -> HasImage:
    image = re.escape(settings.image)
    line = rf"^ *(?:- )?(?:image|name): ({image}@sha256:[0-9a-f]{{64}})\b"
    pinned = re.search(line, existing, re.MULTILINE)
    return replace(settings, image=pinned[1]) if pinned else settings


def split(document: Mapping[str, object]) -> Document:
    """Return what the file means, with names where it has lists of mappings."""
    rest = {key: _named(document[key]) for key in _NO_JOBS if key in document}
    jobs = {key: _named(value) for key, value in document.items() if key not in _NO_JOBS}
    return Document(jobs=jobs, rest=rest)


def _named(value: object) -> object:
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items()}
    if isinstance(value, list) and (not value or any(isinstance(item, dict) for item in value)):
        return {_name(item, at): _named(item) for at, item in enumerate(value)}
    return value


def _name(item: object, at: int) -> str:
    """Return what an item of a list is known by."""
    if isinstance(item, dict):
        # What a job needs has a name, and so has a service; rules have places: the first that
        # holds decides.
        return str(item.get("job", item.get("alias", at)))
    return str(item)


def _problems(pipeline: Pipeline) -> Iterator[str]:
    """Yield a line for all that GitLab cannot carry."""
    folders = {"the project's folder": pipeline.folder}
    if pages := pipeline.ci.pages:
        folders["ci.pages.path of [tool.pushgate]"] = pages.path
    for key, folder in folders.items():
        if _OF_PATTERNS & set(folder) or not folder.isprintable():
            yield _refused(key, folder, "rename it, without * ? [ ] { } \\ and control characters")
    for gate in pipeline.gates:
        where = f"tool.pushgate.gates.{gate.name}"
        session = gate.jobs[0].session
        if not session.isprintable():
            yield _refused(f"{where}.session", session, "rename it, without control characters")
        yield from unscheduled(gate, pipeline)
    yield from _beyond_limits(pipeline)


def _beyond_limits(pipeline: Pipeline) -> Iterator[str]:
    for gate in pipeline.gates:
        awaited = sum(len(pipeline.gate(need).jobs) for need in (*gate.needs, *gate.after))
        for what, count, limit in (
            ("has", len(gate.jobs), _MATRIX_LIMIT),
            ("waits for", awaited, _NEEDS_LIMIT),
        ):
            if count > limit:
                yield (
                    f"gate {gate.name} {what} {count} jobs, and GitLab takes {limit}: "
                    "choose fewer shards or Pythons"
                )


def _refused(key: str, value: str, what_to_do: str) -> str:
    return f"{key}: GitLab cannot carry {value!r}: {what_to_do}"
