"""The throw-away database: its URL, the proof that nothing else is touched, what is in it."""

import asyncio
import importlib
import os
import re
from pathlib import Path
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import Pool

SYNC_DRIVERS = ("psycopg", "psycopg2", "pg8000", "asyncpg")
ASYNC_DRIVERS = ("asyncpg", "psycopg", "psycopg2", "pg8000")
DRIVERS = {*SYNC_DRIVERS, "aiosqlite"}

_ASYNC_ENV = re.compile(r"\basyncio\b|\basync_engine_from_config\b|\bcreate_async_engine\b")

# Without what belongs to an extension, and without a column's own sequence: it goes with it.
# No percent sign: some drivers take it for a parameter.
_POSTGRES_CONTENTS = """
WITH things (class, oid, schema, kind, name) AS (
  SELECT 'pg_class'::regclass::oid, oid, relnamespace,
    CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
      WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'table' END, relname::text
  FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  UNION ALL
  SELECT 'pg_type'::regclass::oid, oid, typnamespace, 'type', typname::text
  FROM pg_type WHERE typtype IN ('e', 'd', 'r') OR typrelid IN
    (SELECT oid FROM pg_class WHERE relkind = 'c')
  UNION ALL
  SELECT 'pg_proc'::regclass::oid, oid, pronamespace, 'function',
    proname || '(' || pg_get_function_identity_arguments(oid) || ')'
  FROM pg_proc
  UNION ALL
  SELECT 'pg_namespace'::regclass::oid, oid, oid, 'schema', NULL FROM pg_namespace
)
SELECT kind || ' ' || CASE WHEN name IS NULL THEN nspname::text
  WHEN nspname = 'public' THEN name ELSE nspname || '.' || name END
FROM things JOIN pg_namespace ON pg_namespace.oid = schema
WHERE left(nspname::text, 3) <> 'pg_' AND nspname <> 'information_schema'
  AND NOT (name IS NULL AND nspname = 'public')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = class AND objid = things.oid
    AND (deptype = 'e' OR (deptype IN ('a', 'i') AND kind = 'sequence')))
"""
_SQLITE_CONTENTS = """
SELECT type || ' ' || name FROM sqlite_master
WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_'
"""
_SCHEMAS = """
SELECT quote_ident(nspname) FROM pg_namespace
WHERE left(nspname::text, 3) <> 'pg_' AND nspname <> 'information_schema'
"""
_LOCK_TIMEOUT = "SET lock_timeout = '20s'"
_OUR_OWN = {_POSTGRES_CONTENTS, _SQLITE_CONTENTS, _SCHEMAS, _LOCK_TIMEOUT}


class ForeignDatabaseError(Exception):
    """The project is about to work in another database than it was told to."""


class Database:
    """The database that the migrations run in; for SQLite its name is a file's path."""

    def __init__(self, parts, template, ini_url, env_file):
        self.parts = parts
        self.sqlite = "host" not in parts
        self.last_statement = ""
        if not template:
            template = self._guessed(ini_url, env_file)
        quoted = {name: quote(str(value), safe="") for name, value in parts.items()}
        self.url = template.format(**(parts if self.sqlite else quoted))

    def _guessed(self, ini_url, env_file):
        asynchronous = bool(_ASYNC_ENV.search(env_file.read_text(encoding="utf-8")))
        if self.sqlite:
            return f"sqlite{'+aiosqlite' if asynchronous else ''}:///{{database}}"
        said = re.match(r"postgres(?:ql)?\+(\w+):", ini_url)
        drivers = ASYNC_DRIVERS if asynchronous else SYNC_DRIVERS
        found = said[1] if said else next(filter(_usable, drivers), "")
        driver = f"+{found}" if found else ""
        return f"postgresql{driver}://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}"

    def filled(self, template):
        """Put the URL and its parts into what the project named."""
        return template.format(url=self.url, **self.parts)

    def watch(self):
        """From now on: refuse every other database, keep no connection, note what is asked."""
        event.listen(Pool, "connect", self._refuse_foreign)
        # A connection that is kept for later belongs to an event loop that is closed by then.
        event.listen(Pool, "checkin", _forget)
        event.listen(Engine, "before_cursor_execute", self._note)

    def _refuse_foreign(self, connection, _record):
        try:
            found = self._answer(connection)
        except Exception as error:  # noqa: BLE001  # any driver's, whichever database it meets
            found = f"one that is no {'SQLite' if self.sqlite else 'PostgreSQL'} ({error})"
        if found == self.parts["database"]:
            return
        connection.close()
        message = (
            f"env.py connects to another database, {found}: it was left alone. It is given "
            "the throw-away one as DATABASE_URL, as `-x url=` and as sqlalchemy.url"
        )
        raise ForeignDatabaseError(message)

    def _answer(self, connection):
        cursor = connection.cursor()
        if self.sqlite:
            cursor.execute("PRAGMA database_list")
            file = next(row[2] for row in cursor.fetchall() if row[1] == "main")
            answer = str(Path(file).resolve()) if file else "one in memory"
        else:
            cursor.execute("SELECT current_database()")
            answer = cursor.fetchone()[0]
        cursor.close()
        connection.rollback()
        return answer

    def _note(self, _connection, _cursor, statement, *_more):
        if statement not in _OUR_OWN:
            self.last_statement = statement

    def contents(self, connection):
        """Name the tables, types and so on that a connection sees."""
        query = _SQLITE_CONTENTS if self.sqlite else _POSTGRES_CONTENTS
        return frozenset(connection.exec_driver_sql(query).scalars())

    def empty(self):
        """Remove all that is in it."""
        self._directly(_drop_files_tables if self.sqlite else _drop_schemas)

    def _directly(self, work):
        url = make_url(self.url)
        if not url.get_dialect().is_async:
            engine = sqlalchemy.create_engine(url)
            with engine.begin() as connection:
                work(connection)
            engine.dispose()
            return
        # Not asyncio.run: after it, an env.py that asks for the current loop finds none.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(_within_loop(url, work))
        finally:
            loop.close()


async def _within_loop(url, work):
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415  # needs greenlet

    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(work)
    await engine.dispose()


def _drop_schemas(connection):
    connection.exec_driver_sql(_LOCK_TIMEOUT)
    for schema in connection.exec_driver_sql(_SCHEMAS).scalars().all():
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    connection.exec_driver_sql("CREATE SCHEMA public")
    connection.exec_driver_sql("GRANT ALL ON SCHEMA public TO PUBLIC")


def _drop_files_tables(connection):
    for thing in connection.exec_driver_sql(_SQLITE_CONTENTS).scalars().all():
        kind, _, name = thing.partition(" ")
        connection.exec_driver_sql(f'DROP {kind} "{name}"')


def _forget(_connection, record):
    record.invalidate()


def _usable(driver):
    """Tell whether the project has a driver, and a SQLAlchemy that knows it."""
    try:
        importlib.import_module(driver)
        make_url(f"postgresql+{driver}://").get_dialect()
    except (ImportError, ArgumentError):
        return False
    return True


def set_variables(database, variables):
    """Tell the project by environment variables which database it has."""
    os.environ["DATABASE_URL"] = database.url
    for name, template in variables.items():
        os.environ[name] = database.filled(template)
