"""What the doctor says about this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Project
from pushgate import cli

PYPROJECT = "[tool.pushgate]\npython = ['@PYTHON@']\n"

MakeProject = Callable[..., Project]
Capture = pytest.CaptureFixture[str]


def _findings(capsys: Capture) -> dict[str, dict[str, Any]]:
    return {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_what_is_there(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """On a machine that has all that the project needs, the doctor ends with 0 and says where."""
    project = make_project({"pyproject.toml": PYPROJECT, "uv.lock": "", "signs.py": ""})
    monkeypatch.chdir(project.root)
    assert cli.main(["doctor", "--json"]) == 0
    found = _findings(capsys)
    assert found.keys() == {"git", "uv", f"Python {PYTHON}", "Docker"}
    assert found[f"Python {PYTHON}"]["found"].startswith(f"{PYTHON}.")
    assert cli.main(["doctor"]) == 0
    line = rf"^Python {PYTHON} +{PYTHON}\.\d+ \(.+\)$"
    assert re.search(line, capsys.readouterr().out, re.MULTILINE)


def test_what_is_missing(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Missing interpreters and a missing noxfile are told with what follows; the status is 3."""
    python = "python = ['3.98', '3.99']"
    project = make_project({"pyproject.toml": f"[tool.pushgate]\n{python}\n"})
    monkeypatch.chdir(project.root)
    (project.root / "noxfile.py").unlink()
    assert cli.main(["doctor", "--json"]) == 3
    found = _findings(capsys)
    missing = {what for what, finding in found.items() if not finding["found"]} - {"Docker"}
    assert missing == {"Python 3.98", "Python 3.99", "noxfile.py", "code", "uv.lock"}
    assert found["Python 3.98"]["meaning"].startswith("test-3.98 cannot look: no Python 3.98 here")
    follows = "test-3.99 and every gate of the default Python cannot look: no Python 3.99 here"
    assert found["Python 3.99"]["meaning"].startswith(follows)
    told = [found[what]["required"] for what in ("noxfile.py", "code", "uv.lock")]
    assert told == [True, False, False]


def test_git_alone(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that has git alone, uv is told as missing, and Docker as not needed."""
    git = shutil.which("git")
    assert git is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(git)
    monkeypatch.delenv("UV", raising=False)
    project = make_project({"pyproject.toml": PYPROJECT})
    bare = {"PATH": str(tmp_path / "bin"), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    answer = project.pushgate("doctor", env=bare)
    assert answer.returncode == 3
    assert re.search(r"^uv +missing +`uv` cannot be started: No such", answer.stdout, re.MULTILINE)
    assert re.search(r"^Docker +missing +no engine answers; no", answer.stdout, re.MULTILINE)
