"""The evaluator of ``on`` says what GitHub's documentation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from github_filters import GithubEvent, WorkflowError, included, matches, triggered


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        # Branches and tags
        ("feature/*", "feature/my-branch feature/your-branch !feature !feature/a/b !x/feature/a"),
        ("feature/**", "feature/beta-a/my-branch feature/your-branch feature/mona/the/octocat"),
        ("releases/mona-the-octocat", "releases/mona-the-octocat !releases/mona"),
        ("*", "main releases !all/the/branches"),
        ("**", "all/the/branches every/tag main"),
        ("*feature", "mona-feature feature ver-10-feature !feature-1"),
        ("v2*", "v2 v2.0 v2.9 !v1 !v2/0"),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1 v2.0.0 !v3.0.0 !v1x10.1 !v1..1"),
        ("Octo*", "Octocat !octocat"),
        ("[CB]at", "Cat Bat !Rat !CBat"),
        ("[1-2]00", "100 200 !300"),
        (r"\*lit\[e\]ral\+\?\!", "*lit[e]ral+?! !alit[e]ral+?!"),
        ("a.b(c)|d", "a.b(c)|d !axb(c)|d"),
        # Paths
        ("*.jsx?", "page.js page.jsx !page.jsy !a/page.js"),
        ("**.js", "index.js js/index.js src/js/app.js !app.jsx"),
        ("docs/*", "docs/README.md docs/file.txt !docs/a/b.md"),
        ("docs/**", "docs/README.md docs/mona/octocat.txt !docs"),
        ("docs/**/*.md", "docs/README.md docs/mona/hello-world.md docs/a/markdown/file.md !d/a.md"),
        ("**/docs/**", "docs/hello.md dir/docs/my-file.txt space/docs/plan/space.doc !mydocs/a"),
        ("**/README.md", "README.md js/README.md !MYREADME.md"),
        ("**/*src/**", "a/src/app.js my-src/code/js/app.js !src"),
        ("**/*-post.md", "my-post.md path/their-post.md"),
        ("**/migrate-*.sql", "migrate-10909.sql db/migrate-v1.0.sql db/sept/migrate-v1.sql"),
    ],
)
def test_patterns(pattern: str, names: str) -> None:
    """Each pattern of the cheat sheet matches the documented names, and not those with ``!``."""
    for name in names.split(" "):
        wanted = name.removeprefix("!")
        assert matches(pattern, wanted) == (wanted == name), name


@pytest.mark.parametrize("pattern", ["[a", "[a-Z]", "[!a]", "[_]", "+a", "?", "a\\", "a[]"])
def test_what_is_no_pattern(pattern: str) -> None:
    """What the cheat sheet does not know is an error."""
    with pytest.raises(WorkflowError):
        matches(pattern, "a")


def test_negative_patterns() -> None:
    """The last pattern that matches decides, in the documented examples."""
    assert included(["*.md", "!README.md"], "hello.md")
    assert not included(["*.md", "!README.md"], "README.md")
    assert included(["*.md", "!README.md", "README*"], "README.md")
    assert included(["releases/**", "!releases/**-alpha"], "releases/beta/mona")
    assert not included(["releases/**", "!releases/**-alpha"], "releases/beta/3-alpha")
    assert not included([], "main")


def _push(ref: str, *changed: str) -> GithubEvent:
    return GithubEvent(name="push", ref=ref, changed=changed)


def _pull(base: str, *changed: str, action: str = "opened") -> GithubEvent:
    return GithubEvent(
        name="pull_request",
        ref="refs/pull/1/merge",
        base=base,
        payload={"action": action},
        changed=changed,
    )


MAIN = _push("refs/heads/main", "sub/a.js", "docs/b.md")
OTHER = _push("refs/heads/mona/octocat", "docs/b.md")
TAG = _push("refs/tags/v2")
PULL = _pull("main", "sub/a.js")
QUEUE = GithubEvent(
    name="merge_group",
    ref="refs/heads/gh-readonly-queue/main/pr-1",
    payload={"action": "checks_requested"},
)
BY_HAND = GithubEvent(name="workflow_dispatch", ref="refs/heads/any")
NIGHTLY = GithubEvent(name="schedule", ref="refs/heads/main", payload={"schedule": "30 5 * * 1,3"})


@pytest.mark.parametrize(
    ("on", "events"),
    [
        ("push", [MAIN, OTHER, TAG]),
        (["push", "merge_group"], [MAIN, OTHER, TAG, QUEUE]),
        ({"push": None, "workflow_dispatch": None}, [MAIN, OTHER, TAG, BY_HAND]),
        ({"push": {"branches": ["main"]}}, [MAIN]),
        ({"push": {"branches": ["mona/*"], "tags": ["v2"]}}, [OTHER, TAG]),
        ({"push": {"branches-ignore": ["mona/**"]}}, [MAIN]),
        ({"push": {"tags": ["**"]}}, [TAG]),
        ({"push": {"tags-ignore": ["v1"]}}, [TAG]),
        ({"push": {"tags-ignore": ["v*"]}}, []),
        ({"push": {"paths": ["**.js"]}}, [MAIN, TAG]),
        ({"push": {"paths": ["sub/**", "!sub/*.js"]}}, [TAG]),
        ({"push": {"paths-ignore": ["docs/**"]}}, [MAIN, TAG]),
        ({"push": {"branches": ["**"], "paths-ignore": ["docs/**"]}}, [MAIN]),
        ({"pull_request": {"branches": ["ma*"]}}, [PULL]),
        ({"pull_request": {"branches-ignore": ["main"]}}, []),
        ({"pull_request": {"paths": ["docs/**"]}}, []),
        ({"pull_request": {"types": ["labeled"]}}, []),
        ({"schedule": [{"cron": "30 5 * * 1,3"}, {"cron": "0 0 1 JAN SUN-FRI/2"}]}, [NIGHTLY]),
        ({"schedule": [{"cron": "*/15 0-23 * * *"}]}, []),
    ],
)
def test_triggers(on: Any, events: Sequence[GithubEvent]) -> None:  # noqa: ANN401  # as in a file
    """Of the events, exactly those start a run that the documentation says."""
    every = (MAIN, OTHER, TAG, PULL, QUEUE, BY_HAND, NIGHTLY)
    assert [event for event in every if triggered({"on": on}, event)] == list(events)


def test_activity_types() -> None:
    """A pull request starts a run when it is opened, reopened or changed, unless said."""
    for action in ("opened", "synchronize", "reopened"):
        assert triggered({"on": "pull_request"}, _pull("main", action=action))
    for action in ("labeled", "edited"):
        assert not triggered({"on": "pull_request"}, _pull("main", action=action))
    on = {"pull_request": {"types": ["labeled"]}}
    assert triggered({"on": on}, _pull("main", action="labeled"))


@pytest.mark.parametrize(
    "on",
    [
        {"push": {"branches": ["a"], "branches-ignore": ["b"]}},
        {"push": {"paths": ["a"], "paths-ignore": ["b"]}},
        {"schedule": [{"cron": "0 0 * *"}]},
        {"schedule": [{"cron": "60 0 * * *"}]},
        {"schedule": [{"cron": "0 0 * * 7"}]},
        {"schedule": [{"cron": "@daily"}]},
    ],
)
def test_what_is_refused(on: Any) -> None:  # noqa: ANN401  # as in a file
    """Filters that contradict each other and times that are none are errors."""
    with pytest.raises(WorkflowError):
        triggered({"on": {**on, "push": on.get("push")}}, MAIN)


def test_the_context() -> None:
    """The context ``github`` has the names of the refs as they are documented."""
    assert [
        (event.context["ref_name"], event.context["ref_type"], event.context["base_ref"])
        for event in (OTHER, TAG, PULL)
    ] == [("mona/octocat", "branch", ""), ("v2", "tag", ""), ("1/merge", "branch", "main")]
