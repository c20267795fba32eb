"""A test that no shard ran, or that nobody measured, never counts as passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from carrying_out import carry_out, carry_out_gates, suite
from conftest import PYTHON, Project
from pushgate.model.outcome import Outcome, Result

MakeProject = Callable[..., Project]

JOB: Final = f"test-{PYTHON}"
FIRST, SECOND = f"{JOB}(1of2)", f"{JOB}(2of2)"

NAMESAKES: Final = {
    f"tests/test_{number}.py": "from signs import sign\n\n\ndef test_it():\n    sign(1)\n"
    for number in range(20)
}
"""Tests of one name in many files: pytest-split splits them by their order only."""

SHUFFLE: Final = """import os
import random


def pytest_collection_modifyitems(items):
    random.Random(os.urandom(8)).shuffle(items)
"""

IN_LINES: Final = """def sign(number):
    if number < 0:
        return "-"
    return "+"
"""
"""Code that each test covers in part."""

TAKE_OUT: Final = """import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_collection_modifyitems(items):
    yield
    items[:] = [item for item in items if item.name not in {names}]
"""
"""A hook that is called when everything else has had its turn, as that of ``--lf`` is."""


def _results(outcomes: dict[str, Outcome]) -> dict[str, Result]:
    return {name: outcome.result for name, outcome in outcomes.items()}


def test_order_without_a_seed(make_project: MakeProject) -> None:
    """Shards that see the tests in different orders miss some: their session fails, green or not.

    The hook stands for pytest-randomly with a seed of its own in each shard.
    """
    project = make_project(suite(shards=2) | NAMESAKES | {"tests/conftest.py": SHUFFLE})
    answer = project.nox("-s", JOB)
    assert answer.returncode == 1
    assert {project.outcome(job)["result"] for job in (FIRST, SECOND)} == {"passed"}
    assert "tests ran in no shard: tests/test_" in answer.stdout
    assert "tests ran in more than one shard: tests/test_" in answer.stdout
    outcome = carry_out(project, "coverage")
    assert outcome.result is Result.FAILED
    assert "tests ran in no shard: tests/test_" in outcome.reason


def test_pytest_randomly(make_project: MakeProject) -> None:
    """With pytest-randomly every shard shuffles by one seed, so that no test is lost."""
    files = suite(shards=2, requirements=["pytest", "pytest-randomly"])
    project = make_project(files | NAMESAKES)
    answer = project.nox("-s", "coverage")
    assert answer.returncode == 0
    assert "Using --randomly-seed=" in answer.stdout
    assert "proven: the 2 shards together ran every test exactly once" in answer.stdout


def test_shard_emptied_after_the_split(make_project: MakeProject) -> None:
    """A shard from which something takes every test fails: it should have some."""
    hook = TAKE_OUT.format(names={"test_minus", "test_plus"})
    project = make_project(suite(shards=2) | {"conftest.py": hook})
    outcome = carry_out(project, FIRST)
    assert outcome.result is Result.FAILED
    assert outcome.reason == "the shard is empty, although 2 tests were collected"


def test_taken_out_of_a_whole_suite(make_project: MakeProject) -> None:
    """A suite that is not split fails if something takes a test out of what was collected."""
    project = make_project(suite() | {"conftest.py": TAKE_OUT.format(names={"test_plus"})})
    outcome = carry_out(project, JOB)
    assert outcome.result is Result.FAILED
    told = "1 of 2 tests were taken out: tests/test_signs.py::test_plus for one"
    assert outcome.reason == told


def test_a_process_that_ends_in_the_middle(make_project: MakeProject) -> None:
    """Whoever ends the process with 0 in a test passes none."""
    tests = "import os\n\n\ndef test_end():\n    os._exit(0)\n"
    project = make_project(suite(tests=tests))
    outcome = carry_out(project, JOB)
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("the process ended with 0 before pytest had ended: no acc")


def test_fewer_tests_than_shards(make_project: MakeProject) -> None:
    """A shard for which there is no test passes, and so does coverage over all of them."""
    one = "from signs import sign\n\n\ndef test_both():\n    assert sign(-1) + sign(1) == '-+'\n"
    project = make_project(suite(shards=2, tests=one))
    outcomes = carry_out_gates(project, "test", "coverage")
    assert _results(outcomes) == dict.fromkeys([FIRST, SECOND, "coverage"], Result.PASSED)


def test_shard_without_coverage_data(make_project: MakeProject) -> None:
    """A shard whose coverage data is missing fails the coverage gate by name."""
    project = make_project(suite(shards=2))
    assert set(_results(carry_out_gates(project, "test")).values()) == {Result.PASSED}
    files = list(project.outputs(SECOND).glob("coverage.*"))
    assert files
    for file in files:
        file.unlink()
    answer = project.nox("-s", "coverage", "--no-dependencies")
    assert answer.returncode == 1
    assert f"failed: 1 of 2 test jobs left no coverage data: {SECOND}" in answer.stdout


def test_no_tests(make_project: MakeProject) -> None:
    """Code without a test does not pass."""
    outcome = carry_out(make_project(suite(tests="")), JOB)
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("no test was collected (looked in: tests)")


@pytest.mark.parametrize("option", ["--collect-only", "--setup-only"])
def test_collected_but_not_run(make_project: MakeProject, option: str) -> None:
    """Tests that an option keeps from running do not pass."""
    project = make_project(suite(more=f'[tool.pytest.ini_options]\naddopts = "{option}"\n'))
    outcome = carry_out(project, JOB)
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("2 of its 2 tests did not run: tests/test_signs.py::")


def test_damaged_durations(make_project: MakeProject) -> None:
    """A file of durations that cannot be read is named, not ignored."""
    project = make_project(suite(shards=2) | {".test_durations": '{"tests/test_signs.py::'})
    outcome = carry_out(project, FIRST)
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith(".test_durations is not a JSON object of test: seconds")


def test_threshold_in_a_file_of_its_own(make_project: MakeProject) -> None:
    """A threshold holds wherever coverage would read it."""
    half = "from signs import sign\n\n\ndef test_plus():\n    assert sign(1) == '+'\n"
    project = make_project(suite(tests=half) | {"signs/__init__.py": IN_LINES})
    outcomes = carry_out_gates(project, "test", "coverage")
    assert _results(outcomes) == dict.fromkeys([JOB, "coverage"], Result.PASSED)
    for name, table in (
        (".coveragerc.toml", "[report]"),
        ("setup.cfg", "[coverage:report]"),
    ):
        project.write({name: f"{table}\nfail_under = 100\n"})
        outcome = carry_out(project, "coverage")
        assert (name, outcome.result) == (name, Result.FAILED)
        assert outcome.reason.startswith("coverage is below the threshold")
        (project.root / name).unlink()


def test_threshold_of_pytest_cov(make_project: MakeProject) -> None:
    """pytest-cov's threshold does not fail a shard, which alone never reaches it."""
    options = '[tool.pytest.ini_options]\naddopts = "--cov=signs --cov-fail-under=100"\n'
    files = suite(shards=2, requirements=["pytest", "pytest-cov"], more=options)
    project = make_project(files | {"signs/__init__.py": IN_LINES})
    outcomes = carry_out_gates(project, "test", "coverage")
    assert _results(outcomes) == dict.fromkeys([FIRST, SECOND, "coverage"], Result.PASSED)
