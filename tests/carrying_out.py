"""A small project with tests, and jobs carried out in this process as their sessions do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conftest import Project
from pushgate.gates import execution
from pushgate.gates.base import Context
from pushgate.model.job import Job
from pushgate.model.outcome import Outcome
from pushgate.plan.definition import Definition, of_project

CODE: Final = "def sign(number):\n    return '-' if number < 0 else '+'\n"
TESTS: Final = (
    "from signs import sign\n\n\n"
    "def test_minus():\n    assert sign(-1) == '-'\n\n\n"
    "def test_plus():\n    assert sign(1) == '+'\n"
)


def suite(
    *,
    shards: int = 1,
    requirements: Sequence[str] = ("pytest",),
    more: str = "",
    tests: str = TESTS,
) -> dict[str, str]:
    """Return the files of a package with tests.

    Args:
        shards: Into how many jobs the tests are split.
        requirements: What the tests require.
        more: Further tables of its ``pyproject.toml``.
        tests: The file of its tests.
    """
    return {
        "pyproject.toml": (
            f"[dependency-groups]\ntest = {list(requirements)}\n\n"
            '[tool.pushgate]\npython = ["@PYTHON@"]\n\n'
            f"[tool.pushgate.gates.test]\nshards = {shards}\n\n{more}"
        ),
        "signs/__init__.py": CODE,
        "tests/test_signs.py": tests,
    }


def carry_out(project: Project, name: str) -> Outcome:
    """Carry out one job, and nothing that it needs."""
    definition = of_project(project.root)
    return _perform(definition, definition.job(name))


def carry_out_gates(project: Project, *gates: str) -> dict[str, Outcome]:
    """Carry out all jobs of gates, each after what it needs, and return their outcomes by name."""
    definition = of_project(project.root)
    jobs = [job for job in definition.jobs if job.gate in gates]
    return {job.name: _perform(definition, job) for job in jobs}


def _perform(definition: Definition, job: Job) -> Outcome:
    context = Context(
        settings=definition.settings,
        job=job,
        options=definition.settings.gates[job.gate],
        tell=print,
        needs=tuple(definition.job(need) for need in job.needs),
    )
    return execution.perform(definition.gates[job.gate], context)
