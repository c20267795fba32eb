"""From events and gates to the plan: which jobs, in which order, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import NOXFILE, Project
from pushgate.model.event import Event
from pushgate.model.plan import GateOff, Plan
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan

EMPTY = "[tool.pushgate]\npython = ['3.12']\n"
"""A project without code: only its own gates are on."""

CODE = {
    "pyproject.toml": "[tool.pushgate]\npython = ['3.11', '3.12']\n",
    "demo.py": "",
}

GATES = """
[tool.pushgate.gates]
always.run = ["true"]
merged = { run = ["true"], on = ["push:main", "pull_request"] }
released = { run = ["true"], on = ["tag:v*"], needs = ["built"] }
built = { run = ["true"], on = ["schedule"], after = ["always"] }
"""


def _define(make_project: Callable[..., Project], pyproject: str) -> Definition:
    return of_project(make_project({"pyproject.toml": pyproject}).root)


def _selected(planned: Plan) -> dict[str, str]:
    return {entry.job.name: entry.reason for entry in planned.jobs if entry.selected}


def _problems(make_project: Callable[..., Project], pyproject: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as failure:
        _define(make_project, pyproject)
    return failure.value.problems


def test_an_event_selects_jobs_with_reasons(make_project: Callable[..., Project]) -> None:
    """Each event selects the gates that name it or none, and what those need; all say why."""
    definition = _define(make_project, EMPTY + GATES)
    every = "every event selects it"
    merged = "is one of its events: push:main, pull_request"
    assert _selected(plan(definition, Event("push", "main"))) == {
        "always": every,
        "merged": f"push:main {merged}",
    }
    assert _selected(plan(definition, Event("pull_request", "dev"))) == {
        "always": every,
        "merged": f"pull_request:dev {merged}",
    }
    assert _selected(plan(definition, Event("tag", "v1"))) == {
        "always": every,
        "built": "released needs it",
        "released": "tag:v1 is one of its events: tag:v*",
    }
    assert _selected(plan(definition, Event("all"))).keys() == {
        "always",
        "merged",
        "built",
        "released",
    }
    out = plan(definition, Event("push", "dev"))
    assert {entry.job.name: entry.reason for entry in out.jobs if not entry.selected} == {
        "merged": "only on push:main, pull_request, and this is push:dev",
        "built": "only on schedule, and this is push:dev",
        "released": "only on tag:v*, and this is push:dev",
    }
    assert [job.name for job in out.selected] == ["always"]


def test_names_select_jobs_with_what_they_need(make_project: Callable[..., Project]) -> None:
    """A job, a session or a gate is chosen by its name whatever the event, and nothing else."""
    definition = of_project(make_project(CODE).root)
    push = Event("push", "main")
    all_of_311 = {f"test-3.11({index}of4)": "asked for" for index in range(1, 5)}
    assert _selected(plan(definition, push, ["test-3.11"])) == all_of_311
    assert _selected(plan(definition, push, ["test-3.12(2of4)", "lint"])) == {
        "lint": "asked for",
        "test-3.12(2of4)": "asked for",
    }
    tests = [job.name for job in definition.jobs if job.gate == "test"]
    assert _selected(plan(definition, push, ["test"])) == dict.fromkeys(tests, "asked for")
    assert _selected(plan(definition, push, ["coverage"])) == {
        **dict.fromkeys(tests, "coverage needs it"),
        "coverage": "asked for",
    }
    reasons = {entry.reason for entry in plan(definition, push, ["lint"]).jobs}
    assert reasons == {"asked for", "not asked for"}


def test_unknown_names_are_told_at_once(make_project: Callable[..., Project]) -> None:
    """Every name that is none is told with the nearest one, and a gate that is off with why."""
    definition = of_project(make_project(CODE).root)
    wanted = ["lnt", "test-3.13", "imports", "zzzz", "lint"]
    with pytest.raises(ConfigurationError) as failure:
        plan(definition, Event("all"), wanted)
    assert failure.value.problems == (
        "gate imports is off: no contract of import-linter",
        "no job, session or gate is called 'lnt': did you mean 'lint'?",
        "no job, session or gate is called 'test-3.13': did you mean 'test-3.12'?",
        "no job, session or gate is called 'zzzz': `pushgate plan` lists them",
    )


def test_a_matrix_becomes_jobs(make_project: Callable[..., Project]) -> None:
    """One job is one Nox call: for each shard of each Python, with what it needs and waits for."""
    table = "gates.test.shards = 2\ngates.build.enabled = true\n"
    files = {**CODE, "pyproject.toml": CODE["pyproject.toml"] + table}
    definition = of_project(make_project(files).root)
    tests = tuple(f"test-{python}({index}of2)" for python in ("3.11", "3.12") for index in (1, 2))
    assert tuple(job.name for job in definition.jobs if job.gate == "test") == tests
    job = definition.job("test-3.12(2of2)")
    assert job.call == ("nox", "-s", "test-3.12", "--", "--shard", "2/2")
    assert (job.needs, job.after) == ((), ("lint", "types", "build"))
    assert job.outputs == Path(".pushgate/out/test-3.12(2of2)")
    assert definition.job("coverage").needs == tests
    assert definition.job("lint").call == ("nox", "-s", "lint")
    assert [job.name for job in definition.of_session("test-3.11")] == list(tests[:2])
    assert definition.of_session("test-3.13") == ()
    with pytest.raises(KeyError):
        definition.job("test-3.12")


def test_gates_are_on_where_their_subject_exists(make_project: Callable[..., Project]) -> None:
    """A gate without a subject is off with the reason, unless the project says otherwise."""
    no_code = (
        "git tracks no Python code here: `git add` it (or `sources` in [tool.pushgate] names it)"
    )
    bare = _define(make_project, EMPTY + "gates.audit.enabled = true\ngates.test.enabled = false\n")
    assert dict(bare.reasons) == {"audit": "enabled = true"}
    assert [job.name for job in bare.jobs] == ["audit"]
    assert set(bare.off) == {
        *(GateOff(gate, no_code) for gate in ("lint", "types", "security")),
        GateOff("imports", "no contract of import-linter"),
        GateOff("build", "nothing to build: no [build-system]"),
        GateOff("test", "enabled = false"),
        GateOff("coverage", "it needs the gate test, which is off"),
        GateOff("migrations", "git tracks no alembic.ini, and there is no [tool.alembic]"),
        GateOff("workflow", "no workflow file is Pushgate's: `pushgate workflow` writes it"),
    }
    assert plan(bare, Event("all")).off == bare.off


def test_jobs_come_after_what_they_need(make_project: Callable[..., Project]) -> None:
    """Jobs keep the order in which they are written, save that needs come first."""
    gates = """
[tool.pushgate.gates]
first = { run = ["true"], needs = ["fourth", "third"] }
second = { run = ["true"], after = ["third"] }
third = { run = ["true"], needs = ["fifth"] }
fourth = { run = ["true"] }
fifth = { run = ["true"] }
"""
    definition = _define(make_project, EMPTY + gates)
    order = ["fourth", "fifth", "third", "first", "second"]
    assert [job.name for job in definition.jobs] == order
    assert _selected(plan(definition, Event("all"), ["first"])) == {
        "fourth": "first needs it",
        "fifth": "third needs it",
        "third": "first needs it",
        "first": "asked for",
    }


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("needs = ['two']", "needs = ['one']", r"one -> two -> one|two -> one -> two"),
        ("after = ['two']", "needs = ['one']", r"one -> two -> one|two -> one -> two"),
        ("after = ['one']", "", r"one -> one"),
    ],
)
def test_a_cycle_is_told(
    make_project: Callable[..., Project], first: str, second: str, told: str
) -> None:
    """Gates that wait for each other are told in their order."""
    gates = f"gates.one.run = ['true']\ngates.two.run = ['true']\ngates.one.{first}\n"
    gates += f"gates.two.{second}\n" if second else ""
    (problem,) = _problems(make_project, EMPTY + gates)
    assert re.fullmatch(f"gates wait for each other: ({told})", problem)


def test_needs_on_a_gate_that_is_off(make_project: Callable[..., Project]) -> None:
    """A gate that needs one that is off is told with why that is off."""
    gates = "gates.web = {run = ['true'], needs = ['audit', 'imports']}\n"
    gates += "gates.coverage.enabled = true\ngates.test.enabled = false\n"
    assert _problems(make_project, EMPTY + gates) == (
        "gate coverage needs test, which is off: enabled = false",
        "gate web needs audit, which is off: the project depends on nothing",
        "gate web needs imports, which is off: no contract of import-linter",
    )


def test_waiting_for_a_gate_that_is_off(make_project: Callable[..., Project]) -> None:
    """A gate that only comes after one that is off comes at once."""
    gates = "gates.web = {run = ['true'], after = ['types', 'one']}\ngates.one.run = ['true']\n"
    assert _define(make_project, EMPTY + gates).job("web").after == ("one",)


def test_a_plan_of_a_thousand_jobs(make_project: Callable[..., Project]) -> None:
    """A chain of 1,000 gates, each written before the one that it needs, is a plan like any."""
    gates = "".join(
        f"gates.g{number} = {{run = ['true'], needs = ['g{number + 1}'], on = ['tag']}}\n"
        for number in range(999)
    )
    definition = _define(make_project, f"{EMPTY}{gates}gates.g999.run = ['true']\n")
    planned = plan(definition, Event("push", "main"), ["g0"])
    assert [job.name for job in planned.selected] == [f"g{number}" for number in range(999, -1, -1)]
    assert _selected(plan(definition, Event("push", "main"))) == {"g999": "every event selects it"}


def test_the_noxfile_defines_gates(make_project: Callable[..., Project]) -> None:
    """A function of the noxfile is a gate, its table says more, and it may replace a built-in."""
    noxfile = (
        """import pushgate

@pushgate.gate(after=["lint"], on=["push:main"], inputs=["web/**"])
def front_end(gate):
    """
        "'''Build the pages.\n\n    More.\n    '''"
        """

@pushgate.gate(name="lint")
def own_lint(gate): ...

pushgate.register()
"""
    )
    table = "gates.front-end.needs = ['lint']\ngates.docs.session = 'pages'\n"
    files = {"noxfile.py": noxfile, "pyproject.toml": EMPTY + table, "web/app.js": ""}
    definition = of_project(make_project(files).root)
    front = definition.job("front-end")
    assert (front.summary, front.session) == ("Build the pages.", "front-end")
    assert (front.inputs, front.on) == (("web/**",), (Event("push", "main"),))
    assert (front.needs, front.after) == (("lint",), ("lint",))
    assert definition.reasons["lint"] == "the noxfile defines it for project"
    docs = definition.job("docs")
    assert (docs.session, docs.call) == ("pages", ("nox", "-s", "pages"))
    assert [job.name for job in definition.jobs if definition.is_adopted(job)] == ["docs"]


def test_a_project_without_a_noxfile_has_a_plan(make_project: Callable[..., Project]) -> None:
    """The plan needs no noxfile; and one noxfile's gates do not reach the next project."""
    project = make_project(
        {"pyproject.toml": EMPTY + "gates.web.run = ['true']\n", "noxfile.py": NOXFILE}
    )
    project.write({"noxfile.py": "import pushgate\n@pushgate.gate()\ndef one(gate): ...\n"})
    assert [job.name for job in of_project(project.root).jobs] == ["one", "web"]
    (project.root / "noxfile.py").unlink()
    assert [job.name for job in of_project(project.root).jobs] == ["web"]
