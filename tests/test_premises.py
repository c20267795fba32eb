"""What of a machine fingerprints rest on, checked at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from conftest import PYTHON, Project
from gated import gates
from pushgate.plan.definition import of_project
from pushgate.run import premises
from pushgate.run.fingerprints import take
from pushgate.run.premises import Premises
from verifying import bare

Make = Callable[..., Project]
Patch = pytest.MonkeyPatch

NONE: Final = "3.77"
"""A version that no machine has."""


def _program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: Patch) -> Path:
    """A machine with nothing on PATH but what is put into its folder ``bin``, and no pyenv."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.delenv("UV", raising=False)
    return tmp_path


def _taken(root: Path) -> Premises:
    return take(of_project(root), None).premises


def test_premises_of_a_project(make_project: Make, tmp_path: Path, monkeypatch: Patch) -> None:
    """They hold until what a job rests on changes, and again when it is as it was."""
    reader = _program(tmp_path / "bin" / "reader")
    monkeypatch.setenv("PATH", f"{reader.parent}{os.pathsep}{os.environ['PATH']}")
    project = make_project({"pyproject.toml": gates(read="reader a"), "a": ""})
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    project.write({"pyproject.toml": text.replace("environment", "env = ['SHOP'], environment")})
    taken = _taken(project.root)
    assert taken.programs["reader"] == str(reader)
    assert taken.hold()
    assert Premises.of_json(json.loads(json.dumps(taken.as_json()))) == taken
    monkeypatch.setenv("SHOP", "1")
    assert not taken.hold()
    monkeypatch.delenv("SHOP")
    monkeypatch.setenv("OTHER", "1")
    assert taken.hold()
    _program(reader, "#!/bin/sh\necho\n")
    assert not taken.hold()
    assert _taken(project.root).hold()


def test_the_interpreters_of_a_project(make_project: Make) -> None:
    """The interpreter of each job is among them."""
    project = make_project(
        {"pyproject.toml": f'[project]\nname = "a"\n[tool.pushgate]\npython = ["{PYTHON}"]\n'}
        | {"a.py": ""}
    )
    taken = _taken(project.root)
    assert taken.pythons == {PYTHON: premises.python(PYTHON)}
    assert taken.running in taken.stats
    assert taken.hold()


def test_a_file_that_changes(tmp_path: Path) -> None:
    """Another size, another time, a file that comes or goes: none of it holds."""
    file, gone = _program(tmp_path / "file"), tmp_path / "gone"
    stats = {str(path): premises.stamp(str(path)) for path in (file, gone)}
    taken = bare(stats=stats)
    assert taken.hold()
    os.utime(file, ns=(1, 1))
    assert not taken.hold()
    taken = bare(stats={str(gone): premises.stamp(str(gone))})
    assert taken.hold()
    gone.touch()
    assert not taken.hold()


def test_another_pushgate_another_python() -> None:
    """Another Pushgate, another Python that runs it, what cannot be checked: none of it holds."""
    assert bare().hold()
    for other in ({"pushgate": "other"}, {"running": "/other"}, {"lasting": False}):
        assert not bare(**other).hold()
        assert bare(**other) != bare()


def test_what_is_first_on_path(machine: Path, monkeypatch: Patch) -> None:
    """An interpreter that comes before, or that was the first and goes, does not hold."""
    first, second = machine / "bin", machine / "second"
    monkeypatch.setenv("PATH", f"{first}{os.pathsep}{second}")
    of_second = _program(second / f"python{NONE}")
    taken = bare(pythons={NONE: premises.python(NONE)})
    assert taken.pythons == {NONE: str(of_second)}
    (first / f"python{NONE}").touch()
    assert taken.hold(), "what is no program is passed over"
    of_first = _program(first / f"python{NONE}")
    assert not taken.hold()
    of_first.unlink()
    of_first.symlink_to(of_second)
    assert taken.hold(), "the links of the first one lead to the same program"
    of_first.unlink()
    of_second.unlink()
    assert not taken.hold()


def test_a_program_that_comes_first(machine: Path, monkeypatch: Patch) -> None:
    """A program that is found before the one that was, or in its stead, does not hold."""
    monkeypatch.setenv("PATH", f"{machine / 'bin'}{os.pathsep}{machine / 'second'}")
    none = bare(programs={"reader": premises.program("reader")})
    assert none.hold()
    _program(machine / "second" / "reader")
    one = bare(programs={"reader": premises.program("reader")})
    assert one.hold()
    assert not none.hold()
    _program(machine / "bin" / "reader")
    assert not one.hold()


def test_the_newest_of_pyenv(machine: Path, monkeypatch: Patch) -> None:
    """Where PATH has none but a shim, pyenv's newest patch counts, as for jobs."""
    shims = machine / "pyenv" / "shims"
    monkeypatch.setenv("PATH", str(shims))
    _program(shims / f"python{NONE}")
    versions = machine / "pyenv" / "versions"
    assert premises.python(NONE) == ""
    old = _program(versions / f"{NONE}.9" / "bin" / f"python{NONE}")
    (versions / f"{NONE}.99rc1").mkdir()
    taken = bare(pythons={NONE: premises.python(NONE)})
    assert taken.pythons == {NONE: str(old)}
    _program(versions / f"{NONE}.10" / "bin" / f"python{NONE}")
    assert not taken.hold()


def test_programs_behind_shims(machine: Path, monkeypatch: Patch) -> None:
    """A shim stands for the one program behind it; of several none can be told."""
    shims, versions = machine / "pyenv" / "shims", machine / "pyenv" / "versions"
    monkeypatch.setenv("PATH", str(shims))
    shim = _program(shims / "reader")
    assert premises.program("reader") == str(shim)
    one = _program(versions / "one" / "bin" / "reader")
    assert premises.program("reader") == str(one)
    two = _program(versions / "two" / "bin" / "reader")
    assert premises.program("reader") == str(shim)
    assert premises.behind_shim(str(shim)) == [str(one), str(two)]
    assert premises.behind_shim(str(one)) == []


def test_the_uv_that_runs(machine: Path, monkeypatch: Patch) -> None:
    """Below `uv run` the uv that it tells counts, elsewhere the first on PATH."""
    on_path, told = _program(machine / "bin" / "uv"), _program(machine / "uv")
    assert premises.program("uv") == str(on_path)
    monkeypatch.setenv("UV", str(told))
    assert premises.program("uv") == str(told)
    assert premises.program(str(on_path)) == str(on_path)
    assert premises.program("nothing") == ""


def test_variables() -> None:
    """Unset, empty and any other value are told apart, and none is shown."""
    told = [premises.told(value) for value in (None, "", "1", "\udcff")]
    assert len(set(told)) == 4
    assert told[0] == "unset"
    assert all(len(text) == len(told[1]) for text in told[1:])


COPY: Final = """
import importlib.util, sys
before = set(sys.modules)
spec = importlib.util.spec_from_file_location("premises", sys.argv[1])
premises = importlib.util.module_from_spec(spec)
spec.loader.exec_module(premises)
print(premises.pushgate_code(), *sorted(set(sys.modules) - before))
"""


def _alone(file: Path) -> list[str]:
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", COPY, file], check=True, capture_output=True, text=True
    )
    return answer.stdout.split()


def test_it_imports_next_to_nothing() -> None:
    """The module works without any other of Pushgate's, and without those that take time."""
    code, *imported = _alone(Path(premises.__file__))
    assert code == premises.pushgate_code()
    slow = {"pathlib", "typing", "dataclasses", "subprocess", "re", "json", "inspect", "pushgate"}
    assert not slow & set(imported)


def test_the_code_of_pushgate(tmp_path: Path) -> None:
    """A file of Pushgate's that changes, comes or goes is another Pushgate; a cache is not."""
    source = Path(premises.__file__)
    copy = tmp_path / "pushgate" / "run" / "premises.py"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())
    code = _alone(copy)[0]
    (copy.parent / "__pycache__").mkdir(exist_ok=True)
    (copy.parent / "__pycache__" / "other.pyc").touch()
    assert _alone(copy)[0] == code
    other = tmp_path / "pushgate" / "other.py"
    other.touch()
    assert (added := _alone(copy)[0]) != code
    other.write_text("1", encoding="utf-8")
    assert (changed := _alone(copy)[0]) not in {code, added}
    other.rename(tmp_path / "pushgate" / "renamed.py")
    assert _alone(copy)[0] not in {code, added, changed}
