"""What ``.gitlab-ci.yml`` says, as mappings and lists."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from pushgate.gates import coverage, test
from pushgate.model.ci import Pages
from pushgate.model.event import Event
from pushgate.model.job import OUTPUTS, Job
from pushgate.model.services import URL_VARIABLE, PostgresOptions
from pushgate.providers import gitlab_rules
from pushgate.providers.documents import Inline
from pushgate.providers.pipeline import Pipeline, PipelineGate, Selection, nox_arguments

_COMMON: Final = ".pushgate"
"""The hidden job that all others extend: no ``default``, which would reach the user's own jobs."""

_PASSED: Final = "passed"
_KEYWORDS: Final = frozenset(
    {
        *("after_script", "before_script", "cache", "default", "image", "include", "services"),
        *("pages", "spec", "stages", "types", "variables", "workflow", _PASSED),
        *("true", "false", "nil", "null", "y", "n", "yes", "no", "on", "off"),
    }
)
"""What GitLab, its YAML 1.1, or this file takes for something else than the job of a gate."""

_COVERAGE: Final = r"/TOTAL.*\s(\d+(?:\.\d+)?)%/"
"""Finds the total in what ``coverage report`` prints."""

_POSTGRES: Final = "postgres"
"""What a job calls its PostgreSQL, and what the superuser and its database are called there."""

_PASSWORD: Final = "pushgate"  # noqa: S105  # no secret, as said below
"""Of a server that only its job can reach, and that ends with it."""
_URL: Final = f"postgresql://{_POSTGRES}:{_PASSWORD}@{_POSTGRES}:5432/{_POSTGRES}"

_SHA: Final = "${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-$CI_COMMIT_SHA}"
"""The commit that was pushed; that of a merged result is GitLab's own."""


def document(pipeline: Pipeline) -> dict[str, object]:
    """Return what the file says.

    Args:
        pipeline: What it has to say, in which no name is left that GitLab cannot carry.

    Raises:
        ConfigurationError: A pattern of events cannot be said to GitLab.
    """
    jobs = {job_name(gate.name): dict(_job(pipeline, gate)) for gate in pipeline.gates}
    if all(gate.selected_by for gate in pipeline.gates):
        # A pipeline without a job is none, and a merge request would wait for it for ever.
        jobs[_PASSED] = {"image": pipeline.ci.image, "script": ["echo no gate reads what changed"]}
    if pipeline.ci.pages:
        jobs["pages"] = dict(_pages(pipeline, pipeline.ci.pages))
    return {"workflow": _workflow(pipeline), _COMMON: dict(_common(pipeline)), **jobs}


def job_name(gate: str) -> str:
    """Return what GitLab calls the job of a gate."""
    return f"{gate}:gate" if gate in _KEYWORDS else gate


def _workflow(pipeline: Pipeline) -> Mapping[str, object]:
    merges, pushes = (
        gitlab_rules.conditions(Event(kind, ref) for ref in (*pipeline.branches, *asked))
        for kind, asked in (("pull_request", pipeline.pull_requests), ("push", pipeline.pushes))
    )
    others = [Event("tag"), *([Event("schedule")] if pipeline.ci.schedule else [])]
    return {
        "auto_cancel": {"on_new_commit": "none"},
        "rules": [
            *({"if": each, "auto_cancel": {"on_new_commit": "interruptible"}} for each in merges),
            *({"if": each} for each in (*pushes, *gitlab_rules.conditions(others))),
        ],
    }


def _common(pipeline: Pipeline) -> Iterator[tuple[str, object]]:
    yield "image", pipeline.ci.image
    yield "interruptible", True
    variables = {"UV_CACHE_DIR": "$CI_PROJECT_DIR/.uv-cache"}
    if pipeline.ci.history:
        variables["GIT_DEPTH"] = "0"
    yield "variables", variables
    # A name that GitLab may take for a pattern or a variable cannot be a key's file.
    plain = [lock for lock in pipeline.locks if re.fullmatch(r"[\w./ -]+", lock)]
    key: object = {"files": plain, "prefix": "uv"} if plain else "uv"
    yield "cache", {"key": key, "paths": [".uv-cache/"]}
    yield "before_script", ["command -v uv || pip install --quiet uv"]
    there = f"{shlex.quote(_change(pipeline))} '&&' " if pipeline.folder else ""
    again = rf'{there}"pushgate run --commit {_SHA} \"$PUSHGATE_JOB\""'
    yield "after_script", [f'test "$CI_JOB_STATUS" != failed || echo To reproduce it, {again}']


def _job(pipeline: Pipeline, gate: PipelineGate) -> Iterator[tuple[str, object]]:
    yield "extends", _COMMON
    if rules := gitlab_rules.rules(gate.selected_by, pipeline.defining):
        yield "rules", rules
    yield "needs", [*_needs(pipeline, gate)]
    yield "timeout", f"{gate.minutes} minutes"
    job = gate.jobs[0].name
    if len(gate.jobs) > 1:
        yield "parallel", {"matrix": [_matrix(gate)]}
        shard = f"(${{PUSHGATE_SHARD}}of{gate.shards})" if gate.shards > 1 else ""
        job = f"${{PUSHGATE_SESSION}}{shard}"
    postgres = gate.postgres if gate.postgres and _is_beside(gate.postgres) else None
    if postgres:
        yield "services", [_service(postgres)]
    yield "variables", {"PUSHGATE_JOB": job, **({URL_VARIABLE: _URL} if postgres else {})}
    change = [_change(pipeline)] if pipeline.folder else []
    yield "script", [*change, _nox(pipeline, gate, gate.jobs[0])]
    if gate.name == coverage.name:
        yield "coverage", _COVERAGE
    if artifacts := dict(_artifacts(pipeline, gate)):
        yield "artifacts", artifacts


def _is_beside(options: PostgresOptions) -> bool:
    """Tell whether GitLab has to start a PostgreSQL: its own runners give a job no Docker."""
    return options.provider in {"auto", "docker"}


def _service(options: PostgresOptions) -> Mapping[str, object]:
    # Said to the service alone: a project's tests may read such variables. And all of them are
    # said, since those of the project's pipelines reach the service, too.
    variables = {
        "POSTGRES_USER": _POSTGRES,
        "POSTGRES_PASSWORD": _PASSWORD,
        "POSTGRES_DB": _POSTGRES,
    }
    return {"name": options.image, "alias": _POSTGRES, "variables": variables}


def _change(pipeline: Pipeline) -> str:
    """Return the command that goes into the project's folder."""
    return shlex.join(("cd", f"./{pipeline.folder}"))


def _needs(pipeline: Pipeline, gate: PipelineGate) -> Iterator[Mapping[str, object]]:
    for need in gate.needs:
        yield {"job": job_name(need), "artifacts": True}
    for earlier in gate.after:
        conditional = {"optional": True} if pipeline.gate(earlier).selected_by else {}
        yield {"job": job_name(earlier), "artifacts": False, **conditional}


def _matrix(gate: PipelineGate) -> Mapping[str, Inline]:
    matrix = {"PUSHGATE_SESSION": Inline([_unexpanded(session) for session in gate.sessions])}
    if gate.shards > 1:
        matrix["PUSHGATE_SHARD"] = Inline([str(index + 1) for index in range(gate.shards)])
    return matrix


def _nox(pipeline: Pipeline, gate: PipelineGate, job: Job) -> str:
    variables = {}
    if len(gate.jobs) > 1:
        variables[job.session] = '"$PUSHGATE_SESSION"'
    if job.shard:
        variables[str(job.shard)] = f'"$PUSHGATE_SHARD/{job.shard.count}"'
    arguments = (variables.get(word) or shlex.quote(word) for word in nox_arguments(job))
    return f"{shlex.join(pipeline.command)} {' '.join(arguments)}"


def _artifacts(pipeline: Pipeline, gate: PipelineGate) -> Iterator[tuple[str, object]]:
    top = _unexpanded(pipeline.folder)
    # Of a matrix with a wildcard: the shards' parentheses are no part of a pattern everywhere.
    outputs = "$PUSHGATE_SESSION*" if len(gate.jobs) > 1 else "$PUSHGATE_JOB"
    kept = posixpath.join(top, OUTPUTS.as_posix(), outputs)
    paths = [kept] if gate.artifact_days else []
    if pipeline.ci.pages and pipeline.ci.pages.gate == gate.name:
        paths.append(posixpath.join(top, _unexpanded(pipeline.ci.pages.path)))
    if not paths:
        return
    yield "name", "$PUSHGATE_JOB"
    yield "when", "always"
    days = gate.artifact_days or 1
    yield "expire_in", f"{days} day{'s' if days > 1 else ''}"
    yield "paths", paths
    if gate.name == test.name:
        yield "reports", {"junit": posixpath.join(kept, "junit.xml")}
    if gate.name == coverage.name:
        report = {"coverage_format": "cobertura", "path": posixpath.join(kept, "coverage.xml")}
        yield "reports", {"coverage_report": report}


def published(pipeline: Pipeline, pages: Pages) -> tuple[Selection, ...]:
    """Return when a site is published: when a push to the main branch selects its gate."""
    return pipeline.gate(pages.gate).selected_for(Event("push", pipeline.branches[0]))


def _pages(pipeline: Pipeline, pages: Pages) -> Iterator[tuple[str, object]]:
    yield "image", pipeline.ci.image
    # After all jobs of the stages before: what did not pass is not published.
    yield "stage", "deploy"
    yield "dependencies", [job_name(pages.gate)]
    yield "rules", gitlab_rules.rules(published(pipeline, pages), pipeline.defining)
    site = posixpath.normpath(posixpath.join(pipeline.folder, pages.path))
    move = ["rm -rf .pushgate-site", shlex.join(("mv", f"./{site}", ".pushgate-site"))]
    yield "script", [*move, "rm -rf public", "mv .pushgate-site public"]
    yield "artifacts", {"paths": ["public"]}


def _unexpanded(text: str) -> str:
    """Return a text in which GitLab takes nothing for a variable."""
    return text.replace("$", "$$")
