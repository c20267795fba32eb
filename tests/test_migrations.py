"""The gate `migrations`, on real projects in a real PostgreSQL: what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from alembic_projects import (
    ADDS_VALUES,
    ALL_STEPS,
    ASYNC,
    BY_INI,
    BY_VARIABLE,
    BY_X,
    DROPS_ENUMS,
    ENUMS,
    FIRST,
    INI,
    MAKES_ENUMS,
    SYNC,
    Steps,
    a_server,
    revision,
    shop,
)
from carrying_out import carry_out
from conftest import Project
from pushgate.gates import migrations
from pushgate.model.outcome import Result
from pushgate.plan.definition import of_project
from pushgate.services import postgres

MakeProject = Callable[..., Project]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server, one for all tests of this file."""
    with a_server(postgres.Options(provider="local")) as url:
        yield url


def _passes(project: Project) -> Steps:
    outcome = carry_out(project, "migrations")
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")
    steps = Steps.of(project)
    assert steps.events[-1]["event"] == "finished"
    return steps


def _options(server: str, more: str = "") -> str:
    return f'postgres = {{ provider = "url", url = "{server}" }}\n{more}'


@pytest.mark.parametrize("env", [SYNC, ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("url", [BY_VARIABLE, BY_X, BY_INI], ids=["variable", "x", "ini"])
def test_the_url_reaches_env_py_each_way(
    make_project: MakeProject, server: str, env: str, url: str
) -> None:
    """However env.py reads the URL, it gets the throw-away database's."""
    driver = "asyncpg" if env == ASYNC else "psycopg[binary]"
    files = shop(env=env, url=url, requirements=[driver], options=_options(server))
    assert _passes(make_project(files)).named("passed") == ALL_STEPS


@pytest.mark.parametrize(
    ("env", "drivers", "taken"),
    [
        (SYNC, ["psycopg[binary]", "psycopg2-binary", "asyncpg"], "psycopg"),
        (SYNC, ["asyncpg", "psycopg2-binary"], "psycopg2"),
        (ASYNC, ["asyncpg", "psycopg2-binary"], "asyncpg"),
        (SYNC, ["pg8000"], "pg8000"),
    ],
)
def test_the_driver_is_one_that_goes_with_env_py(
    make_project: MakeProject, server: str, env: str, drivers: list[str], taken: str
) -> None:
    """A project need not say which of its drivers is meant."""
    env += f"\nassert url.startswith('postgresql+{taken}://')\n"
    _passes(make_project(shop(env=env, requirements=drivers, options=_options(server))))


def test_the_driver_of_the_ini(make_project: MakeProject, server: str) -> None:
    """The URL in alembic.ini is not used, but names the driver."""
    env = SYNC + "\nassert url.startswith('postgresql+pg8000://')\n"
    files = shop(env=env, requirements=["psycopg2-binary", "pg8000"], options=_options(server))
    files["alembic.ini"] = f"{INI}sqlalchemy.url = postgresql+pg8000://me:p%%40ss@prod/shop\n"
    _passes(make_project(files))


def test_a_variable_that_the_project_names(make_project: MakeProject, server: str) -> None:
    """Variables may hold the URL or its parts, and so may -x arguments."""
    env = SYNC.replace(
        "config = context.config",
        """import os
config = context.config

def url_of_parts():
    part = os.environ
    x = context.get_x_argument(as_dictionary=True)
    return (
        f"postgresql+psycopg://{part['DB_USER']}:{part['DB_PASSWORD']}"
        f"@{x['place']}/{part['DB_NAME']}"
    )
""",
    )
    more = (
        'variables = ["DB_USER={user}", "DB_PASSWORD={password}", "DB_NAME={database}"]\n'
        'x = ["place={host}:{port}"]'
    )
    _passes(make_project(shop(env=env, url="url_of_parts()", options=_options(server, more))))


def test_a_section_of_the_ini(make_project: MakeProject, server: str) -> None:
    """Where alembic.ini has several sections, the one that is named counts."""
    files = shop(url=BY_INI, options=_options(server, 'section = "billing"'))
    wrong = "[alembic]\nscript_location = nowhere\n"
    files["alembic.ini"] = wrong + INI.replace("[alembic]", "[billing]")
    _passes(make_project(files))


def test_settings_in_pyproject(make_project: MakeProject, server: str) -> None:
    """Alembic's settings may be in [tool.alembic] alone."""
    files = shop(url=BY_INI, options=_options(server))
    del files["alembic.ini"]
    files["pyproject.toml"] += (
        '\n[tool.alembic]\nscript_location = "%(here)s/migrations"\nprepend_sys_path = ["."]\n'
    )
    project = make_project(files)
    assert _applies(project) == (True, "pyproject.toml has [tool.alembic]")
    _passes(project)


@pytest.mark.parametrize("location", ["%(here)s/migrations", "migrations", "db/migrations"])
def test_an_ini_in_a_subfolder(make_project: MakeProject, server: str, location: str) -> None:
    """It is found there, whether its paths start from there or from the project."""
    files = shop(folder="db/", options=_options(server))
    files["db/alembic.ini"] = INI.replace("%(here)s/migrations", location)
    project = make_project(files)
    _passes(project)


def test_sqlite(make_project: MakeProject) -> None:
    """A project for SQLite needs no server."""
    _passes(make_project(shop(requirements=[], options="sqlite = true")))


def test_async_sqlite(make_project: MakeProject) -> None:
    """And its env.py may be asynchronous."""
    files = shop(env=ASYNC, requirements=["aiosqlite"], options="sqlite = true")
    _passes(make_project(files))


def test_engines_that_outlive_a_step(make_project: MakeProject, server: str) -> None:
    """An engine that a module makes once serves all steps, also an asynchronous one."""
    files = shop(env=ASYNC, requirements=["asyncpg"], options=_options(server))
    env = files["migrations/env.py"]
    env = env.replace("engine = create_async_engine(url)", "from engine import engine")
    files["migrations/env.py"] = env.replace("await engine.dispose()", "pass")
    files["engine.py"] = (
        "import os\nfrom sqlalchemy.ext.asyncio import create_async_engine\n"
        "engine = create_async_engine(os.environ['DATABASE_URL'])\n"
    )
    _passes(make_project(files))


def test_branches_that_are_merged(make_project: MakeProject, server: str) -> None:
    """A history that parted and came together is taken revision by revision."""
    note = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
    drop = 'op.drop_table("{0}")'
    revisions = {
        "b1": revision("b1", "a1", note.format("x"), drop.format("x")),
        "b2": revision("b2", "a1", note.format("y"), drop.format("y")),
        "b3": revision("b3", "b2", drop.format("y"), note.format("y")),
        "c1": revision("c1", ("b1", "b3"), drop.format("x"), note.format("x")),
    }
    steps = _passes(make_project(shop(revisions=revisions, options=_options(server))))
    assert steps.named("passed") == ALL_STEPS


def test_an_irreversible_revision(make_project: MakeProject, server: str) -> None:
    """One that is named need not have a way back; the others still do."""
    no_way_back = revision("b1", "a1", "pass", "raise NotImplementedError")
    files = shop(revisions={"b1": no_way_back}, options=_options(server, 'irreversible = ["b1"]'))
    steps = _passes(make_project(files))
    assert steps.named("left out") == ["down to base"]
    assert steps.named("passed") == [step for step in ALL_STEPS if step != "down to base"]


def test_what_the_project_makes_before_its_migrations(
    make_project: MakeProject, server: str
) -> None:
    """A schema that env.py makes, and an extension that a migration leaves, are no leftovers."""
    env = SYNC.replace(
        "        context.configure(connection=connection, target_metadata=Base.metadata)",
        "        connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS kept')\n"
        "        connection.commit()\n"
        "        context.configure(connection=connection, target_metadata=Base.metadata,\n"
        "            version_table='versions', version_table_schema='kept')",
    )
    extension = 'op.execute("CREATE EXTENSION IF NOT EXISTS plpgsql")'
    files = shop(
        env=env, revisions={"b1": revision("b1", "a1", extension, "pass")}, options=_options(server)
    )
    _passes(make_project(files))


def test_transactions_of_a_migrations_own(make_project: MakeProject, server: str) -> None:
    """A transaction for each migration, and what can be in none, go as they do elsewhere."""
    env = SYNC.replace(
        "connection=connection,", "connection=connection, transaction_per_migration=True,"
    )
    kind = """
kind = sa.Enum("a", name="kind")
kind.create(op.get_bind())
op.add_column("customers", sa.Column("kind", kind))
"""
    no_kind = 'op.drop_column("customers", "kind")\nop.execute("DROP TYPE kind")'
    more = """
with op.get_context().autocommit_block():
    op.execute("ALTER TYPE kind ADD VALUE IF NOT EXISTS 'b'")
    op.execute("CREATE INDEX CONCURRENTLY by_email ON customers (email)")
op.execute("INSERT INTO customers (email, kind) VALUES ('ada@example.org', 'b')")
"""
    less = "op.execute('DELETE FROM customers')\nop.drop_index('by_email')"
    revisions = {
        "b1": revision("b1", "a1", kind, no_kind),
        "c1": revision("c1", "b1", more, less),
    }
    options = _options(server, "check = false")
    _passes(make_project(shop(env=env, revisions=revisions, options=options)))


def test_a_schema_for_each_tenant(make_project: MakeProject, server: str) -> None:
    """An env.py that migrates one schema after the other is taken through all of them."""
    env = SYNC.replace(
        """    with create_engine(url).connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
""",
        """  for tenant in ("one", "two"):
    with create_engine(url).connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {tenant}")
        connection.exec_driver_sql(f"SET search_path = {tenant}")
        connection.commit()
        connection.dialect.default_schema_name = tenant
        context.configure(connection=connection, target_metadata=Base.metadata)
""",
    )
    _passes(make_project(shop(env=env, options=_options(server))))


def test_the_sql_of_the_whole_history_is_kept(make_project: MakeProject, server: str) -> None:
    """It is among the outputs, and a loud env.py does not get into it."""
    env = f"print('hello')\n{SYNC}"
    project = make_project(shop(env=env, options=_options(server)))
    _passes(project)
    text = (project.outputs("migrations") / "upgrade.sql").read_text(encoding="utf-8")
    assert "CREATE TABLE customers" in text
    assert "hello" not in text
    log = (project.outputs("migrations") / "alembic.log").read_text(encoding="utf-8")
    assert "hello" in log


def test_steps_that_a_project_goes_without(make_project: MakeProject, server: str) -> None:
    """Without models there is nothing to check, and data cannot be read without a database."""
    env = SYNC.replace("from models import Base", "class Base: metadata = None")
    reading = "assert op.get_bind().scalar(sa.text('SELECT count(*) FROM customers')) == 0"
    files = shop(
        env=env,
        revisions={"b1": revision("b1", "a1", reading, "pass")},
        options=_options(server, "offline = false\ncheck = false\nstairway = false"),
    )
    steps = _passes(make_project(files))
    assert steps.named("passed") == ["one head", "upgrade", "down to base"]


def _applies(project: Project) -> tuple[bool, str]:
    return migrations.applies(of_project(project.root).settings)


def test_where_the_gate_is_on(make_project: MakeProject) -> None:
    """It is on by Alembic's settings; those of a project within are not this one's."""
    without = {"pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@"]\n', "main.py": ""}
    within = {"inner/pyproject.toml": "", "inner/db/alembic.ini": INI}
    project = make_project({**without, **within})
    on, reason = _applies(project)
    assert (on, "no [tool.alembic]" in reason) == (False, True)
    project.write({"db/alembic.ini": INI, "db/migrations/versions/a1.py": FIRST})
    project.commit()
    assert _applies(project) == (True, "Alembic's settings are in db/alembic.ini")


def test_values_that_are_added_to_an_enum(make_project: MakeProject, server: str) -> None:
    """No downgrade takes them away again; adding them in that way can be repeated."""
    first = revision("a1", None, MAKES_ENUMS, DROPS_ENUMS)
    second = revision("b1", "a1", ADDS_VALUES, "pass")
    files = shop(models=ENUMS, revisions={"a1": first, "b1": second}, options=_options(server))
    assert _passes(make_project(files)).named("passed") == ALL_STEPS


@pytest.mark.parametrize("left_out", ['kind == "table"', 'kind == "column" and not reflected'])
def test_what_env_py_leaves_out_is_not_compared(
    make_project: MakeProject, server: str, left_out: str
) -> None:
    """A table or a column that Alembic shall not look at, its enums included."""
    metadata = "target_metadata=Base.metadata"
    hook = f"include_object=lambda _thing, name, kind, reflected, _there: not ({left_out})"
    files = shop(
        env=SYNC.replace(metadata, f"{metadata}, {hook}"),
        models=ENUMS,
        revisions={"a1": revision("a1", None, MAKES_ENUMS, DROPS_ENUMS)},
        options=_options(server),
    )
    assert _passes(make_project(files)).named("passed") == ALL_STEPS
