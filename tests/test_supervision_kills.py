"""Whichever process of a run is killed, nothing of the run stays, and no run is falsely green."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from conftest import Project
from living import Living, below, commands_below, until
from pushgate.model.outcome import ExitCode, Outcome, Result
from pushgate.model.run_event import JobFinished, RunEvent
from pushgate.plan.definition import of_project
from pushgate.run import launch, target
from pushgate.run.launch import Pace, Request
from pushgate.run.schedule import Policy
from pushgate.run.store import Store

MakeProject = Callable[..., Project]

LOST: Final = "the process that starts the jobs has ended: see "


@pytest.fixture
def project(make_project: MakeProject, living: Living) -> Project:
    """A project with gates that leave processes of all kinds and last, and one that is quick."""
    gates: dict[str, Sequence[str]] = {
        "quick": ["true"],
        "near": [living.command("near")],
        "far": [living.command("far-away", "daemon", "deaf"), living.command("far")],
        "marked": [
            f"sh -c '{living.command('marked-deaf', 'deaf')} & {living.command('marked')}'",
        ],
    }
    return make_project({"pyproject.toml": _settings(gates)})


def _settings(gates: Mapping[str, Sequence[str]]) -> str:
    lines = (
        f"{name} = {{ run = {json.dumps(commands)}, environment = false }}"
        for name, commands in gates.items()
    )
    return '[tool.pushgate]\npython = ["@PYTHON@"]\n[tool.pushgate.gates]\n' + "\n".join(lines)


@contextmanager
def _running(project: Project, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", "run", "--json", *words],
        cwd=project.root,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def _ended(run: subprocess.Popen[str]) -> dict[str, tuple[str, str]]:
    """Return how the jobs of a run ended."""
    assert run.stdout is not None
    events = [json.loads(line) for line in run.stdout]
    assert run.wait(30) is not None
    outcomes = [event["outcome"] for event in events if event["type"] == "job-finished"]
    return {outcome["job"]: (outcome["result"], outcome["reason"]) for outcome in outcomes}


def _server(run: subprocess.Popen[str]) -> psutil.Process:
    (server,) = [child for child in below(run.pid) if "pushgate.run.fork_server" in child.cmdline()]
    return server


def _alive(project: Project) -> list[Path]:
    return list((project.root / ".git" / "pushgate" / "runs").glob("*/alive"))


def _past(project: Project) -> dict[str, Any]:
    """Return what the report tells of the last run but one, the run that was killed."""
    runs: list[dict[str, Any]] = json.loads(project.pushgate("report", "--json").stdout)
    return runs[1]


def test_a_killed_supervisor(project: Project, living: Living) -> None:
    """Where a supervisor is killed, its job is ended and did not look; the others go on."""
    with _running(project, "-j", "2", "near", "far") as run:
        until(lambda: living.names() == ["far", "far-away", "near"])
        (supervisor,) = [
            process
            for process in _server(run).children()
            if any("far-away" in child.cmdline() for child in process.children(recursive=True))
        ]
        supervisor.kill()
        until(lambda: living.names() == ["near"])
        run.send_signal(signal.SIGINT)
        assert _ended(run) == {
            "far": ("unavailable", "nox was ended by SIGKILL (see its output)"),
            "near": ("aborted", "interrupted"),
        }
    assert run.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_server(project: Project, living: Living, number: signal.Signals) -> None:
    """Where the process that starts the jobs ends, all of them do, and the run says so."""
    with _running(project, "-j", "2", "quick", "near", "far", "marked") as run:
        until(lambda: {"far", "far-away"} <= {*living.names()})
        _server(run).send_signal(number)
        ended = _ended(run)
    assert (run.returncode, living.names(), _alive(project)) == (3, [], [])
    assert ended.pop("quick") == ("passed", "")
    assert {result for result, _ in ended.values()} == {"aborted"}
    assert all(reason.startswith(LOST) for _, reason in ended.values())
    assert ended.keys() == {"near", "far", "marked"}


def test_a_server_that_is_killed_before_any_job(project: Project) -> None:
    """No job goes without an outcome, and none of them counts as passed."""
    with _running(project, "quick", "near") as run:
        until(lambda: "pushgate.run.fork_server" in commands_below(run.pid))
        _server(run).kill()
        ended = _ended(run)
    assert (run.returncode, {*ended}) == (3, {"quick", "near"})
    assert all(reason.startswith(LOST) for _, reason in ended.values())


def test_a_server_that_is_killed_between_two_jobs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that could not even be started is told as aborted: the run must not pass."""
    monkeypatch.chdir(project.root)
    definition = of_project(project.root)
    jobs = [definition.job(name) for name in ("quick", "near", "far")]
    looked_at = target.files(project.root)
    request = Request(jobs=jobs, event="all", target=looked_at, project=project.root)
    ended: dict[str, Outcome] = {}

    def kill_server(event: RunEvent) -> None:
        if isinstance(event, JobFinished):
            if not ended:
                # Another test in this process may have children of its own.
                (server,) = (
                    child
                    for child in psutil.Process().children()
                    if child.status() != psutil.STATUS_ZOMBIE
                    and "pushgate.run.fork_server" in child.cmdline()
                )
                server.kill()
                until(lambda: server.status() == psutil.STATUS_ZOMBIE)
            ended[event.outcome.job] = event.outcome

    with launch.opened(Store.of(project.root)) as run:
        pace = Pace(cores=1, policy=Policy.AFTER)
        code = launch.launch(definition, request, run, pace, kill_server)
    assert code is ExitCode.INCOMPLETE
    assert ended.keys() == {"quick", "near", "far"}
    assert ended.pop("quick").result is Result.PASSED
    assert all(outcome.reason.startswith(LOST) for outcome in ended.values())


@pytest.mark.slow
def test_a_killed_run(project: Project, living: Living) -> None:
    """When a run is killed, its jobs end; the next run, started at once, finds nothing of them."""
    with _running(project, "-j", "2", "near", "far") as run:
        until(lambda: living.names() == ["far", "far-away", "near"])
        run.kill()
        assert run.wait() == -signal.SIGKILL
    after = project.pushgate("run", "quick")
    assert (after.returncode, living.names(), _alive(project)) == (0, [], []), after.stdout
    assert _past(project)["verdict"] == "killed"


@pytest.mark.slow
def test_a_run_that_is_killed_with_all_that_watch_it(project: Project, living: Living) -> None:
    """Where nobody is left to end the jobs, the next run does, and the report says what became."""
    with _running(project, "-j", "2", "near", "marked") as run:
        until(lambda: living.names() == ["marked", "marked-deaf", "near"])
        server = _server(run)
        watching = [psutil.Process(run.pid), server, *server.children()]
        for process in watching:
            process.suspend()
        for process in watching:
            process.kill()
        assert run.wait() == -signal.SIGKILL
    assert "marked-deaf" in living.names()
    after = project.pushgate("run", "quick")
    assert (after.returncode, living.names(), _alive(project)) == (0, [], []), after.stdout
    past = _past(project)
    assert (past["verdict"], past["counts"]["aborted"]) == ("killed", 2)
