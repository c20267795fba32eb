"""The gate `migrations`, on real projects in a real PostgreSQL: what fails, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from alembic_projects import (
    ADDS_VALUES,
    ASYNC,
    DROPS_ENUMS,
    ENUMS,
    MAKES_ENUMS,
    MODELS,
    SYNC,
    Steps,
    a_server,
    revision,
    shop,
)
from carrying_out import carry_out
from conftest import Project
from pushgate.model.outcome import Result
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.services import postgres

MakeProject = Callable[..., Project]

pytestmark = pytest.mark.slow

NOTES: Final = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))'
DROP_NOTES: Final = 'op.drop_table("notes")'


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server, one for all tests of this file."""
    with a_server(postgres.Options(provider="local")) as url:
        yield url


@dataclass(frozen=True)
class Told:
    """What a failed job told: its reason, its steps, and what the user read."""

    result: Result
    reason: str
    steps: Steps
    text: str


Fails = Callable[..., Told]


@pytest.fixture
def fails(make_project: MakeProject, server: str, capfd: pytest.CaptureFixture[str]) -> Fails:
    """Make a project, and carry out the gate, which does not pass."""

    def carry(options: str = "", **parts: Any) -> Told:  # noqa: ANN401  # shop's
        keys = f'postgres = {{ provider = "url", url = "{server}" }}\n{options}'
        project = make_project(shop(options=keys, **parts))
        outcome = carry_out(project, "migrations")
        text = capfd.readouterr().out
        assert outcome.result is not Result.PASSED, text
        return Told(outcome.result, outcome.reason, Steps.of(project), text)

    return carry


def test_two_heads(fails: Fails) -> None:
    """They are named with their files, and with the command that merges them."""
    told = fails(
        revisions={
            "b1": revision("b1", "a1", "pass", "pass"),
            "b2": revision("b2", "a1", "pass", "pass"),
        }
    )
    assert told.reason == (
        "one head: 2 heads: b1 (migrations/versions/b1.py) and b2 (migrations/versions/b2.py)"
    )
    assert '`alembic merge -m "merge b1 and b2" b1 b2`' in told.text
    assert told.steps.named("started") == ["one head"]


def test_models_that_no_migration_makes(fails: Fails) -> None:
    """The operations are listed that are missing; the other steps are taken all the same."""
    told = fails(models=MODELS + "    age: Mapped[int | None]\n")
    operation = "op.add_column('customers', sa.Column('age', sa.Integer(), nullable=True))"
    assert told.reason == f"check: models and migrations differ by 1 operation: {operation}"
    assert f"  {operation}\n" in told.text
    assert told.steps.named("failed") == ["check"]
    assert "stairway" in told.steps.named("passed")


OLD: Final = ["alembic==1.9.0", "sqlalchemy<2.1", "setuptools", "psycopg[binary]"]


@pytest.mark.parametrize("requirements", [["psycopg[binary]"], OLD], ids=["new", "old"])
def test_an_enum_without_a_value_of_its_model(fails: Fails, requirements: list[str]) -> None:
    """Alembic sees no difference; what a migration would have to do is told."""
    first = revision("a1", None, MAKES_ENUMS, DROPS_ENUMS)
    told = fails(models=ENUMS, revisions={"a1": first}, requirements=requirements)
    assert told.reason == (
        "check: enums lack values that the models have: mood lacks 'sad' (customers.mood), "
        """crm."Level" lacks "it's :high" (customers.level), town lacks 'b' (customers.town)"""
    )
    lines = [line.strip().removeprefix("-> ") for line in told.text.splitlines()]
    assert [line for line in lines if line.startswith("op.execute(")] == ADDS_VALUES.splitlines()
    assert told.steps.named("failed") == ["check"]


def test_an_old_alembic(fails: Fails) -> None:
    """The oldest that can check at all goes the same way, and says it in its own words."""
    told = fails(models=MODELS + "    age: Mapped[int | None]\n", requirements=OLD)
    assert told.steps.named("failed") == ["check"]
    assert "New upgrade operations detected: [('add_column'" in told.reason


@pytest.mark.parametrize(
    ("env", "driver"),
    [(SYNC, "psycopg[binary]"), (SYNC, "pg8000"), (ASYNC, "asyncpg")],
    ids=["psycopg", "pg8000", "asyncpg"],
)
def test_sql_that_the_database_refuses(fails: Fails, env: str, driver: str) -> None:
    """Revision, file, line and SQL are told, whichever driver reports it."""
    wrong = revision("b1", "a1", 'op.execute("UPDATE nowhere SET a = 1")', "pass")
    told = fails(revisions={"b1": wrong}, env=env, requirements=[driver])
    failure = told.steps.failure
    assert failure["step"] == "upgrade"
    assert (failure["revision"], failure["direction"]) == ("b1", "upgrade")
    assert (failure["file"], failure["line"]) == ("migrations/versions/b1.py", 11)
    assert failure["sql"] == "UPDATE nowhere SET a = 1"
    assert 'relation "nowhere" does not exist' in told.reason
    assert "upgrade of revision b1 (migrations/versions/b1.py:11)" in told.reason
    assert "UPDATE nowhere SET a = 1" in told.text
    assert told.steps.named("left out") == ["the rest"]


def test_a_downgrade_that_leaves_a_table(fails: Fails) -> None:
    """Both the way down at once and the stairway name the table and the revision."""
    told = fails(revisions={"b1": revision("b1", "a1", NOTES, "pass")}, options="check = false")
    assert told.steps.named("failed") == ["down to base", "stairway"]
    made_by = "made by b1 (migrations/versions/b1.py)"
    assert f"down to base: the downgrade to base leaves table notes, {made_by}" in told.reason
    place = "downgrade of revision b1 (migrations/versions/b1.py)"
    assert f"stairway: {place}: it leaves table notes" in told.reason


def test_a_downgrade_that_leaves_a_type(fails: Fails) -> None:
    """PostgreSQL keeps the type of a column whose table is gone."""
    up = 'op.create_table("notes", sa.Column("kind", sa.Enum("a", "b", name="kind")))'
    told = fails(revisions={"b1": revision("b1", "a1", up, DROP_NOTES)}, options="check = false")
    assert "it leaves type kind" in told.reason


def test_a_migration_that_needs_data(fails: Fails) -> None:
    """What a migration raises itself is told with its line and the last SQL."""
    up = "op.get_bind().execute(sa.text('SELECT id FROM customers')).scalar_one()"
    told = fails(revisions={"b1": revision("b1", "a1", up, "pass")}, options="offline = false")
    failure = told.steps.failure
    assert failure["error"].startswith("NoResultFound")
    assert (failure["revision"], failure["line"]) == ("b1", 11)
    assert "SELECT id FROM customers" in failure["sql"]


def test_a_downgrade_that_nobody_wrote(fails: Fails) -> None:
    """It is told how to say that a revision has no way back."""
    told = fails(revisions={"b1": revision("b1", "a1", "pass", "raise NotImplementedError")})
    assert told.steps.named("failed") == ["down to base", "stairway"]
    assert 'irreversible = ["b1"]' in told.text


def test_a_migration_that_is_impossible_as_sql(fails: Fails) -> None:
    """A migration that reads data fails offline only, and it is told how to go without."""
    up = "assert not op.get_bind().execute(sa.text('SELECT id FROM customers')).all()"
    told = fails(revisions={"b1": revision("b1", "a1", up, "pass")})
    assert told.steps.failure["step"] == "offline SQL"
    assert "offline = false" in told.text


@pytest.mark.parametrize(
    ("env", "requirements", "url", "hint"),
    [
        (SYNC, ["psycopg[binary]"], "postgresql+asyncpg", "the URL asks for asyncpg"),
        (SYNC, ["asyncpg"], "", "env.py is not asynchronous"),
        (ASYNC, ["psycopg2-binary"], "", "env.py is asynchronous, but the URL's driver is not"),
        (SYNC, ["psycopg[binary]"], "postgresql+nothing", "names another one"),
    ],
    ids=["not installed", "asynchronous", "synchronous", "unknown"],
)
def test_a_wrong_driver(
    fails: Fails, env: str, requirements: list[str], url: str, hint: str
) -> None:
    """It is told that the driver is wrong, and which key says another one."""
    template = f"{url}://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}"
    options = f'database-url = "{template}"' if url else ""
    told = fails(env=env, requirements=requirements, options=f"offline = false\n{options}")
    assert hint in told.steps.failure["hint"]
    assert "`database-url` in [tool.pushgate.gates.migrations]" in told.text


def test_env_py_that_goes_elsewhere(fails: Fails, server: str) -> None:
    """A database that is not the throw-away one is left alone, and it is told how to name it."""
    told = fails(url=f'"{server.replace("postgresql", "postgresql+psycopg")}"')
    assert told.steps.failure["step"] == "upgrade"
    assert "env.py connects to another database, postgres: it was left alone" in told.reason
    assert 'variables = ["NAME={url}"]' in told.text


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (SYNC.replace("        context.run_migrations()", "        pass"), "did not run the migr"),
        (SYNC + "\nraise SystemExit('no settings')", "env.py ended the process: no settings"),
        ("import os\nos.environ['SHOP_URL']\n", "KeyError: 'SHOP_URL'"),
        ("import nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
        ("def broken(:\n", "migrations/env.py:1: SyntaxError"),
    ],
    ids=["idle", "exit", "variable", "import", "syntax"],
)
def test_env_py_that_does_not_work(fails: Fails, env: str, said: str) -> None:
    """What env.py does wrong is told with its place; one that does nothing is no pass."""
    told = fails(env=env)
    assert said in told.reason
    assert "upgrade" in told.steps.named("failed")


@pytest.mark.parametrize("env", ["import nothing_of_that_name\n", "def broken(:\n"])
def test_no_reason_to_go_without_sql(fails: Fails, env: str) -> None:
    """Who cannot write SQL for what would not run with a database, either, is not told to stop."""
    told = fails(env=env)
    assert "offline SQL" in told.steps.named("failed")
    assert "cannot be written as SQL" not in told.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", "migrations/versions/b1.py:1: SyntaxError"),
        (revision("b1", "lost", "pass", "pass"), "comes after 'lost', and there is no such rev"),
        ("", "b1_py"),
    ],
    ids=["syntax", "lost", "empty"],
)
def test_a_revision_that_cannot_be_read(fails: Fails, text: str, said: str) -> None:
    """The gate ends at the first step, which names the file or what it looked for."""
    told = fails(revisions={"b1": text})
    assert said in told.reason
    assert told.steps.named("started") == ["one head"]


def test_no_revision(make_project: MakeProject) -> None:
    """Where there is none, nothing was tried, and that is no pass."""
    files = shop(requirements=[], options="sqlite = true")
    del files["migrations/versions/a1.py"]
    outcome = carry_out(make_project(files), "migrations")
    assert outcome.result is Result.FAILED
    assert "there is no revision in " in outcome.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$BEGIN RAISE 'No space left on device' USING ERRCODE = '53100'; END$$",
    ],
    ids=["connection lost", "disk full"],
)
@pytest.mark.parametrize(
    ("env", "driver"),
    [(SYNC, "psycopg[binary]"), (SYNC, "psycopg2-binary"), (SYNC, "pg8000"), (ASYNC, "asyncpg")],
    ids=["psycopg", "psycopg2", "pg8000", "asyncpg"],
)
def test_a_database_in_trouble(fails: Fails, sql: str, env: str, driver: str) -> None:
    """Where the database could do no more, nobody knows about the migration."""
    lost = revision("b1", "a1", f'op.execute("{sql}")', "pass")
    told = fails(revisions={"b1": lost}, env=env, requirements=[driver])
    assert told.result is Result.UNAVAILABLE
    assert told.reason.startswith("the database was lost: upgrade: ")


KILLING: Final = """
import os, pathlib, signal, time
data = op.get_bind().scalar(sa.text("SHOW data_directory"))
pid = int(pathlib.Path(data, "postmaster.pid").read_text().split()[0])
os.kill(pid, signal.SIGQUIT)  # PostgreSQL's word for: at once
while pathlib.Path(data, "postmaster.pid").exists():
    time.sleep(0.02)
op.execute("SELECT 1")
"""


def test_a_server_that_dies(make_project: MakeProject) -> None:
    """Where the server is gone, the job could not look."""
    files = shop(
        revisions={"b1": revision("b1", "a1", KILLING, "pass")},
        options='offline = false\npostgres = { provider = "local" }',
    )
    outcome = carry_out(make_project(files), "migrations")
    assert outcome.result is Result.UNAVAILABLE
    assert "upgrade of revision b1" in outcome.reason


def test_a_driver_that_ends_early(fails: Fails) -> None:
    """A migration that ends the process is no pass, whatever the status."""
    ending = revision("b1", "a1", "import os\nos._exit(0)", "pass")
    told = fails(revisions={"b1": ending}, options="offline = false")
    assert told.reason == "the migrations ended with 0 in upgrade (see above)"


OWN_TABLES: Final = """
import os, sys, sqlalchemy as sa
engine = sa.create_engine(sys.argv[1].replace("postgresql:", "postgresql+psycopg:"))
with engine.begin() as connection:
    for statement in sys.argv[2:]:
        answer = connection.execute(sa.text(statement))
    print(*(answer.scalars() if answer.returns_rows else ()))
"""


def test_the_users_own_database_is_left_alone(
    make_project: MakeProject, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filled database that DATABASE_URL names outside is as it was."""
    monkeypatch.setenv("DATABASE_URL", server)
    files = shop(options=f'postgres = {{ provider = "url", url = "{server}" }}')
    project = make_project({**files, "own.py": OWN_TABLES})

    def sql(*statements: str) -> str:
        python = str(project.root / ".nox" / "migrations" / "bin" / "python")
        return project.run(python, "own.py", server, *statements).stdout.strip()

    assert carry_out(project, "migrations").result is Result.PASSED
    sql("CREATE TABLE customers (id int)", "INSERT INTO customers VALUES (1), (2)")
    try:
        assert carry_out(project, "migrations").result is Result.PASSED
        assert sql("SELECT id FROM customers ORDER BY 1") == "1 2"
        assert sql("SELECT to_regclass('alembic_version') IS NULL") == "True"
    finally:
        sql("DROP TABLE customers")


def test_several_inis(make_project: MakeProject) -> None:
    """It must be said which of them is meant; that one must be there."""
    files = {
        **shop(folder="a/", requirements=[], options="sqlite = true"),
        **{name: text for name, text in shop(folder="b/").items() if name.startswith("b/")},
    }
    project = make_project(files)
    outcome = carry_out(project, "migrations")
    assert outcome.reason == (
        "there are a/alembic.ini, b/alembic.ini: "
        "`config` in [tool.pushgate.gates.migrations] says which"
    )
    table = files["pyproject.toml"]
    project.write({"pyproject.toml": f'{table}config = "c/alembic.ini"\n'})
    assert "names c/alembic.ini: there is no such file" in carry_out(project, "migrations").reason
    project.write({"pyproject.toml": f'{table}config = "b/alembic.ini"\n'})
    assert carry_out(project, "migrations").result is Result.PASSED


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('variables = ["DB_HOST"]', 'expected NAME=VALUE, such as "DB_HOST={host}"'),
        ('seed = "python \'seed.py"', "expected a command, its quotes closed"),
        ('x = ["url={address}"]', "expected a text with nothing in braces but {url}, {host}"),
        ('database-url = "postgresql://me@prod/shop"', "expected a URL with {database} in it"),
        (
            'database-url = "{database}{"',
            "expected a text with nothing in braces but {url}, {host}",
        ),
    ],
)
def test_options_that_mean_nothing(make_project: MakeProject, options: str, said: str) -> None:
    """They are told when the definition is read."""
    project = make_project(shop(options=options))
    with pytest.raises(ConfigurationError) as raised:
        of_project(project.root)
    assert said in str(raised.value)


def test_an_irreversible_revision_that_is_not_there(fails: Fails) -> None:
    """A name that no revision has was meant for another one."""
    told = fails(options='irreversible = ["zz"]')
    assert told.reason == "one head: `irreversible` names zz: there is no such revision"
