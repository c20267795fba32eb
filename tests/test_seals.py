"""When uv is asked about an environment, and when that would tell nothing new."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from conftest import PYTHON, Project
from pushgate.gates import environments
from pushgate.gates.base import RUN_VARIABLE
from pushgate.tools import uv
from test_environments import GATES, LOCKABLE, SIGNS, _context

MakeProject = Callable[..., Project]
Change = Callable[[Project], None]

NOTED: Final = '#!/bin/sh\necho "$@" >> "$LOG"\nexec "$REAL_UV" "$@"\n'
"""The real uv, which takes down what it is asked."""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Tell what uv was asked since the last call."""
    noted, log = tmp_path / "noted-uv", tmp_path / "log"
    noted.write_text(NOTED, encoding="utf-8")
    noted.chmod(0o755)
    monkeypatch.setenv("REAL_UV", os.environ.get("UV") or shutil.which("uv") or "")
    monkeypatch.setenv("UV", str(noted))
    monkeypatch.setenv("LOG", str(log))

    def read() -> list[str]:
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return read


def _folder(project: Project) -> Path:
    return project.root / ".nox" / "types"


def _ready(project: Project) -> dict[str, str]:
    """Make the environment ready for a job, and return what is in it."""
    environments.project_environment(
        _context(project), python=PYTHON, tools=["typing-extensions==4.12.2"]
    )
    return uv.installed(_folder(project))


def _take_out(project: Project) -> None:
    (found,) = _folder(project).glob("lib/*/site-packages/pluggy-*.dist-info")
    shutil.rmtree(found)


def _install(project: Project) -> None:
    uv.install(_folder(project), ["iniconfig==2.1.0"], cwd=project.root)


def _uninstall_tool(project: Project) -> None:
    python = str(_folder(project) / "bin" / "python")
    project.run("uv", "pip", "uninstall", "--python", python, "typing-extensions")


def _exchange_python(project: Project) -> None:
    python = _folder(project) / "bin" / "python"
    real = python.resolve()
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {real} "$@"\n', encoding="utf-8")
    python.chmod(0o755)


def _touch_configuration(project: Project) -> None:
    os.utime(_folder(project) / "pyvenv.cfg", (1, 1))


def _set_up_uv(project: Project) -> None:
    project.write({"uv.toml": "offline = false\n"})


def _define(project: Project) -> None:
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    project.write({"pyproject.toml": f"{text}\n# more\n"})


def _break_the_seal(project: Project) -> None:
    (_folder(project) / "pushgate-seal.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        _take_out,
        _install,
        _uninstall_tool,
        _exchange_python,
        _touch_configuration,
        _set_up_uv,
        _define,
        _break_the_seal,
    ],
)
def test_uv_is_asked_where_anything_is_different(
    make_project: MakeProject, asked: Callable[[], list[str]], change: Change
) -> None:
    """It mends what a job has changed; while nothing is different it is not asked at all."""
    project = make_project({"pyproject.toml": LOCKABLE + GATES} | SIGNS)
    project.lock()
    before = _ready(project)
    _ready(project)
    assert asked()
    assert _ready(project) == before
    assert asked() == []
    change(project)
    asked()
    assert _ready(project) == before
    assert any(call.startswith("sync") for call in asked())
    _ready(project)
    asked()
    assert _ready(project) == before
    assert asked() == []


def test_a_variable_for_uv(
    make_project: MakeProject, asked: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shell tells uv counts as one of its settings."""
    project = make_project({"pyproject.toml": LOCKABLE + GATES} | SIGNS)
    project.lock()
    for _ in range(3):
        asked()
        _ready(project)
    assert asked() == []
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    _ready(project)
    assert asked()


def test_what_uv_has_changed_is_not_sealed(
    make_project: MakeProject, asked: Callable[[], list[str]]
) -> None:
    """The first look makes the environment, the second changes nothing: only then is it sealed."""
    project = make_project({"pyproject.toml": LOCKABLE + GATES} | SIGNS)
    project.lock()
    calls = []
    for _ in range(3):
        _ready(project)
        calls.append(bool(asked()))
    assert calls == [True, True, False]


MORE: Final = {
    "dynamic": LOCKABLE.replace(
        'dependencies = ["iniconfig==2.0.0"]', 'dynamic = ["dependencies"]'
    ).replace("package = false", "package = true")
    + '\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[tool.setuptools]\npackages = ["signs"]\n'
    '[tool.setuptools.dynamic]\ndependencies = { file = ["needed.txt"] }\n',
    "keys": LOCKABLE + 'cache-keys = [{ file = "needed.txt" }]\n',
    "path": LOCKABLE.replace('"iniconfig==2.0.0"', '"near"')
    + '\n[tool.uv.sources]\nnear = { path = "near" }\n',
    "workspace": LOCKABLE + '\n[tool.uv.workspace]\nmembers = ["near"]\n',
}
NEAR: Final = """[project]
name = "near"
version = "1.0"
requires-python = ">=@PYTHON@"
[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
"""


@pytest.mark.parametrize("pyproject", MORE)
def test_where_uv_looks_at_more(
    make_project: MakeProject, asked: Callable[[], list[str]], pyproject: str
) -> None:
    """Where other files than the known ones may change what is right, uv is always asked."""
    project = make_project(
        {
            "pyproject.toml": MORE[pyproject] + GATES,
            "needed.txt": "iniconfig==2.0.0\n",
            "near/pyproject.toml": NEAR,
            "near/src/near/__init__.py": "",
        }
        | SIGNS
    )
    project.lock()
    for _ in range(3):
        asked()
        _ready(project)
    assert asked()


@pytest.mark.parametrize("run", ["20261123-120000-1f0c9d3a", None], ids=["run", "by hand"])
def test_the_newest_versions_are_looked_for_once_a_run(
    make_project: MakeProject,
    asked: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    run: str | None,
) -> None:
    """Without a lock, the jobs of a run that share an environment rest on one look."""
    if run:
        monkeypatch.setenv(RUN_VARIABLE, run)
    unlocked = '[dependency-groups]\ndev = ["pluggy"]\n'
    project = make_project({"pyproject.toml": unlocked + GATES} | SIGNS)
    before = _ready(project)
    asked()
    assert _ready(project) == before
    assert asked() == []
    _take_out(project)
    assert _ready(project) == before
    assert any("--upgrade" in call for call in asked())
    monkeypatch.setenv(RUN_VARIABLE, "20261123-120001-9d3a1f0c")
    _ready(project)
    assert any("--upgrade" in call for call in asked())


def test_a_project_below_another_one(
    make_project: MakeProject, asked: Callable[[], list[str]]
) -> None:
    """What a ``pyproject.toml`` above says to uv is not known: uv is always asked."""
    top = make_project({"pyproject.toml": "[tool.other]\n"})
    project = Project(top.root / "inner")
    project.write({"pyproject.toml": LOCKABLE + GATES} | SIGNS)
    top.commit()
    answer = project.run("uv", "lock", "--quiet", "--python", sys.executable)
    assert answer.returncode == 0, answer.stdout
    for _ in range(3):
        asked()
        _ready(project)
    assert asked()
