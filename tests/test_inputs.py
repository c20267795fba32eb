"""Inputs: the files that gates read decide which jobs a change selects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from conftest import Project
from pushgate.model.event import Event
from pushgate.model.plan import Plan
from pushgate.model.settings import ConfigurationError
from pushgate.plan.changes import Changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan

EMPTY = "[tool.pushgate]\npython = ['3.12']\n"
"""A project without code: only its own gates are on."""

INPUTS = """
[tool.pushgate.gates]
always.run = ["true"]
web = { run = ["true"], inputs = ["web/**", "../shared/*"], needs = ["styles"] }
styles = { run = ["true"], inputs = ["styles/*.css"] }
merged = { run = ["true"], inputs = ["web/**"], on = ["push:main"] }
"""

PULL_REQUEST = Event("pull_request", "main")


def _selected(planned: Plan) -> dict[str, str]:
    return {entry.job.name: entry.reason for entry in planned.jobs if entry.selected}


@pytest.fixture
def with_inputs(make_project: Callable[..., Project]) -> Definition:
    """A project in a subfolder with gates that read some files of the repository only."""
    paths = ("shared/api.json", "back/web/app.js", "back/styles/a.css", "docs/index.md")
    files = {"back/pyproject.toml": EMPTY + INPUTS, **dict.fromkeys(paths, "")}
    return of_project(make_project(files).root / "back")


def _decided(planned: Plan) -> dict[str, tuple[bool, str]]:
    return {entry.job.name: (entry.selected, entry.reason) for entry in planned.jobs}


def test_changed_files_select_jobs(with_inputs: Definition) -> None:
    """A job with inputs of its own is in where one of them changed; its needs come along."""
    seen = Changes(frozenset({"back/web/app.js", "docs/index.md"}), "main (merge base 1a2b3c4)")
    planned = plan(with_inputs, PULL_REQUEST, changes=seen)
    changed = "web/app.js changed since main (merge base 1a2b3c4)"
    unchanged = "no file of its inputs changed since main (merge base 1a2b3c4)"
    assert _decided(planned) == {
        "always": (True, "every event selects it"),
        "styles": (True, "web needs it"),
        "web": (True, changed),
        "merged": (False, "only on push:main, and this is pull_request:main"),
    }
    assert planned.since == "main (merge base 1a2b3c4)"
    push = _decided(plan(with_inputs, Event("push", "main"), changes=seen))
    assert push["merged"] == (True, changed)
    seen = Changes(frozenset({"back/styles/a.css"}), "main (merge base 1a2b3c4)")
    decided = _decided(plan(with_inputs, Event("push", "main"), changes=seen))
    assert decided["web"] == decided["merged"] == (False, unchanged)
    assert decided["styles"] == (True, "styles/a.css changed since main (merge base 1a2b3c4)")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            [*(f"back/web/{name}" for name in "hgfedcbak"), "shared/x", "docs/x"],
            "web/a and 9 more changed since x",
        ),
        (["shared/x"], "../shared/x changed since x"),
        (["back/web/new\nline"], r"'web/new\nline' changed since x"),
        (["back/noxfile.py"], "noxfile.py, which defines it, changed since x"),
        (
            ["back/noxfile.py", "back/pyproject.toml"],
            "pyproject.toml, which defines it, changed since x",
        ),
        (["back/web/a", "back/pyproject.toml"], "web/a changed since x"),
        (["pyproject.toml", "noxfile.py", "web/a", "x"], "no file of its inputs changed since x"),
        (None, "everything counts as changed: x"),
    ],
)
def test_why_changed_files_select(
    with_inputs: Definition, files: list[str] | None, reason: str
) -> None:
    """A file is named as the project would name it; what defines a gate counts as its input."""
    seen = Changes(None if files is None else frozenset(files), "x")
    decided = _decided(plan(with_inputs, PULL_REQUEST, changes=seen))
    assert decided["web"] == (not reason.startswith("no "), reason)


def test_names_select_jobs_whatever_changed(with_inputs: Definition) -> None:
    """A job that is asked for is in though none of its files changed."""
    seen = Changes(frozenset({"docs/index.md"}), "x")
    planned = plan(with_inputs, PULL_REQUEST, ["web"], seen)
    assert _selected(planned) == {"styles": "web needs it", "web": "asked for"}
    assert _selected(plan(with_inputs, PULL_REQUEST)).keys() == {"always", "styles", "web"}


def test_inputs_that_match_nothing(make_project: Callable[..., Project]) -> None:
    """Patterns that cannot be used are told with all other problems, with what may be meant."""
    table = """[tool.pushgate.gates]
docs = { run = ["true"], inputs = ["dcos/**", "docs", "dcos/*.rst", "dcos/*.md"] }
odd = { run = ["true"], inputs = ["/etc/*", "../x", "zzz/**", "docs/"], need = [] }
none = { run = ["true"], inputs = [] }
fine = { run = ["true"], inputs = ["**", "docs/*.md"] }
lint.inputs = ["src/**"]
both.inputs = ["gone"]
"""
    noxfile = """import pushgate
@pushgate.gate(inputs=["dosc/**"])
def pages(gate): ...
@pushgate.gate(inputs=["docs/*"])
def both(gate): ...
"""
    files = {"noxfile.py": noxfile, "pyproject.toml": EMPTY + table, "docs/a.md": "", "x/y": ""}
    with pytest.raises(ConfigurationError) as failure:
        of_project(make_project(files).root)
    gates, nothing = "pyproject.toml: tool.pushgate.gates", "it matches no tracked file"
    assert set(failure.value.problems) == {
        f"{gates}.docs.inputs[0] = 'dcos/**': {nothing}: did you mean 'docs/**'?",
        f"{gates}.docs.inputs[1] = 'docs': {nothing}: did you mean 'docs/**'?",
        f"{gates}.docs.inputs[2] = 'dcos/*.rst': {nothing}: did you mean 'docs/**'?",
        f"{gates}.docs.inputs[3] = 'dcos/*.md': {nothing}: did you mean 'docs/*.md'?",
        f"{gates}.odd.inputs[0] = '/etc/*': expected a path from the project's folder, not from /",
        f"{gates}.odd.inputs[1] = '../x': expected files of this repository: it leads out of it",
        f"{gates}.odd.inputs[2] = 'zzz/**': {nothing}",
        f"{gates}.odd.inputs[3] = 'docs/': {nothing}: did you mean 'docs/**'?",
        f"{gates}.odd: unknown key 'need': did you mean 'needs'?",
        f"{gates}.none.inputs = []: expected at least one",
        f"{gates}.lint.inputs[0] = 'src/**': {nothing}",
        f"{gates}.both.inputs[0] = 'gone': {nothing}",
        f"noxfile.py: gate 'pages': inputs[0] = 'dosc/**': {nothing}: did you mean 'docs/**'?",
    }


def test_inputs_outside_of_the_project(make_project: Callable[..., Project]) -> None:
    """Files of the repository outside of the project's folder are inputs only with ../."""
    project = make_project({"shared/api/v1.json": ""})
    patterns = ["../shared/**", "shared/**", "../shared", "wbe/*"]
    table = f"gates.web = {{ run = ['true'], inputs = {patterns} }}\n"
    project.write({"back/pyproject.toml": EMPTY + table, "back/web/app.js": ""})
    project.commit()
    with pytest.raises(ConfigurationError) as failure:
        of_project(project.root / "back")
    where, nothing = "pyproject.toml: tool.pushgate.gates.web", "it matches no tracked file"
    assert failure.value.problems == (
        f"{where}.inputs[1] = 'shared/**': {nothing}",
        f"{where}.inputs[2] = '../shared': {nothing}: did you mean '../shared/**'?",
        f"{where}.inputs[3] = 'wbe/*': {nothing}: did you mean 'web/*'?",
    )


def test_the_plan_of_the_working_tree(make_project: Callable[..., Project]) -> None:
    """`pushgate plan` compares the files as they are with where the branch left the main one."""
    table = "gates.web = { run = ['true'], inputs = ['web/**'] }\n"
    table += "gates.docs = { run = ['true'], inputs = ['docs/**'] }\n"
    files = {"pyproject.toml": EMPTY + table, "web/a": "", "docs/a": ""}
    project = make_project(files)
    every = project.pushgate("plan").stdout
    assert every.count("everything counts as changed: nothing differs from main") == 2
    project.write({"web/a": "2", "docs/untracked": ""})
    base = project.git("rev-parse", "main")[:7]
    told = project.pushgate("plan").stdout
    assert re.search(
        rf"^web .* web/a changed since main \(merge base {base}\)$", told, re.MULTILINE
    )
    assert re.search(r"^docs .* out: no file of its inputs changed since main", told, re.MULTILINE)
    content = json.loads(project.pushgate("plan", "--event", "push:main", "--json").stdout)
    assert content["since"] == f"main (merge base {base})"
    assert [job["selected"] for job in content["jobs"]] == [True, False]
    everything = json.loads(project.pushgate("plan", "--all", "--json").stdout)
    assert everything["since"] == "everything counts as changed: this is all"
    assert all(job["selected"] for job in everything["jobs"])
