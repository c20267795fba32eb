"""What `pushgate init` makes of migrations, and of the PostgreSQL that tests may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from conftest import Project
from pushgate.adopt import subjects, taken_over
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.found import Found
from pushgate.adopt.from_workflow.imported import Imported
from pushgate.model.services import PostgresOptions
from pushgate.plan.definition import of_project
from test_init import CODE, PROJECT, Make, init, make, settings

__all__ = ["make"]

MakeProject = Callable[..., Project]

TESTED = "import os\n\n\ndef test_one():\n    assert os.environ['DATABASE_URL']\n"
COMPOSE = "services:\n  db:\n    image: {}\n"
SERVICES = ("gates", "test", "services")
IMAGE = ("services", "postgres", "image")
SQLITE = ("gates", "migrations", "sqlite")


def found(project: Project, topic: str) -> Found:
    """Return what is found about a topic; nothing where nothing is."""
    about = {each.topic: each for each in subjects.look(Evidence.of(project.root))}
    return about.get(topic, Found(topic, ""))


def keys(found: Found) -> dict[tuple[str, ...], object]:
    """Return what follows from it."""
    return {setting.key: setting.value for setting in found.settings}


def ini(url: str) -> str:
    """Return an ``alembic.ini`` with a URL."""
    return f"[alembic]\nscript_location = %(here)s/m\nsqlalchemy.url = {url}\n"


@pytest.mark.parametrize(
    ("files", "said", "settings", "offered"),
    [
        ({"requirements.txt": "psycopg[binary]"}, "PostgreSQL", {}, ()),
        ({"uv.lock": '[[package]]\nname = "asyncpg"\n'}, "PostgreSQL", {}, ()),
        ({"pyproject.toml": "tool.poetry.dependencies.pg8000 = '*'"}, "PostgreSQL", {}, ()),
        (
            {"compose.yaml": COMPOSE.format("postgres:15")},
            "PostgreSQL",
            {IMAGE: "postgres:15"},
            (),
        ),
        ({}, "may be for SQLite", {}, ("sqlite = true",)),
        ({"alembic.ini": ini("sqlite+aiosqlite:///x.db")}, "throw-away file", {SQLITE: True}, ()),
        (
            {"alembic.ini": ini("sqlite:///x.db"), "requirements.txt": "psycopg2-binary==2"},
            "may be for SQLite",
            {},
            ("sqlite = true",),
        ),
        (
            {"alembic.ini": ini("mysql+pymysql://root@localhost/x")},
            "for mysql: the gate migrations is off",
            {("gates", "migrations", "enabled"): False},
            (),
        ),
        ({"alembic.ini": "no section\n", "requirements.txt": "asyncpg"}, "PostgreSQL", {}, ()),
    ],
)
def test_migrations_have_a_gate(
    make_project: MakeProject,
    files: Mapping[str, str],
    said: str,
    settings: Mapping[tuple[str, ...], object],
    offered: tuple[str, ...],
) -> None:
    """On PostgreSQL, on a file where only SQLite is meant, and off for what no gate has."""
    told = found(make_project({"alembic.ini": "[alembic]\n", **files}), "migrations")
    assert said in told.said
    assert keys(told) == settings
    assert told.offered[1:] == offered


def test_which_migrations_are_meant(make_project: MakeProject) -> None:
    """Of several files the gate has to be told one; those of other projects do not count."""
    files = {"b/alembic.ini": "", "a/alembic.ini": "", "c/pyproject.toml": "", "c/alembic.ini": ""}
    project = make_project({**files, "requirements.txt": "asyncpg"})
    told = found(project, "migrations")
    table = "[tool.pushgate.gates.migrations]"
    assert told.offered == (table, 'config = "a/alembic.ini"  # or b/alembic.ini')
    project.write({"alembic.ini": ""})
    project.commit()
    assert found(project, "migrations").offered == ()
    project.git("rm", "--quiet", "--force", *files)
    (project.root / "alembic.ini").unlink()
    assert found(project, "migrations").said == ""
    project.write({"pyproject.toml": "[tool.alembic]\nscript_location = 'm'\n"})
    assert found(project, "migrations").said.startswith("Alembic: the gate")


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("postgres:15-alpine", "postgres:15-alpine"),
        ("docker.io/library/postgres", "docker.io/library/postgres"),
        ("'postgres:${PG:-14.2}'", "postgres:14.2"),
        ("${IMAGE:-postgres:13}", "postgres:13"),
        ("postgres:${PG}", "postgres"),
        ("postgis/postgis:16-3.4", "postgis/postgis:16-3.4"),
        ("pgvector/pgvector:pg17", "pgvector/pgvector:pg17"),
        ("bitnami/postgresql:16", ""),
        ("dpage/pgadmin4", ""),
        ("${IMAGE}", ""),
        ("[", ""),
    ],
)
def test_a_postgres_of_a_compose_file(make_project: MakeProject, image: str, known: str) -> None:
    """Its image is CI's, as far as it is PostgreSQL's own; any other service is told as ever."""
    files = {"tests/test_x.py": TESTED, "docker-compose.yml": COMPOSE.format(image)}
    project = make_project(files)
    assert keys(found(project, "database")).get(IMAGE, "") == known
    told = (
        "" if known else "docker-compose.yml: no gate starts them; tests that need them will fail"
    )
    assert found(project, "services").said == told


def test_tests_that_look_for_a_database_are_given_one(make_project: MakeProject) -> None:
    """Where that is no more than likely, the lines are offered; where they start one, not even."""
    compose = f"{COMPOSE.format('postgres:15')}  cache:\n    image: redis\n"
    project = make_project({"tests/test_x.py": TESTED, "compose.yml": compose})
    told = found(project, "database")
    assert keys(told) == {SERVICES: ("postgres",), IMAGE: "postgres:15"}
    assert told.offered == ()
    others = "compose.yml: no gate starts its other services; tests that need them will fail"
    assert found(project, "services").said == others
    lines = (
        "[tool.pushgate.gates.test]",
        'services = ["postgres"]',
        "[tool.pushgate.services.postgres]",
        'image = "postgres:15"',
    )
    for unsure in ("def test_one(): ...", TESTED.replace("assert", "assert 'sqlite' in")):
        project.write({"tests/test_x.py": unsure})
        told = found(project, "database")
        assert (told.settings, told.offered) == ((), lines)
    project.write({"requirements.txt": "testcontainers[postgresql]"})
    assert found(project, "database").said == ""
    (project.root / "compose.yml").unlink()
    project.write({"requirements.txt": "psycopg", "tests/test_x.py": TESTED})
    assert found(project, "database").offered == lines[:2]
    project.write({"tests/test_x.py": ""})
    assert found(project, "database").said == ""


def test_what_a_workflow_says_of_the_database_is_not_offered(make_project: MakeProject) -> None:
    """The lines would be there twice."""
    compose = COMPOSE.format("postgres:15")
    project = make_project({"tests/test_x.py": "def test_one(): ...", "compose.yml": compose})
    looked = [found(project, "database")]
    for said, offered in (({"services": ["postgres"]}, 0), ({"shards": 2}, 4)):
        imported = Imported({"gates": {"test": said}}, ("test",), (), ())
        assert len(taken_over.over(imported, looked, {})[1].offered) == offered


@pytest.mark.slow
def test_what_is_written_loads(make: Make) -> None:
    """The settings of the server and of both gates are such as the definition reads."""
    files = {
        **CODE,
        "tests/test_two.py": TESTED,
        "pyproject.toml": PROJECT,
        "alembic.ini": ini("driver://user:pass@localhost/dbname"),
        "compose.yaml": COMPOSE.format("postgis/postgis:16-3.4"),
    }
    project = make(files)
    told = init(project)
    assert "Alembic: the gate migrations tries each on a throw-away PostgreSQL" in told
    assert "the gate test has a database for each shard and worker" in told
    written = settings(project)
    assert written["gates"]["test"] == {"shards": 1, "services": ["postgres"]}
    assert written["services"] == {"postgres": {"image": "postgis/postgis:16-3.4"}}
    project.commit()
    definition = of_project(project.root)
    wanted = PostgresOptions(image="postgis/postgis:16-3.4")
    assert definition.settings.services.postgres == wanted
    assert "migrations" in definition.gates


@pytest.mark.slow
def test_sqlite_is_written(make: Make) -> None:
    """The gate is told before its first run."""
    files = {**CODE, "pyproject.toml": PROJECT, "db/alembic.ini": ini("sqlite:///x.db")}
    project = make(files)
    assert "Alembic for SQLite" in init(project)
    assert settings(project)["gates"]["migrations"] == {"sqlite": True}
