"""A project's own names in a workflow of GitHub: nothing of them is an expression or a command."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import NOXFILE, Project
from github_expressions import interpolated
from pushgate.config.yaml_text import parsed
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.providers import github_names, pipeline, workflow

MakeProject = Callable[..., Project]

BASE: Final = "[tool.pushgate]\npython = ['3.12']\n"


def _rendered(root: Path) -> str:
    (file,) = workflow.planned(of_project(root), [])
    return file.after


def _workflow(make_project: MakeProject, more: str) -> dict[str, Any]:
    root = make_project({"pyproject.toml": BASE + more}).root
    return parsed(_rendered(root), "the file")


def _problems(make_project: MakeProject, more: str) -> tuple[str, ...]:
    root = make_project({"pyproject.toml": BASE + more}).root
    with pytest.raises(ConfigurationError) as error:
        _rendered(root)
    return error.value.problems


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # what JSON escapes, TOML escapes alike


@pytest.mark.parametrize(
    "session",
    [
        "it's",
        'a "quoted" one',
        "a; touch pwned",
        "$(touch pwned)",
        "`touch pwned` && exit",
        "${{ github.token }}",
        "'${{ github.token }}'",
        "a\\b",
        "🎉 party: #1",
        "- [x]: {y} & *z | >",
        "!!python/object",
        "-- --version",
    ],
)
def test_a_session_is_one_word(session: str, make_project: MakeProject, tmp_path: Path) -> None:
    """A shell reads the very name, whatever is in it; GitHub finds no expression in the line."""
    content = _workflow(make_project, f"gates.own.session = {_quoted(session)}\n")
    (command,) = [
        step["run"] for step in content["jobs"]["own"]["steps"] if " -s " in step.get("run", "")
    ]
    assert "${{" not in command
    assert command.startswith("uv run ")
    shown = subprocess.run(
        ["bash", "-e", "-c", f"uv() {{ printf '%s\\0' \"$@\"; }}; {command}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert shown.split("\0")[-4:] == ["--no-dependencies", "-s", session, ""]
    assert list(tmp_path.iterdir()) == [tmp_path / "project"]


@pytest.mark.parametrize("session", ["two\nlines", "a\tb", "\x1b[31m", "a\u202eb"])
def test_a_session_with_control_characters_is_refused(
    session: str, make_project: MakeProject
) -> None:
    """A name that cannot be seen as it is is refused, in one line."""
    assert _problems(make_project, f"gates.own.session = {_quoted(session)}\n") == (
        (
            f"tool.pushgate.gates.own.session: GitHub cannot carry {session!r}: rename it, without "
            "control characters"
        ),
    )


@pytest.mark.parametrize(
    "branch", ["it's", "c++", "!important", "a]b", "🎉", 'a"b', "a$(b)", "a#b", "x && y || z"]
)
def test_a_branch_is_a_literal(branch: str, make_project: MakeProject) -> None:
    """Filters have the very branch, and conditions a literal, in which a quote is doubled."""
    content = _workflow(
        make_project,
        f"branches = [{_quoted(branch)}]\n"
        f"gates.own = {{ run = ['true'], on = [{_quoted('push:' + branch)}] }}\n",
    )
    (pushes,) = content["on"]["push"]["branches"]
    assert pushes.replace("\\", "") == branch
    literal = branch.replace("'", "''")
    assert content["jobs"]["own"]["if"] == f"github.ref == 'refs/heads/{literal}'"


@pytest.mark.parametrize("branch", ["a${{ github.token }}", "two\nlines", "a\x00b"])
@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("branches of [tool.pushgate]", "branches = [{}]\n"),
        ("on = 'push:…' of a gate", "gates.own = {{ run = ['true'], on = ['push', {}] }}\n"),
        (
            "on = 'pull_request:…' of a gate",
            "gates.own = {{ run = ['true'], on = ['pull_request:x', {}] }}\n",
        ),
    ],
)
def test_a_branch_that_would_be_an_expression_is_refused(
    branch: str, key: str, table: str, make_project: MakeProject
) -> None:
    """A branch with an expression or a control character in its name is refused."""
    kind = "push:" if "push:" in key else "pull_request:" if "pull" in key else ""
    problems = _problems(make_project, table.format(_quoted(kind + branch)))
    expected = f"{key}: GitHub cannot carry {branch!r}: name a branch without ${{{{"
    assert [line for line in problems if line.startswith(expected)] == list(problems)


def test_patterns_of_branches() -> None:
    """What stands for anything does so in GitHub's filters, too."""
    patterns = ["main", "rel/*", "*-x", "a**b"]
    assert github_names.filters(patterns) == ["main", "rel/**", "**-x", "a**b"]
    assert github_names.filters(["main", "*"]) == ["**"]


@pytest.mark.parametrize("pattern", ["v[0-9]", "v?"])
def test_a_pattern_that_filters_lack_is_refused(pattern: str, make_project: MakeProject) -> None:
    """A pattern that GitHub's filters cannot say is refused, with what to do."""
    own = f"gates.own = {{ run = ['true'], on = ['push:{pattern}'] }}\n"
    expected = (
        f"on = 'push:…' of a gate: GitHub cannot carry {pattern!r}: its filters know no ? and [: "
        "use * instead"
    )
    assert _problems(make_project, own) == (expected,)


def _in_folder(make_project: MakeProject, folder: str) -> Path:
    files = {"pyproject.toml": BASE + "gates.own.run = ['true']\n", "noxfile.py": NOXFILE}
    project = make_project({f"{folder}/{name}": text for name, text in files.items()})
    return project.root / folder


def _group(said: str, workflow: str) -> str:
    """Return the concurrency group of a pull request's run, by what a workflow file says."""
    event = {"pull_request": {"number": 7}}
    return interpolated(said, {"github": {"workflow": workflow, "run_id": "9", "event": event}})


def test_runs_end_only_their_own(make_project: MakeProject) -> None:
    """No run of another project, or of a workflow that the user calls CI, is in our group."""
    common = "${{ github.workflow }}-${{ github.event.pull_request.number || github.sha }}"
    groups = [_group(common, "CI")]
    folders = ("", "back end/", "front/")
    pyproject = BASE + "gates.own.run = ['true']\n"
    root = make_project({f"{folder}pyproject.toml": pyproject for folder in folders}).root
    for folder in folders:
        content = parsed(_rendered(root / folder), "the file")
        groups.append(_group(content["concurrency"]["group"], content["name"]))
    assert len(set(groups)) == len(groups)


@pytest.mark.parametrize("folder", ["back end", "it's", "$(touch pwned)", '`a` "b"', "🎉", "a\\b"])
def test_a_folder_is_a_folder(folder: str, make_project: MakeProject, tmp_path: Path) -> None:
    """Commands run in the very folder, and what a failure shows brings a shell there."""
    root = _in_folder(make_project, folder)
    if "\\" in folder:
        with pytest.raises(ConfigurationError, match="the project's folder: GitHub cannot carry"):
            _rendered(root)
        return
    content = parsed(_rendered(root), "the file")
    steps = content["jobs"]["own"]["steps"]
    assert steps[2]["working-directory"] == folder
    summary = tmp_path / "summary"
    environment = {"GITHUB_STEP_SUMMARY": str(summary), "COMMIT": "1a2b", "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-e", "-c", steps[3]["run"]], env=environment, check=True, cwd=tmp_path)
    shown = summary.read_text(encoding="utf-8")
    there = shown.strip()[1:-1].replace("pushgate run --commit 1a2b own", "pwd")
    answer = subprocess.run(
        ["bash", "-c", there], cwd=root.parent, check=True, capture_output=True, text=True
    )
    assert answer.stdout == f"{root}\n"
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "folder", ["a*", "[a]", "a?", "!a", "#a", "~a", " a", "a ", "a${{ b }}", "a\nb"]
)
def test_a_folder_that_would_be_a_pattern_is_refused(
    folder: str, make_project: MakeProject
) -> None:
    """A folder that the actions would read as a pattern, or cut, is refused in one line."""
    root = _in_folder(make_project, folder)
    with pytest.raises(ConfigurationError) as error:
        _rendered(root)
    (problem,) = error.value.problems
    assert problem.startswith(f"the project's folder: GitHub cannot carry {folder!r}: rename it: ")
    assert "\n" not in problem


@pytest.mark.parametrize("path", ["${{ github.token }}", "*", "a\nb"])
def test_a_site_that_would_be_an_expression_is_refused(
    path: str, make_project: MakeProject
) -> None:
    """So is the folder of a site."""
    more = f"gates.own.run = ['true']\nci.pages = {{ gate = 'own', path = {_quoted(path)} }}\n"
    (problem,) = _problems(make_project, more)
    assert problem.startswith(f"ci.pages.path of [tool.pushgate]: GitHub cannot carry {path!r}: ")


@pytest.mark.parametrize("tag", ["v${{ github.token }}", "v\n1"])
def test_a_tag_that_would_be_an_expression_is_refused(tag: str, make_project: MakeProject) -> None:
    """So is the name of a tag that a gate asks for."""
    more = f"gates.own = {{ run = ['true'], on = [{_quoted('tag:' + tag)}] }}\n"
    expected = f"tool.pushgate.gates.own.on: GitHub cannot carry {'tag:' + tag!r}: leave ${{{{ "
    (problem,) = _problems(make_project, more)
    assert problem == f"{expected}and control characters out"


@pytest.mark.parametrize("name", ["plan", "passed", "pages"])
def test_a_gate_of_a_reserved_name_is_refused(name: str, make_project: MakeProject) -> None:
    """A gate that is called as one of the workflow's own jobs has to be renamed."""
    assert _problems(make_project, f"gates.{name}.run = ['true']\n") == (
        f"tool.pushgate.gates.{name}: the workflow has a job {name!r} of its own: rename the gate",
    )


def test_a_schedule_needs_times(make_project: MakeProject) -> None:
    """A gate that runs on a schedule needs one; the other problems are told with it."""
    more = (
        "branches = ['a${{b']\n"
        "gates.nightly = { run = ['true'], on = ['schedule'] }\ngates.plan.run = ['true']\n"
    )
    assert _problems(make_project, more) == (
        (
            "branches of [tool.pushgate]: GitHub cannot carry 'a${{b': name a branch without ${{ "
            "and control characters"
        ),
        (
            "tool.pushgate.gates.nightly.on names schedule, and nothing says when: set schedule in "
            "[tool.pushgate.ci], for example ['17 3 * * 1']"
        ),
        "tool.pushgate.gates.plan: the workflow has a job 'plan' of its own: rename the gate",
    )


@pytest.mark.parametrize("group", ["ci; touch pwned", "${{ github }}", "it's"])
def test_a_dependency_group_is_one_word(group: str, make_project: MakeProject) -> None:
    """The name of the group that holds Pushgate is a word of the command, whatever is in it."""
    pyproject = f"[dependency-groups]\n{_quoted(group)} = ['pushgate']\n{BASE}gates.a.run = ['b']\n"
    root = make_project({"pyproject.toml": pyproject, "uv.lock": "version = 1\n"}).root
    content = parsed(_rendered(root), "the file")
    command = content["jobs"]["a"]["steps"][2]["run"]
    assert "${{" not in command
    assert shlex.split(command)[:5] == ["uv", "run", "--locked", "--only-group", group]


@pytest.mark.parametrize(
    ("shards", "systems", "jobs"), [(128, [], None), (129, [], 258), (65, ["macos-15"], 260)]
)
def test_a_matrix_is_limited(
    shards: int, systems: list[str], jobs: int | None, make_project: MakeProject
) -> None:
    """A matrix of more jobs than GitHub starts is refused."""
    more = f"python = ['3.12', '3.13']\ngates.test.shards = {shards}\nci.systems = {systems}\n"
    root = make_project({"pyproject.toml": f"[tool.pushgate]\n{more}", "demo.py": ""}).root
    told = (
        f"gate test has {jobs} jobs, and GitHub takes 256: choose fewer shards, Pythons or systems"
    )
    assert github_names.problems(pipeline.of(of_project(root))) == ([told] if jobs else [])
