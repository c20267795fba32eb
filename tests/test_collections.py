"""Which shards of a run share a collection, and how they wait for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from carrying_out import suite
from conftest import PYTHON, Project
from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.plan.definition import Definition, of_project
from pushgate.run.collections import Collections
from pushgate.run.schedule import Policy, Schedule
from pushgate.shards import shared

MakeProject = Callable[..., Project]

NAME = f"test-{PYTHON}.collection"

pytestmark = pytest.mark.skipif(not shared.supported(), reason="collections are shared on Linux")


def _tests(definition: Definition) -> list[Job]:
    return [job for job in definition.jobs if job.gate == "test"]


def test_shards_wait_for_their_collection(make_project: MakeProject, tmp_path: Path) -> None:
    """A core is held while tests are collected; the shards are then free to start."""
    definition = of_project(make_project(suite(shards=3)).root)
    jobs = _tests(definition)
    collections = Collections(definition, jobs, tmp_path)
    known = collections.seconds({jobs[0].name: 4.0})
    schedule = Schedule(collections.scheduled(jobs), known, 2, Policy.AFTER)
    assert known[NAME] == 2.0
    assert [start.job.name for start in schedule.start()] == [NAME]
    assert schedule.start() == []
    schedule.finish(Outcome(job=NAME, result=Result.PASSED))
    assert [start.job.name for start in schedule.start()] == [job.name for job in jobs[:2]]
    told = {tuple(collections.variables(job.name).items()) for job in jobs}
    assert len(told) == 1
    assert collections.variables("lint") == {}


def test_one_shard_alone(make_project: MakeProject, tmp_path: Path) -> None:
    """A shard that runs without the others collects for itself."""
    definition = of_project(make_project(suite(shards=2)).root)
    jobs = _tests(definition)[:1]
    assert Collections(definition, jobs, tmp_path).scheduled(jobs) == jobs


@pytest.mark.parametrize("key", ["workers = 2", "workers = 'auto'"])
def test_workers_collect_themselves(make_project: MakeProject, tmp_path: Path, key: str) -> None:
    """With workers of pytest-xdist there is nothing to share."""
    files = suite(shards=2)
    files["pyproject.toml"] = files["pyproject.toml"].replace("shards = 2", f"shards = 2\n{key}")
    definition = of_project(make_project(files).root)
    jobs = _tests(definition)
    assert Collections(definition, jobs, tmp_path).scheduled(jobs) == jobs
