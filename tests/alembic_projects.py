"""Small projects with real migrations, and a PostgreSQL to try them in."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from conftest import Project
from pushgate.services import postgres
from pushgate.services.base import Labels

INI: Final = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = %(here)s\n"

OFFLINE: Final = """
if context.is_offline_mode():
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
"""

SYNC: Final = f"""
import os
from alembic import context
from sqlalchemy import create_engine
from models import Base

config = context.config
url = @URL@
{OFFLINE}
else:
    with create_engine(url).connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
"""

ASYNC: Final = f"""
import asyncio
import os
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from models import Base

config = context.config
url = @URL@

def migrate(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()

async def connect():
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()

{OFFLINE}
else:
    asyncio.run(connect())
"""

BY_VARIABLE: Final = 'os.environ["DATABASE_URL"]'
BY_X: Final = 'context.get_x_argument(as_dictionary=True)["url"]'
BY_INI: Final = 'config.get_main_option("sqlalchemy.url")'

MODELS: Final = """
from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
"""

CUSTOMERS: Final = """
op.create_table(
    "customers",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String, nullable=False),
)
"""


def revision(name: str, after: str | Sequence[str] | None, up: str, down: str) -> str:
    """Return the text of a revision's file."""
    return (
        f'"""The revision {name}."""\n\n'
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f"revision = {name!r}\ndown_revision = {after!r}\n\n\n"
        f"def upgrade():\n{textwrap.indent(up.strip(), '    ')}\n\n\n"
        f"def downgrade():\n{textwrap.indent(down.strip(), '    ')}\n"
    )


ENUMS: Final = """
import enum
from sqlalchemy import ARRAY, Enum, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Mood(enum.Enum):
    happy = "happy"
    sad = "sad"

class Level(TypeDecorator):
    impl = Enum("low", "it's :high", name="Level", schema="crm")
    cache_ok = True

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    mood: Mapped[Mood]
    earlier: Mapped[list[str]] = mapped_column(ARRAY(Enum(Mood)))
    level: Mapped[str] = mapped_column(Level)
    town: Mapped[str] = mapped_column(
        String().with_variant(Enum("a", "b", name="town"), "postgresql")
    )
    text: Mapped[str] = mapped_column(Enum("x", "longer", native_enum=False, length=9, name="mood"))
"""
"""Models with enums in each way in which SQLAlchemy has them."""

MAKES_ENUMS: Final = """
op.execute("CREATE SCHEMA crm")
op.execute("CREATE TYPE mood AS ENUM ('happy', 'gone')")
op.execute('''CREATE TYPE crm."Level" AS ENUM ('low')''')
op.execute("CREATE TYPE town AS ENUM ('a')")
op.execute('CREATE TABLE customers (id serial PRIMARY KEY, mood mood NOT NULL, '
           'earlier mood[] NOT NULL, level crm."Level" NOT NULL, town town NOT NULL, '
           'text varchar(9) NOT NULL)')
"""
DROPS_ENUMS: Final = """
op.drop_table("customers")
op.execute("DROP SCHEMA crm CASCADE")
op.execute("DROP TYPE mood")
op.execute("DROP TYPE town")
"""

ADDS_VALUES: Final = """\
op.execute("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad'")
op.execute('ALTER TYPE crm."Level" ADD VALUE IF NOT EXISTS \\'it\\'\\'s \\\\:high\\'')
op.execute("ALTER TYPE town ADD VALUE IF NOT EXISTS 'b'")
"""
"""What is to be written where they lack what the models have."""

FIRST: Final = revision("a1", None, CUSTOMERS, 'op.drop_table("customers")')


def shop(
    *,
    env: str = SYNC,
    url: str = BY_VARIABLE,
    revisions: Mapping[str, str] | None = None,
    models: str = MODELS,
    requirements: Sequence[str] = ("psycopg[binary]",),
    options: str = "",
    folder: str = "",
) -> dict[str, str]:
    """Return the files of a project whose first revision, ``a1``, makes its only table.

    Args:
        env: Its ``env.py``, ``@URL@`` replaced.
        url: How that finds the URL, in Python.
        revisions: Further revisions, or others in their place: name -> text.
        models: Its models.
        requirements: What it requires besides Alembic.
        options: Keys of the gate's table.
        folder: Where Alembic's files are, with a slash at the end.
    """
    wanted = json.dumps(["alembic", "sqlalchemy[asyncio]", *requirements])
    texts = {"a1": FIRST, **(revisions or {})}
    return {
        "pyproject.toml": (
            f"[dependency-groups]\nmigrations = {wanted}\n\n"
            '[tool.pushgate]\npython = ["@PYTHON@"]\n\n'
            f"[tool.pushgate.gates.migrations]\n{options}\n"
        ),
        f"{folder}alembic.ini": INI,
        f"{folder}models.py": models,
        f"{folder}migrations/env.py": env.replace("@URL@", url),
        **{f"{folder}migrations/versions/{name}.py": text for name, text in texts.items()},
    }


@dataclass(frozen=True)
class Steps:
    """What the steps of a job told.

    Attributes:
        events: The events, in order.
    """

    events: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, project: Project) -> Steps:
        """Read what the job left."""
        lines = (project.outputs("migrations") / "steps.jsonl").read_text(encoding="utf-8")
        return cls([json.loads(line) for line in lines.splitlines()])

    def named(self, event: str) -> list[str]:
        """Name the steps with an event: ``passed``, ``failed`` or ``left out``."""
        return [told["step"] for told in self.events if told["event"] == event]

    @property
    def failure(self) -> Mapping[str, Any]:
        """The only failure."""
        (failure,) = (told for told in self.events if told["event"] == "failed")
        return failure


@contextmanager
def a_server(provider: postgres.Options) -> Iterator[str]:
    """Start a PostgreSQL and yield its URL."""
    labels = Labels.of_this_process()
    with postgres.server(provider, labels, print, ci=False) as server:
        yield f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/postgres"


ALL_STEPS: Final = ["one head", "offline SQL", "upgrade", "check", "down to base", "stairway"]
