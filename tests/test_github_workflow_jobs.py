"""The jobs of a workflow of GitHub: what each has of its definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from conftest import Project
from pushgate.config.yaml_text import parsed
from pushgate.plan.definition import of_project
from pushgate.providers import pipeline, workflow

MakeProject = Callable[..., Project]
Jobs = Mapping[str, Any]

BASE: Final = """
[build-system]
requires = ["hatchling"]
[project]
name = "demo"
version = "1"
[dependency-groups]
ci = ["pushgate"]
[tool.pushgate]
python = ["3.12", "3.13"]
"""
PUSHED: Final = "github.event_name == 'push' && github.ref == 'refs/heads/main'"
UPLOAD: Final = "actions/upload-artifact"
DOWNLOAD: Final = "actions/download-artifact"


def _workflow(make_project: MakeProject, more: str, base: str = BASE) -> Jobs:
    project = make_project({"pyproject.toml": base + more, "demo.py": "", "uv.lock": ""})
    (file,) = workflow.planned(of_project(project.root), [])
    content = parsed(file.after, "the file")
    return {"on": content["on"], **content["jobs"]}


def _use(job: Jobs, action: str) -> Jobs:
    """Return the one step of a job that uses an action."""
    (step,) = [each for each in job["steps"] if each.get("uses", "").startswith(f"{action}@")]
    options: Jobs = step
    return options


def _uses(job: Jobs, action: str) -> bool:
    return any(each.get("uses", "").startswith(f"{action}@") for each in job["steps"])


def test_a_project_that_pins_an_older_python(make_project: MakeProject) -> None:
    """Where a .python-version names a Python that Pushgate does not run under, CI takes another."""
    files = {"pyproject.toml": '[tool.pushgate]\npython = ["3.10", "3.13"]\n', "a.py": ""}
    project = make_project({**files, ".python-version": "3.10\n"})
    call = pipeline.of(of_project(project.root)).command
    assert call[:4] == ("uv", "run", "--python", ">=3.11")
    project.write({".python-version": "3.13\n"})
    assert "--python" not in pipeline.of(of_project(project.root)).command


def test_a_job_is_one_nox_call(make_project: MakeProject) -> None:
    """A gate is a checkout, uv, its Nox call in the locked environment, and nothing hidden."""
    jobs = _workflow(make_project, "")
    checkout, uv, call, told = jobs["lint"]["steps"]
    assert checkout["with"] == {"persist-credentials": False}
    assert uv["with"] == {"cache-dependency-glob": "uv.lock", "cache-suffix": "lint"}
    command = "uv run --locked --only-group ci nox --no-dependencies -s lint"
    assert call == {"run": command}
    assert told["if"] == "failure()"
    assert "pushgate run --commit $COMMIT lint" in told["run"]
    assert jobs["lint"].keys() == {"name", "runs-on", "timeout-minutes", "permissions", "steps"}
    assert jobs["lint"]["permissions"] == {"contents": "read"}


def test_the_tests_are_a_matrix(make_project: MakeProject) -> None:
    """Each shard on each Python is a job of its name, with its outputs under that name."""
    test = _workflow(make_project, "gates.test.shards = 2\n")["test"]
    assert test["strategy"] == {
        "fail-fast": False,
        "matrix": {"session": ["test-3.12", "test-3.13"], "shard": [1, 2]},
    }
    name = "${{ matrix.session }}(${{ matrix.shard }}of2)"
    assert test["name"] == name
    assert test["needs"] == ["lint", "types", "build"]
    assert test["steps"][2]["run"].endswith(' -s "$SESSION" -- --shard "$SHARD"')
    assert _use(test, UPLOAD)["with"] == {
        "name": name,
        "path": f".pushgate/out/{name}",
        "include-hidden-files": True,
        "retention-days": 1,
    }
    assert _use(test, UPLOAD)["if"] == "${{ !cancelled() }}"


@pytest.mark.parametrize(
    ("python", "shards", "axes"),
    [
        ("['3.12']", 1, None),
        ("['3.12']", 2, {"shard": [1, 2]}),
        ("['3.12', '3.13']", 1, {"session": ["test-3.12", "test-3.13"]}),
    ],
)
def test_a_matrix_has_what_differs(
    python: str, shards: int, axes: Jobs | None, make_project: MakeProject
) -> None:
    """Where there is one Python or no shard, the matrix has no such axis; one artifact is named."""
    group = "[dependency-groups]\nci = ['pushgate']\n"
    base = f"{group}[tool.pushgate]\npython = {python}\ngates.test.shards = {shards}\n"
    jobs = _workflow(make_project, "", base)
    assert jobs["test"].get("strategy", {}).get("matrix") == axes
    several = {"pattern": "test-*", "path": ".pushgate/out"}
    single = {"name": "test-3.12", "path": ".pushgate/out/test-3.12"}
    assert _use(jobs["coverage"], DOWNLOAD)["with"] == (several if axes else single)


def test_tests_on_further_systems(make_project: MakeProject) -> None:
    """Only the tests run there; their names tell where, and no job that needs them reads them."""
    jobs = _workflow(make_project, "ci.systems = ['macos-15']\nci.runs-on = 'ubuntu-22.04'\n")
    test = jobs["test"]
    assert test["strategy"]["matrix"]["system"] == ["ubuntu-22.04", "macos-15"]
    assert test["runs-on"] == "${{ matrix.system }}"
    name = "${{ matrix.session }}(${{ matrix.shard }}of4)"
    elsewhere = "matrix.system != 'ubuntu-22.04' && format('{}', matrix.system) || ''"
    assert test["name"] == f"{name}${{{{ {elsewhere.replace('{}', ' on {0}')} }}}}"
    artifact = f"${{{{ {elsewhere.replace('{}', 'on {0}, ')} }}}}{name}"
    assert _use(test, UPLOAD)["with"]["name"] == artifact
    assert {job["runs-on"] for name, job in jobs.items() if name not in {"on", "test"}} == {
        "ubuntu-22.04"
    }


def test_what_is_handed_on(make_project: MakeProject) -> None:
    """What people want is kept for days, what jobs need for one, and the rest not at all."""
    jobs = _workflow(
        make_project,
        "gates.page = { run = ['true'], needs = ['notes', 'coverage'] }\n"
        "gates.notes.run = ['true']\n",
    )
    days = {
        name: _use(job, UPLOAD)["with"]["retention-days"]
        for name, job in jobs.items()
        if name != "on" and _uses(job, UPLOAD)
    }
    assert days == {"build": 7, "test": 1, "coverage": 30, "security": 7, "notes": 1}
    assert jobs["page"]["needs"] == ["notes", "coverage"]
    downloads = [step["with"] for step in jobs["page"]["steps"] if DOWNLOAD in str(step)]
    assert downloads == [
        {"name": "notes", "path": ".pushgate/out/notes"},
        {"name": "coverage", "path": ".pushgate/out/coverage"},
    ]


CONDITIONS: Final = {
    "push:main": "github.ref == 'refs/heads/main'",
    "push:rel/*": (
        "startsWith(github.ref, 'refs/heads/rel/') && github.event_name != 'merge_group'"
    ),
    "push": "startsWith(github.ref, 'refs/heads/') && github.event_name != 'merge_group'",
    "pull_request": "github.event_name == 'pull_request' || github.event_name == 'merge_group'",
    "pull_request:dev": (
        "github.base_ref == 'dev' || github.event.merge_group.base_ref == 'refs/heads/dev'"
    ),
    "pull_request:d*": (
        "startsWith(github.base_ref, 'd') "
        "|| startsWith(github.event.merge_group.base_ref, 'refs/heads/d')"
    ),
    "tag": "startsWith(github.ref, 'refs/tags/')",
    "tag:v*": "startsWith(github.ref, 'refs/tags/v')",
    "tag:v1": "github.ref == 'refs/tags/v1'",
    "tag:v[0-9]": "contains(fromJSON(needs.plan.outputs.gates || '[]'), 'own')",
    "tag:*.0": "contains(fromJSON(needs.plan.outputs.gates || '[]'), 'own')",
    "all": None,
}


@pytest.mark.parametrize("event", CONDITIONS)
def test_an_event_is_a_condition(event: str, make_project: MakeProject) -> None:
    """What selects a gate is an expression of its job, and the same one excuses its skipping."""
    jobs = _workflow(make_project, f"gates.own = {{ run = ['true'], on = ['{event}'] }}\n")
    condition = CONDITIONS[event]
    assert jobs["own"].get("if") == condition
    assert (
        ("plan" in jobs) is ("plan" in jobs["own"].get("needs", [])) is ("needs." in str(condition))
    )
    unwell = jobs["passed"]["steps"][0]["if"].removesuffix(" )")
    excuse = f" && (needs.own.result != 'skipped' || {condition})" if condition else ""
    assert unwell.endswith(f"|| needs.own.result != 'success'{excuse}")


def test_a_schedule_is_no_push(make_project: MakeProject) -> None:
    """Where the workflow runs on a schedule, on the default branch, that is no push to it."""
    more = (
        "ci.schedule = ['1 2 3 4 5']\ngates.a = { run = ['true'], on = ['push:main'] }\n"
        "gates.b = { run = ['true'], on = ['schedule'] }\n"
    )
    jobs = _workflow(make_project, more)
    assert jobs["on"]["schedule"] == [{"cron": "1 2 3 4 5"}]
    assert jobs["a"]["if"] == "github.ref == 'refs/heads/main' && github.event_name != 'schedule'"
    assert jobs["b"]["if"] == "github.event_name == 'schedule'"


TYPES: Final = ["opened", "synchronize", "reopened", "edited"]


@pytest.mark.parametrize(
    ("branches", "on", "bases"),
    [
        (["main"], "push", {"branches": ["main"]}),
        (["main", "dev"], "push", {"branches": ["main", "dev"], "types": TYPES}),
        (["main"], "pull_request:rel/*", {"branches": ["main", "rel/**"], "types": TYPES}),
        (["main"], "pull_request", {"branches": ["**"], "types": TYPES}),
    ],
)
def test_another_base_starts_it(
    branches: list[str], on: str, bases: Jobs, make_project: MakeProject
) -> None:
    """Where there is more than one base, a pull request is judged anew when it gets another."""
    more = f"branches = {branches}\ngates.own = {{ run = ['true'], on = ['{on}'] }}\n"
    assert _workflow(make_project, more)["on"]["pull_request"] == bases


def test_what_events_start_it(make_project: MakeProject) -> None:
    """The long-lived branches and those that gates ask for, tags, the queue, and by hand."""
    own = "gates.own = { run = ['true'], on = ['push:rel/*', 'pull_request:dev'] }\n"
    assert _workflow(make_project, own)["on"] == {
        "push": {"branches": ["main", "rel/**"], "tags": ["**"]},
        "pull_request": {"branches": ["main", "dev"], "types": TYPES},
        "merge_group": None,
        "workflow_dispatch": None,
    }


def test_a_rightly_skipped_job_stops_none(make_project: MakeProject) -> None:
    """A job after a conditional one, at whatever distance, runs also where that was skipped."""
    more = (
        "gates.first = { run = ['true'], on = ['push:main'] }\n"
        "gates.second = { run = ['true'], after = ['first'] }\n"
        "gates.third = { run = ['true'], after = ['second'], on = ['tag', 'pull_request'] }\n"
        "gates.other = { run = ['true'], after = ['lint'] }\n"
    )
    jobs = _workflow(make_project, more)
    assert jobs["first"]["if"] == "github.ref == 'refs/heads/main'"
    assert jobs["second"]["if"] == "${{ !cancelled() && !failure() }}"
    assert jobs["third"]["if"] == (
        "!cancelled() && !failure() && (startsWith(github.ref, 'refs/tags/') "
        "|| github.event_name == 'pull_request' || github.event_name == 'merge_group')"
    )
    assert "if" not in jobs["other"]
    assert jobs["third"]["needs"] == ["second"]


def test_a_need_is_selected_with_what_needs_it(make_project: MakeProject) -> None:
    """A gate runs wherever one that needs it does, too."""
    more = (
        "gates.made = { run = ['true'], on = ['push:main'] }\n"
        "gates.used = { run = ['true'], on = ['tag:v*'], needs = ['made'] }\n"
    )
    assert _workflow(make_project, more)["made"]["if"] == (
        "startsWith(github.ref, 'refs/tags/v') || github.ref == 'refs/heads/main'"
    )


def test_inputs_are_asked_for(make_project: MakeProject) -> None:
    """A gate with inputs runs where Pushgate says so, which sees all of git's history."""
    jobs = _workflow(make_project, "gates.own = { run = ['true'], inputs = ['demo.py'] }\n")
    plan = jobs["plan"]
    assert plan["outputs"] == {"gates": "${{ steps.plan.outputs.gates }}"}
    assert plan["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert plan["steps"][2] == {
        "id": "plan",
        "run": "uv run --locked --only-group ci pushgate plan --ci",
    }
    assert jobs["own"]["needs"] == ["plan"]
    assert "plan" not in jobs["lint"].get("needs", [])
    assert jobs["passed"]["steps"][0]["if"].startswith(
        "always() && ( needs.plan.result != 'success' || "
    )


def test_the_required_job(make_project: MakeProject) -> None:
    """It always runs, after all others, and fails where one of them did not pass."""
    jobs = _workflow(make_project, "")
    passed = jobs["passed"]
    others = [name for name in jobs if name not in {"on", "passed"}]
    assert passed["if"] == "always()"
    assert passed["needs"] == others
    assert passed["permissions"] == {}
    (step,) = passed["steps"]
    unwell = " || ".join(f"needs.{name}.result != 'success'" for name in others)
    assert step["if"] == f"always() && ( {unwell} )"
    assert step["run"] == "exit 1"


def test_time_limits(make_project: MakeProject) -> None:
    """A gate's own limit counts, with what the machine takes besides; else that of all jobs."""
    more = "ci.timeout-minutes = 7\ngates.own = { run = ['true'], timeout = 61 }\n"
    jobs = _workflow(make_project, more)
    assert (jobs["own"]["timeout-minutes"], jobs["lint"]["timeout-minutes"]) == (7, 7)
    jobs = _workflow(_another(make_project), "gates.own = { run = ['true'], timeout = 600 }\n")
    assert (jobs["own"]["timeout-minutes"], jobs["lint"]["timeout-minutes"]) == (15, 30)


def _another(make_project: MakeProject) -> MakeProject:
    return lambda files: make_project(files, name="another")


def test_history_where_the_version_comes_from_it(make_project: MakeProject) -> None:
    """Each job has git's history where the build back end reads the version from it."""
    base = BASE.replace("hatchling", "setuptools-scm")
    jobs = _workflow(make_project, "", base)
    depths = {
        name: _use(job, "actions/checkout")["with"]["fetch-depth"]
        for name, job in jobs.items()
        if name not in {"on", "passed"}
    }
    assert set(depths.values()) == {0}


@pytest.mark.parametrize(("enabled", "depth"), [("true", 0), ("false", None)])
def test_history_where_a_gate_looks_at_it(
    make_project: MakeProject, enabled: str, depth: int | None
) -> None:
    """The gate migrations has to find where a pull request left its branch."""
    jobs = _workflow(
        make_project, f"gates.migrations = {{ enabled = {enabled}, seed = 'python seed.py' }}\n"
    )
    assert _use(jobs["build"], "actions/checkout")["with"].get("fetch-depth") == depth


def test_codecov_gets_the_report(make_project: MakeProject) -> None:
    """Only the coverage job may show who it is, and sends the one file."""
    jobs = _workflow(make_project, "ci.codecov = true\n")
    assert _use(jobs["coverage"], "codecov/codecov-action")["with"] == {
        "use_oidc": True,
        "files": ".pushgate/out/coverage/coverage.xml",
        "disable_search": True,
    }
    allowed = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
    assert allowed == {"coverage"}


def test_pages_are_published_from_main(make_project: MakeProject) -> None:
    """The site is published where the main branch was pushed and all passed, by one job."""
    more = "ci.pages = { gate = 'site', path = 'build/site' }\ngates.site.run = ['true']\n"
    jobs = _workflow(make_project, more)
    upload = _use(jobs["site"], "actions/upload-pages-artifact")
    assert (upload["if"], upload["with"]) == (PUSHED, {"path": "build/site"})
    pages = jobs["pages"]
    assert pages["if"] == (
        f"!cancelled() && !failure() && {PUSHED} && needs.passed.result == 'success' "
        "&& needs.site.result == 'success'"
    )
    assert pages["needs"] == ["passed", "site"]
    assert pages["permissions"] == {"pages": "write", "id-token": "write"}
    assert pages["concurrency"] == {"group": "pages", "cancel-in-progress": False}
    assert pages["environment"]["name"] == "github-pages"
    assert "pages" not in jobs["passed"]["needs"]
    allowed = {name for name, job in jobs.items() if "write" in str(job.get("permissions"))}
    assert allowed == {"pages"}
