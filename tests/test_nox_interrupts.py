"""However Nox is interrupted while shards run, nothing of them stays."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from carrying_out import suite
from conftest import PYTHON, Project

MakeProject = Callable[..., Project]

SESSION: Final = f"test-{PYTHON}"

ALIVE: Final = """import fcntl
import os
import time


def stay():
    # A lock is gone when the process is, whoever has not waited for it yet.
    file = open(os.path.join(os.environ["ALIVE"], str(os.getpid())), "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write("locked")
    file.flush()
    time.sleep(120)
"""

WAITING: Final = """import pytest

from alive import stay


@pytest.mark.parametrize("number", [1, 2])
def test_waits(number):
    stay()
"""

BETWEEN: Final = """import sys
import time
from pathlib import Path

from pushgate.gates import execution
from pushgate.gates.base import Context
from pushgate.plan.definition import of_project
from pushgate.tools import interrupts, process


class Between:
    name = "test"

    def run(self, context):
        Path(context.job.name).touch()
        while not Path("go").exists():
            time.sleep(0.01)
        context.run(sys.executable, "-c", "from alive import stay; stay()")


definition = of_project(Path.cwd())
options = definition.settings.gates["test"]
jobs = [job for job in definition.jobs if job.gate == "test"]
contexts = [Context(definition.settings, job, options, print, cores=2) for job in jobs]
interrupts.make_terminable()
try:
    execution.perform_together(Between(), contexts, print)
except KeyboardInterrupt:
    sys.exit(130)
"""
"""Carries out jobs that are between two commands until there is a file."""


@contextmanager
def _started(project: Project, alive: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    alive.mkdir()
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=project.root,
        env={**os.environ, "ALIVE": str(alive)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def _await(started: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    while not holds():
        if started.poll() is not None:
            pytest.fail(f"it ended too early: {started.communicate()[0]}")
        time.sleep(0.05)


def _count(alive: Path) -> int:
    return sum(file.read_text(encoding="utf-8") == "locked" for file in alive.iterdir())


def _alive(folder: Path) -> list[str]:
    """Name the processes that live."""
    living = []
    for path in folder.iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                living.append(path.name)
    return living


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nox_ends_its_shards(
    make_project: MakeProject, tmp_path: Path, number: signal.Signals
) -> None:
    """Nox ends with all shards and all that they started; none of them counts as looked at."""
    project = make_project(suite(shards=2, tests=WAITING) | {"alive.py": ALIVE})
    alive = tmp_path / "alive"
    with _started(project, alive, "-m", "nox", "-s", SESSION) as nox:
        _await(nox, lambda: _count(alive) == 2)
        nox.send_signal(number)
        output = nox.communicate(timeout=60)[0]
    assert nox.returncode == 130, output
    assert _alive(alive) == []
    outcomes = [project.outcome(f"{SESSION}({index}of2)") for index in (1, 2)]
    assert [(one["result"], one["reason"]) for one in outcomes] == [("aborted", "interrupted")] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nox_side_by_side_ends_its_gates(
    make_project: MakeProject, tmp_path: Path, number: signal.Signals
) -> None:
    """`nox -j` ends its workers, which are no part of its process group, and their gates."""
    stays = """{ run = ["python -c 'from alive import stay; stay()'"], environment = false }"""
    gates = f"[tool.pushgate.gates]\ntest.enabled = false\none = {stays}\ntwo = {stays}\n"
    pyproject = f'[tool.pushgate]\npython = ["@PYTHON@"]\n\n{gates}'
    project = make_project({"pyproject.toml": pyproject, "alive.py": ALIVE})
    alive = tmp_path / "alive"
    with _started(project, alive, "-m", "nox", "-j", "2", "-s", "one", "two") as nox:
        _await(nox, lambda: _count(alive) == 2)
        nox.send_signal(number)
        output = nox.communicate(timeout=60)[0]
    assert nox.returncode == 130, output
    assert _alive(alive) == []


def test_a_job_between_two_commands(make_project: MakeProject, tmp_path: Path) -> None:
    """A job that starts its next command just when it is interrupted is ended as well."""
    project = make_project(suite(shards=2) | {"alive.py": ALIVE, "between.py": BETWEEN})
    alive = tmp_path / "alive"
    jobs = [f"{SESSION}({index}of2)" for index in (1, 2)]
    with _started(project, alive, "between.py") as started:
        _await(started, lambda: all((project.root / job).exists() for job in jobs))
        started.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        (project.root / "go").touch()
        output = started.communicate(timeout=60)[0]
    assert started.returncode == 130, output
    assert _alive(alive) == []
    assert [project.outcome(job)["result"] for job in jobs] == ["aborted"] * 2
