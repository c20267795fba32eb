"""The workflow of GitHub for varied definitions: what the tools that know GitHub say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import NOXFILE, Project
from pushgate.config.yaml_text import parsed
from pushgate.plan.definition import of_project
from pushgate.providers import workflow
from workflow_tools import Actionlint, actionlint, schema_violations, security_findings

__all__ = ["actionlint"]  # a fixture

MakeProject = Callable[..., Project]

REPOSITORY: Final = Path(__file__).parents[1]

LOCK: Final = "version = 1\nrequires-python = '>=3.12'\n"
CODE: Final = {
    "src/demo/__init__.py": "",
    "tests/test_demo.py": "",
    "web/index.html": "",
    "docs/index.md": "",
}
PYTHONS: Final = "[tool.pushgate]\npython = ['3.12', '3.13']\n"

OWN: Final = """
[tool.pushgate.gates]
web = { run = ["npm ci"], inputs = ["web/**"], after = ["lint"], timeout = 90 }
docs = { run = ["make"], on = ["push:main", "pull_request"] }
release = { run = ["make"], on = ["tag:v*"], needs = ["build"] }
nightly = { session = "all night", on = ["schedule"], needs = ["docs"] }
often = { run = ["true"], on = ["push:feature/*", "pull_request:dev", "schedule"] }
pattern = { run = ["true"], on = ["tag:v[0-9]*", "tag:*-rc?"] }
later = { run = ["true"], after = ["web", "docs"] }
"""

DEFINITIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "without a lock": {"pyproject.toml": PYTHONS, **CODE},
    "with a lock": {
        "pyproject.toml": f"[project]\nname = 'demo'\nversion = '1'\n{PYTHONS}"
        "[dependency-groups]\nci = ['pushgate']\n",
        "uv.lock": LOCK,
        **CODE,
    },
    "a folder": {
        "pyproject.toml": "",
        "back 'end'/$x/pyproject.toml": PYTHONS + "gates.own.run = ['true']\n",
        "back 'end'/$x/noxfile.py": NOXFILE,
        **{f"back 'end'/$x/{name}": text for name, text in CODE.items()},
    },
    "only own gates": {"pyproject.toml": PYTHONS + "gates.own.run = ['true']\n"},
    "without shards": {
        "pyproject.toml": PYTHONS + "gates.test.shards = 1\n"
        "[dependency-groups]\ntools = ['pushgate']\n",
        "uv.lock": LOCK,
        **CODE,
    },
    "one test job": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.13']\ngates.test.shards = 1\n",
        **CODE,
    },
    "one Python": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.13']\ngates.test.shards = 3\n",
        **CODE,
    },
    "many Pythons": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.10', '3.11', '3.12', '3.13', '3.14']\n",
        **CODE,
    },
    "own gates": {
        "pyproject.toml": "[project]\nname = 'demo'\nversion = '1'\n"
        + PYTHONS
        + "ci.schedule = ['17 3 * * 1', '0 4 1 * *']\n"
        + OWN,
        **CODE,
    },
    "branches": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.12']\n"
        "branches = ['main', 'dev', 'release/1.x', \"it's\", 'c++']\n",
        **CODE,
    },
    "systems": {
        "pyproject.toml": PYTHONS + "ci.systems = ['macos-15', 'ubuntu-24.04-arm']\n",
        **CODE,
    },
    "one test job, two systems": {
        "pyproject.toml": "[tool.pushgate]\npython = ['3.13']\ngates.test.shards = 1\n"
        "ci.systems = ['macos-15']\n",
        **CODE,
    },
    "Codecov": {"pyproject.toml": PYTHONS + "ci.codecov = true\n", **CODE},
    "pages": {
        "pyproject.toml": PYTHONS + "ci.pages = { gate = 'site', path = 'public html' }\n"
        "gates.site = { run = ['true'], inputs = ['docs/**'] }\n",
        **CODE,
    },
    "a PostgreSQL": {
        "pyproject.toml": PYTHONS + "gates.test.services = ['postgres']\n",
        "alembic.ini": "",
        **CODE,
    },
    "history": {
        "pyproject.toml": "[build-system]\nrequires = ['hatchling', 'hatch-vcs']\n"
        "build-backend = 'hatchling.build'\n[project]\nname = 'demo'\ndynamic = ['version']\n"
        + PYTHONS
        + "ci = { timeout-minutes = 5, runs-on = 'ubuntu-22.04' }\n",
        **CODE,
    },
}
"""By what is special about them: the files of projects."""


def written(root: Path) -> str:
    """Return the workflow file that is written for a project without one, or in a folder."""
    folder = root / "back 'end'/$x"
    root = folder if folder.is_dir() else root
    (file,) = workflow.planned(of_project(root), [])
    return file.after


def meaning(text: str) -> dict[str, Any]:
    """Return what a workflow file means."""
    return parsed(text, "the file")


@pytest.fixture
def files(make_project: MakeProject) -> list[Path]:
    """The workflow files of all definitions, and Pushgate's own as it is committed."""
    own = ".github/workflows/ci.yml"
    folder = make_project({own: (REPOSITORY / own).read_text(encoding="utf-8")}).root
    for number, (name, content) in enumerate(DEFINITIONS.items()):
        project = make_project(content, name=f"project-{number}")
        file = (folder / own).with_name(f"{name}.yml")
        file.write_text(written(project.root), encoding="utf-8")
    return sorted((folder / own).parent.iterdir())


@pytest.mark.slow
def test_zizmor_finds_nothing(files: list[Path]) -> None:
    """At its strictest, it finds nothing insecure in any workflow."""
    assert len(files) > len(DEFINITIONS)
    assert security_findings(files) == ""


@pytest.mark.slow
def test_the_workflows_follow_the_schema(files: list[Path]) -> None:
    """GitHub's schema allows every workflow."""
    assert schema_violations(files) == ""


@pytest.mark.slow
def test_actionlint_finds_nothing(files: list[Path], actionlint: Actionlint) -> None:
    """It finds no expression, context or shell line to be wrong in any workflow."""
    assert actionlint.findings(files) == []


def test_the_tools_find_what_is_wrong(files: list[Path], actionlint: Actionlint) -> None:
    """Each of the three tools finds what it is asked for: they do look."""
    text = files[0].read_text(encoding="utf-8")
    files[0].write_text(text.replace("permissions: {}", "permissions: write-all", 1))
    assert "excessive-permissions" in security_findings(files)
    files[0].write_text(text.replace("runs-on:", "runs-over:", 1))
    assert "runs-over" in schema_violations(files)
    files[0].write_text(text.replace("failure()", "failed()", 1))
    assert "failed" in actionlint.findings(files)[0]


def test_pushgate_has_the_workflow_of_its_definition() -> None:
    """The committed file is byte for byte what would be written."""
    (file,) = workflow.planned(of_project(REPOSITORY), [])
    assert file.diff == []


def test_a_lock_without_pushgate(make_project: MakeProject) -> None:
    """No workflow is written that could not start Pushgate."""
    project = make_project({"pyproject.toml": PYTHONS, "uv.lock": LOCK, **CODE})
    answer = project.pushgate("workflow")
    told = "uv.lock has no Pushgate for CI to run: `uv add --group ci pushgate`, or `pushgate init`"
    assert (answer.returncode, answer.stdout) == (2, f"pushgate: {told}\n")
    assert not (project.root / ".github").exists()


def test_no_gate_at_all(make_project: MakeProject) -> None:
    """No workflow is written that would run nothing."""
    project = make_project({"pyproject.toml": PYTHONS + "gates.workflow.enabled = false\n"})
    answer = project.pushgate("workflow")
    expected = "no gate is on, so CI has nothing to run: `pushgate plan` tells why"
    assert (answer.returncode, answer.stdout) == (2, f"pushgate: {expected}\n")
