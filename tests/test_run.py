"""A run: how each of its Nox calls is judged, and what the test jobs measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import pytest

from conftest import NOXFILE, PYTHON, Project
from pushgate import cli

ADOPTED: Final = {
    "pyproject.toml": """
[tool.pushgate]
python = ["@PYTHON@"]
[tool.pushgate.gates]
no = { run = ["false"], environment = false }
good = { session = "fine" }
wrong = { session = "wrong" }
raising = { session = "raising" }
idle = { session = "idle" }
late = { session = "late" }
parts = { session = "parts" }
""",
    "noxfile.py": """import nox
import pushgate

nox.options.default_venv_backend = "none"
pushgate.register()

@nox.session
def fine(session): print("fine")

@nox.session
def wrong(session): session.error("two links are broken")

@nox.session
def raising(session): session.run("false", external=True)

@nox.session
def idle(session): session.skip("no docker here")

@nox.session
@nox.parametrize("part", [1, 2, 3])
def parts(session, part):
    if part == 2: session.error("part 2 is wrong")

@nox.session(requires=["wrong"])
def late(session): print("never")
""",
}

SUITE: Final = {
    "pyproject.toml": "[tool.pushgate]\npython = ['@PYTHON@']\ngates.test.shards = 2\n",
    "demo.py": "def one(): return 1\n",
    "tests/test_a.py": "from demo import one\n\ndef test_a(): assert one() == 1\n",
    "tests/test_b.py": "from demo import one\n\ndef test_b(): assert one() == 1\n",
    ".test_durations": '{"tests/test_a.py::test_a": 3, "tests/test_gone.py::test_gone": 1}',
}

ONE_GATE: Final = """
[tool.pushgate]
python = ["@PYTHON@"]
gates.yes = { run = ["true"], environment = false }
"""

MakeProject = Callable[..., Project]


def _outcomes(project: Project, *arguments: str) -> dict[str, tuple[str, str]]:
    """Run jobs, and tell by name how they ended and why."""
    answer = project.pushgate("run", "--json", *arguments)
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    outcomes = [event["outcome"] for event in events if event["type"] == "job-finished"]
    results = {outcome["job"]: (outcome["result"], outcome["reason"]) for outcome in outcomes}
    assert len(results) == len(outcomes)
    told = {result for result, _ in results.values()}
    expected = 1 if "failed" in told else 3 if told & {"aborted", "unavailable"} else 0
    assert (answer.returncode, events[-1]["exit_code"]) == (expected, expected)
    return results


def test_a_session_of_the_project_is_judged_as_a_gate(make_project: MakeProject) -> None:
    """An own session fails by error, command or one of its parts; to skip itself is no pass."""
    project = make_project(ADOPTED)
    assert _outcomes(project, "good", "wrong", "raising", "idle", "late", "parts") == {
        "good": ("passed", ""),
        "wrong": ("failed", "two links are broken"),
        "raising": ("failed", "the session failed (see its output)"),
        "idle": ("unavailable", "the session skipped itself: no docker here"),
        "late": ("aborted", "Prerequisite session wrong was not successful"),
        "parts": ("failed", "part 2 is wrong"),
    }


def test_the_choices_of_nox_change_no_run(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a noxfile and the shell choose for Nox neither leaves a job out nor adds a process."""
    monkeypatch.setenv("NOXSESSION", "wrong")
    monkeypatch.setenv("NOX_PARALLEL", "auto")
    choices = "import nox\nnox.options.sessions = ['idle']\nnox.options.parallel = 3\n"
    project = make_project({**ADOPTED, "noxfile.py": choices + ADOPTED["noxfile.py"]})
    assert _outcomes(project, "-j", "1", "no", "good") == {
        "no": ("failed", "`false` ended with 1"),
        "good": ("passed", ""),
    }
    logs = {log.stem: log.read_text() for log in project.root.glob(".git/pushgate/runs/*/*.log")}
    assert logs["good"].splitlines() == [
        "nox > Running session fine",
        "fine",
        "nox > Session fine was successful.",
    ]


def test_parts_that_nox_leaves_out(make_project: MakeProject) -> None:
    """Where Nox stops after a part of a session that failed, the whole has failed."""
    noxfile = "import nox\nnox.options.stop_on_first_error = True\n" + ADOPTED["noxfile.py"]
    project = make_project({**ADOPTED, "noxfile.py": noxfile})
    assert _outcomes(project, "parts") == {"parts": ("failed", "part 2 is wrong")}


def test_a_gate_that_another_session_replaces_did_not_look(make_project: MakeProject) -> None:
    """Where Nox ran another session of that name, neither its success nor an old pass counts."""
    project = make_project({"pyproject.toml": ONE_GATE})
    assert project.nox("-s", "yes").returncode == 0
    assert project.outcome("yes")["result"] == "passed"
    other = "import nox\n@nox.session(venv_backend='none')\ndef yes(session): print('another')\n"
    project.write({"noxfile.py": f"{NOXFILE}{other}"})
    reason = "it left no outcome: is there another session 'yes' in noxfile.py?"
    assert _outcomes(project, "yes") == {"yes": ("unavailable", reason)}


def test_a_job_that_could_not_start_did_not_look(make_project: MakeProject) -> None:
    """Where the noxfile breaks only when Nox reads it, or ends Nox with 0, no job passes."""
    project = make_project({"pyproject.toml": ONE_GATE})
    in_nox = "import sys\nassert '--report' not in sys.argv, 'read by Nox'\n"
    project.write({"noxfile.py": in_nox + NOXFILE})
    reason = "nox ended with 1 before it ran the session (see its output)"
    assert _outcomes(project, "yes") == {"yes": ("unavailable", reason)}
    answer = project.pushgate("run", "yes")
    assert answer.returncode == 3
    assert "AssertionError: read by Nox\n" in answer.stdout
    ends_nox = "import sys\nif '--report' in sys.argv: sys.exit(0)\n"
    project.write({"noxfile.py": ends_nox + NOXFILE})
    assert _outcomes(project, "yes") == {"yes": ("unavailable", reason.replace("1", "0"))}


def test_what_the_tests_measured_is_merged(
    make_project: MakeProject,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A lone shard runs alone; `durations` merges what there is, and names what there is not."""
    project = make_project(SUITE)
    monkeypatch.chdir(project.root)
    session, file = f"test-{PYTHON}", project.root / ".test_durations"
    assert cli.main(["run", f"{session}(1of2)"]) == 0
    assert "all selected jobs passed (1 job in" in capfd.readouterr().out
    assert not project.outputs(f"{session}(2of2)").exists()
    assert cli.main(["durations"]) == 0
    told = capfd.readouterr().out.splitlines()
    assert told[0] == ".test_durations: 1 tests from 1 jobs (0 new, 1 gone)"
    assert told[1].startswith(f"no measurements of {session}(2of2): tests that only they run are")
    assert json.loads(file.read_text(encoding="utf-8")).keys() == {"tests/test_a.py::test_a"}

    file.write_text("damaged", encoding="utf-8")
    assert cli.main(["durations"]) == 0
    assert capfd.readouterr().out.startswith(".test_durations: 1 tests from 1 jobs (1 new, 0 gone)")
    assert cli.main(["run", "test"]) == 0
    assert "all selected jobs passed (2 jobs in" in capfd.readouterr().out
    assert cli.main(["durations"]) == 0
    merged, split = capfd.readouterr().out.splitlines()[:2]
    assert merged == ".test_durations: 2 tests from 2 jobs (1 new, 0 gone)"
    assert split.startswith("the next split into 2: ")


def test_nothing_was_measured(
    make_project: MakeProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the test jobs ran nothing, the file stays as it is and the status is 2."""
    project = make_project(SUITE)
    monkeypatch.chdir(project.root)
    empty = {"collected.json": '{"collected": [], "kept": []}', "durations.json": "{}"}
    outputs = project.outputs(f"test-{PYTHON}(1of2)")
    project.write({str(outputs / name): content for name, content in empty.items()})
    before = (project.root / ".test_durations").read_text(encoding="utf-8")
    assert cli.main(["durations"]) == 2
    error = capsys.readouterr().err
    assert error == "pushgate: the test jobs ran no test: there is nothing to measure\n"
    assert (project.root / ".test_durations").read_text(encoding="utf-8") == before
