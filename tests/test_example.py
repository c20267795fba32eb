"""The project in `examples/` passes the gates that it is an example for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic_projects import ALL_STEPS, Steps
from carrying_out import carry_out
from conftest import PYTHON, Project
from pushgate.model.outcome import Result

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
