"""Whatever a workflow holds: nothing of it is dropped, and nothing makes the import fail."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from importing import as_toml
from pushgate.adopt.from_workflow.imported import read
from pushgate.adopt.from_workflow.workflow_reading import read_workflow
from pushgate.gates.registry import BUILT_IN
from pushgate.model.account import BY_GATES, LEFT_IN_CI, LEFT_OUT
from pushgate.model.command import command
from pushgate.model.services import assignment, database_url

COMMANDS = st.sampled_from(
    [
        *("pytest -x", "ruff check", "mypy .", "tox -e py312,docs", "nox -s a 'b(1)'", "black ."),
        *("pip install -e .", "pip install tox", "echo 'x'", "./a | ./b", "twine upload x", "a 'b"),
        *("cd x", "if a; then", "fi", "export A=${{ matrix.a }}", "x ${{ secrets.B }}", "$A -b"),
        *("alembic upgrade head", "alembic -c 'a b' -x a={ check", "alembic stamp x", "pg_isready"),
        *("uv run --group g x", "hatch run a:b", "coverage run x.py", "git diff", "rm -rf x", ""),
        *("for", "&&", "a &&", "'", '"', "\\", "`", "<<EOF", "uv run", "nox", "env", "A=1", "-"),
    ]
)
TEXT = st.text("ab c.$*{}()'\"\\\n:#é🎉-=;", max_size=12) | COMMANDS
CONDITION = st.sampled_from(
    ["always()", "failure()", "github.ref == 'refs/heads/main'", "matrix.a == 1", "x.y", "((", ""]
)
ADDRESS = st.sampled_from(["localhost", "${{ secrets.A }}", "5432"]) | TEXT.map(
    "postgresql://a:b@localhost/x?{}".format
)
SERVICE = st.fixed_dictionaries(
    {},
    optional={
        "image": st.sampled_from(["postgres:15", "postgres:${{ matrix.a }}", "redis"]),
        "env": st.dictionaries(st.sampled_from(["POSTGRES_USER", "POSTGRES_DB"]), TEXT),
        "ports": st.lists(st.sampled_from([5432, "1:5432", "5432/tcp", "${{ matrix.a }}"])) | TEXT,
    },
)
RUN = st.fixed_dictionaries(
    {"run": st.lists(COMMANDS, max_size=4).map("\n".join) | TEXT},
    optional={
        "name": TEXT,
        "if": CONDITION,
        "env": st.dictionaries(st.sampled_from("ABC"), TEXT, max_size=2)
        | st.dictionaries(st.sampled_from(["DATABASE_URL", "DB_HOST", "DB_NAME"]), ADDRESS),
        "shell": st.sampled_from(["bash", "pwsh", "python"]),
        "working-directory": st.sampled_from(["web", "./", "${{ matrix.a }}"]),
        "continue-on-error": st.booleans(),
    },
)
ACTION = st.fixed_dictionaries(
    {"uses": st.sampled_from(["actions/checkout@v7", "psf/black@stable", "a/b@v1", "codecov/x"])},
    optional={"with": st.dictionaries(TEXT, TEXT, max_size=2), "if": CONDITION},
)
STEP = RUN | ACTION | st.fixed_dictionaries({}, optional={"name": TEXT})
JOB = st.fixed_dictionaries(
    {
        "runs-on": st.sampled_from(
            ["ubuntu-latest", "windows-2025", "${{ matrix.a }}", ["x", "y"]]
        ),
        "steps": st.lists(STEP, max_size=5),
    },
    optional={
        "if": CONDITION,
        "needs": st.lists(st.sampled_from(["a", "b", "lint"]), max_size=2),
        "strategy": st.fixed_dictionaries(
            {
                "matrix": st.dictionaries(
                    st.sampled_from(["a", "python", "include", "exclude"]),
                    st.lists(TEXT | st.dictionaries(st.sampled_from("ab"), TEXT), max_size=3)
                    | TEXT,
                    max_size=3,
                )
                | TEXT
            }
        ),
        "services": st.dictionaries(st.sampled_from(["db", "cache"]), SERVICE),
        "timeout-minutes": st.integers(0, 9),
    },
)
CALL = st.just({"uses": "./.github/workflows/x.yml"})
WORKFLOW = st.fixed_dictionaries(
    {
        "on": st.sampled_from(
            ["push", "issues", ["push", "pull_request"], {"push": {"tags": ["*"]}}]
        ),
        "jobs": st.dictionaries(
            st.sampled_from(["a", "b", "lint", "test"]), JOB | CALL, min_size=1, max_size=3
        ),
    }
)


@settings(max_examples=400, deadline=None)
@given(WORKFLOW)
def test_every_job_and_step_has_exactly_one_line(content: dict[str, Any]) -> None:
    """In the file's order, each with what became of it; its gates are those of the tables."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "ci.yml")
        file.write_text(json.dumps(content), encoding="utf-8")
        result = read(file)
        jobs = read_workflow(file).jobs
    assert [job.job for job in result.account] == list(content["jobs"])
    said = tomllib.loads(as_toml(result.tables))["tool"]["pushgate"]
    assert said == result.tables
    server = said.get("services", {}).get("postgres", {})
    assert all(assignment(each) for each in server.get("variables", ()))
    assert database_url(server.get("database-url", "{database}"))
    assert command(server.get("template", "true"))
    known = {*BUILT_IN, *said.get("gates", {}), BY_GATES, LEFT_IN_CI, LEFT_OUT, "ci.codecov"}
    for job, account in zip(jobs, result.account, strict=True):
        titles = [step.title for step in job.steps] or ([job.uses] if job.uses else [])
        assert [step.title for step in account.steps] == titles
        for step in account.steps:
            became = step.became.split(", ")
            assert set(became) <= known
            assert step.detail or LEFT_IN_CI not in became
