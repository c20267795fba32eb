"""What actions are pinned to: the newest that are known, or what the user's file has already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from conftest import Project
from pushgate.plan.definition import of_project
from pushgate.providers import workflow
from pushgate.providers.pins import PINS

MakeProject = Callable[..., Project]

FILE: Final = ".github/workflows/ci.yml"
PROJECT: Final = {"pyproject.toml": "[tool.pushgate]\npython = ['3.12']\n", "demo.py": ""}
CHECKOUT: Final = f"actions/checkout@{PINS['actions/checkout'].commit} # v7.0.1"
OTHER: Final = "a" * 40


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project with a workflow as it is written first."""
    project = make_project(PROJECT)
    _write(project)
    return project


def _write(project: Project) -> list[str]:
    definition = of_project(project.root)
    return list(workflow.write(definition, workflow.chosen(definition, None)))


def _pinned_anew(project: Project, uses: str) -> str:
    """Let the file's checkouts be pinned otherwise, write it anew, and return what it has."""
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    assert f"- uses: {CHECKOUT}\n" in text
    file.write_text(text.replace(CHECKOUT, uses), encoding="utf-8")
    definition = of_project(project.root)
    drifts = list(workflow.check(definition, workflow.chosen(definition, None)))
    assert drifts == []
    _write(project)
    lines = file.read_text(encoding="utf-8").splitlines()
    (used,) = {line.partition("uses: ")[2] for line in lines if "uses: actions/checkout" in line}
    return used


def test_every_action_is_pinned_to_a_commit(project: Project) -> None:
    """Each use names a commit, with the version in a comment."""
    lines = (project.root / FILE).read_text(encoding="utf-8").splitlines()
    uses = [line.partition("uses: ")[2] for line in lines if "uses: " in line]
    known = {f"{action}@{pin.commit} # {pin.note}" for action, pin in PINS.items()}
    assert uses
    assert set(uses) <= known


@pytest.mark.parametrize(
    "uses",
    [
        pytest.param(f"actions/checkout@{OTHER} # v7.0.2", id="newer"),
        pytest.param(f"actions/checkout@{OTHER} # v12", id="newer by its major version"),
        pytest.param(f"actions/checkout@{OTHER} # v7", id="the same major version"),
        pytest.param(f"actions/checkout@{OTHER} # v7.0.1", id="the same version"),
        pytest.param(f"actions/checkout@{OTHER} # tag=v8.0.0", id="a comment of Renovate's"),
        pytest.param(f"actions/checkout@{OTHER}", id="without a comment"),
        pytest.param(f"actions/checkout@{OTHER} # ours, patched", id="without a version"),
        pytest.param("actions/checkout@v8", id="a tag"),
        pytest.param("actions/checkout@main", id="a branch"),
    ],
)
def test_a_pin_stays(project: Project, uses: str) -> None:
    """A pin that is not known to be older than ours stays, with its comment, and is no drift."""
    assert _pinned_anew(project, uses) == uses
    assert _write(project) == [f"{FILE} is as it should be"]


@pytest.mark.parametrize(
    "uses",
    [
        pytest.param(f"actions/checkout@{OTHER} # v7.0.0", id="older"),
        pytest.param(f"actions/checkout@{OTHER} # v6", id="an older major version"),
        pytest.param("actions/checkout@v6.1.0", id="an older tag"),
        pytest.param(f"actions/checkout@{OTHER} # 6.0.2", id="without the v"),
        pytest.param(f"'actions/checkout@{OTHER}' # v6.0.2", id="between quotes"),
    ],
)
def test_an_older_pin_is_replaced(project: Project, uses: str) -> None:
    """A pin that is known to be older than ours becomes ours."""
    assert _pinned_anew(project, uses) == CHECKOUT


def test_the_newest_of_several_pins_stays(project: Project) -> None:
    """Where a file has several pins of an action, the newest is taken for all of them."""
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    newer, newest = f"actions/checkout@{OTHER} # v8", f"actions/checkout@{'b' * 40} # v9"
    file.write_text(text.replace(CHECKOUT, newest, 1).replace(CHECKOUT, newer, 1), encoding="utf-8")
    _write(project)
    text = file.read_text(encoding="utf-8")
    assert text.count(newest) == text.count("uses: actions/checkout@") > 2


def test_a_pin_in_a_kept_block_is_not_ours(project: Project) -> None:
    """What a block of the user's is pinned to says nothing about the other jobs."""
    file = project.root / FILE
    block = f"# pushgate: keep\n      - uses: actions/checkout@{OTHER} # v9\n# pushgate: end\n"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("    steps:\n", f"    steps:\n{block}", 1), encoding="utf-8")
    assert _write(project) == [f"{FILE} is as it should be"]
    assert f"{CHECKOUT}\n" in file.read_text(encoding="utf-8")
