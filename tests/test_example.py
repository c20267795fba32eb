"""The project in `examples/` passes the gates that it is an example for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from alembic_projects import ALL_STEPS, Steps
from carrying_out import carry_out
from conftest import PYTHON, Project
from pushgate.config.yaml_text import parsed
from pushgate.model.outcome import Result
from pushgate.plan.definition import of_project
from pushgate.providers import github, gitlab, workflow
from workflow_tools import Actionlint, actionlint, schema_violations, security_findings

pytestmark = pytest.mark.slow

__all__ = ["actionlint"]  # a fixture

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "orders"

MakeProject = Callable[..., Project]


def _made(make_project: MakeProject) -> Project:
    """Copy it, with the Python that runs the tests as its own, and as little else changed."""
    files = {
        name: (EXAMPLE / name).read_text(encoding="utf-8")
        for name in Project(EXAMPLE).git("ls-files").splitlines()
    }
    default = 'default-python = "3.12"'
    assert default in files["pyproject.toml"]
    own = files["pyproject.toml"].replace(default, f'default-python = "{PYTHON}"')
    return make_project({**files, "pyproject.toml": own})


def test_the_tests_of_the_example(make_project: MakeProject) -> None:
    """Both shards pass, each with the tables that the migrations make."""
    project = _made(make_project)
    answer = project.nox("-s", f"test-{PYTHON}")
    assert answer.returncode == 0, answer.stdout
    assert "the 2 shards together ran every test exactly once" in answer.stdout
    assert answer.stdout.count("a copy of what `alembic upgrade head` made") == 2


def test_the_migrations_of_the_example(make_project: MakeProject) -> None:
    """All steps pass, as its lock has them."""
    project = _made(make_project)
    outcome = carry_out(project, "migrations")
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")
    assert Steps.of(project).named("passed") == ALL_STEPS


def _with_ci(make_project: MakeProject) -> Project:
    """Make it with Pushgate in a group, as `pushgate init` leaves a project."""
    project = _made(make_project)
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    group = "[dependency-groups]\n"
    assert group in text
    project.write({"pyproject.toml": text.replace(group, f'{group}ci = ["pushgate"]\n')})
    return project


def test_the_github_workflow_of_the_example(
    make_project: MakeProject, actionlint: Actionlint
) -> None:
    """GitHub's machines have Docker: the gate starts its own server, and the workflow has none."""
    project = _with_ci(make_project)
    (file,) = workflow.planned(of_project(project.root), [github])
    file.write(project.root)
    written = [project.root / file.path]
    assert (schema_violations(written), security_findings(written)) == ("", "")
    assert actionlint.findings(written) == []
    job = parsed(file.after, file.path)["jobs"]["migrations"]
    assert not job.keys() & {"services", "container", "env"}
    assert job["timeout-minutes"] == of_project(project.root).settings.ci.timeout_minutes


def test_the_gitlab_jobs_of_the_example(make_project: MakeProject) -> None:
    """GitLab's have none: the jobs that use a server are given one, and no other job is."""
    (file,) = workflow.planned(of_project(_with_ci(make_project).root), [gitlab])
    document = parsed(file.after, file.path)
    assert [name for name, job in document.items() if "services" in job] == ["test", "migrations"]
    assert document["migrations"]["services"][0]["name"] == "postgres:16"
