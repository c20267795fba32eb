"""Small projects whose tests use a PostgreSQL, and what these tests saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from conftest import Project
from postgres_servers import IMAGE

SEEN: Final = """
import json, os, time
import pg8000.native
import pytest

def connected():
    return pg8000.native.Connection(
        os.environ["PGUSER"],
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        password=os.environ["PGPASSWORD"],
        database=os.environ["PGDATABASE"],
    )

@pytest.mark.parametrize("number", range(@COUNT@))
def test_rows(number):
    with open(f".git/{os.environ['PGDATABASE']}.{number}", "w") as file:
        connection = connected()
        connection.run("CREATE TABLE IF NOT EXISTS rows (name text)")
        connection.run("INSERT INTO rows VALUES (:name)", name=os.environ["PGDATABASE"])
        # Others are at it at the same time.
        time.sleep(0.2)
        rows = connection.run("SELECT DISTINCT name FROM rows")
        tables = connection.run(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        connection.close()
        json.dump({
            "number": number,
            "worker": os.environ.get("PYTEST_XDIST_WORKER", ""),
            "port": os.environ["PGPORT"],
            "database": os.environ["PGDATABASE"],
            "url": os.environ["DATABASE_URL"],
            "rows": [row[0] for row in rows],
            "tables": sorted(row[0] for row in tables),
        }, file)
"""
"""Tests that write into their database, and write down what they find there."""


def project_files(
    *,
    provider: str = "local",
    options: str = "",
    service: str = "",
    tests: int = 6,
    requirements: Sequence[str] = ("pg8000", "pytest"),
) -> dict[str, str]:
    """Return the files of a project with such tests.

    Args:
        provider: Where its server comes from.
        options: Keys of its gate ``test``.
        service: Keys of ``[tool.pushgate.services.postgres]``.
        tests: How many tests it has.
        requirements: What they require.
    """
    return {
        "pyproject.toml": (
            f"[dependency-groups]\ntest = {list(requirements)}\n\n"
            '[tool.pushgate]\npython = ["@PYTHON@"]\n\n'
            "[tool.pushgate.services.postgres]\n"
            f'provider = "{provider}"\nimage = "{IMAGE}"\n{service}\n\n'
            f'[tool.pushgate.gates.test]\nservices = ["postgres"]\nafter = []\n{options}\n'
        ),
        "shop/__init__.py": "",
        "tests/test_rows.py": SEEN.replace("@COUNT@", str(tests)),
    }


def seen(project: Project) -> list[dict[str, Any]]:
    """Return what each test saw."""
    files = sorted((project.root / ".git").glob("pushgate_*"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]
