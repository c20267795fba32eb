"""`pushgate init`: what it makes of repositories of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Project

pytestmark = pytest.mark.slow

Make = Callable[..., Project]

CODE = {
    "src/sample/__init__.py": "def one() -> int:\n    return 1\n",
    "tests/test_one.py": "from sample import one\n\n\ndef test_one() -> None:\n    assert one()\n",
}
PROJECT = f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample"
version = "1"
requires-python = ">={PYTHON}"
classifiers = ["Programming Language :: Python :: {PYTHON}"]
"""
RUFF = "\n[tool.ruff.format]\nquote-style = 'single'\n"
MYPY = "\n[tool.mypy]\nstrict = true\n"


@pytest.fixture
def make(make_project: Make) -> Make:
    """Make a project that knows nothing of Pushgate."""

    def bare(files: Mapping[str, str], **keys: str) -> Project:
        project = make_project({**files, "noxfile.py": files.get("noxfile.py", "")}, **keys)
        if "noxfile.py" not in files:
            (project.root / "noxfile.py").unlink()
            project.commit("second")
        return project

    return bare


def init(project: Project, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run it, without the hook, and return what it prints."""
    answer = project.pushgate("init", "--no-hook", *arguments, env=env)
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def settings(project: Project) -> dict[str, Any]:
    """Return ``[tool.pushgate]``."""
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text).get("tool", {}).get("pushgate", {})
    return found


def gates(project: Project) -> list[str]:
    """Return the sessions that Nox lists, Pushgate's and the project's."""
    answer = project.nox("--list")
    assert answer.returncode == 0, answer.stdout
    lines = answer.stdout.splitlines()
    return [line.split()[1] for line in lines if line.startswith(("* ", "- "))]


def test_what_is_said_already_is_not_said_again(make: Make) -> None:
    """A project with classifiers, ruff, mypy and tests needs a noxfile and hardly a setting."""
    project = make({**CODE, "pyproject.toml": PROJECT + RUFF + MYPY})
    before = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    told = init(project)
    after = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    assert settings(project) == {"gates": {"test": {"shards": 1}}}
    assert after.startswith(before)
    assert "wrote noxfile.py (new)" in told
    assert "wrote .github/workflows/ci.yml (new)" in told
    assert {"lint", "types", "build", f"test-{PYTHON}", "coverage"} <= set(gates(project))


def test_twice_is_once(make: Make) -> None:
    """The second time nothing is written, and it says so."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    init(project)
    project.commit()
    told = init(project)
    assert "nothing to write: all of it is there" in told
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""


def test_twice_without_a_commit_is_once(make: Make) -> None:
    """What was written counts before git tracks it."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    init(project)
    state = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    assert "nothing to write: all of it is there" in init(project)
    kept = {path: content for path, content in state.items() if ".git" not in path.parts}
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_dry_run_writes_nothing(make: Make) -> None:
    """It shows the very changes as a diff that git could apply, and leaves every file alone."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    told = init(project, "--dry-run")
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""
    start = told.index("--- a/pyproject.toml")
    patch = told[start : told.index("\nnothing was written")].rstrip() + "\n"
    subprocess.run(["git", "apply", "-"], cwd=project.root, input=patch, text=True, check=True)
    by_hand = (project.root / "pyproject.toml").read_bytes()
    project.git("checkout", "--quiet", ".")
    init(project)
    assert (project.root / "pyproject.toml").read_bytes() == by_hand


def test_nothing_is_red_that_nobody_asked_for(make: Make) -> None:
    """Without a linter, type checker or tests their gates are off, each with the reason."""
    code = {"src/sample/__init__.py": "x=1\n", "pyproject.toml": PROJECT}
    project = make(code)
    told = init(project)
    off = {name for name, keys in settings(project)["gates"].items() if keys == {"enabled": False}}
    assert off == {"lint", "types", "test"}
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    assert "enabled = false  # no type checker is set up; with mypy, pyright or ty, delete" in text
    assert "no type checker is set up: the gate types is off" in told


def test_other_linters_are_the_gate_lint(make: Make) -> None:
    """Black, isort and flake8 without ruff run as the project pins them."""
    hooks = (
        "repos:\n- repo: https://github.com/psf/black\n  rev: 25.1.0\n  hooks:\n  - id: black\n"
        "- repo: https://github.com/PyCQA/flake8\n  rev: 7.1.1\n  hooks:\n  - id: flake8\n"
    )
    project = make({**CODE, "pyproject.toml": PROJECT, ".pre-commit-config.yaml": hooks})
    told = init(project)
    assert settings(project)["gates"]["lint"] == {
        "run": ["uvx black==25.1.0 --check src tests", "uvx flake8==7.1.1 src tests"],
        "environment": False,
    }
    assert "black, flake8, no ruff" in told
    assert 'run = ["uvx pre-commit run -a"]' in told


def test_ruff_is_the_one_that_the_project_has(make: Make) -> None:
    """Where pre-commit pins ruff and no lock does, a newer one does not judge the code."""
    hooks = (
        "repos:\n- repo: https://github.com/astral-sh/ruff-pre-commit\n"
        f"  rev: {'0123456789' * 4}  # frozen: v0.4.1\n"
        "  hooks:\n  - id: ruff\n  - id: ruff-format\n"
    )
    project = make({**CODE, "pyproject.toml": PROJECT, ".pre-commit-config.yaml": hooks})
    init(project)
    assert settings(project)["gates"]["lint"] == {
        "run": ["uvx ruff==0.4.1 format --check .", "uvx ruff==0.4.1 check --no-fix ."],
        "environment": False,
    }


def test_black_in_a_group_formats_beside_ruff(make: Make) -> None:
    """Where black formats and ruff checks, each has its gate; black is the project's own."""
    groups = '\n[dependency-groups]\nlint = ["black>=24", "ruff"]\n\n[tool.ruff]\n'
    project = make({**CODE, "pyproject.toml": PROJECT + groups})
    init(project)
    assert settings(project)["gates"]["lint"] == {"format": False}
    style = {"run": ["black --check src tests"], "groups": ["lint"]}
    assert settings(project)["gates"]["style"] == style


def test_pyright_is_taken_over(make: Make) -> None:
    """A type checker that only its own file configures becomes the gate's."""
    files = {**CODE, "pyproject.toml": PROJECT, "pyrightconfig.json": "{}"}
    project = make(files)
    init(project)
    assert settings(project)["gates"]["types"] == {"tool": "pyright"}


def test_branches_are_the_repositorys(make: Make) -> None:
    """A repository whose main branch is called otherwise says so."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    project.git("branch", "--move", "master")
    project.git("branch", "develop")
    init(project)
    assert settings(project)["branches"] == ["master", "develop"]


def test_a_branch_of_work_is_no_main_branch(make: Make) -> None:
    """A clone of one branch does not make that branch the long-lived one."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    project.git("branch", "--move", "feature")
    project.git("remote", "add", "origin", "https://example.invalid/sample.git")
    init(project)
    assert "branches" not in settings(project)


def test_poetry(make: Make) -> None:
    """What Poetry's groups require is there for the tests, and its Pythons are the matrix."""
    pyproject = f"""\
[tool.poetry]
name = "sample"
version = "1"
description = ""
authors = []
packages = [{{ include = "sample", from = "src" }}]

[tool.poetry.dependencies]
python = ">={PYTHON},<{_after(PYTHON)}"

[tool.poetry.group.dev.dependencies]
pytest = "^9.0"
pytest-split = {{ version = "*", python = ">=3.8" }}

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
    project = make({**CODE, "pyproject.toml": pyproject, "poetry.lock": ""})
    told = init(project)
    content = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = ["pytest>=9.0,<10", "pytest-split ; python_version >= '3.8'"]
    assert content["dependency-groups"] == {"tests": wanted}
    assert settings(project)["python"] == [PYTHON]
    assert "`poetry lock`" in told
    assert f"test-{PYTHON}" in gates(project)


def _after(version: str) -> str:
    return f"3.{int(version.partition('.')[2]) + 1}"


@pytest.mark.parametrize(
    "table",
    [
        '[tool.pdm.dev-dependencies]\ntest = ["pytest>=8"]\n',
        '[tool.hatch.envs.default]\ndependencies = ["pytest>=8"]\n',
    ],
)
def test_pdm_and_hatch(make: Make, table: str) -> None:
    """What only PDM or Hatch was told the tests require becomes a dependency group."""
    project = make({**CODE, "pyproject.toml": f"{PROJECT}\n{table}"})
    init(project)
    content = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    assert content["dependency-groups"] == {"tests": ["pytest>=8"]}


def test_tox(make: Make) -> None:
    """The Pythons of tox and requirements are taken over; its other environments are offered."""
    minor = PYTHON.partition(".")[2]
    tox = (
        f"[tox]\nenvlist = py3{{{minor},99}}, docs\n    spelling\n"
        "[testenv]\ndeps =\n  pytest>=8\n  py311: tomli\n  -r more.txt\n"
    )
    setup = f"from setuptools import setup\nsetup(name='s', python_requires='~={PYTHON}')\n"
    files = {**CODE, "setup.py": setup, "tox.ini": tox, "more.txt": "iniconfig  # why\n"}
    project = make(files)
    told = init(project)
    content = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    assert content["dependency-groups"] == {"tests": ["pytest>=8", "tomli", "iniconfig"]}
    assert "project" not in content
    assert settings(project)["python"] == [PYTHON, "3.99"]
    # The newest one is what most gates would take, and nobody has it.
    assert settings(project)["default-python"] == PYTHON
    assert "not on this machine: Python 3.99: unless uv" in told
    assert 'run = ["uvx tox -e spelling"]' in told


def test_requirements_only(make: Make) -> None:
    """A folder of code with requirements files gets the smallest pyproject.toml."""
    files = {"app.py": "x = 1\n", "test_app.py": "def test_x() -> None: ...\n"}
    project = make({**files, "requirements.txt": "pytest\n", ".python-version": PYTHON})
    init(project)
    content = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    assert content.keys() == {"tool"}
    assert settings(project)["python"] == [PYTHON]
    assert f"test-{PYTHON}" in gates(project)


def test_python_that_the_tools_left_behind(make: Make) -> None:
    """A Python that no gate can test under is left out, and told."""
    old = PROJECT.replace(
        f'"Programming Language :: Python :: {PYTHON}"',
        (f'"Programming Language :: Python :: 3.8", "Programming Language :: Python :: {PYTHON}"'),
    ).replace(f">={PYTHON}", ">=3.8")
    project = make({**CODE, "pyproject.toml": old})
    assert "without 3.8" in init(project)
    assert settings(project)["python"] == [PYTHON]


@pytest.mark.parametrize(("group", "there"), [("ci", "dev"), ("pushgate", "ci")])
def test_locked_project(make: Make, wheel: Path, group: str, there: str) -> None:
    """Pushgate comes into a group of its own and the lock, for the Pythons that it runs under."""
    groups = f'\n[dependency-groups]\n{there} = ["iniconfig"]\n'
    pyproject = PROJECT.replace(f">={PYTHON}", ">=3.10") + groups
    project = make({**CODE, "pyproject.toml": pyproject})
    project.lock()
    project.commit()
    told = init(project, env={"UV_FIND_LINKS": str(wheel.parent)})
    content = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    [entry] = content["dependency-groups"][group]
    assert entry.startswith("pushgate>=")
    assert entry.endswith(" ; python_version >= '3.11'")
    lock = tomllib.loads((project.root / "uv.lock").read_text(encoding="utf-8"))
    assert "pushgate" in {package["name"] for package in lock["package"]}
    assert "wrote uv.lock" in told
    workflow = (project.root / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert f"--only-group {group}" in workflow


def test_lock_that_cannot_be_made(make: Make) -> None:
    """Where uv refuses, nothing is written, and its reason is shown."""
    conflict = '\n[dependency-groups]\nold = ["nox<2020"]\n'
    project = make({**CODE, "pyproject.toml": PROJECT + conflict})
    project.lock()
    project.commit()
    answer = project.pushgate("init", env={"UV_OFFLINE": "1", "UV_NO_CACHE": "1"})
    assert answer.returncode == 2
    assert "`uv lock` refuses what would be written, so nothing is:" in answer.stdout
    assert "pushgate" in answer.stdout.partition("nothing is:")[2]
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""


def test_settings_of_the_users_stay(make: Make) -> None:
    """A [tool.pushgate] that is there is not added to."""
    text = PROJECT + "\n[tool.pushgate]\ngates.test.shards = 3 # ours\n"
    project = make({**CODE, "pyproject.toml": text})
    told = init(project)
    assert (project.root / "pyproject.toml").read_text(encoding="utf-8") == text
    assert "[tool.pushgate] is there: what it says stays" in told


def test_what_does_not_work_is_not_written(make: Make) -> None:
    """A noxfile that fails under Nox stops it before anything is written."""
    noxfile = "import nox\nimport no_such_module\n"
    project = make({**CODE, "pyproject.toml": PROJECT, "noxfile.py": noxfile})
    answer = project.pushgate("init")
    assert answer.returncode == 2
    assert "No module named 'no_such_module'" in answer.stdout
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""


def test_subjects_without_a_gate_are_told(make: Make) -> None:
    """What no gate looks at yet is named, with the gate that could."""
    files = {
        **CODE,
        "pyproject.toml": PROJECT + '\n[dependency-groups]\ndocs = ["mkdocs"]\n',
        "mkdocs.yml": "site_name: x\n",
        "Dockerfile": "FROM scratch\n",
        "compose.yaml": "services: {}\n",
    }
    told = init(make(files))
    assert "Dockerfile: no gate builds it yet" in told
    assert "compose.yaml: no gate starts them" in told
    assert 'run = ["mkdocs build --strict --site-dir .pushgate/site"]' in told
    assert 'groups = ["docs"]' in told


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pushgate as a wheel: no package index has this version."""
    folder = tmp_path_factory.mktemp("wheel")
    repository = Path(__file__).parents[1]
    subprocess.run(
        ["uv", "build", "--quiet", "--wheel", "--python", sys.executable, "-o", str(folder)],
        cwd=repository,
        check=True,
        env={**os.environ},
    )
    return next(folder.glob("*.whl"))
