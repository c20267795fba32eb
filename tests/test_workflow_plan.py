"""GitHub runs the jobs that Pushgate plans: for definitions and events of any kind.

What GitHub runs is told by an evaluator that is written from its documentation and reads
nothing but the workflow file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from ruamel.yaml import YAML

import github_histories
import github_workflows
from github_filters import GithubEvent
from github_runner import Runner
from github_workflows import Cell, Ended
from pushgate import cli
from pushgate.model.event import Event
from pushgate.plan.changes import Changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan
from pushgate.providers import github, pipeline

pytestmark = pytest.mark.slow

# Beside pytest's own cache, so that no other folder appears in the repository.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")

LONG_LIVED: Final = (("main",), ("main", "dev"), ("trunk", "release/1"), ("main", "!a+b"))
BRANCHES: Final = ("main", "dev", "trunk", "release/1", "release/2", "feature/it's", "!a+b")
TAGS: Final = ("v1", "v2/rc", "other")
PATTERNS: Final = (
    *("push", "push:main", "push:release/*", "push:*", "push:f*s", "push:feature/it's", "push:dev"),
    *("pull_request", "pull_request:main", "pull_request:rel*", "pull_request:*e*", "all"),
    *("tag", "tag:v*", "tag:v1", "tag:*/*", "schedule"),
)
INPUTS: Final = ("docs/**", "web/*.js", "**/*.md", "demo.py", "**", "web/deep/[xy].js")
FILES: Final = {
    "noxfile.py": "import pushgate\n\npushgate.register()\n",
    "demo.py": "",
    "docs/guide.md": "",
    "web/app.js": "",
    "web/deep/x.js": "",
    "README.md": "",
}
CHANGED: Final = ("demo.py", "docs/guide.md", "web/app.js", "web/deep/x.js", "README.md")
OWN: Final = ("docs", "web", "frontend-2", "e_2_e")
BUILT_IN: Final = ("lint", "types", "test", "coverage", "security")
EVENTS: Final = (
    *("push", "push", "pull_request", "pull_request", "merge_group"),
    *("schedule", "workflow_dispatch"),
)
ELSEWHERE: Final = "elsewhere/README.md"
"""A file outside of the project, where that has a folder."""

PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""Not to shrink: it takes minutes, and what failed can be read as it is."""

CRON: Final = "17 3 * * 1"
ZEROS: Final = "0" * 40
YAML_1_2: Final = YAML(typ="safe", pure=True)


@dataclass(frozen=True)
class Happening:
    """An event, as GitHub and as Pushgate name it.

    Attributes:
        name: GitHub's word for it.
        ref: The short name of the branch or tag that it is about; of a pull request and a
            merge queue the base, of a schedule the default branch.
        changed: The files that it changes, from the top of the repository.
        folder: The project's folder, with a slash at its end; empty for the top.
        before: Of a push: ``before``, ``zeros`` or ``gone``.
        action: Of a pull request: what is done to it.
    """

    name: str
    ref: str
    changed: tuple[str, ...]
    folder: str = ""
    before: str = "before"
    action: str = "synchronize"

    @property
    def event(self) -> Event:
        """What Pushgate calls it."""
        if self.name == "schedule":
            return Event("schedule")
        if self.name in {"pull_request", "merge_group"}:
            return Event("pull_request", self.ref)
        return Event("tag" if self.ref in TAGS else "push", self.ref)

    def files(self, main: str) -> frozenset[str] | None:
        """Return the files that count as changed; None: all of them."""
        compared = self.name in {"pull_request", "merge_group"} or (
            self.name == "push"
            and self.ref not in TAGS
            # A new branch is compared with the main branch, a new main branch with nothing.
            and (self.before == "before" or (self.before == "zeros" and self.ref != main))
        )
        return frozenset(self.changed) if compared and self.changed else None

    def seen_by_github(self, commits: Mapping[str, str]) -> GithubEvent:
        """Return what GitHub tells of it."""
        payload: dict[str, Any] = {}
        ref, base, head = f"refs/heads/{self.ref}", "", ""
        if self.ref in TAGS:
            ref = f"refs/tags/{self.ref}"
        if self.name == "push":
            known = {"before": commits["before"], "zeros": ZEROS, "gone": "1" * 40}
            payload = {"before": known[self.before], "after": commits["head"]}
        elif self.name == "pull_request":
            ref, base, head = "refs/pull/7/merge", self.ref, "feature"
            payload = {
                "action": self.action,
                "number": 7,
                "pull_request": {"number": 7, "head": {"sha": commits["head"]}},
            }
        elif self.name == "merge_group":
            queue = f"refs/heads/gh-readonly-queue/{self.ref}/pr-7-{commits['before']}"
            payload = {
                "action": "checks_requested",
                "merge_group": {"base_ref": ref, "head_ref": queue},
            }
            ref = queue
        elif self.name == "schedule":
            payload = {"schedule": CRON}
        return GithubEvent(
            name=self.name, ref=ref, base=base, head=head, payload=payload, changed=self.changed
        )


@st.composite
def _happenings(draw: st.DrawFn) -> Happening:
    name = draw(st.sampled_from(EVENTS))
    refs = (*BRANCHES, *TAGS) if name in {"push", "workflow_dispatch"} else BRANCHES
    folder = draw(st.sampled_from(["", "", "services/the api/"]))
    names = st.lists(st.sampled_from(CHANGED), unique=True, max_size=3)
    defining = ["pyproject.toml"] if draw(st.integers(0, 7)) == 7 else []
    changed = [f"{folder}{each}" for each in [*draw(names), *defining]]
    changed += [ELSEWHERE] if draw(st.booleans()) else []
    before = draw(st.sampled_from(["before", "before", "zeros", "gone"]))
    return Happening(name, draw(st.sampled_from(refs)), tuple(changed), folder, before)


def _some(values: Sequence[str], most: int) -> st.SearchStrategy[list[str]]:
    if not values:
        return st.just([])
    return st.just([]) | st.lists(st.sampled_from(values), unique=True, min_size=1, max_size=most)


def _near(event: Event) -> list[str]:
    """Return patterns that cover an event, and such that nearly do."""
    near = ["push", "push:*", "pull_request", "tag:*", event.kind]
    if event.ref:
        ends = (event.ref, f"{event.ref[:2]}*", f"*{event.ref[-1]}", f"{event.ref}-not")
        near += [f"{event.kind}:{end}" for end in ends]
    return list(dict.fromkeys(near))


@st.composite
def _examples(draw: st.DrawFn) -> tuple[str, Happening]:
    """Draw an event, and the ``pyproject.toml`` of a project with gates of any kind."""
    happening = draw(_happenings())
    scheduled = draw(st.booleans()) or happening.name == "schedule"
    patterns = [each for each in PATTERNS if scheduled or each != "schedule"]
    on: st.SearchStrategy[list[str]] = (
        st.just([]) | _some(_near(happening.event), 2) | _some(patterns, 3)
    )
    inputs = st.just(["**"]) | st.just(["**"]) | _some(INPUTS, 2).map(lambda some: some or ["**"])
    lines = [
        "[tool.pushgate]",
        f"branches = {json.dumps(draw(st.sampled_from(LONG_LIVED)))}",
        f"python = {json.dumps(draw(st.sampled_from([['3.12'], ['3.11', '3.12']])))}",
        "[tool.pushgate.ci]",
        f"schedule = {json.dumps([CRON] if scheduled else [])}",
        f"systems = {json.dumps(draw(st.sampled_from([[], [], ['macos-15']])))}",
        "[tool.pushgate.gates]",
        f"test.shards = {draw(st.integers(1, 2))}",
    ]
    off = {*draw(_some(BUILT_IN[1:], 4)), *BUILT_IN[draw(st.sampled_from([5, 5, 1])) :]}
    off |= {"coverage"} if "test" in off else set()
    lines += [f"{name}.enabled = false" for name in sorted(off)]
    known = [name for name in BUILT_IN if name not in off]
    for name in draw(st.lists(st.sampled_from(OWN), unique=True, max_size=4)):
        lines.append(f'{name}.run = ["true"]')
        lines.append(f"{name}.needs = {json.dumps(draw(_some(known, 2)))}")
        lines.append(f"{name}.after = {json.dumps(draw(_some(known, 2)))}")
        known.append(name)
    for name in known:
        lines.append(f"{name}.on = {json.dumps(draw(on))}")
        lines.append(f"{name}.inputs = {json.dumps(draw(inputs))}")
    return "\n".join(lines) + "\n", happening


class World:
    """One repository for all examples, and what GitHub makes of its workflow file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.history = github_histories.repository(folder / "repository", BRANCHES)

    def make(self, pyproject: str, happening: Happening) -> GithubEvent:
        """Make the commits of an event, and check out what its jobs would look at."""
        project = {**FILES, "pyproject.toml": pyproject}
        files = {f"{happening.folder}{name}": content for name, content in project.items()}
        files[ELSEWHERE] = ""
        commits = self.history.write(files, happening.changed)
        pushed = happening.name == "push" and happening.ref not in TAGS
        merged = happening.name in {"pull_request", "merge_group"}
        self.history.check_out(
            commits["merge" if merged else "head"], happening.ref if pushed else ""
        )
        return happening.seen_by_github(commits)

    def project(self, folder: str) -> Path:
        """Return the folder of the project that is checked out."""
        return self.history.project.root / folder

    def asked(self, cell: Cell, event: GithubEvent) -> Ended:
        """Do what the job ``plan`` does, in the repository."""
        [step] = [step for step in cell.said["steps"] if "plan --ci" in step.get("run", "")]
        files = self.folder / "plan"
        files.mkdir(exist_ok=True)
        (files / "outputs").write_text("", encoding="utf-8")
        (files / "payload.json").write_text(json.dumps(event.payload), encoding="utf-8")
        variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_REF": event.ref,
            "GITHUB_BASE_REF": event.base,
            "GITHUB_EVENT_PATH": str(files / "payload.json"),
            "GITHUB_OUTPUT": str(files / "outputs"),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.project(step.get("working-directory", "")))
            for name, value in variables.items():
                patch.setenv(name, value)
            assert cli.main(["plan", "--ci"]) == 0
        key, _, value = (files / "outputs").read_text(encoding="utf-8").strip().partition("=")
        steps = {step["id"]: {"outputs": {key: value}}}
        return Ended("success", github_workflows.outputs(cell, steps))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@dataclass
class Runs:
    """Runs a workflow for an event, and notes the jobs of gates that a runner is given."""

    world: World
    workflow: Mapping[str, Any]
    event: GithubEvent
    names: dict[str, list[str]] = field(default_factory=dict)

    def results(
        self, ends: Mapping[str, str] | None = None, *, cancelled: bool = False
    ) -> dict[str, str]:
        """Return how each job of the file ends.

        Args:
            ends: How jobs end that do not pass, by their names.
            cancelled: Whether somebody cancels the run.
        """
        self.names = {}
        runner = Runner(
            self.workflow,
            self.event,
            self.world.project(""),
            self.world.folder,
            {"PATH": os.environ["PATH"]},
            cancelled=cancelled,
        )

        def work(cell: Cell) -> Ended:
            if cell.job == "passed":
                return runner(cell)
            self.names.setdefault(cell.job, []).append(cell.name)
            result = (ends or {}).get(cell.name, "success")
            if cell.job == "plan" and result == "success":
                return self.world.asked(cell, self.event)
            return Ended(result)

        ended = github_workflows.run(self.workflow, self.event, work, cancelled=cancelled)
        return {job: end.result for job, end in ended.items()}


def _is_seen(definition: Definition, happening: Happening) -> bool:
    """Tell whether CI is to look at an event: of long-lived branches, or asked for by a gate."""
    event = happening.event
    if happening.name == "schedule":
        return bool(definition.settings.ci.schedule)
    if happening.name in {"merge_group", "workflow_dispatch"} or event.kind == "tag":
        return True
    asked = {
        each.ref or "*" for job in definition.jobs for each in job.on if each.kind == event.kind
    }
    return any(fnmatchcase(event.ref, each) for each in asked) or (
        event.ref in definition.settings.branches
    )


def _planned(definition: Definition, happening: Happening) -> dict[str, list[str]]:
    """Return the names that Pushgate's plan of an event has on GitHub, by gate."""
    files = happening.files(definition.settings.branches[0])
    planned: dict[str, list[str]] = {}
    for job in plan(definition, happening.event, changes=Changes(files, "it")).selected:
        names = planned.setdefault(job.gate, [])
        names.append(job.name)
        if job.gate == "test":
            names += [f"{job.name} on {system}" for system in definition.settings.ci.systems]
    return {gate: sorted(names) for gate, names in planned.items()}


def _after(definition: Definition, gate: str) -> set[str]:
    """Return the gates that wait for a gate, for its outputs or because it may fail."""
    found = {gate}
    for _ in definition.gates:
        for job in definition.jobs:
            if {definition.job(each).gate for each in (*job.needs, *job.after)} & found:
                found.add(job.gate)
    return found - {gate}


@settings(max_examples=200, deadline=None, phases=PHASES)
@given(
    example=_examples(),
    chosen=st.integers(0, 99),
    how=st.sampled_from(["failure", "failure", "cancelled", "the run"]),
)
def test_github_runs_what_is_planned(
    world: World, example: tuple[str, Happening], chosen: int, how: str
) -> None:
    """Exactly the planned jobs run, and ``passed`` tells whether they all passed.

    Where the event selects fewer gates than there are, it passes all the same. Where a job
    fails, or is cut off, or the run is cancelled, it fails, and what comes after does not run.
    """
    pyproject, happening = example
    event = world.make(pyproject, happening)
    definition = of_project(world.project(happening.folder))
    workflow = YAML_1_2.load(github.written(pipeline.of(definition), ""))
    runs = Runs(world, workflow, event)
    results = runs.results()
    if not _is_seen(definition, happening):
        assert results == {}
        return
    ran = {gate: sorted(names) for gate, names in runs.names.items() if gate != "plan"}
    assert ran == _planned(definition, happening)
    assert results["passed"] == "success"
    could_fail = [(job, name) for job, names in runs.names.items() for name in names]
    if not could_fail:
        return
    job, name = could_fail[chosen % len(could_fail)]
    ends = {} if how == "the run" else {name: how}
    assert runs.results(ends, cancelled=how == "the run")["passed"] == "failure"
    if how == "failure" and job != "plan":
        assert runs.names.keys().isdisjoint(_after(definition, job))


def test_a_gate_that_is_rightly_skipped(world: World) -> None:
    """The job that is required passes where a gate is skipped for what changed, and all pass.

    It fails where the gate is skipped because what it comes after failed.
    """
    pyproject = (
        "[tool.pushgate]\npython = ['3.12']\n[tool.pushgate.gates]\ntest.enabled = false\n"
        "docs = { run = ['true'], inputs = ['docs/**'], after = ['lint'] }\n"
    )
    happening = Happening("pull_request", "main", ("demo.py",))
    event = world.make(pyproject, happening)
    definition = of_project(world.project(""))
    workflow = YAML_1_2.load(github.written(pipeline.of(definition), ""))
    runs = Runs(world, workflow, event)
    results = runs.results()
    assert (results["docs"], results["passed"]) == ("skipped", "success")
    docs = Happening("pull_request", "main", ("docs/guide.md",))
    runs = Runs(world, workflow, world.make(pyproject, docs))
    assert runs.results()["docs"] == "success"
    results = runs.results({"lint": "failure"})
    assert (results["docs"], results["passed"]) == ("skipped", "failure")


def test_a_run_in_which_nothing_started(world: World) -> None:
    """The job that is required fails where the run is cancelled before its only gate starts.

    It is skipped then, though the event selects it; where the event does not, all is well.
    """
    off = "".join(f"{name}.enabled = false\n" for name in BUILT_IN)
    pyproject = (
        f"[tool.pushgate]\npython = ['3.12']\n[tool.pushgate.gates]\n{off}"
        "docs = { run = ['true'], on = ['push:main'] }\n"
    )
    pushed = world.make(pyproject, Happening("push", "main", ("demo.py",)))
    workflow = YAML_1_2.load(github.written(pipeline.of(of_project(world.project(""))), ""))
    results = Runs(world, workflow, pushed).results(cancelled=True)
    assert results == {"docs": "skipped", "passed": "failure"}
    asked = world.make(pyproject, Happening("pull_request", "main", ("demo.py",)))
    results = Runs(world, workflow, asked).results()
    assert results == {"docs": "skipped", "passed": "success"}


def test_a_pull_request_that_gets_another_base(world: World) -> None:
    """The gates of its new base run, though no commit of it is new."""
    off = "".join(f"{name}.enabled = false\n" for name in BUILT_IN)
    pyproject = (
        "[tool.pushgate]\npython = ['3.12']\nbranches = ['main', 'dev']\n"
        f"[tool.pushgate.gates]\n{off}docs = {{ run = ['true'], on = ['pull_request:dev'] }}\n"
    )
    results = []
    for base, action in (("main", "opened"), ("dev", "edited")):
        happening = Happening("pull_request", base, ("demo.py",), action=action)
        event = world.make(pyproject, happening)
        workflow = YAML_1_2.load(github.written(pipeline.of(of_project(world.project(""))), ""))
        results.append(Runs(world, workflow, event).results())
    assert results == [
        {"docs": "skipped", "passed": "success"},
        {"docs": "success", "passed": "success"},
    ]
