"""What an import says is a definition, and its gates run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from importing import as_toml, imported, workflow
from pushgate.plan.definition import of_project
from pushgate.reports import import_report

PYPROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=@PYTHON@"
classifiers = ["Programming Language :: Python :: @PYTHON@"]

"""

STEPS = """
- uses: actions/checkout@v7
- run: uvx ruff check
- run: mypy
- run: pytest -n 2 -k 'not slow' tests --cov --cov-fail-under=90
- run: tox -e docs
  if: github.ref == 'refs/heads/trunk'
- run: |
    for name in a b; do
      echo "it's $name \\\\ \\"quoted\\"" | cat
    done
  env: {GREETING: "a 'b' \\"c\\""}
- run: black --check . && flake8
- run: bandit -r .
- run: nox -s notes
"""


def test_the_tables_are_a_definition(make_project: Callable[..., Project], tmp_path: Path) -> None:
    """Every key that an import may set is known, with its type."""
    job = "timeout-minutes: 3\nstrategy: {matrix: {os: [ubuntu-latest, macos-15]}}"
    on = "{push: {branches: [trunk]}, pull_request: , schedule: [{cron: '1  2 * * 1'}]}"
    text = workflow(STEPS, job, on).replace("runs-on: ubuntu-latest", "runs-on: ${{ matrix.os }}")
    result = imported(tmp_path, text)
    files = {"pyproject.toml": PYPROJECT + as_toml(result.tables), "shop.py": "", "tests/x.py": ""}
    settings = of_project(make_project(files).root).settings
    assert settings.branches == ("trunk",)
    assert settings.ci.systems == ("macos-15",)
    assert settings.ci.schedule == ("1 2 * * 1",)
    assert {"tox-docs", "check", "black", "flake8", "notes"} <= settings.gates.keys()
    assert settings.gates["check"].timeout == 180


def test_a_gate_of_its_own_runs_as_its_step_did(
    make_project: Callable[..., Project], tmp_path: Path
) -> None:
    """Quotes, a pipe, a loop, a variable and a folder arrive as they were; a failure fails."""
    steps = """
    - run: |
        for name in a "b c"; do
          echo "<$GREETING $name>" | tee -a written.txt
        done
      env: {GREETING: "it's \\"$HOME\\""}
    - run: test -f inner.txt
      working-directory: folder
    - run: grep -q "b c" written.txt
    """
    text = workflow(steps)
    toml = as_toml(imported(tmp_path, text).tables)
    project = make_project(
        {
            "pyproject.toml": PYPROJECT + toml,
            "shop.py": "",
            "folder/inner.txt": "",
            ".gitignore": "written.txt\n.nox/\n__pycache__/\n",
        }
    )
    ran = project.pushgate("run", "check")
    assert ran.returncode == 0, ran.stdout
    written = (project.root / "written.txt").read_text(encoding="utf-8")
    assert written == '<it\'s "$HOME" a>\n<it\'s "$HOME" b c>\n'
    (project.root / "folder" / "inner.txt").unlink()
    assert project.pushgate("run", "check").returncode == 1


def test_the_table_has_a_row_for_each_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its job, what became of it, and why; notes stand below."""
    steps = "- run: pytest\n- {name: 'ship \x1b[31mit', run: twine upload dist/*}"
    result = imported(tmp_path, workflow(steps.replace("\x1b", "\\x1b"), on="[push, issues]"))
    import_report.show(result.account, result.notes)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["job", "check", ""]
    assert "pytest" in lines[1]
    assert "test" in lines[1]
    assert "left in CI" in lines[2]
    assert "`twine upload` publishes" in lines[2]
    assert "issues" in lines[3]
    assert "\x1b" not in "".join(lines)
