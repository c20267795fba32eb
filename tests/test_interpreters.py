"""Interpreters: found by version, and verified by running them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from conftest import PYTHON
from pushgate.tools import interpreters

FULL: Final = ".".join(map(str, sys.version_info[:3]))
REAL: Final = Path(sys.executable).resolve()
NONE: Final = "3.77"
"""A version that no machine has."""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without any Python or uv: an empty folder on PATH, an empty one for pyenv."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    """Each test is another machine."""
    interpreters.installed.cache_clear()
    interpreters._of_uv.cache_clear()  # noqa: SLF001


def _fake(path: Path, says: str, status: int = 0) -> Path:
    """Make a program that answers as an interpreter would, or as a shim that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def _of_pyenv(machine: Path, full: str, name: str = "") -> Path:
    path = machine / "pyenv" / "versions" / (name or full) / "bin" / f"python{NONE}"
    return _fake(path, f"{full} {path}")


def _link(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(REAL)


def test_on_path(machine: Path) -> None:
    """An interpreter on PATH is found, with its whole version and its links resolved."""
    _link(machine / "bin" / f"python{PYTHON}")
    assert interpreters.find(PYTHON) == interpreters.Interpreter(FULL, REAL)
    assert interpreters.find(PYTHON) == interpreters.running()


def test_shims_that_fail_are_passed_over(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that fails or says nothing, a file that is no program: the next on PATH is asked."""
    folders = [machine / name for name in ("failing", "silent", "broken", "real")]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    failing, silent, broken, real = (folder / f"python{PYTHON}" for folder in folders)
    _fake(failing, f"{FULL} {failing}", status=127)
    _fake(silent, "")
    _fake(broken, "").write_bytes(b"\x7fELF")
    _link(real)
    assert interpreters.find(PYTHON).path == REAL


def test_another_version_under_the_name_is_refused(machine: Path) -> None:
    """An interpreter that tells another version than its name is not taken, wherever it is."""
    _link(machine / "bin" / f"python{NONE}")
    _link(machine / "pyenv" / "versions" / f"{NONE}.1" / "bin" / f"python{NONE}")
    _fake(machine / "bin" / "python3.7", "3.77.1 /somewhere")
    for version in (NONE, "3.7"):
        with pytest.raises(interpreters.InterpreterMissingError):
            interpreters.find(version)


def test_the_newest_patch_of_pyenv(machine: Path) -> None:
    """Among pyenv's the newest patch that runs is taken; others and pre-releases are not."""
    _of_pyenv(machine, f"{NONE}.2")
    newest = _of_pyenv(machine, f"{NONE}.10")
    _of_pyenv(machine, f"{NONE}.99", f"{NONE}.99rc1")
    _fake(_of_pyenv(machine, f"{NONE}.11"), "", status=1)
    (machine / "pyenv" / "versions" / f"{NONE}.12").mkdir()
    _fake(machine / "bin" / f"python{NONE}", "pyenv: command not found", status=127)
    assert interpreters.find(NONE) == interpreters.Interpreter(f"{NONE}.10", newest)


def test_path_comes_before_pyenv(machine: Path) -> None:
    """The user's own choice on PATH wins over a newer one of pyenv's."""
    _of_pyenv(machine, f"{NONE}.2")
    chosen = machine / "bin" / f"python{NONE}"
    _fake(chosen, f"{NONE}.1 {chosen}")
    assert interpreters.find(NONE).version == f"{NONE}.1"


def test_pyenv_of_the_home_folder(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``PYENV_ROOT``, pyenv's usual folder is looked into."""
    monkeypatch.delenv("PYENV_ROOT")
    monkeypatch.setenv("HOME", str(machine))
    (machine / "pyenv").mkdir()
    (machine / ".pyenv").symlink_to("pyenv")
    _of_pyenv(machine, f"{NONE}.2")
    assert interpreters.find(NONE).version == f"{NONE}.2"


@pytest.fixture(scope="module")
def uv() -> Path:
    """The program itself: what is called uv on PATH may be a shim that needs more of PATH."""
    ask = ["uv", "run", "--no-project", f"--python={REAL}", "printenv", "UV"]
    answer = subprocess.run(ask, check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip())


@pytest.fixture
def _managed(machine: Path, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that only uv knows: a link in its own folder to the one that runs."""
    (machine / "bin" / "uv").symlink_to(uv)
    ask = ["uv", "python", "list", "--only-downloads", "--output-format=json", PYTHON]
    answer = subprocess.run(
        ask, check=True, capture_output=True, env=os.environ | {"UV_PYTHON_DOWNLOADS": "manual"}
    )
    known = json.loads(answer.stdout)
    newest = next(one for one in known if one["implementation"] == "cpython")
    folder = machine / "uv" / newest["key"].replace(newest["version"], FULL)
    _link(folder / "bin" / f"python{PYTHON}")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(folder.parent))


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.usefixtures("_managed")
def test_of_uv(*, download: bool) -> None:
    """What uv manages is found last."""
    found = interpreters.find(PYTHON, download=download)
    assert (found.version, found.path) == (FULL, REAL)


def test_the_uv_that_runs_is_asked(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below `uv run`, which tells where uv is, that one is asked and not what is on PATH."""
    python = _fake(machine / "elsewhere" / "python", f"{NONE}.1 /somewhere")
    monkeypatch.setenv("UV", str(_fake(machine / "elsewhere" / "uv", str(python))))
    _fake(machine / "bin" / "uv", "", status=1)
    assert interpreters.find(NONE).version == f"{NONE}.1"


@pytest.mark.usefixtures("_managed")
def test_none_of_uv() -> None:
    """Where uv has none and may fetch none, there is none."""
    with pytest.raises(interpreters.InterpreterMissingError):
        interpreters.find("3.8", download=False)


def test_the_message_says_where_it_looked(machine: Path) -> None:
    """A missing interpreter is told with every place that was looked at, and with what helps."""
    with pytest.raises(interpreters.InterpreterMissingError) as error:
        interpreters.find(NONE)
    assert str(error.value) == (
        f"no Python {NONE} here: looked for python{NONE} on PATH, in "
        f"{machine / 'pyenv' / 'versions'} and among uv's. Install it "
        f"(`uv python install {NONE}`), or set `python` or `default-python` in [tool.pushgate]"
    )
