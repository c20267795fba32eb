"""``.gitlab-ci.yml`` for varied definitions: what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

import gitlab_pipelines
from conftest import NOXFILE, Project
from gated import MakeProject
from gitlab_files import CODE, FILE, LOCK, PROJECT, PYTHONS, SERVICES, carried_out, write
from gitlab_pipelines import Trigger
from pushgate.config.yaml_text import parsed
from pushgate.plan.definition import of_project
from pushgate.providers import gitlab, pipeline, workflow

OWN: Final = """
[tool.pushgate.gates]
web = { run = ["npm ci"], inputs = ["web/**", "no"], after = ["lint"], timeout = 90 }
docs = { run = ["make"], on = ["push:main", "pull_request"] }
release = { run = ["make"], on = ["tag:v[0-9]*"], needs = ["build"] }
nightly = { session = "all night", on = ["schedule"], needs = ["docs"] }
often = { run = ["true"], on = ["push:feature/*", "pull_request:dev", "schedule"] }
later = { run = ["true"], after = ["web", "docs"] }
"""

DEFINITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "without a lock": {"pyproject.toml": PYTHONS, **CODE},
    "with a lock": {
        "pyproject.toml": f"{PROJECT}{PYTHONS}[dependency-groups]\nci = ['pushgate']\n",
        "uv.lock": LOCK,
        **CODE,
    },
    "a folder": {
        "back 'end'/$x/pyproject.toml": f"{PROJECT}{PYTHONS}"
        "ci.pages = { gate = 'own', path = 's' }\n[tool.pushgate.gates.own]\nrun = ['true']\n",
        "back 'end'/$x/noxfile.py": NOXFILE,
        **{f"back 'end'/$x/{name}": text for name, text in CODE.items()},
    },
    "only own gates": {"pyproject.toml": f"{PYTHONS}gates.own.run = ['true']\n"},
    "without shards": {"pyproject.toml": f"{PYTHONS}gates.test.shards = 1\n", **CODE},
    "one Python": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.13']\ngates.test.shards = 3\n",
        **CODE,
    },
    "one test job": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.13']\ngates.test.shards = 1\n",
        **CODE,
    },
    "own gates": {
        "pyproject.toml": f"{PROJECT}{PYTHONS}ci.schedule = ['17 3 * * 1', '0 4 1 * *']\n{OWN}",
        **CODE,
    },
    "history": {
        "pyproject.toml": f"{PYTHONS}ci.image = 'python:3.12-slim'\nci.history = true\n"
        "branches = ['main', 'release-*']\n",
        **CODE,
    },
    "a PostgreSQL": {
        "pyproject.toml": f"{SERVICES}services.postgres.image = 'registry.invalid:5000/db:16.4'\n",
        "alembic.ini": "",
        **CODE,
    },
    "GitLab's own words": {
        "pyproject.toml": PYTHONS
        + "".join(
            f"[tool.pushgate.gates.{word}]\nrun = ['true']\ninputs = ['no', 'docs/**']\n"
            for word in ("pages", "default", "on", "variables", "passed", "include", "true")
        ),
        "no": "",
        "docs/index.md": "",
    },
}


@pytest.fixture
def varied(make_project: MakeProject) -> list[Project]:
    """A project with its file for each of the definitions."""
    projects = []
    for number, (name, files) in enumerate(DEFINITIONS.items()):
        project = make_project(files, name=str(number))
        write(project, "back 'end'/$x" if name == "a folder" else "")
        projects.append(project)
    return projects


def test_schema(varied: list[Project]) -> None:
    """GitLab's schema takes the file of every definition."""
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    files = [str(project.root / FILE) for project in varied]
    command = [program, "--builtin-schema", "vendor.gitlab-ci", *files]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_yaml(varied: list[Project]) -> None:
    """The file means the same in YAML 1.1, which GitLab reads, and in YAML 1.2."""
    for project in varied:
        text = (project.root / FILE).read_text(encoding="utf-8")
        old = YAML(typ="safe", pure=True)
        old.version = (1, 1)
        assert old.load(text) == parsed(text, FILE)


def test_nothing_to_do(varied: list[Project]) -> None:
    """Written again, the file stays as it is; and it has not drifted."""
    for project in varied:
        folder = next(project.root.rglob("pyproject.toml")).parent
        definition = of_project(folder)
        assert list(workflow.write(definition, [gitlab])) == [f"{FILE} is as it should be"]
        assert list(workflow.check(definition, [gitlab])) == []


def test_keywords(make_project: MakeProject) -> None:
    """A gate whose name means something to GitLab is a job all the same."""
    project = make_project(DEFINITIONS["GitLab's own words"])
    jobs = gitlab_pipelines.pipeline(write(project), Trigger("push", branch="main"))
    assert jobs is not None
    told = {job["variables"]["PUSHGATE_JOB"] for name, job in jobs.items() if name != "passed"}
    gates = {"pages", "default", "on", "variables", "passed", "include", "true", "workflow"}
    assert told == gates


def test_pages(make_project: MakeProject) -> None:
    """The site is published where main is pushed, after all else, from where its gate leaves it."""
    keys = "ci.pages = { gate = 'docs', path = 'public/html' }\n"
    gate = "[tool.pushgate.gates.docs]\nrun = ['true']\ninputs = ['docs/**']\n"
    project = make_project({"pyproject.toml": f"{PYTHONS}{keys}{gate}", **CODE})
    document = write(project)
    docs = frozenset({"docs/index.md"})
    for trigger, published in (
        (Trigger("push", branch="main", changed=docs), True),
        (Trigger("push", branch="main", changed=frozenset({"web/index.html"})), False),
        (Trigger("push", tag="v1"), False),
        (Trigger("merge_request_event", target="main", changed=docs), False),
    ):
        jobs = gitlab_pipelines.pipeline(document, trigger) or {}
        assert ("pages" in jobs) is published
        assert "docs" in jobs or not published
    assert document["docs"]["artifacts"]["paths"] == ["public/html"]
    project.write({"public/html/index.html": "site", "public/draft.html": ""})
    carried_out(project, document["pages"]["script"], {})
    assert [path.name for path in (project.root / "public").iterdir()] == ["index.html"]


def test_history(make_project: MakeProject) -> None:
    """Where the version is read from git's tags, jobs get all of the history."""
    build = "[build-system]\nrequires = ['hatch-vcs']\n"
    document = write(make_project({"pyproject.toml": f"{PROJECT}{PYTHONS}{build}", **CODE}))
    assert document[".pushgate"]["variables"]["GIT_DEPTH"] == "0"


def test_left_out(make_project: MakeProject) -> None:
    """What the file cannot carry of the definition is told at its top."""
    keys = "ci.schedule = ['17 3 * * 1']\nci.systems = ['macos-15']\nci.codecov = true\n"
    project = make_project({"pyproject.toml": f"{PYTHONS}{keys}", **CODE})
    document = write(project)
    top, _, _ = (project.root / FILE).read_text(encoding="utf-8").partition("\n\n")
    for what in ("at 17 3 * * 1.", "the tests on macos-15.", "Codecov."):
        assert any("Not in this file" in line and what in line for line in top.splitlines()), top
    assert gitlab_pipelines.pipeline(document, Trigger("schedule", branch="main"))


def _with_service(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the image of each job's PostgreSQL; whoever has one is told where it is."""
    found = {}
    for name, job in document.items():
        services = job.get("services", [])
        assert bool(services) == ("PUSHGATE_POSTGRES_URL" in job.get("variables", {}))
        for service in services:
            given = service["variables"]
            assert job["variables"]["PUSHGATE_POSTGRES_URL"] == (
                f"postgresql://{given['POSTGRES_USER']}:{given['POSTGRES_PASSWORD']}"
                f"@{service['alias']}:5432/{given['POSTGRES_DB']}"
            )
            found[name] = service["name"]
    return found


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("", {"migrations": "postgres:16"}),
        (
            "gates.test.services = ['postgres']",
            {"migrations": "postgres:16", "test": "postgres:16"},
        ),
        ("services.postgres = { image = 'db:1', provider = 'docker' }", {"migrations": "db:1"}),
        ("gates.migrations.postgres.image = 'db:2'", {"migrations": "db:2"}),
        ("services.postgres.provider = 'local'", {}),
        ("services.postgres.provider = 'embedded'", {}),
        ("services.postgres.provider = 'url'", {}),
        ("gates.migrations.sqlite = true", {}),
        ("gates.migrations.enabled = false", {}),
    ],
)
def test_services(make_project: MakeProject, keys: str, found: Mapping[str, str]) -> None:
    """The jobs that use a PostgreSQL have one where they could start it in Docker only."""
    files = {"pyproject.toml": f"{PROJECT}{PYTHONS}{keys}\n", "alembic.ini": "", **CODE}
    assert _with_service(write(make_project(files))) == found


def test_lock_in_the_cache_key(make_project: MakeProject) -> None:
    """The cache is that of the lock, where GitLab can take the lock's path for its key."""
    group = "[dependency-groups]\nci = ['pushgate']\n"
    files = {"pyproject.toml": f"{PROJECT}{PYTHONS}{group}", "uv.lock": LOCK, **CODE}
    plain = make_project({f"app/{name}": text for name, text in files.items()}, name="plain")
    assert write(plain, "app")[".pushgate"]["cache"]["key"]["files"] == ["app/uv.lock"]
    strange = make_project({f"$app/{name}": text for name, text in files.items()}, name="strange")
    assert write(strange, "$app")[".pushgate"]["cache"]["key"] == "uv"


def test_jobs_are_the_definitions(varied: list[Project]) -> None:
    """Each job of the definition is one job of GitLab's, and its only Nox call is that job's."""
    for project in varied:
        folder = next(project.root.rglob("pyproject.toml")).parent
        said = pipeline.of(of_project(folder))
        document = parsed((project.root / FILE).read_text(encoding="utf-8"), FILE)
        told = {}
        for content in document.values():
            if "extends" in content:
                for given in gitlab_pipelines.variables(content):
                    words = carried_out(project, content["script"], given)[1:]
                    told[given["PUSHGATE_JOB"]] = ("uv", *words)
        assert told == {
            job.name: (*said.command, *pipeline.nox_arguments(job))
            for gate in said.gates
            for job in gate.jobs
        }
