"""What becomes of the PostgreSQL of a workflow's jobs, and of the migrations there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import Project
from importing import as_toml, gate, gates, imported, step, workflow
from pushgate.adopt.from_workflow.imported import Imported
from pushgate.gates.database import filled
from pushgate.model.account import BY_GATES, LEFT_IN_CI
from pushgate.plan.definition import of_project

SERVICE = """
services:
  postgres:
    image: postgres:15
    env: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret, POSTGRES_DB: shop_test}
    ports: ["5433:5432"]
"""
URL = "postgresql+psycopg://shop:secret@localhost:5433/shop_test"
TEMPLATE = "postgresql+psycopg://{user}:{password}@{host}:{port}/{database}"
PYTEST = "- {name: tests, run: pytest}"


def server(result: Imported) -> Mapping[str, object]:
    """Return the table of the server."""
    services = result.tables.get("services", {})
    assert isinstance(services, dict)
    return dict(services.get("postgres", {}))


def test_a_job_with_a_postgres(tmp_path: Path) -> None:
    """Its tests are given one, by the same variables, filled by the migrations before them."""
    steps = """
    - {name: migrate, run: uv run alembic upgrade head}
    - {name: tests, run: pytest, env: {POSTGRES_HOST: localhost, MODE: test}}
    """
    result = imported(tmp_path, workflow(steps, f"{SERVICE}\nenv: {{DATABASE_URL: '{URL}'}}"))
    assert gates(result) == {"test": {"services": ["postgres"]}}
    assert server(result) == {
        "image": "postgres:15",
        "database-url": TEMPLATE,
        "variables": ["POSTGRES_HOST={host}"],
        "template": "alembic upgrade head",
    }
    assert step(result, "migrate").became == "migrations"
    assert "not carried over" not in step(result, "migrate").detail
    detail = step(result, "tests").detail
    assert "database of its own, which `alembic upgrade head` fills" in detail
    assert "not carried over: `MODE=test`" in detail
    [note] = result.account[0].notes
    assert note == "it starts postgres (postgres:15): Pushgate gives one to migrations and test"


@pytest.mark.parametrize(
    ("variables", "url", "told"),
    [
        ({"APP_DB": URL}, TEMPLATE, ["APP_DB={url}"]),
        ({"DATABASE_URL": URL, "TEST_DATABASE_URL": URL}, TEMPLATE, ["TEST_DATABASE_URL={url}"]),
        (
            {"DB": "postgres://shop:secret@127.0.0.1:5433/x?a={}", "DATABASE_URL": URL},
            TEMPLATE,
            ["DB=postgres://{user}:{password}@{host}:{port}/{database}?a={{}}"],
        ),
        ({"BASE": "postgresql://shop@localhost:5433"}, TEMPLATE.replace("+psycopg", ""), 1),
        ({"DATABASE_URL": "postgresql://shop:secret@localhost:5434/x"}, None, None),
        ({"DATABASE_URL": "postgresql://shop:secret@example.org:5433/x"}, None, None),
        ({"DATABASE_URL": "mysql://shop:secret@localhost:5433/x"}, None, None),
        ({"DATABASE_URL": "sqlite://"}, None, None),
        ({"DATABASE_URL": f"{URL}?key=${{{{ vars.KEY }}}}"}, None, None),
        (
            {"DATABASE_URL": "postgres://u:x@postgres:${{ job.services.postgres.ports[5432]}}/x"},
            TEMPLATE.replace("ql+psycopg", ""),
            None,
        ),
        (
            {"DATABASE_URL": "postgresql://shop:${{ secrets.PW }}@localhost:5433/x"},
            TEMPLATE.replace("+psycopg", ""),
            None,
        ),
        ({"PGHOST": "localhost", "PGUSER": "shop", "PGDATABASE": "made"}, None, None),
        (
            {"DB_HOSTNAME": "localhost", "DB_PORT": "5433", "DB_USERNAME": "role", "DB_NAME": "x"},
            None,
            ["DB_HOSTNAME={host}", "DB_PORT={port}", "DB_USERNAME={user}", "DB_NAME={database}"],
        ),
        ({"POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "shop_test"}, None, 2),
        ({"POSTGRES_PASSWORD": "other", "POSTGRES_DB": "other"}, None, None),
        ({"HOST": "localhost", "PASSWORD": "secret", "REDIS_DB_HOST": "localhost"}, None, None),
    ],
)
def test_variables_that_lead_to_the_database(
    tmp_path: Path, variables: Mapping[str, str], url: str | None, told: list[str] | int | None
) -> None:
    """Its address, user, password and name are replaced; of any other variable nothing is."""
    job = SERVICE + "  redis: {image: redis}\n"
    env = "\n".join(f"    {name}: '{text}'" for name, text in variables.items())
    result = imported(tmp_path, workflow(f"- name: tests\n  run: pytest\n  env:\n{env}", job))
    table = server(result)
    assert table.get("database-url") == url
    found = table.get("variables", [])
    assert isinstance(found, list)
    assert (len(found) if isinstance(told, int) else found) == (told or [])
    detail = step(result, "tests").detail
    carried = {each.partition("=")[0] for each in found} | ({"DATABASE_URL"} if url else set())
    carried |= {name for name in variables if name.startswith("PG")}
    for name in variables:
        assert (f"{name}" in detail) == (name not in carried), detail


def test_what_is_replaced_is_what_was_there(tmp_path: Path) -> None:
    """With the parts of the workflow's own database, the variables are as they were."""
    variables = {
        "DATABASE_URL": URL,
        "DSN": f"{URL}?a=b".replace("+psycopg", ""),
        "DB_PORT": "5433",
    }
    result = imported(tmp_path, workflow(PYTEST, f"{SERVICE}\nenv: {variables}"))
    table = server(result)
    parts = {"host": "localhost", "port": "5433", "user": "shop"}
    parts |= {"password": "secret", "database": "shop_test"}
    told = table["variables"]
    assert isinstance(told, list)
    pairs = dict(each.split("=", 1) for each in [*told, "DATABASE_URL={url}"])
    assert filled(str(table["database-url"]), pairs, parts) == variables


@pytest.mark.parametrize(
    ("images", "image"),
    [
        ("postgres:${{ matrix.pg }}", "postgres:13"),
        ("postgres:${{ vars.PG }}", None),
        ("${{ matrix.pg == 10 && 'postgis/postgis:10-3.4' || '' }}", "postgis/postgis:10-3.4"),
    ],
)
def test_a_matrix_of_servers(tmp_path: Path, images: str, image: str | None) -> None:
    """The gate has the newest; that it does not vary them is told."""
    job = f'strategy: {{matrix: {{pg: [9.6, 13, 10]}}}}\nservices: {{db: {{image: "{images}"}}}}'
    result = imported(tmp_path, workflow(PYTEST, job))
    assert server(result).get("image") == image
    assert gate(result, "test") == {"services": ["postgres"]}
    assert "does not vary pg" in step(result, "tests").detail


def test_other_services_are_told_as_ever(tmp_path: Path) -> None:
    """And so is a PostgreSQL that no gate of the job uses."""
    result = imported(tmp_path, workflow(PYTEST, SERVICE + "  redis: {image: redis}\n"))
    first, second = result.account[0].notes
    assert first.startswith("it starts postgres (postgres:15): Pushgate gives one to test")
    assert second.startswith("it starts redis: Pushgate starts no services;")
    result = imported(tmp_path, workflow("- run: ruff check", SERVICE))
    assert result.account[0].notes[0].startswith("it starts postgres: Pushgate starts no")
    assert server(result) == {}


def test_what_else_needs_the_server_stays(tmp_path: Path) -> None:
    """A step that fills it is no gate; one that only waits for it is none of its own."""
    steps = """
    - name: wait
      run: |
        until pg_isready -h localhost; do
          echo waiting; sleep 1
        done
    - {name: wait and go, run: pg_isready && ./seed}
    - {name: tests, run: pytest}
    """
    result = imported(tmp_path, workflow(steps, SERVICE))
    assert step(result, "wait").became == BY_GATES
    assert step(result, "wait and go").became == LEFT_IN_CI
    assert "`template` in [tool.pushgate.services.postgres]" in step(result, "wait and go").detail
    assert "template" not in server(result)
    alone = imported(tmp_path, workflow("- {name: wait, run: pg_isready}"))
    assert step(alone, "wait").became != BY_GATES


def test_two_jobs_with_different_servers(tmp_path: Path) -> None:
    """The first one counts; what the other says otherwise is told at its step."""
    text = workflow(PYTEST, f"{SERVICE}\nenv: {{DATABASE_URL: '{URL}', A_DB: '{URL}'}}")
    second = f"{SERVICE.replace(':15', ':16')}\nenv: {{A_DB: 'postgres://localhost:5433/b'}}"
    other = workflow("- {name: again, run: pytest}", second).partition("jobs:\n")[2]
    result = imported(tmp_path, text + other.replace("check:", "second:"))
    assert server(result)["image"] == "postgres:15"
    assert server(result)["variables"] == ["A_DB={url}"]
    told = step(result, "again").detail
    lost = "A_DB=postgres://{user}:{password}@{host}:{port}/{database}"
    assert f"not carried over: postgres:16, {lost}; an earlier step differs" in told


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("alembic upgrade head", {}),
        ("python -m alembic check", {}),
        ("poetry run alembic downgrade base", {}),
        (
            "alembic -c db/alembic.ini -n two upgrade head",
            {"config": "db/alembic.ini", "section": "two"},
        ),
        ("alembic -x tenant={a} -x url=postgres://x/y upgrade head", {"x": ["tenant={{a}}"]}),
    ],
)
def test_migrations_become_their_gate(
    tmp_path: Path, command: str, table: Mapping[str, object]
) -> None:
    """With or without a server in the job; Alembic's own options are the gate's."""
    result = imported(tmp_path, workflow(f"- run: {command}"))
    assert step(result).became == "migrations"
    assert gates(result) == ({"migrations": table} if table else {})
    assert result.gates == ("migrations",)
    assert server(result) == {}


def test_what_does_not_fill_the_database_of_the_tests(tmp_path: Path) -> None:
    """A command after them, or with the address of the workflow's own database."""
    after = imported(tmp_path, workflow(f"{PYTEST}\n- run: alembic upgrade head", SERVICE))
    assert "template" not in server(after)
    steps = f"- run: alembic -x url={URL} upgrade head\n{PYTEST}"
    assert "template" not in server(imported(tmp_path, workflow(steps, SERVICE)))
    same = workflow("- run: alembic check && alembic upgrade head && pytest", SERVICE)
    assert server(imported(tmp_path, same))["template"] == "alembic upgrade head"


def test_the_tables_load(make_project: Callable[..., Project], tmp_path: Path) -> None:
    """Every key of the server and of both gates is known, with its type."""
    steps = f"- run: alembic -c db/alembic.ini -x a=b upgrade head\n{PYTEST}"
    variables = {"DATABASE_URL": URL, "DB_HOST": "localhost", "B": f"{URL}?c={{}}"}
    result = imported(tmp_path, workflow(steps, f"{SERVICE}\nenv: {variables}"))
    project = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=@PYTHON@"\n'
    files = {"pyproject.toml": project + as_toml(result.tables), "shop.py": "", "tests/x.py": ""}
    postgres = of_project(make_project(files).root).settings.services.postgres
    assert (postgres.image, postgres.database_url) == ("postgres:15", TEMPLATE)
    assert postgres.variables[0] == "DB_HOST={host}"
    assert postgres.template == "alembic -c db/alembic.ini -x a=b upgrade head"
