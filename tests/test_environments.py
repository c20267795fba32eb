"""The environments that jobs run in, made by the real uv."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import PYTHON, Project
from pushgate.gates import environments
from pushgate.gates.base import Context
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.plan.definition import of_project
from pushgate.tools import interpreters, uv

MakeProject = Callable[..., Project]

GATES: Final = '\n[tool.pushgate]\npython = ["@PYTHON@"]\n'

LOCKABLE: Final = """[project]
name = "signs"
version = "1.0"
requires-python = ">=@PYTHON@"
dependencies = ["iniconfig==2.0.0"]

[project.optional-dependencies]
fast = ["six"]
slow = ["mccabe"]

[dependency-groups]
dev = ["pluggy"]
tests = ["packaging==25.0"]
docs = ["pyflakes==3.2.0"]

[tool.uv]
package = false
"""

SIGNS: Final = {"signs/__init__.py": ""}


def _context(project: Project) -> Context[Any]:
    definition = of_project(project.root)
    job = definition.job("types")
    return Context(definition.settings, job, definition.settings.gates["types"], tell=print)


def _installed(
    project: Project,
    *,
    tools: tuple[str, ...] = (),
    wanted: tuple[str, ...] = (),
    extras: tuple[str, ...] | None = None,
    groups: tuple[str, ...] | None = None,
) -> dict[str, str]:
    """Make the environment ready and return what is in it."""
    environment = environments.project_environment(
        _context(project), python=PYTHON, tools=tools, wanted=wanted, extras=extras, groups=groups
    )
    return uv.installed(environment.folder)


@pytest.fixture
def make_locked(make_project: MakeProject) -> Callable[..., Project]:
    """Make a project with a lock."""

    def make(pyproject: str = LOCKABLE) -> Project:
        project = make_project({"pyproject.toml": pyproject + GATES} | SIGNS)
        project.lock()
        return project

    return make


@pytest.mark.parametrize("locked", [True, False])
def test_what_is_installed(make_project: MakeProject, *, locked: bool) -> None:
    """Default groups always; extras and groups as chosen: by name, by tool, or said; no more."""
    pyproject = LOCKABLE
    if not locked:
        # Not installable either: only its groups count.
        pyproject = LOCKABLE.partition("[dependency-groups]")[2].partition("[tool.uv]")[0]
        pyproject = f"[dependency-groups]{pyproject}"
    project = make_project({"pyproject.toml": pyproject + GATES} | SIGNS)
    if locked:
        project.lock()
    own = {"iniconfig"} if locked else set()
    extras = {"six", "mccabe"} if locked else set()
    always = own | {"pluggy"}
    assert _installed(project).keys() == always | extras
    some = ("fast",) if locked else ()
    expected = always | ({"six"} if locked else set())
    assert _installed(project, extras=some).keys() == expected
    choices: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"wanted": ("tests", "more")}, {"packaging": "25.0"}),
        ({"wanted": ("more",), "tools": ("pyflakes==3.1.0",)}, {"pyflakes": "3.2.0"}),
        (
            {"wanted": ("tests",), "tools": ("pyflakes==3.1.0",)},
            {"packaging": "25.0", "pyflakes": "3.1.0"},
        ),
        ({"wanted": ("tests",), "groups": ("docs",)}, {"pyflakes": "3.2.0"}),
        ({"wanted": ("tests",), "groups": ()}, {}),
    ]
    for wanted, chosen in choices:
        installed = _installed(project, extras=(), **wanted)
        assert installed.keys() == always | chosen.keys()
        assert installed.items() >= chosen.items()


def test_default_groups_are_those_that_uv_is_told(make_project: MakeProject) -> None:
    """Without a lock, too, uv's own setting says which groups are always in."""
    groups = '[dependency-groups]\ndev = ["pluggy"]\nbase = ["six"]\n'
    told = '\n[tool.uv]\ndefault-groups = ["base"]\n'
    project = make_project({"pyproject.toml": groups + told + GATES} | SIGNS)
    assert _installed(project).keys() == {"six"}


def test_a_project_without_a_lock_is_installed(make_project: MakeProject) -> None:
    """A project that can be built is in its environment, editable, with its extras."""
    build = '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n\n'
    pyproject = build + LOCKABLE.replace("package = false", "package = true")
    code = {"src/signs/__init__.py": "from iniconfig import IniConfig\n"}
    project = make_project({"pyproject.toml": pyproject + GATES} | code)
    installed = _installed(project, extras=("fast",))
    assert installed.keys() == {"signs", "iniconfig", "six", "pluggy"}
    python = project.root / ".nox" / "types" / "bin" / "python"
    told = project.run(str(python), "-c", "import signs; print(signs.__file__)", cwd=Path("/"))
    assert told.stdout.strip() == str(project.root / "src" / "signs" / "__init__.py")


def test_requirements_files(make_project: MakeProject) -> None:
    """A project with requirements files only gets what they say."""
    files = {"requirements.txt": "six\n", "requirements/tests.txt": "iniconfig==2.0.0\n"}
    project = make_project(files | {"pyproject.toml": GATES} | SIGNS)
    assert _installed(project)["iniconfig"] == "2.0.0"
    assert _installed(project).keys() == {"six", "iniconfig"}


def test_a_member_of_a_workspace(make_project: MakeProject) -> None:
    """A member of a workspace gets what the workspace's lock says for it, and no other member's."""
    member = '[project]\nname = "{}"\nversion = "1.0"\ndependencies = ["{}"]\n'
    member += 'requires-python = ">=@PYTHON@"\n\n[tool.uv]\npackage = false\n' + GATES
    project = make_project(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["one", "two"]\n',
            "one/pyproject.toml": member.format("one", "iniconfig==2.0.0"),
            "one/one.py": "",
            "two/pyproject.toml": member.format("two", "six"),
        }
    )
    project.lock()
    assert _installed(Project(project.root / "one")) == {"iniconfig": "2.0.0"}
    assert not (project.root / ".nox").exists()


def test_a_tool_keeps_the_locked_version(make_locked: Callable[..., Project]) -> None:
    """A tool that the lock holds stays as locked; another one comes in its pinned version."""
    project = make_locked()
    tools = ("iniconfig==2.1.0", "pyflakes==3.2.0", "typing-extensions==4.12.2")
    installed = _installed(project, tools=tools, groups=())
    assert installed["iniconfig"] == "2.0.0"
    assert installed["typing-extensions"] == "4.12.2"
    assert installed["pyflakes"] == "3.2.0"


def test_a_tool_that_does_not_go_with_the_lock(make_locked: Callable[..., Project]) -> None:
    """A tool that needs other versions than the locked ones fails, and these stay as they are."""
    project = make_locked(LOCKABLE.replace('"iniconfig==2.0.0"', '"pluggy==0.13.1"'))
    before = _installed(project, groups=())
    with pytest.raises(JobFailed, match=r"could not make the environment: .*pluggy==0\.13\.1"):
        _installed(project, groups=("docs",), tools=("pytest==9.2.0",))
    installed = uv.installed(project.root / ".nox" / "types")
    assert (installed["pluggy"], installed.get("pytest")) == ("0.13.1", None)
    # What it brought nevertheless is gone with the next one that is made ready.
    assert _installed(project, groups=()) == before


@pytest.mark.parametrize("locked", [True, False])
def test_an_environment_is_kept_until_its_project_changes(
    make_project: MakeProject, *, locked: bool
) -> None:
    """Kept as it is while the project is; brought exactly to what that says once it changes."""
    pyproject = LOCKABLE if locked else '[dependency-groups]\ndev = ["pluggy"]\n'
    project = make_project({"pyproject.toml": pyproject + GATES} | SIGNS)
    if locked:
        project.lock()
    before = _installed(project)
    folder = project.root / ".nox" / "types"
    uv.install(folder, ["typing-extensions"], cwd=project.root)
    assert _installed(project).keys() == before.keys() | {"typing-extensions"}
    project.write({"pyproject.toml": pyproject + GATES + "\n"})
    assert _installed(project) == before
    uv.install(folder, ["typing-extensions"], cwd=project.root)
    (folder / "pushgate.json").write_text("{", encoding="utf-8")
    assert _installed(project) == before


def test_what_was_not_finished_is_made_anew(make_project: MakeProject) -> None:
    """An environment that could not be made ready is not taken for one that is."""
    broken = '[dependency-groups]\ndev = ["pluggy", "iniconfig==0.0.0.1"]\n'
    project = make_project({"pyproject.toml": broken + GATES} | SIGNS)
    for _ in range(2):
        with pytest.raises(JobFailed, match=r"could not make the environment: .*iniconfig==0\.0"):
            _installed(project)
    project.write({"pyproject.toml": broken.replace("==0.0.0.1", "") + GATES})
    assert _installed(project).keys() == {"pluggy", "iniconfig"}


SLOW_UV: Final = """#!/bin/sh
echo $PPID >> "$LOG"
sleep 0.1
"$REAL_UV" "$@"
status=$?
echo $PPID >> "$LOG"
exit $status
"""
"""The real uv, which takes down when it works for which process."""

PREPARES: Final = """
from pathlib import Path
from conftest import Project
from test_environments import _installed

print(sorted(_installed(Project(Path.cwd()), tools=("typing-extensions==4.12.2",))))
"""


def test_processes_that_make_one_environment_at_once(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """Jobs of a session that start at once wait for each other, and all find it whole."""
    groups = '[dependency-groups]\ndev = ["pluggy"]\n'
    project = make_project({"pyproject.toml": groups + GATES} | SIGNS)
    slow, log = tmp_path / "slow-uv", tmp_path / "log"
    slow.write_text(SLOW_UV, encoding="utf-8")
    slow.chmod(0o755)
    variables = {
        "PYTHONPATH": str(Path(__file__).parent),
        "REAL_UV": os.environ.get("UV") or "uv",
        "UV": str(slow),
        "LOG": str(log),
    }
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARES],
            cwd=project.root,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ends = [(one.communicate()[0].splitlines()[-1], one.returncode) for one in starting]
    assert ends == [("['pluggy', 'typing-extensions']", 0)] * 3
    turns = [process for process, _ in groupby(log.read_text(encoding="utf-8").split())]
    assert sorted(turns) == sorted(str(one.pid) for one in starting)


def test_an_environment_without_a_python_is_told(make_project: MakeProject) -> None:
    """An environment whose Python does not answer is not used."""
    project = make_project({"pyproject.toml": GATES} | SIGNS)
    assert _installed(project) == {}
    python = project.root / ".nox" / "types" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    with pytest.raises(JobFailed, match=f"types runs Python nothing, not {PYTHON}: remove /"):
        _installed(project)


def test_variables_of_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands are found first, then what was on PATH."""
    monkeypatch.setenv("PATH", "/usr/bin")
    environment = environments.Environment(tmp_path, PYTHON)
    assert environment.variables == {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin",
        "VIRTUAL_ENV": str(tmp_path),
    }


def test_an_index_that_does_not_answer(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be fetched, nothing was found to be wrong: the job could not look."""
    groups = '[dependency-groups]\ndev = ["six"]\n'
    project = make_project({"pyproject.toml": groups + GATES} | SIGNS)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(JobUnavailable, match="the package index does not answer: Failed to fetch"):
        _installed(project)


@pytest.mark.parametrize("locked", [True, False])
def test_a_folder_that_was_renamed(make_project: MakeProject, *, locked: bool) -> None:
    """Programs of an environment work after the project's folder was renamed."""
    project = make_project({"pyproject.toml": LOCKABLE + GATES} | SIGNS)
    if locked:
        project.lock()
    tools = ("pyflakes==3.1.0",)
    _installed(project, tools=tools)
    moved = Project(project.root.rename(project.root.with_name("it's moved")))
    _installed(moved, tools=tools)
    answer = moved.run(str(moved.root / ".nox" / "types" / "bin" / "pyflakes"), "--version")
    assert answer.stdout.startswith("3.")


def test_a_pinned_tool_that_is_newer_than_packages_may_be(make_project: MakeProject) -> None:
    """The project's limit of age is for what it requires, not for what a gate has pinned."""
    limit = '[tool.uv]\nexclude-newer = "2020-01-01"\n'
    project = make_project({"pyproject.toml": limit + GATES} | SIGNS)
    assert _installed(project, tools=("iniconfig==2.0.0",)) == {"iniconfig": "2.0.0"}
    assert environments.tool(_context(project), "pyflakes==3.2.0").endswith("bin/pyflakes")


def test_an_older_python_has_the_last_tool_that_runs_there(make_project: MakeProject) -> None:
    """A pin that an older Python cannot have becomes a limit."""
    try:
        interpreters.find("3.10", download=False)
    except interpreters.InterpreterMissingError:
        pytest.skip("this machine has no Python 3.10")
    project = make_project({"pyproject.toml": GATES} | SIGNS)
    environment = environments.project_environment(
        _context(project), python="3.10", tools=("coverage==7.17.3",)
    )
    [version] = uv.installed(environment.folder).values()
    assert version.startswith("7.")
    assert version != "7.17.3"
