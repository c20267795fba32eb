"""The settings that coverage is given: the project's own, and what shards need."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

from carrying_out import carry_out_gates, suite
from conftest import PYTHON, Project
from pushgate.gates import coverage_config
from pushgate.model.outcome import Result
from pushgate.plan.definition import of_project

MakeProject = Callable[..., Project]

RUN = "[{prefix}run]\nbranch = true\nsource = other\n"
TABLE = "\n[tool.coverage.run]\nbranch = true\nsource = ['other']\n"


def _written(project: Project, folder: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(coverage_config.write(of_project(project.root).settings, folder))
    return parser


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".coveragerc", RUN.format(prefix="")),
        ("setup.cfg", RUN.format(prefix="coverage:")),
        ("tox.ini", RUN.format(prefix="coverage:")),
        (".coveragerc.toml", TABLE),
        ("pyproject.toml", suite()["pyproject.toml"] + TABLE),
    ],
)
def test_places(make_project: MakeProject, tmp_path: Path, file: str, content: str) -> None:
    """The project's own settings hold, from each file that coverage reads."""
    project = make_project(suite() | {file: content})
    run = _written(project, tmp_path)["run"]
    assert (run["branch"], run["source"]) == ("true", "other")
    assert (run["parallel"], run["relative_files"], run["patch"]) == ("true", "true", "subprocess")


def test_sources_unless_told(make_project: MakeProject, tmp_path: Path) -> None:
    """A project that does not say what to measure measures its sources."""
    assert _written(make_project(suite()), tmp_path)["run"]["source"] == "signs"


def test_patches_are_kept(make_project: MakeProject, tmp_path: Path) -> None:
    """What the project patches stays patched."""
    more = "[tool.coverage.run]\npatch = ['execv', 'subprocess']\n"
    run = _written(make_project(suite(more=more)), tmp_path)["run"]
    assert run["patch"].split() == ["execv", "subprocess"]


def test_options_of_pytest_cov(make_project: MakeProject, tmp_path: Path) -> None:
    """What pytest-cov is told in addopts holds, for the shards run without it."""
    addopts = "-ra --cov=one --cov two --cov-branch --cov-config=own.toml --cov-fail-under=87.5"
    more = f'[tool.pytest.ini_options]\naddopts = "{addopts}"\n'
    own = "[report]\nshow_missing = true\nprecision = 2\n"
    project = make_project(suite(more=more) | {"own.toml": own})
    written = _written(project, tmp_path)
    assert written["run"]["source"].split() == ["one", "two"]
    assert written["run"]["branch"] == "true"
    assert written["report"]["fail_under"] == "87.5"
    assert (written["report"]["show_missing"], written["report"]["precision"]) == ("true", "2")


def test_named_ini_file(make_project: MakeProject, tmp_path: Path) -> None:
    """A settings file that pytest-cov is told may be an ini file, and --cov may name nothing."""
    more = '[tool.pytest.ini_options]\naddopts = ["--cov", "--cov-config", "own.ini"]\n'
    project = make_project(suite(more=more) | {"own.ini": RUN.format(prefix="")})
    assert _written(project, tmp_path)["run"]["source"] == "other"


def test_entries_that_look_like_comments(make_project: MakeProject) -> None:
    """A marker that starts with # leaves lines out of the measure, as the project says."""
    code = (
        "def sign(number):\n    if number is None:  # never\n        return '?'\n    return '+'\n"
    )
    more = (
        "[tool.coverage.report]\nexclude_also = ['# never']\nfail_under = 100\n"
        "[tool.coverage.run]\nsource = ['signs']\n"
    )
    tests = "from signs import sign\n\n\ndef test_plus():\n    assert sign(1) == '+'\n"
    project = make_project(suite(more=more, tests=tests) | {"signs/__init__.py": code})
    assert carry_out_gates(project, "test", "coverage")["coverage"].result is Result.PASSED


def test_threshold_of_pytest_cov(make_project: MakeProject) -> None:
    """A threshold that only pytest-cov was told is enforced over all shards together."""
    half = "from signs import sign\n\n\ndef test_plus():\n    assert sign(1) == '+'\n"
    code = "def sign(number):\n    if number < 0:\n        return '-'\n    return '+'\n"
    more = '[tool.pytest.ini_options]\naddopts = "--cov=signs --cov-fail-under=100"\n'
    files = suite(requirements=["pytest", "pytest-cov"], tests=half, more=more)
    outcomes = carry_out_gates(
        make_project(files | {"signs/__init__.py": code}), "test", "coverage"
    )
    assert outcomes[f"test-{PYTHON}"].result is Result.PASSED
    assert outcomes["coverage"].result is Result.FAILED


def test_a_folder_with_a_strange_name(make_project: MakeProject) -> None:
    """Data is found where the project's folder has blanks, quotes, a dollar or a percent sign."""
    project = make_project(suite(), name="we'ird \"ü$x %d dir")
    outcomes = carry_out_gates(project, "test", "coverage").values()
    assert {outcome.result for outcome in outcomes} == {Result.PASSED}


def test_a_process_in_another_folder(make_project: MakeProject) -> None:
    """What it measures has other paths, and counts even if nothing else was seen before."""
    tests = (
        "import os, subprocess, sys\nfrom signs import sign\n\n\n"
        "def test_plus():\n"
        "    assert sign(1) == '+'\n"
        "    code = f'import sys; sys.path.insert(0, {os.getcwd()!r}); import signs; '\n"
        "    code += 'signs.sign(-1)'\n"
        "    subprocess.run([sys.executable, '-c', code], cwd='/', check=True)\n"
    )
    code = "def sign(number):\n    if number < 0:\n        return '-'\n    return '+'\n"
    more = "[tool.coverage]\nrun.source_pkgs = ['signs']\nreport.fail_under = 100\n"
    project = make_project(suite(more=more, tests=tests) | {"signs/__init__.py": code})
    assert carry_out_gates(project, "test")[f"test-{PYTHON}"].result is Result.PASSED
    elsewhere = [file for file in _data(project) if not _paths(file)[0].startswith("signs")]
    assert len(elsewhere) == 1
    elsewhere[0].rename(elsewhere[0].with_name("coverage.0"))
    assert carry_out_gates(project, "coverage")["coverage"].result is Result.PASSED


def _data(project: Project) -> list[Path]:
    return list(project.root.glob(f".pushgate/out/test-{PYTHON}/coverage.*"))


def _paths(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as data:
        return [path for (path,) in data.execute("SELECT path FROM file")]


@pytest.mark.parametrize(
    ("python", "settings", "core"),
    [
        ("3.12", "", "sysmon"),
        ("3.13", "branch = false\nconcurrency = ['thread']", "sysmon"),
        ("3.11", "", None),
        (None, "", None),
        ("3.12", "branch = true", None),
        ("3.12", "concurrency = ['thread', 'multiprocessing']", None),
        ("3.12", "core = 'ctrace'", "ctrace"),
        ("3.12", "plugins = ['covdefaults']", None),
        ("3.12", "dynamic_context = 'test_function'", None),
        ("3.12", "timid = true", None),
    ],
)
def test_core(
    make_project: MakeProject, tmp_path: Path, python: str | None, settings: str, core: str | None
) -> None:
    """The quicker core is taken where it measures the same: lines, from Python 3.12 on."""
    project = make_project(suite(more=f"[tool.coverage.run]\n{settings}\n"))
    parser = ConfigParser(interpolation=None)
    settings_read = of_project(project.root).settings
    parser.read(coverage_config.write(settings_read, tmp_path, python))
    assert parser["run"].get("core") == core
