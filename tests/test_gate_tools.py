"""The gates' tools, each in an environment of its own, made by the real uv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import PYTHON, Project
from pushgate.gates import environments
from pushgate.gates.base import Context
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.plan.definition import of_project
from pushgate.tools import process

MakeProject = Callable[..., Project]

PROJECT: Final = {
    "pyproject.toml": """[project]
name = "signs"
version = "1.0"
requires-python = ">=@PYTHON@"

[dependency-groups]
lint = ["pyflakes==3.2.0"]

[tool.uv]
package = false

[tool.pushgate]
python = ["@PYTHON@"]
""",
    "signs/__init__.py": "",
}


def _context(project: Project) -> Context[Any]:
    definition = of_project(project.root)
    options = definition.settings.gates["lint"]
    return Context(definition.settings, definition.job("lint"), options, tell=print)


def _runs(project: Project, pinned: str, **options: str) -> str:
    """Make a tool ready, run it, and return the version that it tells."""
    program = environments.tool(_context(project), pinned, **options)
    return project.run(program, "--version").stdout.partition(" ")[0]


def test_a_tool_is_made_once(make_project: MakeProject) -> None:
    """A tool comes in its pin and is kept; another pin makes its environment anew."""
    project = make_project(PROJECT)
    assert _runs(project, "pyflakes==3.1.0") == "3.1.0"
    kept = project.root / ".nox" / "tool-pyflakes" / "kept"
    kept.touch()
    assert _runs(project, "pyflakes==3.1.0", python=PYTHON) == "3.1.0"
    assert kept.exists()
    assert _runs(project, "pyflakes==3.0.1", program="pyflakes") == "3.0.1"
    assert not kept.exists()


def test_the_lock_wins_over_the_pin(make_project: MakeProject) -> None:
    """A tool that the project locks runs in that version."""
    project = make_project(PROJECT)
    project.lock()
    assert _runs(project, "pyflakes==3.1.0") == "3.2.0"


def test_a_tool_that_cannot_be_had(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is nowhere fails; a missing Python or index makes the gate unavailable."""
    project = make_project(PROJECT)
    with pytest.raises(JobFailed, match=r"^pyflakes==0\.0\.0\.1 cannot be had: "):
        _runs(project, "pyflakes==0.0.0.1")
    with pytest.raises(JobUnavailable, match=r"^no Python 3\.99 here"):
        _runs(project, "pyflakes==3.1.0", python="3.99")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    told = r"^pyflakes==3\.1\.0 cannot be had: the package index does not answer: Failed to fetch"
    with pytest.raises(JobUnavailable, match=told):
        _runs(project, "pyflakes==3.1.0")
    assert not (project.root / ".nox" / "tool-pyflakes" / "pushgate.json").exists()


def test_without_uv(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without uv is told as such, by tools and by projects."""
    context = _context(make_project(PROJECT))
    environments.interpreter(PYTHON)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(process.CommandMissingError, match="`uv` cannot be started"):
        environments.project_environment(context, python=PYTHON, tools=())
    with pytest.raises(process.CommandMissingError, match="`uv` cannot be started"):
        environments.tool(context, "pyflakes==3.1.0")
