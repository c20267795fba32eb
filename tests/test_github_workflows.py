"""The evaluator of jobs says what GitHub's documentation says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from github_filters import GithubEvent, WorkflowError
from github_values import ExpressionError
from github_workflows import Cell, Ended, cells, outputs, run

PUSH = GithubEvent(name="push", ref="refs/heads/main")


def _run(
    jobs: Mapping[str, Any], results: Mapping[str, str] | None = None, *, cancelled: bool = False
) -> dict[str, str]:
    """Return the results of jobs, those that run with the given ones."""

    def work(cell: Cell) -> Ended:
        return Ended((results or {}).get(cell.name, "success"))

    ended = run({"on": "push", "jobs": jobs}, PUSH, work, cancelled=cancelled)
    return {job: end.result for job, end in sorted(ended.items())}


CHAIN: Mapping[str, Any] = {
    "job1": {},
    "job2": {"needs": "job1"},
    "job3": {"needs": ["job1", "job2"]},
}


def test_a_chain() -> None:
    """A job waits for those that it needs; a failure or a skip goes down the whole chain."""
    all_well = dict.fromkeys(CHAIN, "success")
    assert _run(CHAIN) == all_well
    assert _run(CHAIN, {"job1": "failure"}) == {
        "job1": "failure",
        "job2": "skipped",
        "job3": "skipped",
    }
    skipping = {**CHAIN, "job1": {"if": "github.ref == 'refs/heads/dev'"}}
    assert _run(skipping) == dict.fromkeys(CHAIN, "skipped")


def test_a_job_that_runs_all_the_same() -> None:
    """``always()`` makes a job run; those after it see what was before it all the same."""
    jobs = {**CHAIN, "job2": {"needs": "job1", "if": "${{ always() }}"}}
    assert _run(jobs, {"job1": "failure"}) == {
        "job1": "failure",
        "job2": "success",
        "job3": "skipped",
    }
    after_a_skip = {
        "job1": {"if": False},
        "job2": {"needs": "job1", "if": "!cancelled() && !failure()"},
        "job3": {"needs": "job2"},
        "job4": {"needs": "job2", "if": "!cancelled() && !failure()"},
    }
    assert _run(after_a_skip) == {
        "job1": "skipped",
        "job2": "success",
        "job3": "skipped",
        "job4": "success",
    }
    # failure() looks at all ancestors, also behind a job that was skipped for it.
    behind = {
        "job1": {},
        "job2": {"needs": "job1"},
        "job3": {"needs": "job2", "if": "failure()"},
        "job4": {"needs": "job2", "if": "!failure()"},
    }
    assert _run(behind, {"job1": "failure"}) == {
        "job1": "failure",
        "job2": "skipped",
        "job3": "success",
        "job4": "skipped",
    }


def test_a_cancelled_run() -> None:
    """Only ``always()`` and ``cancelled()`` run in a run that was cancelled."""
    jobs = {
        "plain": {},
        "always": {"if": "always()"},
        "cancelled": {"if": "cancelled()"},
        "not": {"if": "!cancelled()"},
    }
    assert _run(jobs, cancelled=True) == {
        "always": "success",
        "cancelled": "success",
        "not": "skipped",
        "plain": "skipped",
    }


def test_results_and_outputs_of_needs() -> None:
    """A condition sees the results and outputs of what its job needs, and of nothing else."""
    jobs: dict[str, Any] = {
        "plan": {},
        "docs": {"needs": "plan", "if": "contains(fromJSON(needs.plan.outputs.gates), 'docs')"},
        "web": {"needs": ["plan"], "if": "contains(fromJSON(needs.plan.outputs.gates), 'web')"},
        "last": {
            "needs": ["web", "docs"],
            "if": "always() && needs.web.result == 'skipped' && needs.docs.result == 'success'",
        },
        "blind": {"needs": "docs", "if": "always() && needs.plan"},
    }

    def work(cell: Cell) -> Ended:
        return Ended(outputs={"gates": '["docs"]'} if cell.job == "plan" else {})

    ended = run({"on": "push", "jobs": jobs}, PUSH, work)
    assert {job: end.result for job, end in ended.items()} == {
        "plan": "success",
        "docs": "success",
        "web": "skipped",
        "last": "success",
        "blind": "skipped",
    }


def test_no_run() -> None:
    """Where the event does not trigger the workflow, there is no job."""
    assert run({"on": "pull_request", "jobs": CHAIN}, PUSH, lambda _: Ended()) == {}


@pytest.mark.parametrize(
    ("matrix", "names"),
    [
        (
            {"version": [10, 12], "os": ["ubuntu", "windows"]},
            ["job (10, ubuntu)", "job (10, windows)", "job (12, ubuntu)", "job (12, windows)"],
        ),
        (
            {
                "fruit": ["apple", "pear"],
                "animal": ["cat", "dog"],
                "include": [
                    {"color": "green"},
                    {"color": "pink", "animal": "cat"},
                    {"fruit": "apple", "shape": "circle"},
                    {"fruit": "banana"},
                    {"fruit": "banana", "animal": "cat"},
                ],
            },
            [
                "job (apple, cat, pink, circle)",
                "job (apple, dog, green, circle)",
                "job (pear, cat, pink)",
                "job (pear, dog, green)",
                "job (banana)",
                "job (banana, cat)",
            ],
        ),
        ({"include": [{"site": "one"}, {"site": "two"}]}, ["job (one)", "job (two)"]),
        (
            {
                "os": ["macos", "windows"],
                "version": [12, 14],
                "exclude": [{"os": "macos", "version": 12}, {"os": "windows"}],
            },
            ["job (macos, 14)"],
        ),
        ('${{ fromJSON(\'{"x": ["a", 1]}\') }}', ["job (a)", "job (1)"]),
        ({"x": "${{ fromJSON(needs.plan.outputs.list) }}"}, ["job (p)", "job (q)"]),
    ],
)
def test_matrices(matrix: Any, names: list[str]) -> None:  # noqa: ANN401  # as in a file
    """A matrix becomes the documented jobs: combinations, less ``exclude``, then ``include``."""
    contexts = {"github": {}, "needs": {"plan": {"outputs": {"list": '["p", "q"]'}}}}
    found = cells("job", {"strategy": {"matrix": matrix}}, contexts)
    assert [cell.name for cell in found] == names


MATRIX: Mapping[str, Any] = {
    "test": {
        "name": "test-${{ matrix.python }}(${{ matrix.shard }}of2)",
        "strategy": {"matrix": {"python": ["3.11", "3.12"], "shard": [1, 2]}},
    },
    "after": {"needs": "test", "if": "always() && needs.test.result == 'failure'"},
}


def test_a_matrix_ends_as_one() -> None:
    """A matrix fails with any of its jobs; ``fail-fast`` is on unless said."""
    seen: list[str] = []

    def work(cell: Cell) -> Ended:
        seen.append(cell.name)
        return Ended("failure" if cell.name == "test-3.11(2of2)" else "success")

    ended = run({"on": "push", "jobs": MATRIX}, PUSH, work)
    assert ended["test"].result == "failure"
    assert ended["after"].result == "success"
    assert seen == ["test-3.11(1of2)", "test-3.11(2of2)", "after"]
    test = MATRIX["test"]
    slow = {**test, "strategy": {**test["strategy"], "fail-fast": False}}
    seen.clear()
    run({"on": "push", "jobs": {"test": slow}}, PUSH, work)
    assert len(seen) == 4


def test_outputs() -> None:
    """A job hands on what its outputs say of its steps."""
    said = {"outputs": {"gates": "${{ steps.plan.outputs.gates }}", "no": "x${{ steps.no.x }}"}}
    [cell] = cells("plan", said, {"github": {}})
    assert outputs(cell, {"plan": {"outputs": {"gates": "[]"}}}) == {"gates": "[]", "no": "x"}


@pytest.mark.parametrize(
    "jobs",
    [
        {"a": {"needs": "b"}},
        {"a": {"needs": "b"}, "b": {"needs": "a"}},
        {"3.12": {}},
        {"a": {"continue-on-error": True}},
        {"a": {"strategy": {"matrix": {"x": []}}}},
    ],
)
def test_what_is_refused(jobs: Mapping[str, Any]) -> None:
    """What GitHub refuses in a file is an error."""
    with pytest.raises(WorkflowError):
        _run(jobs)


@pytest.mark.parametrize("said", ["matrix.x", "env.CI", "hashFiles('x')", "secrets.X", "steps.a"])
def test_what_a_condition_cannot_see(said: str) -> None:
    """The condition of a job has the contexts that are available to it, and no others."""
    with pytest.raises(ExpressionError):
        _run({"a": {"if": said}})
