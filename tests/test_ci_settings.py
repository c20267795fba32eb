"""What a project may say about its CI beyond its gates, and how mistakes are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Project
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project

MakeProject = Callable[..., Project]

BASE = "[tool.pushgate]\npython = ['3.12']\ngates.own.run = ['true']\n"
INSIDE = "a folder within the project"


def _problem(make_project: MakeProject, key: str, value: str) -> str:
    root = make_project({"pyproject.toml": f"{BASE}ci.{key} = {value}\n"}).root
    with pytest.raises(ConfigurationError) as error:
        of_project(root)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize("path", ["/srv", "..", "../../etc", "site/../../etc"])
def test_a_site_is_within_the_project(path: str, make_project: MakeProject) -> None:
    """A folder of a site that is outside of the project is refused."""
    assert _problem(make_project, "pages", f"{{ gate = 'own', path = '{path}' }}") == (
        f"pyproject.toml: tool.pushgate.ci.pages.path = {path!r}: expected {INSIDE}"
    )
