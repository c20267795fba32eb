"""``.gitlab-ci.yml`` carried out by ``gitlab-ci-local``, which does with it what GitLab does.

Each job has a clone of its own there, and its artifacts are copied to those that need them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from filelock import FileLock

from conftest import NOXFILE, PYTHON, Project, lacks
from gated import MakeProject
from gitlab_files import CODE, FILE, SERVICES, write
from postgres_servers import IMAGE, require
from pushgate.config.yaml_text import parsed
from pushgate.providers import documents

REPOSITORY: Final = Path(__file__).parents[1]
PACKAGES: Final = ("gitlab-ci-local@4.75.1", "node@22")  # it runs on no older Node.js

PYPROJECT: Final = """\
[project]
name = "demo"
version = "1"
requires-python = ">=3.11"

[dependency-groups]
ci = ["pushgate"]
tests = ["coverage", "pytest", "pytest-split"]

[tool.uv]
package = false

[tool.pushgate]
python = ["@PYTHON@"]
gates.lint.enabled = false
gates.types.enabled = false
gates.security.enabled = false
gates.audit.enabled = false
gates.workflow.enabled = false
gates.test.shards = 2
gates.test.after = ["good"]
gates.good = { run = ["true"], environment = false }
gates.broken = { run = ["false"], environment = false }
gates.late = { run = ["true"], environment = false, after = ["broken"] }
gates.tagged = { run = ["true"], environment = false, on = ["tag"] }
gates.next = { run = ["true"], environment = false, after = ["tagged"] }
"""

FILES: Final = {
    "pyproject.toml": PYPROJECT,
    "noxfile.py": NOXFILE,
    "src/demo.py": "def double(number):\n    return 2 * number\n",
    **{
        f"tests/test_{number}.py": "from demo import double\n\n\n"
        f"def test_double():\n    assert double({number}) == 2 * {number}\n"
        for number in (1, 2)
    },
    "pytest.ini": "[pytest]\npythonpath = src\n",
}

ASKING: Final = (
    # Pushgate waits for the server itself.
    'for second in 1 2 3 4 5 6 7 8 9; do psql "$PUSHGATE_POSTGRES_URL" -c "" || sleep 1; done',
    """psql "$PUSHGATE_POSTGRES_URL" --command "SELECT 'it is ' || 42\"""",
    'psql "host=postgres user=postgres password=guessed" || true',
)
"""What a job does that has a server."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class GitlabCiLocal:
    """gitlab-ci-local, with the Node.js that it takes.

    Attributes:
        folder: Where both are installed.
    """

    folder: Path

    def run(self, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Carry out jobs of a project's file, each in a clone of its own."""
        cache = project.run("uv", "cache", "dir").stdout.strip()
        here = ("--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source")
        return self._start(project, *here, "--variable", f"UV_CACHE_DIR={cache}", *arguments)

    def run_in(
        self, image: str, project: Project, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Carry out jobs of a project's file in containers, with no other image than this."""
        images = ("--helper-image", image, "--wait-image", image)
        return self._start(project, *images, "--pull-policy", "if-not-present", *arguments)

    def _start(self, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
        programs = self.folder / "node_modules" / ".bin"
        home = ("--home", str(project.root.parent / "home"))
        return project.run(
            str(programs / "node"), str(programs / "gitlab-ci-local"), *home, *arguments
        )


@pytest.fixture(scope="module")
def gitlab_ci_local(tmp_path_factory: pytest.TempPathFactory) -> GitlabCiLocal:
    """Install gitlab-ci-local once for all processes of a test run."""
    if missing := [program for program in ("npm", "rsync") if not shutil.which(program)]:
        lacks("gitlab-ci-local", f"no {' and no '.join(missing)} here")
    here = tmp_path_factory.getbasetemp()
    folder = (here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / "gitlab-ci-local"
    with FileLock(f"{folder}.lock"):
        if not (folder / "node_modules" / ".bin" / "node").is_file():
            folder.mkdir(exist_ok=True)
            npm = ("npm", "install", "--no-fund", "--no-audit", *PACKAGES)
            answer = subprocess.run(npm, cwd=folder, check=False, capture_output=True, text=True)
            if answer.returncode:
                lacks("gitlab-ci-local", f"npm cannot install it: {answer.stderr.strip()}")
    return GitlabCiLocal(folder)


@pytest.fixture
def locked(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a folder, whose environment is locked with the Pushgate that is tested."""
    project = make_project({f"backend/{name}": text for name, text in FILES.items()})
    wheels = project.root.parent / "wheels"
    build = ("uv", "build", "--quiet", "--wheel", "--python", sys.executable)
    answer = project.run(*build, "--out-dir", str(wheels), cwd=REPOSITORY)
    assert answer.returncode == 0, answer.stdout
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_PYTHON", sys.executable)
    answer = project.run("uv", "lock", "--quiet", cwd=project.root / "backend")
    assert answer.returncode == 0, answer.stdout
    (project.root / "noxfile.py").unlink()
    project.git("remote", "add", "origin", "git@gitlab.invalid:demo/demo.git")
    write(project, "backend")
    project.write({".gitignore": ".gitlab-ci-local/\n.nox/\n.venv/\n__pycache__/\n"})
    project.commit("locked")
    return project


def ends(log: str) -> dict[str, str]:
    """Return how jobs ended, as the last lines tell."""
    return {name: end for end, name in re.findall(r"^ (PASS|FAIL)  (\S.*?) *$", log, re.MULTILINE)}


def test_failing(locked: Project, gitlab_ci_local: GitlabCiLocal) -> None:
    """A failed gate fails its job, what comes after it does not run, and the log says what to type.

    What comes after a gate that this event does not select runs.
    """
    answer = gitlab_ci_local.run(locked, "--needs", "late", "next")
    assert answer.returncode == 1, answer.stdout
    assert ends(answer.stdout) == {"broken": "FAIL", "next": "PASS"}, answer.stdout
    commit = locked.git("rev-parse", "HEAD").strip()
    line = f'cd ./backend && pushgate run --commit {commit} "broken"'
    assert f"To reproduce it, {line}" in answer.stdout
    again = locked.pushgate("run", "--commit", commit, "broken", cwd=locked.root / "backend")
    assert again.returncode == 1, again.stdout


def test_artifacts(locked: Project, gitlab_ci_local: GitlabCiLocal) -> None:
    """Each shard is a job, coverage reads what they leave, and GitLab its total in the log."""
    text = (locked.root / FILE).read_text(encoding="utf-8")
    document = parsed(text, FILE)
    # gitlab-ci-local clones anew for an after_script, and finds nothing that the job has left.
    del document[".pushgate"]["after_script"]
    (locked.root / "without.yml").write_text(documents.written(document, ""), encoding="utf-8")
    answer = gitlab_ci_local.run(locked, "--file", "without.yml", "--needs", "coverage")
    assert answer.returncode == 0, answer.stdout
    shards = [f"test: [test-{PYTHON},{shard}]" for shard in (1, 2)]
    passed = ("good", *shards, "coverage 100% coverage")
    assert ends(answer.stdout) == dict.fromkeys(passed, "PASS"), answer.stdout
    left = locked.root / ".gitlab-ci-local" / "artifacts"
    reports = [report.name for report in left.rglob("*.xml")]
    assert sorted(reports) == ["coverage.xml", "junit.xml", "junit.xml"]


@pytest.mark.docker
def test_services(make_project: MakeProject, gitlab_ci_local: GitlabCiLocal) -> None:
    """A job reaches its server where the variable says, and with that password only."""
    require("docker")
    project = make_project({"pyproject.toml": SERVICES, **CODE})
    tests = write(project)["test"]
    given = {key: tests[key] for key in ("services", "variables")}
    # The image of the server is one that has its client.
    job = {"image": IMAGE, **given, "script": [*ASKING]}
    (project.root / "asking.yml").write_text(documents.written({"ask": job}, ""), encoding="utf-8")
    project.git("remote", "add", "origin", "git@gitlab.invalid:demo/demo.git")
    project.commit("asking")
    answer = gitlab_ci_local.run_in(IMAGE, project, "--file", "asking.yml")
    assert answer.returncode == 0, answer.stdout
    assert "it is 42" in answer.stdout
    assert "password authentication failed" in answer.stdout
