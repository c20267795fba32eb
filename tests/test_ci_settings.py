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
    root = make_project({"pyproject.toml": f"{BASE}ci.{key} = {value}\n"}, name=key).root
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


@pytest.mark.parametrize("label", ["windows-2022", "Windows-latest"])
def test_no_job_runs_on_windows(label: str, make_project: MakeProject) -> None:
    """A machine on which no job can pass is refused, whatever is to run there."""
    expected = f"= {label!r}: expected Linux or macOS: Pushgate runs on no Windows"
    for key, value in (("systems", f"['macos-15', '{label}']"), ("runs-on", f"'{label}'")):
        where = f"tool.pushgate.ci.{key}" + ("[1]" if key == "systems" else "")
        assert _problem(make_project, key, value) == f"pyproject.toml: {where} {expected}"


def test_a_machine_counts_once(make_project: MakeProject) -> None:
    """Two labels that GitHub takes for one would give the outputs of two jobs one name."""
    systems = ["ubuntu-24.04", "macos-15", "ubuntu-22.04", "macOS-15", "macos-15"]
    ci = f"ci = {{ runs-on = 'Ubuntu-24.04', systems = {systems} }}\n"
    root = make_project({"pyproject.toml": BASE + ci}).root
    assert of_project(root).settings.ci.systems == ("macos-15", "ubuntu-22.04")


@pytest.mark.parametrize(
    "times",
    [
        "60 0 * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * 0 *",
        "0 0 * * 7",
        "99 99 99 99 99",
        "0 0 * * FR\u0131",
        "foo bar baz qux quux",
        "0 0 * MON *",
        "0 0 * * JAN",
        "0 0 * *",
        "0 0 * * * *",
        "0  0 * * *",
        "@daily",
        "*/0 * * * *",
        "/5 * * * *",
        "5-1 * * * *",
        "*-5 * * * *",
        "1-60 * * * *",
        "1, * * * *",
        "1-2-3 * * * *",
        "\u0661 * * * *",
        "",
    ],
)
def test_times_that_never_come(times: str, make_project: MakeProject) -> None:
    """Times that cron does not know are refused, with what it knows."""
    problem = _problem(make_project, "schedule", f"['17 3 * * 1', '{times}']")
    assert problem.startswith(
        f"pyproject.toml: tool.pushgate.ci.schedule[1] = {times!r}: expected five fields such as "
        "'17 3 * * 1': minute 0-59, hour 0-23, "
    )


TIMES = (
    *("* * * * *", "59 23 31 12 6", "0 0 1 1 0", "05 00 01 01 0", "*/15 0-23 * * *"),
    *("30 5 * * 1,3", "0 0 1 JAN,dec SUN-FRI/2", "3/20 2-4,8-22/2 1-31 * MON-FRI", "0 0 * * 5-5"),
)


def test_times_that_come(make_project: MakeProject) -> None:
    """Numbers, names, lists, ranges and steps of all fields are times."""
    root = make_project({"pyproject.toml": f"{BASE}ci.schedule = {[*TIMES]}\n"}).root
    assert of_project(root).settings.ci.schedule == TIMES
