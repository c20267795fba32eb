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
from postgres_servers import IMAGE, require, served
from pushgate import cli

pytestmark = pytest.mark.slow

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


WITH_MIGRATIONS = {"uv.lock": "", "signs.py": "", "alembic.ini": ""}
SERVICE = "[tool.pushgate.services.postgres]\n"


def _examined(
    project: Project, keys: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, status: int = 0
) -> dict[str, dict[str, Any]]:
    """Return what is found for a project whose server has these keys."""
    text = PYPROJECT.replace("@PYTHON@", PYTHON)
    project.write({"pyproject.toml": f"{text}{SERVICE}{keys}\n"})
    monkeypatch.chdir(project.root)
    assert cli.main(["doctor", "--json"]) == status
    return _findings(capsys)


@pytest.fixture
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in CI, whatever runs this test."""
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.usefixtures("_at_home")
def test_which_postgres_there_is(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The image that is here, or one that is yet to be pulled: in words, for each gate once."""
    require("docker")
    project = make_project({**WITH_MIGRATIONS, "pyproject.toml": PYPROJECT})
    found = _examined(project, f"image = '{IMAGE}'", monkeypatch, capsys)
    assert found["PostgreSQL for migrations"]["found"] == f"{IMAGE} in Docker"
    keys = "image = 'no/such:1'\n[tool.pushgate.gates.test]\nservices = ['postgres']"
    found = _examined(project, keys, monkeypatch, capsys)
    told = found["PostgreSQL for test and migrations"]
    assert told["found"] == "no/such:1 is pulled when a job needs it"
    found = _examined(
        project, "[tool.pushgate.gates.migrations]\nsqlite = true", monkeypatch, capsys
    )
    assert not any(what.startswith("PostgreSQL") for what in found)


@pytest.mark.usefixtures("_at_home")
def test_postgres_without_docker(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What takes its place is told with what CI has; where nothing may, what was tried."""
    require("local")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    project = make_project({**WITH_MIGRATIONS, "pyproject.toml": PYPROJECT})
    found = _examined(project, "image = 'postgres:14'", monkeypatch, capsys)
    words = found["PostgreSQL for migrations"]["found"]
    assert re.fullmatch(r"PostgreSQL [\w.]+ \(local\); CI uses postgres:14 in Docker", words)
    assert found["Docker"]["meaning"].endswith("from which migrations would have a PostgreSQL")
    for ci, keys in (("true", ""), ("", "provider = 'docker'")):
        monkeypatch.setenv("CI", ci)
        found = _examined(project, keys, monkeypatch, capsys, status=3)
        told = found["PostgreSQL for migrations"]
        assert told["meaning"].startswith("migrations cannot look: docker: DOCKER_HOST=unix://")
        assert "no gate" not in found["Docker"]["meaning"]
    found = _examined(project, "provider = 'local'", monkeypatch, capsys)
    assert re.fullmatch(r"PostgreSQL [\w.]+ \(local\)", found["PostgreSQL for migrations"]["found"])
    assert found["Docker"]["meaning"].endswith("no gate of this project needs it")


def test_a_postgres_of_the_users_own(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """It is asked what it is, or why it does not answer; its password is not told."""
    project = make_project({**WITH_MIGRATIONS, "pyproject.toml": PYPROJECT})
    with served("local") as here:
        capsys.readouterr()
        url = f"postgresql://{here.user}:{here.password}@{here.host}:{here.port}/postgres"
        keys = f"provider = 'url'\nurl = '{url}'"
        found = _examined(project, keys, monkeypatch, capsys)
        words = f"PostgreSQL {here.version} on {here.host}:{here.port} (url)"
        assert found["PostgreSQL for migrations"]["found"].startswith(words)
    monkeypatch.setattr("pushgate.services.postgres.url._PATIENCE_SECONDS", 0.1)
    gone = _examined(project, keys, monkeypatch, capsys, status=3)["PostgreSQL for migrations"]
    assert gone["meaning"].startswith("migrations cannot look: url: ")
    assert here.password not in gone["meaning"]
