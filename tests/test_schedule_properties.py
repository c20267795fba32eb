"""Whatever jobs need each other and however they end: what always holds of their schedule."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from pushgate.model.job import Job
from pushgate.model.outcome import Outcome, Result
from pushgate.run.schedule import Policy, Schedule, Start

# Beside pytest's own cache, so that no other folder appears in the repository.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")


@st.composite
def _plans(draw: st.DrawFn) -> tuple[list[Job], dict[str, float], dict[str, Result]]:
    """Draw jobs that need each other, how long some are said to last, and how they end."""
    jobs: list[Job] = []
    for number in range(draw(st.integers(0, 12))):
        earlier = [job.name for job in jobs]
        names = st.lists(st.sampled_from(earlier), unique=True, max_size=3)
        jobs.append(
            Job(
                name=f"j{number}",
                gate=draw(st.sampled_from(["a", "b"])),
                session=f"j{number}",
                summary="",
                needs=tuple(draw(names)) if earlier else (),
                after=tuple(draw(names)) if earlier else (),
                cores=draw(st.none() | st.integers(1, 5)),
            )
        )
    seconds = draw(
        st.dictionaries(st.sampled_from([job.name for job in jobs]), st.floats(0, 100))
        if jobs
        else st.just({})
    )
    ends = st.sampled_from([Result.PASSED, Result.PASSED, *Result])
    return jobs, seconds, {job.name: draw(ends) for job in jobs}


class _Simulation:
    """Follows a schedule, and checks at every step what always holds."""

    def __init__(self, schedule: Schedule, cores: int) -> None:
        self.schedule = schedule
        self.cores = cores
        self.running: dict[str, Start] = {}
        self.passed: set[str] = set()
        self.vain: set[str] = set()
        self.ends: Counter[str] = Counter()

    def start(self) -> None:
        for start in self.schedule.start():
            assert start.cores >= 1
            assert self.passed >= set(start.job.needs)
            assert start.job.name not in self.running
            assert start.job.name not in self.ends
            self.running[start.job.name] = start
        assert sum(start.cores for start in self.running.values()) <= self.cores
        assert self.running or self.schedule.done, "nothing runs, and not all have ended"

    def finish(self, name: str, result: Result) -> None:
        del self.running[name]
        self.ends[name] += 1
        if result is Result.PASSED:
            self.passed.add(name)
        cancelled = self.schedule.finish(Outcome(job=name, result=result))
        if result is Result.PASSED:
            assert not cancelled
        for one in cancelled:
            assert one.job not in self.vain, "told twice"
            if one.job in self.running:
                self.vain.add(one.job)
            else:
                self.ends[one.job] += 1


@settings(derandomize=True, database=None, deadline=None)
@given(
    drawn=_plans(),
    cores=st.integers(1, 6),
    policy=st.sampled_from(Policy),
    choice=st.randoms(use_true_random=False),
)
def test_every_job_ends_exactly_once(
    drawn: tuple[list[Job], dict[str, float], dict[str, Result]],
    cores: int,
    policy: Policy,
    choice: random.Random,
) -> None:
    """Whatever needs what and however it ends: no core too many, no job twice, none forgotten."""
    jobs, seconds, ends = drawn
    simulation = _Simulation(Schedule(jobs, seconds, cores, policy), cores)
    while not simulation.schedule.done:
        simulation.start()
        if not simulation.running:
            break
        name = choice.choice(sorted(simulation.running))
        simulation.finish(name, Result.ABORTED if name in simulation.vain else ends[name])
    assert simulation.ends == Counter(job.name for job in jobs)
