"""A job's commands find what the same commands find that are started by hand."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from typing import Any, Final

import pytest

from conftest import Project

MakeProject = Callable[..., Project]

LOOK: Final = """import json
import os
import sys
from pathlib import Path

status = dict(
    line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
)


def files(process):
    told = {}
    for path in Path(f"/proc/{process}/fd").iterdir():
        try:
            told[path.name] = os.readlink(path)
        except FileNotFoundError:
            pass  # what this very loop had open
    return told


mine = files("self")
looked = {
    "signals": {name: status[name] for name in ("SigBlk", "SigIgn", "SigCgt")},
    "files": mine,
    "above": files(os.getppid()),
}
Path(sys.argv[1]).write_text(json.dumps(looked))
"""

GATES: Final = """
[tool.pushgate]
python = ["@PYTHON@"]
[tool.pushgate.gates]
look = { run = ["@LOOK@ .git/look"], environment = false }
beside = { run = ["sleep 1"], environment = false }
no = { run = ["false"], environment = false }
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project with a gate that looks at its own process."""
    gates = GATES.replace("@LOOK@", shlex.join([sys.executable, "-ES", "look.py"]))
    return make_project({"pyproject.toml": gates, "look.py": LOOK})


def _looked(project: Project) -> dict[str, Any]:
    looked: dict[str, Any] = json.loads((project.root / ".git" / "look").read_text("utf-8"))
    return looked


@pytest.mark.parametrize("before", [":", "trap '' INT QUIT CHLD PIPE"])
def test_signals_are_as_a_plain_shell_leaves_them(project: Project, before: str) -> None:
    """No signal is blocked or ignored for a command, however the run was started."""
    by_hand = project.run(sys.executable, "-ES", "look.py", ".git/look")
    assert by_hand.returncode == 0, by_hand.stdout
    expected = _looked(project)["signals"]
    run = (sys.executable, "-m", "pushgate", "run", "look")
    answer = project.run("sh", "-c", f'{before}; exec "$@"', "sh", *run)
    assert answer.returncode == 0, answer.stdout
    assert _looked(project)["signals"] == expected


def test_no_file_of_the_run_is_open_in_a_job(project: Project) -> None:
    """A job has its own log and nothing else: no socket, no lock, no log of another job."""
    answer = project.pushgate("run", "-j", "2", "beside", "look")
    assert answer.returncode == 0, answer.stdout
    looked = _looked(project)
    own = {"0": "/dev/null", "1": looked["files"]["1"], "2": looked["files"]["1"]}
    assert re.fullmatch(r".*/runs/[^/]+/look\.log", own["1"])
    assert {name: file for name, file in looked["files"].items() if "/proc/" not in file} == own
    assert looked["above"] == own


@pytest.mark.parametrize("tool", [("pushgate", "run"), ("nox", "-s")])
def test_ignored_children_make_nothing_pass(project: Project, tool: tuple[str, str]) -> None:
    """Who starts it with SIGCHLD ignored is told of a failure all the same."""
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    answer = project.run(sys.executable, "-c", ignoring, "-m", *tool, "no")
    assert answer.returncode == 1, answer.stdout
    assert "`false` ended with 1" in answer.stdout
