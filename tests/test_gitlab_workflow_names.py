"""The project's own names in ``.gitlab-ci.yml``: nothing of them is carried out or expanded."""

from __future__ import annotations

import shlex
from typing import Final

import pytest

import gitlab_pipelines
from conftest import NOXFILE
from gated import MakeProject
from gitlab_files import CODE, FILE, PYTHONS, carried_out, write
from gitlab_pipelines import Trigger
from pushgate.model.settings import ConfigurationError

STRANGE: Final = 'it\'s `id` $(id) $HOME ${x} "q" & 😀 #x; -- ${{ y }} \\ | %d'


def test_strange_session(make_project: MakeProject) -> None:
    """Nothing of a session's name is for the shell."""
    text = f"{PYTHONS}[tool.pushgate.gates.own]\nsession = '''{STRANGE}'''\n"
    project = make_project({"pyproject.toml": text})
    words = carried_out(project, write(project)["own"]["script"], {})
    assert words[-2:] == ["-s", STRANGE]


def test_strange_folder(make_project: MakeProject) -> None:
    """Nothing of a folder's name is for the shell, for GitLab's variables or its patterns."""
    folder = f"a b/{STRANGE}".replace("{", "(").replace("}", ")").replace("\\ ", "")
    files = {f"{folder}/pyproject.toml": PYTHONS, f"{folder}/noxfile.py": NOXFILE}
    project = make_project({**files, **{f"{folder}/{name}": "" for name in CODE}})
    text = (project.root / folder / "pyproject.toml").read_text(encoding="utf-8")
    inputs = "[tool.pushgate.gates.own]\nrun = ['true']\ninputs = ['docs/**']\n"
    project.write({f"{folder}/pyproject.toml": text + inputs})
    document = write(project, folder)
    given = next(iter(gitlab_pipelines.variables(document["test"])))
    where, *words = carried_out(project, document["test"]["script"], given)
    assert where == str((project.root / folder).resolve())
    assert words[-5:] == ["-s", "test-3.12", "--", "--shard", "1/4"]
    artifacts = document["test"]["artifacts"]
    assert gitlab_pipelines.expanded(artifacts["paths"][0], given) == (
        f"{folder}/.pushgate/out/test-3.12*"
    )
    changed = frozenset({f"{folder}/docs/index.md"})
    assert "own" in (
        gitlab_pipelines.pipeline(document, Trigger("push", branch="main", changed=changed)) or {}
    )
    told = carried_out(project, document[".pushgate"]["after_script"], {
        "CI_JOB_STATUS": "failed", "CI_COMMIT_SHA": "abc", "PUSHGATE_JOB": "test-3.12(1of4)",
    })  # fmt: skip
    [line] = told
    _, _, command = line.partition(", ")
    assert shlex.split(command)[:2] == ["cd", f"./{folder}"]
    assert command.endswith('&& pushgate run --commit abc "test-3.12(1of4)"')


@pytest.mark.parametrize("branch", ['a"b', "a'b", "a$HOME", "a/b.c+d", "ü😀", "a||b", "a{}()"])
def test_strange_branch(make_project: MakeProject, branch: str) -> None:
    """A branch is asked for by its whole name, whatever that would mean in an expression."""
    quoted = branch.replace('"', '\\"')
    text = f'[tool.pushgate]\npython = ["3.12"]\nbranches = ["main", "{quoted}"]\n'
    document = write(make_project({"pyproject.toml": text, "demo.py": ""}))
    assert "$HOME" not in str(document)  # tools that expand it first, as GitLab does not
    assert gitlab_pipelines.pipeline(document, Trigger("push", branch=branch))
    for other in (branch + "x", "x" + branch, branch[:-1], branch.replace(".", "x") + "y"):
        assert gitlab_pipelines.pipeline(document, Trigger("push", branch=other)) is None


UNPUBLISHED: Final = """ci.pages = { gate = 'own', path = 'x' }
[tool.pushgate.gates.own]
run = ['x']
on = ['tag']
"""


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ('[tool.pushgate.gates.own]\nsession = "a\\nb"', "rename it, without control characters"),
        (
            "[tool.pushgate.gates.own]\nrun = ['x']\non = [\"push:a\\u0007\"]",
            "cannot carry 'push:a",
        ),
        (
            "[tool.pushgate.gates.own]\nrun = ['x']\non = ['tag:v[9-0]']",
            "cannot carry 'tag:v[9-0]'",
        ),
        ("[tool.pushgate.gates.own]\nrun = ['x']\non = ['schedule']", "set schedule in"),
        ("ci.pages = { gate = 'lint', path = '../x' }", "expected a folder within the project"),
        ("ci.pages = { gate = 'lint', path = 'x*' }", "rename it, without *"),
        (UNPUBLISHED, "gate own never runs when main is pushed"),
        ("gates.test.shards = 26", "gate coverage waits for 52 jobs, and GitLab takes 50"),
        (
            "gates.test.shards = 101\ngates.coverage.enabled = false",
            "gate test has 202 jobs, and GitLab takes 200",
        ),
    ],
)
def test_refused(make_project: MakeProject, keys: str, told: str) -> None:
    """What GitLab cannot carry is refused, with what to do; and no file is written."""
    project = make_project({"pyproject.toml": f"{PYTHONS}{keys}\n", **CODE})
    with pytest.raises(ConfigurationError) as refused:
        write(project)
    [problem] = refused.value.problems
    assert told in problem
    assert not (project.root / FILE).exists()


def test_refused_folder(make_project: MakeProject) -> None:
    """A folder that GitLab would take for a pattern is refused."""
    files = {"a[b]/pyproject.toml": PYTHONS, "a[b]/noxfile.py": NOXFILE, "a[b]/demo.py": ""}
    project = make_project(files)
    with pytest.raises(ConfigurationError, match="the project's folder: GitLab cannot carry"):
        write(project, "a[b]")
