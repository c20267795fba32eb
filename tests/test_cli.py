"""The command line: what it prints, where it works, and how it ends."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Final

import pytest

from conftest import NOXFILE, Project
from pushgate import cli

OWN: Final = """
[tool.pushgate]
python = ["@PYTHON@", "3.99"]
default-python = "3.99"
[tool.pushgate.gates]
good = { run = ["echo said"], environment = false }
bad = { run = ["echo said", "sh -c 'exit 7'", "echo never"], environment = false }
blind.run = ["echo never"]
waiting = { run = ["echo never"], environment = false, needs = ["bad"] }
"""
"""Gates that pass, fail, cannot look (nobody has a Python 3.99), and are cancelled."""

GOOD: Final = """
[tool.pushgate]
branches = ["dev", "main"]
python = ["@PYTHON@"]
[tool.pushgate.gates]
good = { run = ["echo said"], environment = false }
"""

Capture = pytest.CaptureFixture[str]
MakeProject = Callable[..., Project]


@pytest.fixture
def project(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with gates of its own only; it is the current folder."""
    project = make_project({"pyproject.toml": OWN})
    monkeypatch.chdir(project.root)
    return project


def _usage_error(capsys: Capture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    output, error = capsys.readouterr()
    assert (end.value.code, output) == (2, "")
    *usage, message = error.splitlines()
    assert usage[0].startswith("usage: pushgate")
    return message


@pytest.mark.parametrize(
    ("jobs", "code", "told"),
    [
        (["good", "-j", "auto"], 0, "all selected jobs passed (1 job "),
        (["bad"], 1, "bad  failed   N s   `sh -c 'exit 7'` ended with 7\n"),
        (
            ["blind", "good"],
            3,
            "blind  unavailable  N s   no Python 3.99 here: looked for python3.99",
        ),
        (
            ["waiting", "blind"],
            1,
            "waiting  aborted          it needs bad, which failed\n",
        ),
        (["nothing"], 2, ""),
    ],
)
def test_how_a_run_ends(
    project: Project, capfd: Capture, jobs: list[str], code: int, told: str
) -> None:
    """The status is 0, 1, 2 or 3; a line names the cause; what did not pass can be repeated."""
    assert cli.main(["run", *jobs]) == code
    output = re.sub(r"\d+\.\d s", "N s", capfd.readouterr().out)
    assert told in output
    assert "never\n" not in output
    assert ("again: nox -s" in output) is (code in {1, 3})
    assert project.git("status", "--porcelain") == ""


def test_alone_it_runs_everything(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    """`pushgate` alone is `pushgate run`: all that a pull request to the main branch selects."""
    more = """
merged = { run = ["true"], environment = false, on = ["pull_request:dev"] }
released = { run = ["false"], environment = false, on = ["tag"] }
"""
    project = make_project({"pyproject.toml": GOOD + more})
    monkeypatch.chdir(project.root)
    assert cli.main([]) == 0
    first, *ends, blank, verdict = capfd.readouterr().out.splitlines()
    assert first == "2 jobs for pull_request:dev on the files as they are"
    passed = [["good", "passed"], ["merged", "passed"]]
    assert sorted(line.split()[:2] for line in ends) == passed
    assert (blank, verdict[:32]) == ("", "all selected jobs passed (2 jobs")


def test_a_run_for_a_program(project: Project, capfd: Capture) -> None:
    """With --json, standard output is an event a line and nothing else, the same as is kept."""
    project.write({"noxfile.py": "print('loud')\n" + NOXFILE})
    assert cli.main(["run", "--json", "-j", "2", "good", "bad"]) == 1
    output, error = capfd.readouterr()
    assert error == "loud\n"
    events = [json.loads(line) for line in output.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["run-started", "run-finished"]
    assert (events[-1]["exit_code"], events[-1]["failed_first"]) == (1, "bad")
    ended = [event for event in events if event["type"] == "job-finished"]
    assert all(event["outcome"].pop("seconds") > 0 for event in ended)
    failed = "`sh -c 'exit 7'` ended with 7"
    ran = {"attempts": 1, "from_record": False}
    assert sorted((event["outcome"] for event in ended), key=itemgetter("job")) == [
        {"job": "bad", "result": "failed", "reason": failed, **ran},
        {"job": "good", "result": "passed", "reason": "", **ran},
    ]
    for event in ended:
        said = Path(event["log"]).read_text(encoding="utf-8").splitlines()
        assert {"loud", "said"} <= set(said)
    assert (Path(events[0]["logs"]) / "events.ndjson").read_text(encoding="utf-8") == output


def test_a_plan_for_people_and_programs(project: Project, capsys: Capture) -> None:
    """The plan is a table, JSON alone on standard output, or a flowchart, of one and the same."""
    project.write({"noxfile.py": "print('loud')\n" + NOXFILE})
    assert cli.main(["plan", "waiting"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("2 of 4 jobs for pull_request:main\n")
    assert re.search(r"^good +out: not asked for$", table, re.MULTILINE)
    assert cli.main(["plan", "--json", "--event", "push:main"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["event"] == "push:main"
    assert [job["name"] for job in content["jobs"]] == ["good", "bad", "blind", "waiting"]
    assert {gate["gate"] for gate in content["off"]} >= {"lint", "audit", "imports"}
    assert cli.main(["plan", "--mermaid", "--all"]) == 0
    flowchart = capsys.readouterr().out.splitlines()
    assert (flowchart[0], len(flowchart)) == ("flowchart LR", 6)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("rnu", "pushgate: error: argument COMMAND: invalid choice: 'rnu'"),
        ("--jsn", "pushgate: error: unrecognized arguments: --jsn; jobs, gates and options come"),
        ("-x", "pushgate: error: unrecognized arguments: -x; jobs, gates and options come after "),
        ("run --comit HEAD", "pushgate run: error: unrecognized arguments: --comit"),
        (
            "run --event merge",
            "argument --event: 'merge' is no event: expected push, push:BRANCH, ",
        ),
        ("run --all --event push", "argument --event: not allowed with argument --all"),
        ("run -j 0", "argument -j/--parallel: '0': expected a whole number of at least 1, or auto"),
        ("run -j two", "argument -j/--parallel: 'two': expected a whole number of at least 1, or"),
        ("plan --json --mermaid", "argument --mermaid: not allowed with argument --json"),
        ("plan --event", "argument --event: expected one argument"),
        ("durations test", "pushgate durations: error: unrecognized arguments: test"),
    ],
)
def test_wrong_usage(capsys: Capture, arguments: str, told: str) -> None:
    """Wrong usage ends with 2 and one line that tells the argument and what was expected."""
    assert told in _usage_error(capsys, *arguments.split())


@pytest.mark.parametrize("command", ["run", "plan", "durations", "doctor"])
def test_help_has_an_example(capsys: Capture, command: str) -> None:
    """Every command explains itself with an example of itself."""
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    output = capsys.readouterr().out
    assert end.value.code == 0
    assert re.search(rf"^example: .*pushgate {command}\b", output, re.MULTILINE)


def test_help_and_version(capsys: Capture) -> None:
    """The help names every command and every exit status; the version is the installed one."""
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    output = " ".join(capsys.readouterr().out.split())
    for told in ("run run the gates", "plan show", "durations merge", "doctor show", "130 interr"):
        assert told in output
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"pushgate {importlib.metadata.version('pushgate')}\n"


@pytest.mark.parametrize(
    ("files", "arguments", "told"),
    [
        ({"pyproject.toml": "[tool.pushgate"}, "plan", r"pyproject\.toml: Expected .*end of.*"),
        ({"noxfile.py": "1 / 0\n"}, "plan", r"noxfile\.py cannot be read: ZeroDivisionError: .*"),
        (
            {"noxfile.py": "import pushgate\nif\n"},
            "run",
            r"noxfile\.py cannot be read: SyntaxError: .*line 2\)",
        ),
        (
            {"noxfile.py": "import sys\nsys.exit(0)\n"},
            "run good",
            r"noxfile\.py cannot be read: SystemExit: 0",
        ),
        (
            {"noxfile.py": "import pushgate\npushgate.gate(on=['x'])(print)\n"},
            "doctor",
            r"noxfile\.py: gate 'print': on: 'x' is no event: expected push, .*",
        ),
        ({}, "durations", r"no test job has left measurements: run `nox -t test` first"),
    ],
)
def test_a_project_that_cannot_be_used(
    project: Project, capsys: Capture, files: Mapping[str, str], arguments: str, told: str
) -> None:
    """A broken project ends every command with 2 and one line that names the file and the cause."""
    project.write(files)
    assert cli.main(arguments.split()) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert re.fullmatch(f"pushgate: {told}\n", error)


@pytest.mark.parametrize("command", [["run", "good"], ["workflow"], ["workflow", "--check"]])
def test_a_noxfile_that_registers_nothing(
    project: Project, capsys: Capture, command: list[str]
) -> None:
    """Where Nox knows no session of a gate, neither a run nor CI could call it."""
    project.write({"noxfile.py": "import pushgate\n"})
    assert cli.main(command) == 2
    assert capsys.readouterr().err == (
        f"pushgate: noxfile.py in {project.root} registers no gates: it needs `import pushgate` "
        "and, as its last line, `pushgate.register()` (`pushgate init`)\n"
    )


def test_a_damaged_repository(project: Project, capsys: Capture) -> None:
    """What git says about a damaged repository is told, with the command that failed."""
    (project.root / ".git" / "index").write_bytes(b"damaged")
    assert cli.main(["plan"]) == 2
    assert re.match(r"pushgate: `git ls-files .*` ended with 128: .*index", capsys.readouterr().err)


def test_outside_of_a_project(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Without a noxfile, a pyproject.toml or a git repository, each is told as what is missing."""
    (project.root / "noxfile.py").unlink()
    assert cli.main(["plan"]) == 0
    assert cli.main(["run"]) == 2
    (project.root / "pyproject.toml").unlink()
    assert cli.main(["run"]) == 2
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run"]) == 2
    told = capsys.readouterr().err.removeprefix("pushgate: ").split("\npushgate: ")
    noxfile, pyproject, repository = told
    assert noxfile.startswith(
        f"no noxfile.py in {project.root}: `pushgate init` writes one, with `import pushgate`"
    )
    assert pyproject.startswith(f"{project.root}: no pyproject.toml here or above")
    assert re.search(r"not a git repository.*: Pushgate asks git which files", repository)


def test_a_project_without_any_gate(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Where no gate is on, a run is no pass: it ends with 2 and tells why each gate is off."""
    project = make_project({"pyproject.toml": "[tool.pushgate]\npython = ['@PYTHON@']\n"})
    monkeypatch.chdir(project.root)
    assert cli.main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "pushgate: no gate is on: there is nothing to run"
    assert "pushgate: gate imports is off: no contract of import-linter" in lines
    assert len(lines) == 11


@pytest.mark.parametrize("name", ['it\'s "my" 🚀 project', "[bold] {x} `y` 100% \\"])
def test_a_folder_with_any_name(make_project: MakeProject, name: str) -> None:
    """From a subfolder of a project in a folder of any name, a noxfile reads and runs as by Nox."""
    noxfile = "import nox\nnox.project.load_toml('pyproject.toml')\n" + NOXFILE
    files = {"pyproject.toml": GOOD, "noxfile.py": noxfile, "a folder/x.txt": ""}
    project = make_project(files, name=name)
    answer = project.pushgate("run", "good", cwd=project.root / "a folder")
    assert answer.returncode == 0, answer.stdout
    assert "\nall selected jobs passed (1 job in" in answer.stdout
    assert project.outcome("good")["result"] == "passed"
    (project.root / "noxfile.py").unlink()
    missing = project.pushgate("run", cwd=project.root / "a folder")
    assert (missing.returncode, f"no noxfile.py in {project.root}: " in missing.stdout) == (2, True)
