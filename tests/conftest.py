"""Real projects in real git repositories, for all tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from living import Living
from pushgate.gates.base import CORES_VARIABLE, RUN_VARIABLE
from pushgate.model.services import URL_VARIABLE
from pushgate.run.runner import THREAD_VARIABLES
from pushgate.tools import interpreters

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that runs the tests; ``@PYTHON@`` in a project's files stands for it."""

NOXFILE: Final = "import pushgate\n\npushgate.register()\n"


REQUIRED: Final = frozenset(os.environ.get("PUSHGATE_TESTS_REQUIRE", "").split(","))
"""What this machine must have: a test that lacks it fails instead of being skipped."""


OLDEST: Final = (3, 11)
"""The Python whose tests include the slow ones: what they ask is the same under every other."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the gate ask for all tests; a look at them need not take as long."""
    parser.addoption(
        "--slow", action="store_true", help="also the slow tests, where this is the oldest Python"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests to the gate, and to the oldest Python."""
    if config.getoption("--slow") and sys.version_info[:2] == OLDEST:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if item not in slow]
    config.hook.pytest_deselected(items=slow)


def lacks(what: str, reason: str) -> NoReturn:
    """Skip a test for the lack of something, or fail it where that is required.

    Args:
        what: The word for it in ``PUSHGATE_TESTS_REQUIRE``, such as ``docker``.
        reason: What is missing.
    """
    if what in REQUIRED:
        pytest.fail(f"{reason}, but PUSHGATE_TESTS_REQUIRE names {what}")
    pytest.skip(f"{reason} (PUSHGATE_TESTS_REQUIRE={what} makes this a failure)")


@dataclass(frozen=True)
class Project:
    """A project in a git repository of its own.

    Attributes:
        root: Its folder.
    """

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, ``@PYTHON@`` replaced."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.replace("@PYTHON@", PYTHON), encoding="utf-8")

    def git(self, *arguments: str) -> str:
        """Run git and return what it prints."""
        answer = subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        )
        return answer.stdout

    def commit(self, message: str = "change") -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; stderr is part of stdout."""
        return subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**os.environ, **(env or {})},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def lock(self) -> None:
        """Lock its requirements, whichever interpreter comes first on PATH."""
        answer = self.run("uv", "lock", "--quiet", "--python", sys.executable)
        assert answer.returncode == 0, answer.stdout

    def nox(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Nox."""
        return self.run(sys.executable, "-m", "nox", *arguments, env=env)

    def pushgate(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run Pushgate's command."""
        return self.run(sys.executable, "-m", "pushgate", *arguments, env=env, cwd=cwd)

    def outputs(self, job: str) -> Path:
        """Return the folder of what a job handed on."""
        return self.root / ".pushgate" / "out" / job

    def outcome(self, job: str) -> dict[str, Any]:
        """Return the outcome that a job left."""
        content = (self.outputs(job) / "outcome.json").read_text(encoding="utf-8")
        outcome: dict[str, Any] = json.loads(content)
        return outcome


@pytest.fixture(autouse=True)
def _plain_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without the user's git settings, outside of CI, that fetches no interpreter."""
    settings = tmp_path_factory.getbasetemp() / "gitconfig"
    settings.write_text(
        "[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("PUSHGATE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "pushgate"))
    # And what these tests find where Pushgate itself runs them.
    ours = (RUN_VARIABLE, CORES_VARIABLE, URL_VARIABLE, *THREAD_VARIABLES)
    for name in ("CI", "NOXSESSION", "NOXPYTHON", "NOX_PARALLEL", "FORCE_COLOR", *ours):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Make a project from files, or from a folder of ``tests/samples``, and commit it.

    It has a noxfile of three lines unless the files bring one.
    """

    def make(
        files: Mapping[str, str] | None = None, *, sample: Path | None = None, name: str = "project"
    ) -> Project:
        project = Project(tmp_path / name)
        project.root.mkdir()
        if sample is not None:
            shutil.copytree(sample, project.root, dirs_exist_ok=True)
            texts = {
                str(path.relative_to(project.root)): path.read_text(encoding="utf-8")
                for path in project.root.rglob("*")
                if path.is_file()
            }
            project.write(texts)
        project.write(
            {"noxfile.py": NOXFILE, ".gitignore": ".nox/\n__pycache__/\n", **(files or {})}
        )
        project.git("init", "--quiet")
        project.commit("first")
        return project

    return make


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    """A program whose processes can be counted; none is left when the test is over."""
    living = Living.make(tmp_path / "living")
    yield living
    assert living.names() == []


@pytest.fixture
def other_python() -> Iterator[str]:
    """A version other than the one that runs the tests, with an interpreter on this machine."""
    for version in ("3.13", "3.12", "3.11", "3.14"):
        if version != PYTHON:
            try:
                interpreters.find(version, download=False)
            except interpreters.InterpreterMissingError:
                continue
            yield version
            return
    pytest.skip("this machine has one Python only")
