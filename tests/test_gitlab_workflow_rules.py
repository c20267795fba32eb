"""GitLab's ``rules``: the jobs of a pipeline are those of the plan of its event."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import gitlab_pipelines
from conftest import Project
from gated import MakeProject
from gitlab_pipelines import Trigger
from pushgate.config.yaml_text import parsed
from pushgate.model import globs
from pushgate.model.event import Event
from pushgate.model.settings import ConfigurationError
from pushgate.plan.changes import Changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan
from pushgate.providers import gitlab, gitlab_rules, pipeline

PLAIN = "[tool.pushgate]\npython = ['3.12']\n"
FILES = (
    *("README.md", "docs/index.md", "docs/deep/page.md", "src/abc.py", "src/zed.py"),
    *("web/x1.js", "web/a/b/x2.js", "odd{a,b}/c", "odd/$HOME/f", "odd/%name%", ".hidden/docs.md"),
    *("backend/noxfile.py", "backend/docs/index.md", "backend/app.py", "backend/[x]/y"),
)
TOP_GLOBS = (
    *("docs/**", "**/*.md", "src/[a-c]*.py", "src/[!a]??.*", "web/**/x?.js", "odd{a,b}/*"),
    *("odd/$HOME/f", "**/%name%", "*.md", ".hidden/**", "web/**/b/**", "**/docs/**", "odd/[$%]*/f"),
)
FOLDER_GLOBS = ("docs/**", "*.py", "../docs/**", "../src/*.py", "[[]x]/**", "**/index.md")
BRANCHES = ("main", "dev", "release/1.x", "feature/a", "feature/ab", "we\"ird'&$CI_COMMIT_TAG")
TAGS = ("v1", "v1.2", "nightly")
EVENTS = (
    *("push", "push:main", "push:release/*", "push:feature/?", "pull_request", "schedule", "tag"),
    *(
        "pull_request:main",
        "pull_request:dev",
        "tag:v*",
        "tag:nightly",
        "tag:v[0-9]",
        "push:[!m]*",
        f"push:{BRANCHES[-1]}",
    ),
)
GATES = ("alpha", "beta", "gamma", "delta", "types-too")

GLOB_NAMES = ("**", *"ab*?,", "[!a]", "[a-c]", "[$%{b]", "a*", "?.c", "{a}", "$HOME", "%name%")
PATH_NAMES = ("a", "b", "c", "{", ",", "x.c", ".a", "{a}", "$HOME", "%name%")


def paths(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository with a project at its top and one in a folder."""
    project = Project(tmp_path_factory.mktemp("repository"))
    project.write(dict.fromkeys(FILES, ""))
    project.write({"noxfile.py": "import pushgate\n\npushgate.register()\n"})
    for folder in (project.root, project.root / "backend"):
        (folder / "pyproject.toml").write_text("", encoding="utf-8")
    project.git("init", "--quiet")
    project.git("add", "--all")
    return project


@st.composite
def pyprojects(draw: st.DrawFn, patterns: tuple[str, ...]) -> str:
    """Definitions whose gates ask for events and files, and need or follow each other."""
    lines = [PLAIN, f"branches = {draw(chosen(BRANCHES[:3], least=1))!r}"]
    lines += ["[tool.pushgate.ci]", "schedule = ['17 3 * * 1']"]
    earlier: list[str] = []
    for gate in GATES[: draw(st.integers(1, len(GATES)))]:
        lines += [f"[tool.pushgate.gates.{gate}]", "run = ['true']", "environment = false"]
        lines += [f"on = {toml(draw(chosen(EVENTS)))}"]
        if inputs := draw(chosen(patterns)):
            lines += [f"inputs = {toml(inputs)}"]
        lines += [f"{key} = {toml(draw(chosen(tuple(earlier))))}" for key in ("needs", "after")]
        earlier.append(gate)
    return "\n".join(lines) + "\n"


def chosen(words: tuple[str, ...], least: int = 0) -> st.SearchStrategy[list[str]]:
    if not words:
        return st.just([])
    return st.lists(st.sampled_from(words), min_size=least, max_size=2, unique=True)


def toml(words: list[str]) -> str:
    """Write a TOML array; its strings are those of JSON."""
    return "[" + ", ".join('"' + word.replace('"', '\\"') + '"' for word in words) + "]"


@st.composite
def triggers(draw: st.DrawFn) -> tuple[Trigger, Event]:
    """What happens at GitLab, and which event of Pushgate that is."""
    changed = draw(st.frozensets(st.sampled_from((*FILES, "pyproject.toml")), min_size=1))
    branch, tag = draw(st.sampled_from(BRANCHES)), draw(st.sampled_from(TAGS))
    return draw(
        st.sampled_from(
            [
                (Trigger("push", branch=branch, changed=changed), Event("push", branch)),
                (Trigger("web", branch=branch), Event("push", branch)),
                (Trigger("push", tag=tag), Event("tag", tag)),
                (Trigger("web", tag=tag), Event("tag", tag)),
                (Trigger("schedule", branch=branch), Event("schedule")),
                (Trigger("schedule", tag=tag), Event("schedule")),
                (
                    Trigger("merge_request_event", target=branch, changed=changed),
                    Event("pull_request", branch),
                ),
            ]
        )
    )


def file_of(definition: Definition) -> dict[str, Any]:
    """Return what the file of a definition says."""
    return parsed(gitlab.written(pipeline.of(definition), ""), "")


def makes_a_pipeline(definition: Definition, event: Event) -> bool:
    """Tell whether CI looks at an event at all."""
    said = pipeline.of(definition)
    asked = {
        "push": (*said.branches, *said.pushes),
        "pull_request": (*said.branches, *said.pull_requests),
    }
    return any(fnmatchcase(event.ref, ref) for ref in asked.get(event.kind, "*"))


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "patterns"), [(".", TOP_GLOBS), ("backend", FOLDER_GLOBS)])
def test_plan(repository: Project, folder: str, patterns: tuple[str, ...]) -> None:
    """For each event, a pipeline has exactly the jobs that Pushgate's plan has."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(text=pyprojects(patterns), happened=triggers())
    def holds(text: str, happened: tuple[Trigger, Event]) -> None:
        trigger, event = happened
        root = repository.root / folder
        (root / "pyproject.toml").write_text(text, encoding="utf-8")
        definition = of_project(root)
        jobs = gitlab_pipelines.pipeline(file_of(definition), trigger)
        if not makes_a_pipeline(definition, event):
            assert jobs is None
            return
        assert jobs is not None
        jobs.pop("passed", None)
        there = {
            given["PUSHGATE_JOB"]
            for job in jobs.values()
            for given in gitlab_pipelines.variables(job)
        }
        changes = Changes(trigger.changed, "what it was compared with")
        assert there == {job.name for job in plan(definition, event, (), changes).selected}

    holds()


@settings(max_examples=300, deadline=None)
@given(glob=paths(GLOB_NAMES), path=paths(PATH_NAMES))
@example(glob="a/**", path="a")
@example(glob="**/a/**/b", path="a/b/b")
@example(glob="$HOME/%name%", path="$HOME/%name%")
@example(glob="[!$HOME]", path="x")
def test_globs(glob: str, path: str) -> None:
    """What a glob of ``inputs`` matches, its patterns for GitLab match together."""
    ours = bool(list(globs.translated((glob,)).among([path])))
    patterns = [
        gitlab_pipelines.expanded_existing(pattern, {}) for pattern in gitlab_rules.paths(glob)
    ]
    assert any(gitlab_pipelines.fnmatch(pattern, path) for pattern in patterns) is ours, patterns


@settings(max_examples=300, deadline=None)
@given(
    pattern=st.text("ab*?[]!-$./&|~\"'", min_size=1, max_size=8),
    ref=st.text("ab[]!-$./&|~\"'", min_size=1, max_size=4),
)
@example(pattern="[!a-]*", ref="-b")
@example(pattern="[]$]", ref="$")
@example(pattern="[b-a]", ref="a")
def test_patterns_of_events(pattern: str, ref: str) -> None:
    """What a pattern of events matches, its expression matches, or it is refused."""
    try:
        [expression] = gitlab_rules.conditions([Event("push", pattern)])
    except ConfigurationError as refused:
        assert "[" in pattern, refused  # noqa: PT017  # most patterns are not refused
        return
    variables = Trigger("push", branch=ref).variables
    assert gitlab_pipelines.holds(expression, variables) is fnmatchcase(ref, pattern), expression


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**.rb", "main.rb", True),
        ("**.rb", "lib/song.rb", False),
        ("**/*.rb", "lib/song.rb", True),
        ("**/foo", "a/.b/c/foo", True),
        ("*", "dave/.profile", False),
        ("ca[a-z]", "cat", True),
        ("ca[^t]", "cat", False),
        (r"\?", "?", True),
        (r"[\?]", "?", True),
        ("c{at,ub}s", "cats", True),
        (r"\{a\}", "{a}", True),
        ("{a}", "{a}", False),
    ],
)
def test_fnmatch_of_the_tests(pattern: str, path: str, matches: bool) -> None:  # noqa: FBT001
    """The examples of Ruby's documentation hold for the tests' own ``File.fnmatch``."""
    assert gitlab_pipelines.fnmatch(pattern, path) is matches


def test_literal_paths() -> None:
    """The files that define the jobs are no patterns, whatever they are called."""
    for path in ("a[b]c", "$HOME/x", "%name%", "{a,b}", "x*?", "back\\slash"):
        pattern = gitlab_pipelines.expanded_existing(gitlab_rules.literal(path), {})
        assert gitlab_pipelines.fnmatch(pattern, path)
        assert not gitlab_pipelines.fnmatch(pattern, path + "x")


def test_many_inputs(make_project: MakeProject) -> None:
    """More patterns than GitLab takes at once are several rules."""
    files = [f"docs/{number}.md" for number in range(120)]
    text = f"{PLAIN}[tool.pushgate.gates.docs]\nrun = ['true']\ninputs = {toml(files)}\n"
    project = make_project({"pyproject.toml": text, **dict.fromkeys(files, "")})
    document = file_of(of_project(project.root))
    for number in (0, 60, 119):
        trigger = Trigger("push", branch="main", changed=frozenset({f"docs/{number}.md"}))
        assert "docs" in (gitlab_pipelines.pipeline(document, trigger) or {})
    other = Trigger("push", branch="main", changed=frozenset({"docs/120.md"}))
    assert "docs" not in (gitlab_pipelines.pipeline(document, other) or {})


def test_no_other_pipelines(make_project: MakeProject) -> None:
    """A branch that nobody asks for has pipelines of merge requests only; no API call has one."""
    project = make_project({"pyproject.toml": PLAIN, "demo.py": ""})
    document = file_of(of_project(project.root))
    merge = Trigger("merge_request_event", target="main", changed=frozenset({"demo.py"}))
    assert gitlab_pipelines.pipeline(document, merge)
    for trigger in (
        Trigger("push", branch="topic"),
        Trigger("merge_request_event", target="topic"),
        Trigger("schedule", branch="main"),
        Trigger("api", branch="main"),
        Trigger("trigger", tag="v1"),
    ):
        assert gitlab_pipelines.pipeline(document, trigger) is None


def test_superseded(make_project: MakeProject) -> None:
    """A newer commit cancels the pipeline of a merge request, and no other."""
    project = make_project({"pyproject.toml": PLAIN, "demo.py": ""})
    document = file_of(of_project(project.root))
    merge = Trigger("merge_request_event", target="main")
    assert gitlab_pipelines.is_cancelled_by_the_next(document, merge)
    for trigger in (Trigger("push", branch="main"), Trigger("push", tag="v1")):
        assert not gitlab_pipelines.is_cancelled_by_the_next(document, trigger)
    assert document[".pushgate"]["interruptible"] is True


def test_nothing_changed_that_a_gate_reads(make_project: MakeProject) -> None:
    """A pipeline in which no gate runs has a job all the same: merge requests wait for one."""
    text = f"{PLAIN}[tool.pushgate.gates.docs]\nrun = ['true']\ninputs = ['docs/**']\n"
    project = make_project({"pyproject.toml": text, "docs/index.md": ""})
    document = file_of(of_project(project.root))
    trigger = Trigger("merge_request_event", target="main", changed=frozenset({"README.md"}))
    assert set(gitlab_pipelines.pipeline(document, trigger) or {}) == {"passed"}
