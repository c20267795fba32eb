"""What a job finds around it: the same as under plain Nox, and the cores that it was given."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from conftest import NOXFILE, PYTHON, Project
from pushgate.run.runner import THREAD_VARIABLES
from pushgate.tools import cpu
from watched_run import gate, gates, watch

MakeProject = Callable[..., Project]

SCRIPTS: Final = sysconfig.get_path("scripts")
NOX: Final = str(Path(SCRIPTS, "nox"))
PUSHGATE: Final = str(Path(SCRIPTS, "pushgate"))

SURROUNDINGS: Final = (
    "env -0 > .git/variables; (umask; pwd; wc -c; locale; ulimit -a) > .git/others"
)

SHOWN: Final = """import sys
from pathlib import Path

Path(".git/path").write_text("\\n".join(sys.path))
"""

VARIABLES: Final = gates(
    gate("one", "env -0 > .git/one"),
    gate("two", "env -0 > .git/two", "cores = 2"),
    gate("nine", "env -0 > .git/nine", "cores = 9"),
)

COUNTING: Final = """import pushgate

@pushgate.gate(environment=False)
def count(gate): gate.log(f"{gate.cores} cores")

pushgate.register()
"""

WORKERS: Final = {
    "pyproject.toml": """
[tool.pushgate]
python = ["@PYTHON@"]
[tool.pushgate.gates.test]
shards = 1
workers = "auto"
""",
    "demo.py": "",
    "tests/test_workers.py": (
        "import os\n\n"
        "def test_workers(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '3'\n\n"
        "def test_threads(): assert os.environ['OMP_NUM_THREADS'] == '1'\n"
    ),
}


def _variables(project: Project, file: str) -> dict[str, str]:
    content = (project.root / ".git" / file).read_text(encoding="utf-8")
    return dict(variable.split("=", 1) for variable in content.removesuffix("\0").split("\0"))


def _found(project: Project, *command: str) -> tuple[dict[str, str], str, str]:
    """Run a command, and tell what its job found around it."""
    answer = project.run("sh", "-c", 'umask 027; exec "$@"', "sh", *command)
    assert answer.returncode == 0, answer.stdout
    others, path = (project.root / ".git" / name for name in ("others", "path"))
    return _variables(project, "variables"), others.read_text(), path.read_text()


def test_a_job_finds_what_it_finds_under_nox(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Variables, folder, umask, input, locale, limits and `sys.path` are those of plain Nox."""
    monkeypatch.setenv("MY_OWN", "two\nlines = and = signs")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-q")
    project = make_project(
        {**gates(gate("look", SURROUNDINGS)), "noxfile.py": SHOWN + NOXFILE, "a/b": ""}
    )
    under_nox, *others = _found(project, NOX, "-s", "look")
    in_a_run, *others_in_a_run = _found(project, PUSHGATE, "run", "look")
    of_a_run = {"PUSHGATE_RUN", "PUSHGATE_CORES", *THREAD_VARIABLES}
    assert in_a_run.keys() - under_nox.keys() == of_a_run
    assert {name: in_a_run[name] for name in under_nox} == under_nox
    assert under_nox["MY_OWN"] == "two\nlines = and = signs"
    assert under_nox.keys().isdisjoint({"PYTHONPATH", "PYTEST_ADDOPTS"})
    assert others == others_in_a_run
    surroundings, path = (content.splitlines() for content in others)
    assert surroundings[:3] == ["0027", str(project.root), "0"]
    assert path[0] == SCRIPTS


def test_the_cores_of_a_job_limit_its_threads(make_project: MakeProject) -> None:
    """A job's cores are the threads of the libraries that it may load; the user's own win."""
    project = make_project(VARIABLES)
    run = watch(project, "-j", "3", env={"OMP_NUM_THREADS": "7"})
    assert (run.status, run.events[0]["cores"]) == (0, 3)
    assert run.cores == {"one": 1, "two": 2, "nine": 3}
    for name, cores in run.cores.items():
        variables = _variables(project, name)
        limits = {limit: variables[limit] for limit in THREAD_VARIABLES}
        expected = dict.fromkeys(THREAD_VARIABLES, str(cores))
        assert limits == {**expected, "OMP_NUM_THREADS": "7"}
        assert variables["PUSHGATE_CORES"] == str(cores)


@pytest.mark.parametrize(("told", "cores"), [("1", 1), ("auto", cpu.usable())])
def test_how_many_cores_there_are(make_project: MakeProject, told: str, cores: int) -> None:
    """`-j 1` gives every job one core, however many it asks for; `auto` is all that there are."""
    run = watch(make_project(VARIABLES), "-j", told, "nine")
    assert (run.status, run.events[0]["cores"], run.cores) == (0, cores, {"nine": min(9, cores)})


@pytest.mark.parametrize(
    ("told", "cores"), [("3", 3), ("", cpu.usable()), ("0", cpu.usable()), ("many", cpu.usable())]
)
def test_the_cores_of_a_job_under_nox(make_project: MakeProject, told: str, cores: int) -> None:
    """Under plain Nox a job has all cores, or as many as PUSHGATE_CORES says."""
    project = make_project({**gates(), "noxfile.py": COUNTING})
    answer = project.nox("-s", "count", env={"PUSHGATE_CORES": told})
    assert f"nox > {cores} cores\n" in answer.stdout


def test_workers_take_the_free_cores(make_project: MakeProject) -> None:
    """A test job that is alone has as many workers as there are cores, each of one thread."""
    project = make_project(WORKERS)
    run = watch(project, "-j", "3", "test")
    assert run.outcomes == {f"test-{PYTHON}": ("passed", "")}
    assert run.cores == {f"test-{PYTHON}": 3}
