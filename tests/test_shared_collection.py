"""Shards that share a collection leave what processes of their own leave."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from carrying_out import carry_out_gates
from conftest import PYTHON, Project, lacks
from pushgate.tools import interpreters
from shard_results import collection_log, differences, left_by
from watched_run import Watched, watch

MakeProject = Callable[..., Project]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="collections are shared on Linux")

SETTINGS: Final = """
[dependency-groups]
test = ["pytest"]

[tool.pushgate]
python = ["{python}"]
sources = ["state"]
gates.test.shards = 2
gates.test.args = ["-o", "junit_logging=all"]

[tool.coverage.run]
branch = {branch}
"""

STATE: Final = """import atexit
import random
import weakref

random.seed(7)

COUNT = [0]


class Kept:
    pass


KEPT = Kept()
weakref.finalize(KEPT, print, "the finalizer has run")
atexit.register(print, "the exit handler has run")


def classify(number):
    if number < 0:
        return "negative"
    if number == 0:
        return "zero"
    COUNT[0] += 1
    return "positive"


def looped(times):
    total = 0
    for number in range(times):
        if number % 2:
            total += number
        else:
            total -= number
    return total


FIRST = classify(1)
SECOND = looped(1)
"""

CONFTEST: Final = """import os

import pytest

from state import classify

os.environ["SET_BY_CONFTEST"] = "yes"
calls = []


@pytest.fixture(scope="session")
def session_value():
    calls.append(1)
    yield len(calls)
    classify(0)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    looped_before = len(items)
    result = yield
    assert looped_before >= len(items)
    return result
"""

TESTS: Final = """import os
import random
import subprocess
import sys

import pytest

from state import COUNT, classify, looped


@pytest.mark.parametrize("number", [-1, 0, 1, 2], ids=["minus", "zero", "one", "two"])
def test_classify(number):
    print("seen", number)
    assert classify(number)


def test_state():
    assert COUNT[0] >= 1


def test_fails(capfd):
    os.write(1, b"to the descriptor")
    assert capfd.readouterr().out == "to the descriptor"
    print("what the failing test prints")
    assert looped(3) == 7


def test_seed():
    print(random.random())
    assert random.random() == 0.15084917392450192


def test_session(session_value):
    assert session_value == 1


def test_session_again(session_value):
    assert session_value == 1


def test_subprocess():
    code = "from state import looped; looped(2)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_environment(tmp_path):
    assert os.environ["SET_BY_CONFTEST"] == "yes"
    os.write(1, b"printed by its descriptor")


@pytest.mark.skip(reason="not now")
def test_skipped():
    pass


@pytest.mark.xfail
def test_expected():
    assert False
"""


def _files(python: str = PYTHON, *, branch: bool = True, **more: str) -> dict[str, str]:
    return {
        "pyproject.toml": SETTINGS.format(python=python, branch=str(branch).lower()),
        "state/__init__.py": STATE,
        "tests/conftest.py": CONFTEST,
        "tests/test_state.py": TESTS,
        **more,
    }


def _compare(project: Project) -> Watched:
    """Run the tests shared and not, and compare what they left."""
    run = watch(project, "test")
    shared = left_by(project)
    carry_out_gates(project, "test")
    alone = left_by(project)
    assert shared.keys() == alone.keys()
    assert shared
    assert differences(shared, alone) == []
    return run


def _jobs(run: Watched) -> list[str]:
    return sorted(run.outcomes)


def _check_shared(run: Watched) -> None:
    for job in _jobs(run):
        log = run.log(job).decode()
        assert "> shared collection: " in log
        assert "no shared collection" not in log
        assert "CoverageWarning" not in log


@pytest.mark.parametrize("branch", [True, False])
def test_same_results(make_project: MakeProject, *, branch: bool) -> None:
    """Outcomes, reports, accounts and the measured lines and branches are the same."""
    project = make_project(_files(branch=branch))
    run = _compare(project)
    _check_shared(run)
    results = {job: result for job, (result, _) in run.outcomes.items()}
    assert sorted(results.values()) == ["failed", "passed"]
    log = collection_log(run.folder, f"test-{PYTHON}")
    for once in ("the exit handler has run", "the finalizer has run"):
        assert log.count(once) == 1
        assert not any(once in run.log(job).decode() for job in _jobs(run))


def test_quicker_core(make_project: MakeProject) -> None:
    """From Python 3.12 on, lines are measured by another core: shared, alone, and as before."""
    try:
        interpreters.find("3.12", download=False)
    except interpreters.InterpreterMissingError:
        lacks("python3.12", "no Python 3.12")
    project = make_project(_files("3.12", branch=False))
    run = _compare(project)
    _check_shared(run)
    quick = left_by(project)
    rcfile = (project.outputs("test-3.12(1of2)") / "coveragerc").read_text(encoding="utf-8")
    assert "core = sysmon" in rcfile
    settings = _files("3.12", branch=False)["pyproject.toml"] + 'core = "ctrace"\n'
    project.write({"pyproject.toml": settings})
    carry_out_gates(project, "test")
    assert differences(quick, left_by(project)) == []


FALLBACKS: Final = {
    "2 threads run after collecting": (
        "import threading\nimport time\n\n"
        "threading.Thread(target=time.sleep, args=(2,), daemon=True).start()\n"
    ),
    "made while collecting, and still there: ": (
        "import tempfile\n\nFOLDER = tempfile.TemporaryDirectory(prefix='left-behind-')\n"
    ),
}
"""Why no fork is made, and what a module does for that."""


def test_falls_back(make_project: MakeProject) -> None:
    """What a fork could not have is told, and the shards are processes of their own."""
    project = make_project(_files())
    for reason, content in FALLBACKS.items():
        shutil.rmtree(_collections(project), ignore_errors=True)
        project.write({"tests/test_more.py": f"{content}\n\ndef test_one():\n    pass\n"})
        run = _compare(project)
        for job in _jobs(run):
            assert f"> no shared collection: {reason}" in run.log(job).decode()


@pytest.mark.slow
def test_a_refusal_is_remembered(make_project: MakeProject) -> None:
    """For a day nobody collects in vain, and the shards tell when it was found."""
    reason, content = next(iter(FALLBACKS.items()))
    test = "\n\ndef test_one():\n    pass\n"
    project = make_project(_files() | {"tests/test_more.py": content + test})
    watch(project, "test")
    found = _collections(project) / f"test-{PYTHON}" / "refused"
    since = datetime.fromtimestamp(found.stat().st_mtime, UTC).astimezone()
    project.write({"tests/test_more.py": test})
    run = _compare(project)
    assert "test session starts" not in collection_log(run.folder, f"test-{PYTHON}")
    for job in _jobs(run):
        told = f"> no shared collection: {reason} (found {since:%Y-%m-%d %H:%M}, "
        assert told in run.log(job).decode()
    a_day_before = (since - timedelta(days=1)).timestamp()
    os.utime(found, (a_day_before, a_day_before))
    # No shard is taken from its record.
    project.write({"tests/test_more.py": f"{test}    assert True\n"})
    _check_shared(_compare(project))


def _collections(project: Project) -> Path:
    return project.root / ".pushgate" / "collections"


@pytest.mark.slow
def test_broken_tests(make_project: MakeProject) -> None:
    """A file that cannot be imported fails every shard, as it does alone; conftest.py, too."""
    project = make_project(_files() | {"tests/test_broken.py": "import nothing_of_this_name\n"})
    run = _compare(project)
    assert {result for result, _ in run.outcomes.values()} == {"failed"}
    project.write({"tests/conftest.py": "raise RuntimeError('no')\n"})
    run = watch(project, "test")
    assert {result for result, _ in run.outcomes.values()} == {"failed"}
    for job in _jobs(run):
        log = run.log(job).decode()
        assert "> no shared collection: it ended before it could serve" in log
        assert "RuntimeError: no" in log


ARCHIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "click": ("tests/test_arguments.py", "tests/test_basic.py", "tests/test_imports.py"),
    "packaging": ("tests/test_utils.py", "tests/test_musllinux.py"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHIVES)
def test_real_projects(tmp_path: Path, name: str) -> None:
    """The tests of a known project give the same results."""
    project = _fetched(name, tmp_path)
    run = _compare(project)
    _check_shared(run)
    assert {result for result, _ in run.outcomes.values()} == {"passed"}


def _fetched(name: str, folder: Path) -> Project:
    pip = ("uv", "run", "--quiet", "--no-project", "--python", sys.executable, "--with", "pip")
    download = ("--with", "flit-core", "python", "-m", "pip", "download", "--quiet", "--no-deps")
    source = ("--no-build-isolation", "--no-binary", ":all:", name)
    answer = Project(folder).run(*pip, *download, *source)
    assert answer.returncode == 0, answer.stdout
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    project = Project(folder / archive.name.removesuffix(".tar.gz"))
    (project.root / "uv.lock").unlink(missing_ok=True)
    settings = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    table = f'[tool.pushgate]\npython = ["{PYTHON}"]\ngates.test.shards = 2\n'
    args = f"gates.test.args = {list(ARCHIVES[name])}\n"
    project.write(
        {
            "pyproject.toml": f"{settings}\n{table}{args}",
            "noxfile.py": "import pushgate\n\npushgate.register()\n",
            ".gitignore": ".nox/\n__pycache__/\n*.egg-info/\n",
        }
    )
    project.git("init", "--quiet")
    project.commit("first")
    return project
