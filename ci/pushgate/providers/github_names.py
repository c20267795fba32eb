"""What of a project GitHub cannot carry, and how the project's own names are written there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pushgate.providers.github_jobs import RESERVED
from pushgate.providers.pipeline import Pipeline, unscheduled

_EXPRESSION: Final = "${{"
_FILTER: Final = re.compile(r"([\\+!\]])")
"""What means something in a filter of branches, beside `*`, `?` and `[`."""

_PATH: Final = re.compile(r"[*?\[\]\\]|\A[!#~\s]|\s\Z")
"""What the actions that are given a path do not take for a part of its name."""

_MATRIX_LIMIT: Final = 256
"""How many jobs a matrix may have."""


def filters(patterns: Iterable[str]) -> list[str]:
    """Return patterns of branches as GitHub's filters: there one `*` stops at a slash."""
    said = [re.sub(r"\*+", "**", _FILTER.sub(r"\\\1", pattern)) for pattern in patterns]
    return ["**"] if "**" in said else said


def problems(pipeline: Pipeline) -> list[str]:
    """Return a line for all that GitHub cannot carry, with what to do."""
    return [
        *_of_branches(pipeline),
        *_of_paths(pipeline),
        *_of_gates(pipeline),
        *_of_commands(pipeline),
    ]


def _of_branches(pipeline: Pipeline) -> Iterator[str]:
    keys = {
        "branches of [tool.pushgate]": pipeline.branches,
        "on = 'push:…' of a gate": pipeline.pushes,
        "on = 'pull_request:…' of a gate": pipeline.pull_requests,
    }
    for key, branches in keys.items():
        for branch in branches:
            if _is_strange(branch):
                yield _refused(key, branch, "name a branch without ${{ and control characters")
            elif re.search(r"[?\[]", branch):
                yield _refused(key, branch, "its filters know no ? and [: use * instead")


def _of_paths(pipeline: Pipeline) -> Iterator[str]:
    site = pipeline.ci.pages.path if pipeline.ci.pages else ""
    keys = {
        "the project's folder": (pipeline.folder,),
        "the path of the lock": pipeline.locks,
        "ci.pages.path of [tool.pushgate]": (site,),
    }
    for key, paths in keys.items():
        for path in paths:
            if _is_strange(path) or _PATH.search(path):
                yield _refused(
                    key,
                    path,
                    "rename it: a path there has none of * ? [ ] \\ ${{, no control characters, "
                    "and no ! # ~ or space at its ends",
                )


def _of_gates(pipeline: Pipeline) -> Iterator[str]:
    for gate in pipeline.gates:
        where = f"tool.pushgate.gates.{gate.name}"
        if gate.name in RESERVED:
            yield f"{where}: the workflow has a job {gate.name!r} of its own: rename the gate"
        session = gate.jobs[0].session
        if not session.isprintable():
            yield _refused(f"{where}.session", session, "rename it, without control characters")
        if (jobs := len(gate.jobs) * (1 + len(gate.systems))) > _MATRIX_LIMIT:
            yield (
                f"gate {gate.name} has {jobs} jobs, and GitHub takes {_MATRIX_LIMIT}: choose fewer "
                "shards, Pythons or systems"
            )
        yield from unscheduled(gate, pipeline)
        for event in (event for selection in gate.selected_by for event in selection.on):
            if event.kind == "tag" and _is_strange(event.ref):
                yield _refused(f"{where}.on", str(event), "leave ${{ and control characters out")


def _of_commands(pipeline: Pipeline) -> Iterator[str]:
    for word in pipeline.command:
        if not word.isprintable():
            yield _refused("[dependency-groups]", word, "rename it, without control characters")


def _is_strange(text: str) -> bool:
    return _EXPRESSION in text or not text.isprintable()


def _refused(key: str, value: str, what_to_do: str) -> str:
    return f"{key}: GitHub cannot carry {value!r}: {what_to_do}"
