"""What could not be looked at, or was not what CI would see, never counts as passed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from carrying_out import TESTS, carry_out, carry_out_gates, suite
from conftest import PYTHON, Project
from pushgate.model.outcome import Result
from pushgate.tools import interpreters

MakeProject = Callable[..., Project]

TEST_JOB: Final = f"test-{PYTHON}"

LOCKED: Final = """[project]
name = "signs"
version = "1.0"
requires-python = ">=3.11"
dependencies = []

[tool.uv]
package = false

"""
"""What uv needs for a lock, above the tables of a project that cannot be installed."""

SEES_ITS_PYTHON: Final = """import sys


def test_python():
    assert "%d.%d" % sys.version_info[:2] == "@PYTHON@"
"""

RUNS_A_SHELL: Final = """import subprocess


def pack(folder):
    subprocess.run(f"tar -cf archive.tar {folder}", shell=True, check=True)
"""

SETUPTOOLS: Final = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "signs"
version = "1.0"
description = "Signs"

[tool.setuptools.packages.find]
where = ["src"]

[tool.pushgate]
python = ["@PYTHON@"]
"""

WITHOUT_ITS_TABLE: Final = """try:
    from sign_table import MINUS
except ImportError:
    MINUS = "?"


def sign(number):
    assert MINUS == "-"
    return MINUS if number < 0 else "+"
"""
"""Code that fails an assertion of its own, unless there is a module that is not tracked."""

ONE_FAILS: Final = """from signs import sign


def test_minus():
    sign(-1)


def test_nothing():
    pass
"""


def _lock(project: Project) -> None:
    project.lock()
    project.commit("lock")


def test_missing_interpreter(make_project: MakeProject) -> None:
    """A Python that is not here makes its job unavailable, and Nox fails instead of skipping."""
    files = suite()
    files["pyproject.toml"] = files["pyproject.toml"].replace("@PYTHON@", "3.99")
    project = make_project(files)
    answer = project.nox("-s", "test-3.99")
    assert answer.returncode == 1
    assert "unavailable: no Python 3.99 here: looked for python3.99 on PATH" in answer.stdout
    assert project.outcome("test-3.99")["result"] == "unavailable"


def test_environment_of_another_python(make_project: MakeProject, other_python: str) -> None:
    """A job whose environment runs another Python than its name says fails."""
    project = make_project(suite())
    assert carry_out(project, TEST_JOB).result is Result.PASSED
    program = project.root / ".nox" / TEST_JOB / "bin" / "python"
    program.unlink()
    program.symlink_to(interpreters.find(other_python).path)
    outcome = carry_out(project, TEST_JOB)
    assert outcome.result is Result.FAILED
    assert f"{TEST_JOB} runs Python {other_python}, not {PYTHON}: remove" in outcome.reason


@pytest.mark.parametrize("locked", [False, True])
def test_python_version_file(make_project: MakeProject, other_python: str, *, locked: bool) -> None:
    """A ``.python-version`` file does not change the Python that a job's tests run on."""
    files = suite(tests=SEES_ITS_PYTHON) | {".python-version": f"{other_python}\n"}
    if locked:
        files["pyproject.toml"] = LOCKED + files["pyproject.toml"]
    project = make_project(files)
    if locked:
        _lock(project)
    assert carry_out(project, TEST_JOB).result is Result.PASSED


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (TEST_JOB, "uv.lock is out of date with pyproject.toml: run `uv lock` and commit it"),
        ("audit", "The lockfile at `uv.lock` needs to be updated"),
    ],
)
def test_lock_out_of_date(make_project: MakeProject, job: str, told: str) -> None:
    """A lock without what pyproject.toml asks for fails, and is not brought up on the way."""
    files = suite()
    settings = LOCKED + files["pyproject.toml"]
    project = make_project(files | {"pyproject.toml": settings})
    _lock(project)
    lock = (project.root / "uv.lock").read_bytes()
    another = settings.replace("dependencies = []", 'dependencies = ["six"]')
    project.write({"pyproject.toml": another})
    project.commit("another dependency")
    outcome = carry_out(project, job)
    assert outcome.result is Result.FAILED
    assert told in outcome.reason
    assert (project.root / "uv.lock").read_bytes() == lock


def test_need_that_did_not_run(make_project: MakeProject) -> None:
    """A job whose need left nothing fails by name, called as CI calls it."""
    project = make_project(suite())
    answer = project.nox("-s", "coverage", "--no-dependencies")
    assert answer.returncode == 1
    assert f"failed: missing: the outputs of {TEST_JOB}, which it needs" in answer.stdout


def test_need_of_other_files(make_project: MakeProject) -> None:
    """Outputs of a need that looked at other files than those here are refused."""
    project = make_project(suite())
    assert carry_out(project, TEST_JOB).result is Result.PASSED
    project.write({"signs/__init__.py": "def sign(number):\n    return '?'\n"})
    outcome = carry_out(project, "coverage")
    assert outcome.result is Result.FAILED
    assert f"the outputs of {TEST_JOB} are of other files than those here" in outcome.reason
    project.git("checkout", "--quiet", "--", "signs")
    assert carry_out(project, "coverage").result is Result.PASSED


def test_need_that_failed(make_project: MakeProject) -> None:
    """A job whose need failed does not pass on what an earlier, good run of it left."""
    project = make_project(suite())
    assert carry_out(project, TEST_JOB).result is Result.PASSED
    project.write({"tests/test_signs.py": f"{TESTS}\n\ndef test_wrong():\n    assert False\n"})
    outcomes = carry_out_gates(project, "test", "coverage")
    assert outcomes["coverage"].result is Result.ABORTED
    told = f"it needs jobs that did not pass: {TEST_JOB} (failed: pytest ended with 1"
    assert told in outcomes["coverage"].reason


def test_job_that_writes_tracked_files(make_project: MakeProject) -> None:
    """A test that changes a tracked file fails its job, which names the file."""
    writes = "def test_it():\n    with open('log.txt', 'w') as log:\n        log.write('ran')\n"
    project = make_project(suite(tests=writes) | {"log.txt": ""})
    outcome = carry_out(project, TEST_JOB)
    assert outcome.result is Result.FAILED
    assert outcome.reason == "tracked files changed while it ran: log.txt"


def test_ruff_that_would_fix(make_project: MakeProject) -> None:
    """``fix = true`` neither hides a finding nor touches a file."""
    code = "import os\n"
    settings = '[tool.ruff]\nfix = true\n\n[tool.pushgate]\npython = ["@PYTHON@"]\n'
    project = make_project({"pyproject.toml": settings, "signs.py": code})
    outcome = carry_out(project, "lint")
    assert (outcome.result, outcome.reason) == (Result.FAILED, "ruff check found something")
    assert (project.root / "signs.py").read_text(encoding="utf-8") == code


def test_ruff_that_looks_at_nothing(make_project: MakeProject) -> None:
    """A configuration that leaves ruff no file makes the gate unavailable."""
    settings = '[tool.ruff]\nexclude = ["*.py"]\n\n[tool.pushgate]\npython = ["@PYTHON@"]\n'
    outcome = carry_out(
        make_project({"pyproject.toml": settings, "signs.py": "import os\n"}), "lint"
    )
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason == "ruff looks at no Python file: its configuration leaves none"


def test_index_that_does_not_answer(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that cannot be made for want of an index is unavailable, not failed."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    project = make_project(suite())
    for job in (TEST_JOB, "lint"):
        outcome = carry_out(project, job)
        assert outcome.result is Result.UNAVAILABLE
        assert "the package index does not answer: Failed to fetch" in outcome.reason


def test_file_that_bandit_cannot_parse(make_project: MakeProject) -> None:
    """A file that the scanner skips makes the gate unavailable, by the file's name."""
    project = make_project(
        {
            "pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@"]\n',
            "signs/__init__.py": "",
            "signs/old.py": "print 'for Python 2'\n",
        }
    )
    outcome = carry_out(project, "security")
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason == "bandit could not parse signs/old.py"


def test_file_that_bandit_leaves_out(make_project: MakeProject) -> None:
    """A file is scanned whatever it is called: bandit by itself leaves out names with CVS."""
    project = make_project(
        {
            "pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@"]\n',
            "signs/__init__.py": "",
            "signs/CVS_import.py": RUNS_A_SHELL,
        }
    )
    outcome = carry_out(project, "security")
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("bandit found signs/CVS_import.py:")


def test_bandit_under_an_older_python(make_project: MakeProject) -> None:
    """Where the project's newest Python is missing, bandit runs under the default one."""
    project = make_project(
        {
            "pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@", "3.99"]\n'
            'default-python = "@PYTHON@"\n',
            "signs/__init__.py": RUNS_A_SHELL,
        }
    )
    outcome = carry_out(project, "security")
    assert outcome.reason.startswith("bandit found signs/__init__.py:")
    project.write({"signs/__init__.py": "type(*) = 0\n"})
    assert carry_out(project, "security").result is Result.UNAVAILABLE


@pytest.mark.parametrize("name", ["an odd näme%20.py", "b'c.py"])
def test_a_finding_in_a_file_of_any_name(make_project: MakeProject, name: str) -> None:
    """It is told with its place, and in SARIF for those who collect such reports."""
    project = make_project(
        {
            "pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@"]\n',
            "signs/__init__.py": "",
            f"signs/{name}": RUNS_A_SHELL,
        }
    )
    outcome = carry_out(project, "security")
    report = project.root / ".pushgate" / "out" / "security" / "bandit.sarif"
    sarif = json.loads(report.read_text(encoding="utf-8"))
    assert outcome.reason.startswith(f"bandit found signs/{name}:")
    assert (sarif["version"], sarif["runs"][0]["results"][0]["ruleId"]) == ("2.1.0", "B602")


def test_leftovers_in_the_wheel(make_project: MakeProject) -> None:
    """Neither what an earlier build left nor an untracked module gets into the wheel."""
    project = make_project(
        {
            "pyproject.toml": SETUPTOOLS,
            "src/signs/__init__.py": "from signs import new\n",
            ".gitignore": "build/\n.nox/\n__pycache__/\n",
        }
    )
    project.write({"build/lib/signs/stale.py": "", "src/signs/new.py": ""})
    outcome = carry_out(project, "build")
    assert outcome.result is Result.FAILED
    assert outcome.reason == "signs-1.0-py3-none-any.whl, installed alone, cannot be imported"
    wheel = project.outputs("build") / "dist" / "signs-1.0-py3-none-any.whl"
    listing = project.run(sys.executable, "-m", "zipfile", "-l", str(wheel)).stdout
    assert "signs/__init__.py" in listing
    assert "stale.py" not in listing
    assert "new.py" not in listing


def test_variable_of_the_shell(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the shell that would hide a failure does not reach the tests."""
    untracked = tmp_path / "untracked"
    untracked.mkdir()
    (untracked / "sign_table.py").write_text('MINUS = "-"\n', encoding="utf-8")
    project = make_project(suite(tests=ONE_FAILS) | {"signs/__init__.py": WITHOUT_ITS_TABLE})
    for variable, value in (
        ("PYTEST_ADDOPTS", "-k test_nothing"),
        ("PYTHONPATH", str(untracked)),
        ("PYTHONOPTIMIZE", "1"),
    ):
        with monkeypatch.context() as shell:
            shell.setenv(variable, value)
            outcome = carry_out(project, TEST_JOB)
        assert (variable, outcome.result) == (variable, Result.FAILED)
        assert outcome.reason.startswith("pytest ended with 1")
