"""Environments that are made beside the first jobs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from conftest import Project
from living import Living, until
from watched_run import gate, gates, watch

MakeProject = Callable[..., Project]

WAITS = "for i in $(seq 300); do test -f .nox/late/pushgate.json && exit; sleep 0.1; done; exit 1"


def test_an_environment_is_made_beside_another_job(make_project: MakeProject) -> None:
    """It is there before its own job starts; that of a gate that has none is not made."""
    late = 'late = { run = ["python -c pass"], needs = ["early"] }'
    bare = gate("bare", "true", 'needs = ["early"]')
    project = make_project(gates(gate("early", WAITS), late, bare))
    run = watch(project, "-j", "1", "early", "late", "bare")
    assert run.outcomes == dict.fromkeys(("early", "late", "bare"), ("passed", ""))
    assert run.status == 0
    started = {event["job"] for event in run.of("job-started")}
    assert started == {"early", "late", "bare"}
    prepared = sorted(path.name for path in run.folder.glob("environment of *"))
    assert prepared == ["environment of late.log"]
    again = watch(project, "-j", "1", "early", "late")
    assert (again.status, list(again.folder.glob("environment of *"))) == (0, [])


def test_a_call_that_only_prepares(make_project: MakeProject) -> None:
    """It leaves an environment, and neither runs the gate nor touches its outputs."""
    project = make_project(gates('late = { run = ["false"] }', gate("bare", "false")))
    answer = project.nox("-s", "late", "--", "--prepare")
    assert answer.returncode == 0, answer.stdout
    assert (project.root / ".nox" / "late" / "pushgate.json").is_file()
    assert not project.outputs("late").exists()
    assert project.nox("-s", "bare", "--", "--prepare").returncode == 0


def test_an_interpreter_that_is_missing(make_project: MakeProject) -> None:
    """Only the job tells it, and the others are as they are."""
    late = 'late = { run = ["true"], needs = ["early"] }'
    files = gates(gate("early", "sleep 1"), late)
    files["pyproject.toml"] = files["pyproject.toml"].replace('"@PYTHON@"', '"3.77"')
    run = watch(make_project(files), "-j", "1", "early", "late")
    assert run.status == 3
    assert run.outcomes["early"] == ("passed", "")
    result, reason = run.outcomes["late"]
    assert (result, reason.startswith("no Python 3.77 here")) == ("unavailable", True)
    assert (run.folder / "environment of late.log").is_file()


@pytest.fixture
def endless_uv(living: Living, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv that never ends when it makes an environment."""
    program = tmp_path / "endless-uv"
    real = os.environ.get("UV") or shutil.which("uv")
    words = f'case "$1" in venv|sync) {living.command("uv")};; *) exec {real} "$@";; esac\n'
    program.write_text(f"#!/bin/sh\n{words}", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("UV", str(program))


@pytest.mark.usefixtures("endless_uv")
def test_an_interrupt_while_an_environment_is_made(
    make_project: MakeProject, living: Living
) -> None:
    """The run ends as interrupted, and nothing of what made the environment is left."""
    late = 'late = { run = ["true"], needs = ["early"] }'
    project = make_project(gates(gate("early", living.command("early")), late))
    command = [sys.executable, "-m", "pushgate", "run", "-j", "1", "early", "late"]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.DEVNULL) as run:
        until(lambda: living.names() == ["early", "uv"])
        run.send_signal(signal.SIGINT)
        assert run.wait() == 130
        assert living.names() == []


@pytest.mark.usefixtures("endless_uv")
def test_a_run_does_not_wait_for_an_environment(make_project: MakeProject, living: Living) -> None:
    """An environment that no job needs any more ends with the run."""
    late = 'late = { run = ["true"], needs = ["early"] }'
    wait = f"until test -f {living.folder}/alive/uv; do sleep 0.05; done; exit 1"
    project = make_project(gates(gate("early", wait), late))
    run = watch(project, "-j", "1", "early", "late")
    assert run.status == 1
    assert {name: result for name, (result, _) in run.outcomes.items()} == {
        "early": "failed",
        "late": "aborted",
    }
    assert living.names() == []


@pytest.mark.parametrize("arguments", [("run", "nothing"), ("run", "--commit", "nothing")])
def test_a_run_that_cannot_be(make_project: MakeProject, arguments: tuple[str, ...]) -> None:
    """A definition or a choice that cannot be used leaves no process and no folder of a run."""
    project = make_project(gates(gate("one", "true")))
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", *arguments],
        cwd=project.root,
        stderr=subprocess.DEVNULL,
    ) as run:
        assert run.wait() == 2
        assert [found for found in psutil.process_iter() if _is_of(found, project)] == []
    runs = project.root / ".git" / "pushgate" / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []


def _is_of(found: psutil.Process, project: Project) -> bool:
    try:
        return Path(found.cwd()).is_relative_to(project.root)
    except psutil.Error:
        return False
