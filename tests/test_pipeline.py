"""What no provider's workflow can do is refused before any is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from conftest import Project
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.providers import pipeline

MakeProject = Callable[..., Project]

BASE: Final = "[tool.pushgate]\npython = ['3.12']\nbranches = ['trunk']\n"
PAGES: Final = "ci.pages = { gate = '%s', path = 'site' }\n"
SEVERAL: Final = "gate test has several jobs: name one that has a single job"


def _problems(make_project: MakeProject, more: str) -> tuple[str, ...]:
    root = make_project({"pyproject.toml": BASE + more, "demo.py": "", "test_demo.py": ""}).root
    definition = of_project(root)
    with pytest.raises(ConfigurationError) as error:
        pipeline.of(definition)
    return error.value.problems


@pytest.mark.parametrize(
    ("gate", "more", "told"),
    [
        (
            "docs",
            "gates.docs = { run = ['true'], enabled = false }\n",
            "gate docs is off (enabled = false): turn it on, or remove pages",
        ),
        ("audit", "", "gate audit is off (the project depends on nothing): turn it on, or remove"),
        ("test", "", SEVERAL),
        ("test", "gates.test.shards = 1\nci.systems = ['macos-15']\n", SEVERAL),
        (
            "docs",
            "gates.docs = { run = ['true'], on = ['tag', 'push:dev'] }\n",
            (
                "gate docs never runs when trunk is pushed, which publishes the site: add "
                "'push:trunk' to its `on`"
            ),
        ),
    ],
)
def test_a_site_that_cannot_be_published(
    gate: str, more: str, told: str, make_project: MakeProject
) -> None:
    """Its gate has to be on, to run where the main branch is pushed, and to be a single job."""
    (problem,) = _problems(make_project, PAGES % gate + more)
    assert problem.startswith(f"tool.pushgate.ci.pages: {told}")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("gates.coverage.enabled = false\n", "enabled = false"),
        ("gates.test.enabled = false\n", "it needs the gate test, which is off"),
    ],
)
def test_a_report_that_is_not_made(more: str, reason: str, make_project: MakeProject) -> None:
    """Codecov is not to get the report of a gate that is off."""
    (problem,) = _problems(make_project, f"ci.codecov = true\n{more}")
    assert problem == (
        f"tool.pushgate.ci.codecov: gate coverage is off ({reason}): turn it on, or remove codecov"
    )
