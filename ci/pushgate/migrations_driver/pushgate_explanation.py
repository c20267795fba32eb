"""What an exception means to somebody who has only its step's output before them."""

import textwrap
import traceback
from pathlib import Path

from alembic import autogenerate
from pushgate_database import DRIVERS, ForeignDatabaseError
from pushgate_report import Failure
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

TABLE = "[tool.pushgate.gates.migrations]"

# https://www.postgresql.org/docs/current/errcodes-appendix.html: it was shut down, or crashed;
# the connection was lost, resources are out, the system below has failed.
_GONE = ("57P01", "57P02", "57P03", "08", "53", "58")

_ANOTHER_DRIVER = f"""`database-url` in {TABLE} names another one, for example
database-url = "postgresql+psycopg://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}\""""
_VARIABLES = f"""where env.py reads its URL from another variable, name it in {TABLE}:
variables = ["NAME={{url}}"], or its parts: ["DB_HOST={{host}}", "DB_PORT={{port}}", ...]"""


_NOT_AS_SQL = f"""a migration that reads data cannot be written as SQL:
offline = false in {TABLE} goes without this step"""


_LOST = "the database went away or had no room: whether the migration is right is not known"


class FoundError(Exception):
    """Something that a step found out itself; ``step`` is the move of Alembic's behind it."""

    def __init__(self, message, hint="", step=None):
        super().__init__(message)
        self.hint = hint
        self.step = step


def explain(error, *, root, step, last_statement, as_sql):
    """Tell why a step did not pass.

    ``step`` is the move of Alembic's in which it happened, ``last_statement`` the SQL before;
    ``as_sql``: no database was asked, SQL was to be written.
    """
    if isinstance(error, FoundError):
        return Failure(str(error), hint=error.hint, **_move(error.step, root))
    refused = next((one for one in _chain(error) if isinstance(one, DBAPIError)), None)
    failure = Failure(_said(refused or error), **_move(step, root))
    _locate(failure, error, root, step)
    if refused is not None:
        failure.sql = refused.statement or ""
        failure.disconnected = refused.connection_invalidated or _state(refused).startswith(_GONE)
    elif step is not None and last_statement:
        failure.sql = f"-- the last before it\n{last_statement.strip()}"
    # Neither would run with a database.
    broken = isinstance(error, (SyntaxError, ImportError))
    not_as_sql = _NOT_AS_SQL if as_sql and not broken else ""
    failure.hint = _hint(refused or error, failure) or not_as_sql
    if failure.disconnected:
        failure.hint = _LOST
    return failure


def pending(error):
    """List the operations that a new migration would have, by what Alembic's check raised."""
    if not hasattr(error, "revision_context"):  # an older Alembic
        return f"models and migrations differ:\n{error}"
    operations = error.revision_context.generated_revisions[-1].upgrade_ops_list
    code = "\n".join(autogenerate.render_python_code(one) for one in operations)
    lines = [line for line in code.splitlines() if line and not line.lstrip().startswith("#")]
    lines = textwrap.dedent("\n".join(lines)).splitlines()
    count = sum(not line.startswith((" ", ")")) for line in lines)
    differ = f"models and migrations differ by {count} operation{'' if count == 1 else 's'}:"
    return "\n".join([differ, *lines])


def lacking_told(lacking):
    """Tell of the values that enums lack, and what a migration would have to execute."""
    told = [f"{one.enum} lacks {one.value!r} ({one.column})" for one in lacking]
    lines = ["Alembic writes no migration for this; one with these lines does:"]
    hint = "\n".join([*lines, *(one.call for one in lacking)])
    return f"enums lack values that the models have: {', '.join(told)}", hint


def irreversible_hint(revision):
    """Tell how to say that a revision has no way back."""
    return f'if it is meant to have no way back: irreversible = ["{revision}"] in {TABLE}'


def relative(path, root):
    """Return a file's path as it is called in the project."""
    path = Path(path)
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _move(step, root):
    if step is None:
        return {}
    direction = "upgrade" if step.is_upgrade else "downgrade"
    file = relative(step.revision.path, root)
    return {"revision": step.revision.revision, "direction": direction, "file": file}


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error):
    if isinstance(error, SystemExit):
        return f"env.py ended the process: {error.code}"
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
        told = error.args[0] if error.args else ""
        if isinstance(told, dict):  # pg8000's
            return f"{told.get('M', told)} ({told.get('C', '')})"
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _state(refused):
    orig = refused.orig
    told = orig.args[0] if orig is not None and orig.args else ""
    of_pg8000 = told.get("C") if isinstance(told, dict) else None
    return getattr(orig, "sqlstate", None) or getattr(orig, "pgcode", None) or of_pg8000 or ""


def _locate(failure, error, root, step):
    """Add the line: of the revision's file, else the last one of the project's own."""
    if isinstance(error, SyntaxError) and error.filename:
        failure.file, failure.line = relative(error.filename, root), error.lineno or 0
        return
    frames = [(Path(frame.filename), frame.lineno) for frame in _frames(error)]
    if step is not None:
        own = [(file, line) for file, line in frames if file == Path(step.revision.path)]
    else:
        own = [(file, line) for file, line in frames if _is_own(file, root)]
    if own:
        file, line = own[-1]
        failure.file, failure.line = relative(file, root), line


def _frames(error):
    return traceback.extract_tb(error.__traceback__)


def _is_own(file, root):
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _hint(error, failure):
    """Tell what to do about it, where that is known."""
    text, lost = str(error), isinstance(error, DBAPIError) and not error.statement
    missing = error.name if isinstance(error, ModuleNotFoundError) else ""
    known = (
        (isinstance(error, ForeignDatabaseError), _VARIABLES),
        (
            missing in DRIVERS,
            f"the URL asks for {missing}, which the project does not install:\n{_ANOTHER_DRIVER}",
        ),
        (isinstance(error, NoSuchModuleError), _ANOTHER_DRIVER),
        (
            type(error).__name__ == "MissingGreenlet",
            f"env.py is not asynchronous, but the URL's driver is:\n{_ANOTHER_DRIVER}",
        ),
        (
            "asyncio extension requires an async driver" in text,
            f"env.py is asynchronous, but the URL's driver is not:\n{_ANOTHER_DRIVER}",
        ),
        (_lacks_variable(error) or isinstance(error, OSError) or lost, _VARIABLES),
        (
            "provide a MetaData object" in text,
            f"a project without models goes without this step: check = false in {TABLE}",
        ),
        (failure.direction == "downgrade", irreversible_hint(failure.revision)),
    )
    return next((hint for holds, hint in known if holds), "")


def _lacks_variable(error):
    """Tell whether an environment variable was asked for that is not set."""
    frames = _frames(error) if isinstance(error, KeyError) else ()
    return bool(frames) and Path(frames[-1].filename).name in {"os.py", "<frozen os>"}
