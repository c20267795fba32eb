"""Jobs that run side by side: what ends them, what repeats them, and what they need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psutil
import pytest

from conftest import NOXFILE, Project
from watched_run import gate, gates, watch

MakeProject = Callable[..., Project]

_FOR_EVER: Final = (
    "echo $$ > .git/pid; touch .git/running; until test -e .git/go; do sleep 0.05; done"
)

STOPPED: Final = gates(
    gate("bad", "until test -e .git/running; do sleep 0.05; done; exit 7"),
    gate("later", _FOR_EVER, 'after = ["bad"]'),
    gate(
        "release",
        "until test -e .pushgate/out/bad/outcome.json; do sleep 0.05; done; touch .git/go",
    ),
    gate("alone", _FOR_EVER),
    gate("last", "touch .git/last", 'after = ["bad"]'),
)

BAD: Final = (
    "failed",
    "`sh -c 'until test -e .git/running; do sleep 0.05; done; exit 7'` ended with 7",
)


def _is_alive(project: Project) -> bool:
    return psutil.pid_exists(int((project.root / ".git" / "pid").read_text(encoding="utf-8")))


def _left_of(run: str) -> list[str]:
    """Name the processes that have a run's name in their environment."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PUSHGATE_RUN") == run:
                left.append(process.name())
    return left


def test_what_comes_after_a_failure_is_ended(make_project: MakeProject) -> None:
    """By default a failed job ends those that come after it, running or not, and no others."""
    project = make_project(STOPPED)
    run = watch(project, "-j", "2", "bad", "later", "last", "release")
    reason = "it comes after bad, which failed"
    assert run.outcomes == {
        "bad": BAD,
        "later": ("aborted", reason),
        "last": ("aborted", reason),
        "release": ("passed", ""),
    }
    assert run.status == 1
    assert run.of("run-finished")[0]["failed_first"] == "bad"
    assert not _is_alive(project)
    assert not (project.root / ".git" / "last").exists()


def test_fail_fast(make_project: MakeProject) -> None:
    """With --fail-fast a failed job ends all others, running or not."""
    project = make_project(STOPPED)
    run = watch(project, "-x", "-j", "2", "bad", "alone", "last")
    stopped = "stopped at once (--fail-fast) after bad, which failed"
    assert run.outcomes == {
        "bad": BAD,
        "alone": ("aborted", stopped),
        "last": ("aborted", stopped),
    }
    assert (run.status, _is_alive(project)) == (1, False)


def test_keep_going(make_project: MakeProject) -> None:
    """With --keep-going a failed job ends no other."""
    project = make_project(STOPPED)
    run = watch(project, "--keep-going", "-j", "3", "bad", "later", "release", "last")
    passed = ("passed", "")
    assert run.outcomes == {"bad": BAD, "later": passed, "release": passed, "last": passed}
    assert run.status == 1


def test_a_job_that_takes_too_long(make_project: MakeProject) -> None:
    """A job whose time is over is ended with all its processes; nothing has failed then."""
    project = make_project(
        gates(gate("slow", "sleep 600 & sleep 600 & wait", "timeout = 2, retries = 3"))
    )
    run = watch(project)
    assert run.outcomes == {"slow": ("aborted", "timed out: its limit is 2 s (timeout)")}
    assert run.status == 3
    assert not _left_of(run.events[0]["run"])
    (ended,) = run.of("job-finished")
    assert ended["outcome"]["seconds"] >= 2
    assert ended["outcome"]["attempts"] == 1


HOLDING: Final = """import os
import time

import psutil

while not os.path.exists(".git/started"):
    time.sleep(0.05)
runner = next(process for process in psutil.Process().parents() if "--json" in process.cmdline())
runner.suspend()
open(".git/held", "w").close()
while not os.path.exists(".pushgate/out/quick/outcome.json"):
    time.sleep(0.05)
time.sleep(3)
runner.resume()
"""


def test_a_runner_that_is_held_up(make_project: MakeProject) -> None:
    """However late it looks, a job has taken the time that it has taken."""
    held_up = gates(
        gate("holding", f"{sys.executable} hold.py"),
        gate("quick", "touch .git/started; until test -e .git/held; do sleep 0.05; done"),
    )
    run = watch(make_project(held_up | {"hold.py": HOLDING}), "-j", "2")
    outcomes = [event["outcome"] for event in run.of("job-finished")]
    seconds = {outcome["job"]: outcome["seconds"] for outcome in outcomes}
    assert 0 < seconds["quick"] < seconds["holding"] - 1


RETRIED: Final = gates(
    gate("flaky", "test -e .git/seen || { touch .git/seen; exit 1; }", "retries = 2"),
    gate("never", "echo once more >> .git/tries; exit 4", "retries = 2"),
)


def test_a_job_that_passes_when_tried_again(make_project: MakeProject) -> None:
    """It has passed, and everyone is told that it is flaky."""
    project = make_project(RETRIED)
    run = watch(project, "flaky")
    assert run.status == 0
    assert run.outcomes == {"flaky": ("passed", "flaky: it passed on attempt 2")}
    assert run.of("job-finished")[0]["outcome"]["attempts"] == 2
    (project.root / ".git" / "seen").unlink()
    answer = project.pushgate("run", "flaky")
    assert answer.returncode == 0
    assert "flaky  flaky" in answer.stdout
    assert "all selected jobs passed: 1 flaky (1 job in" in answer.stdout
    assert "(1 passed (1 flaky))" in project.pushgate("report", "last").stdout


def test_a_job_that_fails_however_often_it_is_tried(make_project: MakeProject) -> None:
    """It is tried once more than `retries` says, by Nox, too, and has failed."""
    project = make_project(RETRIED)
    tries = project.root / ".git" / "tries"
    run = watch(project, "never")
    assert run.status == 1
    (ended,) = run.of("job-finished")
    assert (ended["outcome"]["result"], ended["outcome"]["attempts"]) == ("failed", 3)
    assert tries.read_text(encoding="utf-8") == "once more\n" * 3
    assert project.nox("-s", "never").returncode == 1
    assert tries.read_text(encoding="utf-8") == "once more\n" * 6


def test_what_an_attempt_has_mended_is_no_pass_of_the_next(make_project: MakeProject) -> None:
    """A gate that changes tracked files and fails has not passed when it then finds them well."""
    mends = gate(
        "mends", "grep -q well file.txt || { echo well > file.txt; exit 1; }", "retries = 2"
    )
    project = make_project({**gates(mends), "file.txt": "ill\n"})
    changed = "tracked files changed while it ran: file.txt"
    assert watch(project).outcomes == {"mends": ("failed", changed)}


def test_needs_of_jobs_that_did_not_pass(make_project: MakeProject) -> None:
    """What needs a job that failed, could not look or was left to CI does not run, and says why."""
    noxfile = (
        "import pushgate\nfrom pushgate.model.outcome import JobDeferred, JobUnavailable\n\n"
        "@pushgate.gate(environment=False)\n"
        "def deferred(gate): raise JobDeferred('deferred to CI: no network')\n\n"
        "@pushgate.gate(environment=False)\n"
        "def blind(gate): raise JobUnavailable('no network')\n\n"
    )
    tables = [
        gate(f"of-{need}", "touch .git/ran", f'needs = ["{need}"]')
        for need in ("bad", "blind", "deferred", "of-deferred")
    ]
    project = make_project(
        {**gates(gate("bad", "exit 1"), *tables), "noxfile.py": noxfile + NOXFILE.split("\n\n")[1]}
    )
    run = watch(project)
    assert run.outcomes == {
        "bad": ("failed", "`sh -c 'exit 1'` ended with 1"),
        "blind": ("unavailable", "no network"),
        "deferred": ("skipped", "deferred to CI: no network"),
        "of-bad": ("aborted", "it needs bad, which failed"),
        "of-blind": ("aborted", "it needs blind, which could not look"),
        "of-deferred": ("aborted", "it needs deferred, which is left to CI"),
        "of-of-deferred": ("aborted", "it needs of-deferred, which did not run to its end"),
    }
    assert not (project.root / ".git" / "ran").exists()
    assert run.status == 1
    # Nothing has failed, but not all of it was looked at: that is no pass.
    assert watch(project, "of-deferred").status == 3
    assert watch(project, "deferred").status == 0


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("kill -9 $PPID", "nox was ended by SIGKILL (see its output)"),
        (
            "rm -r .pushgate/out/gone; touch .pushgate/out/gone",
            "it left no outcome (see its output)",
        ),
    ],
)
def test_a_job_that_cannot_tell_how_it_ended(
    make_project: MakeProject, command: str, reason: str
) -> None:
    """A job whose process was killed, or that cannot write its outcome, did not look."""
    project = make_project(gates(gate("gone", command)))
    run = watch(project)
    assert (run.outcomes, run.status) == ({"gone": ("unavailable", reason)}, 3)
