"""The gates as Nox sessions, with the real Nox."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from carrying_out import suite
from conftest import PYTHON, Project

MakeProject = Callable[..., Project]

SESSION: Final = f"test-{PYTHON}"
FIRST, SECOND = f"{SESSION}(1of2)", f"{SESSION}(2of2)"

PIDS: Final = """import os
from pathlib import Path

import pytest
from signs import sign


@pytest.mark.parametrize("number", [-2, -1, 1, 2])
def test_sign(number):
    assert sign(number) in "+-"
    Path(os.environ["PIDS"], str(os.getpid())).touch()
"""

ONLY_OWN: Final = """[tool.pushgate]
python = ["@PYTHON@"]

[tool.pushgate.gates]
lint.enabled = false
types.enabled = false
test.enabled = false
security.enabled = false
"""
"""A project with none but its own gates."""

OWN_GATES: Final = """import nox
import pushgate


@pushgate.gate(environment=False)
def first(gate):
    \"\"\"Leave something.

    More words.
    \"\"\"
    (gate.outputs / "left").write_text("here")
    gate.run("test", "-f", str(gate.outputs / "left"))


@pushgate.gate(needs=["first"], environment=False, name="second")
def other(gate):
    gate.run("test", "-f", ".pushgate/out/first/left")


@nox.session(venv_backend="none")
def docs(session):
    \"\"\"Build the docs.\"\"\"
    session.run("touch", "built", external=True)


pushgate.register()
"""

ADOPTED: Final = ONLY_OWN + 'docs.session = "docs"\n'


def _listed(output: str) -> dict[str, str]:
    """Read `nox -l`: what is selected, or not, and its description."""
    lines = [
        re.fullmatch(r"([*-] \S+(?: \[\w+\])?)(?: -> (.*))?", line) for line in output.splitlines()
    ]
    return {line[1]: line[2] for line in lines if line}


def test_the_list_of_sessions(make_project: MakeProject) -> None:
    """`nox -l` lists a session for each gate and Python, described, and no shard."""
    files = suite(shards=4)
    files["pyproject.toml"] = files["pyproject.toml"].replace('"@PYTHON@"', '"3.98", "3.99"')
    project = make_project(files | {"noxfile.py": OWN_GATES})
    expected = {
        "* lint": "ruff: format and rules",
        "* types": "mypy: static types",
        "* test-3.98 [test]": "pytest on Python 3.98",
        "* test-3.99 [test]": "pytest on Python 3.99",
        "- test": "Run it on every Python.",
        "* coverage": "coverage of all test jobs, and the proof of their shards",
        "* security": "bandit: dangerous patterns, medium severity and above",
        "* audit": "pip-audit: vulnerabilities of all dependencies",
        "* first": "Leave something.",
        "* second": "the project's own gate second",
        "* docs": "Build the docs.",
    }
    assert _listed(project.nox("-l").stdout) == expected
    tagged = {
        f"{'*' if 'test-' in name else '-'}{name[1:]}": text for name, text in expected.items()
    }
    assert _listed(project.nox("-l", "-t", "test").stdout) == tagged


def test_coverage_runs_every_shard_in_a_process_of_its_own(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """`nox -s coverage` runs what it needs: all shards, each as CI does, proven to be complete."""
    project = make_project(suite(shards=2, tests=PIDS))
    pids = tmp_path / "pids"
    pids.mkdir()
    answer = project.nox("-s", "coverage", env={"PIDS": str(pids)})
    assert answer.returncode == 0, answer.stdout
    assert "proven: the 2 shards together ran every test exactly once" in answer.stdout
    assert len(list(pids.iterdir())) == 2
    for job in (FIRST, SECOND, "coverage"):
        outcome = project.outcome(job)
        assert (outcome["job"], outcome["result"]) == (job, "passed")
    accounts = [_account(project, job) for job in (FIRST, SECOND)]
    assert sorted(len(account["kept"]) for account in accounts) == [2, 2]
    assert project.git("status", "--porcelain") == ""


def _account(project: Project, job: str) -> Mapping[str, list[str]]:
    content = (project.outputs(job) / "collected.json").read_text(encoding="utf-8")
    account: dict[str, list[str]] = json.loads(content)
    return account


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_one_shard_and_looks_at_the_rest(make_project: MakeProject) -> None:
    """One shard is one job of CI; other arguments are a look at all tests that keeps nothing."""
    project = make_project(suite(shards=2))
    answer = project.nox("-s", SESSION, "--", "--shard", "2/2")
    assert answer.returncode == 0, answer.stdout
    assert "1 passed, 1 deselected" in answer.stdout
    outputs = project.root / ".pushgate" / "out"
    assert [folder.name for folder in outputs.iterdir()] == [SECOND]
    assert project.outcome(SECOND)["result"] == "passed"
    before = _contents(outputs)
    look = project.nox("-s", SESSION, "--", "-k", "minus or plus")
    assert look.returncode == 0
    assert "with arguments: a look, not the gate; its outcome is not kept" in look.stdout
    assert "2 passed" in look.stdout
    failed = project.nox("-s", SESSION, "--", "-k", "nothing")
    assert failed.returncode == 1
    assert re.search(r"aborted: failed: `.*pytest -k nothing` ended with 5", failed.stdout)
    assert _contents(outputs) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shard", "3/2"], "--shard 3/2 is no shard: expected K/N with 1 <= K <= N, such as 2/4"),
        (["--shard", "x"], "--shard x is no shard: expected K/N with 1 <= K <= N, such as 2/4"),
        (["--shard=1/9"], "--shard 1/9: the definition has 2 shards"),
        (["--shard"], "argument --shard: expected one argument"),
    ],
    ids=["too-large", "no-number", "other-count", "nothing"],
)
def test_a_shard_that_is_none(make_project: MakeProject, arguments: list[str], told: str) -> None:
    """A shard that is none is told in one message; nothing runs."""
    project = make_project(suite(shards=2))
    answer = project.nox("-s", SESSION, "--", *arguments)
    assert answer.returncode == 1
    running, aborted = answer.stdout.splitlines()
    assert running == f"nox > Running session {SESSION}"
    assert aborted.startswith(f"nox > Session {SESSION} aborted: {told}")
    assert not (project.root / ".pushgate").exists()


@pytest.mark.parametrize("session", [SESSION, "lint"])
def test_a_forced_python_is_refused(make_project: MakeProject, session: str) -> None:
    """Another Python than the definition's is not run under a session's name."""
    answer = make_project(suite()).nox("--force-python", "3.99", "-s", session)
    assert answer.returncode == 1
    assert "Python 3.99 was asked for, but `python` and `default-python` of" in answer.stdout


@pytest.mark.parametrize("selection", [("-s", "test"), ("-t", "test")])
def test_every_python_at_once(make_project: MakeProject, selection: tuple[str, str]) -> None:
    """By name and by tag a gate runs on every Python; a reason of all shards is told once."""
    files = suite(shards=2)
    files["pyproject.toml"] = files["pyproject.toml"].replace('"@PYTHON@"', '"3.98", "3.99"')
    project = make_project(files)
    answer = project.nox(*selection)
    assert answer.returncode == 1
    for version in ("3.98", "3.99"):
        jobs = [f"test-{version}({index}of2)" for index in (1, 2)]
        assert f"aborted: {', '.join(jobs)} unavailable: no Python {version} here" in answer.stdout
        assert [project.outcome(job)["result"] for job in jobs] == ["unavailable"] * 2


def test_every_python_passes(make_project: MakeProject, other_python: str) -> None:
    """`nox -s test` is green where each Python ran its tests on itself."""
    itself = "import sys\n\n\ndef test_it():\n    print('runs on', *sys.version_info[:2])\n"
    files = suite(tests=itself, more='[tool.pytest.ini_options]\naddopts = "-s"\n')
    files["pyproject.toml"] = files["pyproject.toml"].replace(
        '"@PYTHON@"', f'"@PYTHON@", "{other_python}"'
    )
    answer = make_project(files).nox("-s", "test")
    assert answer.returncode == 0, answer.stdout
    for version in (PYTHON, other_python):
        assert f"runs on {version.replace('.', ' ')}" in answer.stdout


@pytest.mark.parametrize("arguments", [(), ("-j", "2"), ("-s", "second")])
def test_own_gates(make_project: MakeProject, arguments: tuple[str, ...]) -> None:
    """A gate finds what its need left, one by one, side by side, or asked for alone."""
    project = make_project({"pyproject.toml": ADOPTED, "noxfile.py": OWN_GATES})
    answer = project.nox(*arguments)
    assert answer.returncode == 0, answer.stdout
    assert "sequentially" not in answer.stdout
    assert [project.outcome(job)["result"] for job in ("first", "second")] == ["passed"] * 2
    assert (project.root / "built").exists() is ("second" not in arguments)
