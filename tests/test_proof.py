"""The proof that shards together ran every test exactly once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushgate.model.job import Job, Shard
from pushgate.shards import proof
from pushgate.shards.collection import Collection

Shards = dict[str, Collection]

UNTIMED: Final = settings(deadline=None, database=None)
TESTS: Final = st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8)


@st.composite
def partitions(draw: st.DrawFn, least: int = 1) -> Shards:
    """Draw tests, and how shards share them out; a shard may be empty."""
    tests = sorted(draw(TESTS))
    count = draw(st.integers(least, 5))
    shares = draw(st.lists(st.integers(0, count - 1), min_size=len(tests), max_size=len(tests)))
    kept = [
        tuple(t for t, share in zip(tests, shares, strict=True) if share == k) for k in range(count)
    ]
    return {
        f"test-3.12({index}of{count})": Collection(
            tuple(draw(st.permutations(tests))), mine, dict.fromkeys(mine, 0.5)
        )
        for index, mine in enumerate(kept, 1)
    }


def _keeping(shards: Shards) -> st.SearchStrategy[tuple[str, str]]:
    """Choose a test, with the shard that kept it."""
    return st.sampled_from([(job, test) for job, shard in shards.items() for test in shard.kept])


@UNTIMED
@given(partitions())
def test_any_partition_is_proven(shards: Shards) -> None:
    """However tests are shared out, each to one shard that ran it: proven."""
    assert proof.prove(shards) == ()


@UNTIMED
@given(st.data(), partitions())
def test_any_loss_is_found(data: st.DataObject, shards: Shards) -> None:
    """A test that its shard did not keep is named."""
    job, test = data.draw(_keeping(shards))
    shard = shards[job]
    without = tuple(kept for kept in shard.kept if kept != test)
    problems = proof.prove(shards | {job: replace(shard, kept=without)})
    count = len(shard.collected)
    assert problems == (f"1 of {count} tests ran in no shard: {test}",)


@UNTIMED
@given(st.data(), partitions(least=2))
def test_any_duplicate_is_found(data: st.DataObject, shards: Shards) -> None:
    """A test that a second shard ran as well is named."""
    job, test = data.draw(_keeping(shards))
    other = data.draw(st.sampled_from(sorted(shards.keys() - {job})))
    kept, ran = (*shards[other].kept, test), {**shards[other].ran, test: 1.0}
    problems = proof.prove(shards | {other: replace(shards[other], kept=kept, ran=ran)})
    assert problems == (f"1 tests ran in more than one shard: {test}",)


@UNTIMED
@given(st.data(), partitions())
def test_any_test_that_did_not_run_is_found(data: st.DataObject, shards: Shards) -> None:
    """A test that its shard kept and did not run is named with the shard."""
    job, test = data.draw(_keeping(shards))
    ran = {name: seconds for name, seconds in shards[job].ran.items() if name != test}
    problems = proof.prove(shards | {job: replace(shards[job], ran=ran)})
    assert problems == (f"{job} kept 1 tests that it did not run: {test}",)


@UNTIMED
@given(st.data(), partitions(least=2))
def test_any_other_collection_is_found(data: st.DataObject, shards: Shards) -> None:
    """A test that only one shard collected is named with the shards that differ."""
    job = data.draw(st.sampled_from(sorted(shards)))
    collected = (*shards[job].collected, "foreign")
    problems = proof.prove(shards | {job: replace(shards[job], collected=collected)})
    assert problems
    for problem in problems:
        assert job in problem
        assert "collected different tests" in problem
        assert problem.endswith(": foreign")


@UNTIMED
@given(st.data(), partitions())
def test_any_foreign_test_is_found(data: st.DataObject, shards: Shards) -> None:
    """A test that a shard ran although nobody collected it is named."""
    job = data.draw(st.sampled_from(sorted(shards)))
    kept, ran = (*shards[job].kept, "foreign"), {**shards[job].ran, "foreign": 1.0}
    problems = proof.prove(shards | {job: replace(shards[job], kept=kept, ran=ran)})
    assert problems == ("1 tests ran that no shard collected: foreign",)


def test_no_test_is_no_proof() -> None:
    """Shards that collected nothing prove nothing."""
    empty = Collection((), (), {})
    assert proof.prove({"test-3.12(1of2)": empty, "test-3.12(2of2)": empty}) == (
        "no test was collected",
    )


def test_many_tests_are_not_all_named() -> None:
    """Of many lost tests the first five are named, and how many more there are."""
    collected = tuple(f"test_{number}" for number in range(7))
    (problem,) = proof.prove({"test-3.12": Collection(collected, (), {})})
    named = "test_0, test_1, test_2, test_3, test_4 and 2 more"
    assert problem == f"7 of 7 tests ran in no shard: {named}"


def _job(python: str, index: int) -> Job:
    name = f"test-{python}({index}of2)"
    session = f"test-{python}"
    shard = Shard(index, 2)
    return Job(name=name, gate="test", session=session, summary="", python=python, shard=shard)


def _leave(root: Path, job: Job, collected: list[str], kept: list[str]) -> None:
    folder = root / job.outputs
    folder.mkdir(parents=True)
    tests = json.dumps({"collected": collected, "kept": kept})
    (folder / "collected.json").write_text(tests, encoding="utf-8")
    (folder / "durations.json").write_text(json.dumps(dict.fromkeys(kept, 1.0)), encoding="utf-8")


def test_each_python_is_proven_by_itself(tmp_path: Path) -> None:
    """Pythons may collect different tests; within each, none may be lost."""
    jobs = [_job(python, index) for python in ("3.11", "3.12") for index in (1, 2)]
    _leave(tmp_path, jobs[0], ["a", "b"], ["a"])
    _leave(tmp_path, jobs[1], ["a", "b"], ["b"])
    _leave(tmp_path, jobs[2], ["a", "c"], ["a"])
    _leave(tmp_path, jobs[3], ["a", "c"], ["c"])
    assert proof.prove_jobs(tmp_path, jobs) == ()
    _leave(tmp_path / "other", jobs[0], ["a", "b"], ["a"])
    (tmp_path / jobs[3].outputs / "collected.json").write_text(
        json.dumps({"collected": ["a", "c"], "kept": []}), encoding="utf-8"
    )
    assert proof.prove_jobs(tmp_path, jobs) == ("1 of 2 tests ran in no shard: c",)


@pytest.mark.parametrize(
    ("damaged", "content"),
    [
        ("collected.json", None),
        ("collected.json", b""),
        ("collected.json", b'{"kept": []}'),
        ("collected.json", b"[]"),
        ("collected.json", b'{"collected": 1, "kept": []}'),
        ("durations.json", None),
        ("durations.json", b'{"a": '),
        ("durations.json", b"1"),
        ("durations.json", b"\xff"),
    ],
)
def test_a_missing_account_is_told(tmp_path: Path, damaged: str, content: bytes | None) -> None:
    """A shard without a whole account of its tests proves nothing, and is named."""
    jobs = [_job("3.12", index) for index in (1, 2)]
    for job in jobs:
        _leave(tmp_path, job, ["a"], ["a"] if job is jobs[0] else [])
    file = tmp_path / jobs[1].outputs / damaged
    assert proof.prove_jobs(tmp_path, jobs) == ()
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    (problem,) = proof.prove_jobs(tmp_path, jobs)
    assert problem.startswith(f"{jobs[1].name}: no account of its tests in {file.parent}: ")
