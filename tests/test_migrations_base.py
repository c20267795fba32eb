"""The gate `migrations`: the upgrade of a database that the base branch made and filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from alembic_projects import MODELS, a_server, revision, shop
from carrying_out import carry_out
from conftest import Project
from pushgate.model.outcome import Outcome, Result
from pushgate.services import postgres

MakeProject = Callable[..., Project]

pytestmark = pytest.mark.slow

SEED: Final = """
import os, sqlalchemy as sa
with sa.create_engine(os.environ["DATABASE_URL"]).begin() as connection:
    connection.execute(sa.text("INSERT INTO customers (email) VALUES ('ada@example.org')"))
    print("one customer")
"""

AGE: Final = MODELS + "    age: Mapped[int]\n"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server, one for all tests of this file."""
    with a_server(postgres.Options(provider="local")) as url:
        yield url


@pytest.fixture
def project(make_project: MakeProject, server: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose main branch can fill its database, on a branch of its own."""
    for variable in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(variable, raising=False)
    options = f'postgres = {{ provider = "url", url = "{server}" }}\nseed = "python seed.py"'
    project = make_project({**shop(options=options), "seed.py": SEED})
    project.git("checkout", "--quiet", "-b", "work")
    return project


def _with_age(project: Project, *, default: str) -> Outcome:
    column = f'op.add_column("customers", sa.Column("age", sa.Integer, nullable=False{default}))'
    drop = 'op.drop_column("customers", "age")'
    project.write(
        {"models.py": AGE, "migrations/versions/b1.py": revision("b1", "a1", column, drop)}
    )
    return carry_out(project, "migrations")


def test_rows_that_a_migration_cannot_take_along(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    """A column that must not be NULL cannot be added to rows: an empty database hides it."""
    outcome = _with_age(project, default="")
    assert outcome.result is Result.FAILED
    place = "upgrade of revision b1 (migrations/versions/b1.py:11)"
    assert outcome.reason.startswith(f"from the data of main: upgrade: {place}: NotNullViolation")
    assert "ALTER TABLE customers ADD COLUMN age INTEGER NOT NULL" in capfd.readouterr().out


def test_rows_that_a_migration_takes_along(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    """With a default it goes; nothing is left of the base branch's files."""
    assert _with_age(project, default=', server_default="0"').result is Result.PASSED
    told = capfd.readouterr().out
    assert "with what `python seed.py` says" in told
    assert "b1\n" in told
    assert list((project.root / ".pushgate" / "base").iterdir()) == []


def test_a_revision_that_is_gone(project: Project) -> None:
    """A revision that the base branch has, and this one not, leaves its databases behind."""
    project.git("checkout", "--quiet", "main")
    project.write({"migrations/versions/b1.py": revision("b1", "a1", "pass", "pass")})
    project.commit()
    project.git("checkout", "--quiet", "-B", "work")
    (project.root / "migrations/versions/b1.py").unlink()
    outcome = carry_out(project, "migrations")
    assert outcome.result is Result.FAILED
    assert outcome.reason.endswith("upgrade: the database is at b1, which is not here")


def test_nothing_differs(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a difference to the base branch there is nothing to upgrade from."""
    assert carry_out(project, "migrations").result is Result.PASSED
    assert "no upgrade from main: nothing differs from it" in capfd.readouterr().out


def test_a_base_that_does_not_work(project: Project) -> None:
    """Where the base branch cannot fill its database, nobody knows about the upgrade."""
    project.git("checkout", "--quiet", "main")
    project.write({"seed.py": "raise SystemExit('no rows today')\n"})
    project.commit()
    project.git("checkout", "--quiet", "-B", "work")
    outcome = _with_age(project, default=', server_default="0"')
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason == "main itself does not work: seed: `python seed.py` ended with 1"


def test_a_base_that_nobody_knows(project: Project) -> None:
    """Where git does not know the base branch, the job could not look."""
    project.git("branch", "--quiet", "-D", "main")
    outcome = carry_out(project, "migrations")
    assert outcome.result is Result.UNAVAILABLE
    assert "history = true" in outcome.reason
