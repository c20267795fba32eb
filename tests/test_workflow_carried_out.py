"""The workflow of GitHub, carried out line by line, ends as ``pushgate run --all`` does."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

import github_workflows
from conftest import NOXFILE, Project
from github_filters import GithubEvent
from github_runner import Runner
from github_workflows import Cell, Ended

Make = Callable[..., Project]

pytestmark = pytest.mark.slow

REPOSITORY: Final = Path(__file__).parents[1]

PYPROJECT: Final = """
[project]
name = "demo"
version = "1"
requires-python = ">=@PYTHON@"
[dependency-groups]
ci = ["pushgate"]
dev = ["pytest"]
[tool.uv]
package = false
[tool.uv.sources]
pushgate = { path = "@WHEEL@" }
[tool.coverage.report]
fail_under = 100
[tool.pushgate]
python = ["@PYTHON@"]
[tool.pushgate.gates]
types.enabled = false
security.enabled = false
audit.enabled = false
workflow.enabled = false
test.shards = @SHARDS@
page = { run = ["cat docs/page.md"], inputs = ["docs/**"], environment = false }
counted.run = ["sh -c 'test $(find .pushgate/out/test-* -name junit.xml | wc -l) = @SHARDS@'"]
counted.needs = ["test"]
counted.environment = false
"""

FILES: Final = {
    "docs/page.md": "A page.\n",
    "demo.py": 'def sign(number: int) -> int:\n    """Tell the sign."""\n    return number or 0\n',
    "tests/test_one.py": "import demo\n\n\ndef test_one() -> None:\n    assert demo.sign(1) == 1\n",
    "tests/test_two.py": "import demo\n\n\ndef test_two() -> None:\n    assert demo.sign(2) == 2\n",
    "noxfile.py": f'"""Gates."""\n\n{NOXFILE}',
}

FAILING: Final = {
    "docs/page.md": "",
    "tests/test_two.py": FILES["tests/test_two.py"].replace("== 2", "== 3"),
}

ON_GITHUB: Final = {
    "passed": "success",
    "failed": "failure",
    "aborted": "skipped",
}
"""How a job ends there whose outcome here is the key."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pushgate as a package index would have it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["uv", "build", "--quiet", "--wheel", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", str(folder), str(REPOSITORY)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _project(
    make: Make, wheel: Path, files: Mapping[str, str], *, shards: int = 2, folder: str = ""
) -> Project:
    """Make a repository with a project that has its workflow, in a folder of it."""
    said = {**FILES, "pyproject.toml": PYPROJECT, **files}
    pyproject = said["pyproject.toml"].replace("@WHEEL@", str(wheel))
    said["pyproject.toml"] = pyproject.replace("@SHARDS@", str(shards))
    repository = make({f"{folder}{name}": content for name, content in said.items()})
    project = Project(repository.root / folder)
    project.lock()
    repository.commit("lock")
    answer = project.pushgate("workflow")
    assert answer.returncode == 0, answer.stdout
    repository.commit("workflow")
    return project


def _here(project: Project) -> dict[str, str]:
    """Return how each job ends in ``pushgate run --all``, in GitHub's words."""
    answer = project.pushgate("run", "--all", "--json", "--keep-going")
    told = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    ends = [event["outcome"] for event in told if event["type"] == "job-finished"]
    assert ends, answer.stdout
    return {outcome["job"]: ON_GITHUB[outcome["result"]] for outcome in ends}


class There:
    """The workflow's run on GitHub, started by hand: every job of every gate."""

    def __init__(self, repository: Project, folder: Path) -> None:
        (file,) = (repository.root / ".github" / "workflows").iterdir()
        workflow = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        self.sha = repository.git("rev-parse", "HEAD").strip()
        event = GithubEvent(name="workflow_dispatch", ref="refs/heads/main", sha=self.sha)
        folder.mkdir()
        self.runner = Runner(workflow, event, repository.root, folder, self._machine())
        self.ends: dict[str, str] = {}
        self.jobs = github_workflows.run(workflow, event, self._work)

    @staticmethod
    def _machine() -> dict[str, str]:
        """Return this machine's variables, less those of the environment that tests run in."""
        ours = ("GITHUB_", "PYTEST_", "COVERAGE_", "VIRTUAL_ENV", "PYTHONPATH")
        machine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**machine, "UV_PYTHON": sys.executable}

    def _work(self, cell: Cell) -> Ended:
        ended = self.runner(cell)
        self.ends[cell.name] = ended.result
        return ended

    def result(self, job: str, gate: str) -> str:
        """Return how the job of a gate ended."""
        skipped = self.jobs[gate].result == "skipped"
        return "skipped" if skipped else self.ends[job]

    def told(self) -> str:
        """Return all that was printed, for who has to find out why a test failed."""
        return "\n".join(f"== {name}\n{log}" for name, log in self.runner.logs.items())


@pytest.mark.parametrize(("folder", "shards"), [("", 2), ("services/the api/", 1)])
def test_all_pass(
    make_project: Make, wheel: Path, tmp_path: Path, folder: str, shards: int
) -> None:
    """Each job passes in an empty clone, with the outputs of those that it needs as artifacts.

    So it does in a folder, and where there is a single artifact to be needed.
    """
    project = _project(make_project, wheel, {}, shards=shards, folder=folder)
    there = There(Project(tmp_path / "project"), tmp_path / "github")
    assert set(there.ends.values()) == {"success"}, there.told()
    here = _here(project)
    around = {"plan", f"passed ({folder.rstrip('/')})" if folder else "passed"}
    assert {name: end for name, end in there.ends.items() if name not in around} == here
    tests = [name for name in here if name.startswith("test-")]
    assert len(tests) == shards
    assert there.runner.artifacts.names() == sorted(["coverage", *tests])
    assert there.runner.summaries == dict.fromkeys(there.ends, "")


def test_some_fail(make_project: Make, wheel: Path, tmp_path: Path) -> None:
    """The jobs fail that fail here, those that need them do not start, and ``passed`` fails.

    Each job that failed tells the command that repeats it here.
    """
    empty = 'run = ["grep A docs/page.md"]'
    pyproject = PYPROJECT.replace('run = ["cat docs/page.md"]', empty)
    assert pyproject != PYPROJECT
    files = {**FAILING, "pyproject.toml": pyproject}
    project = _project(make_project, wheel, files)
    there = There(project, tmp_path / "github")
    here = _here(project)
    assert {job: there.result(job, job.partition("-3")[0]) for job in here} == here, there.told()
    assert sorted(here.values()) == ["failure"] * 2 + ["skipped"] * 2 + ["success"] * 2
    assert there.ends["passed"] == "failure"
    for name, summary in there.runner.summaries.items():
        if here.get(name) == "failure":
            command = shlex.split(summary.strip().strip("`"))
            assert command == ["pushgate", "run", "--commit", there.sha, name]
        else:
            assert summary == ""
