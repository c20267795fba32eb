"""What GitHub tells of an event, in checkouts like those that its jobs have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import github_checkout
from conftest import Project
from pushgate import cli

Make = Callable[..., Project]
Capture = pytest.CaptureFixture[str]

PYPROJECT = """
[tool.pushgate]
python = ['3.12']
branches = ['main', 'dev']
[tool.pushgate.gates]
always.run = ["true"]
web = { run = ["true"], inputs = ["web/**"] }
docs = { run = ["true"], inputs = ["docs/**"] }
released = { run = ["true"], on = ["tag:v*"] }
nightly = { run = ["true"], on = ["schedule"] }
"""
ZEROS = "0" * 40
EVERYTHING = ["always", "web", "docs"]


@pytest.fixture
def origin(make_project: Make) -> Project:
    """A server's repository: main and dev, and a pull request that changes ``web/``.

    Main went on since the pull request parted from it, and changed ``docs/``.
    """
    origin = make_project({"pyproject.toml": PYPROJECT, "web/page": "", "docs/page": ""})
    origin.git("branch", "dev")
    origin.git("checkout", "--quiet", "-b", "feature/one")
    _change(origin, "web/page")
    origin.git("checkout", "--quiet", "main")
    _change(origin, "docs/page")
    origin.git("checkout", "--quiet", "--detach")
    origin.git("merge", "--quiet", "--no-ff", "--no-edit", "feature/one")
    origin.git("update-ref", "refs/pull/7/merge", "HEAD")
    origin.git("checkout", "--quiet", "main")
    return origin


def _change(project: Project, name: str) -> str:
    project.write({name: project.git("rev-list", "--all", "--count")})
    project.commit()
    return project.git("rev-parse", "HEAD").strip()


class _Step:
    """A step of a job in a checkout of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: Capture) -> None:
        self.folder = folder
        self.patch = patch
        self.capture = capture
        self.outputs = folder / "outputs"
        self.outputs.write_text("before=it\n", encoding="utf-8")

    def plan(self, name: str, ref: str, origin: Project, **said: object) -> tuple[object, str]:
        """Return the gates that are handed on, and what is shown."""
        payload = self.folder / "payload.json"
        payload.write_text(json.dumps(said.get("payload", {})), encoding="utf-8")
        variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_BASE_REF": str(said.get("base", "")),
            "GITHUB_OUTPUT": str(self.outputs),
        }
        for variable, value in variables.items():
            self.patch.setenv(variable, value)
        workspace = self.folder / "workspace"
        github_checkout.check_out(origin.root, ref, workspace, depth=0)
        self.patch.chdir(workspace)
        assert cli.main(["plan", "--ci"]) == 0
        shown = self.capture.readouterr()
        assert shown.out == ""
        first, line, *rest = self.outputs.read_text(encoding="utf-8").splitlines()
        assert (first, rest) == ("before=it", [])
        key, _, gates = line.partition("=")
        assert key == "gates"
        return json.loads(gates), shown.err


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> _Step:
    (tmp_path / "step").mkdir()
    return _Step(tmp_path / "step", monkeypatch, capsys)


def test_a_pull_request(origin: Project, step: _Step) -> None:
    """In the merge commit, what the pull request changes counts, not what main did since."""
    gates, shown = step.plan("pull_request", "refs/pull/7/merge", origin, base="main")
    assert gates == ["always", "web"]
    assert shown.startswith("2 of 5 jobs for pull_request:main\n")


def test_a_pull_request_to_another_branch(origin: Project, step: _Step) -> None:
    """The branch that it is to be merged into counts, not the main branch."""
    gates, shown = step.plan("pull_request", "refs/pull/7/merge", origin, base="dev")
    assert gates == EVERYTHING
    assert "pull_request:dev" in shown


def test_a_push(origin: Project, step: _Step) -> None:
    """What differs from what the branch was at counts, not only the last commit."""
    before = _change(origin, "unread")
    _change(origin, "web/page")
    _change(origin, "unread")
    gates, shown = step.plan("push", "refs/heads/main", origin, payload={"before": before})
    assert gates == ["always", "web"]
    assert f"origin/main ({before[:7]})" in shown


def test_a_new_branch(origin: Project, step: _Step) -> None:
    """What differs from the main branch counts where the branch is new."""
    gates, shown = step.plan("push", "refs/heads/feature/one", origin, payload={"before": ZEROS})
    assert gates == ["always", "web"]
    assert "2 of 5 jobs for push:feature/one" in shown


def test_a_push_that_replaced_commits(origin: Project, step: _Step) -> None:
    """Everything counts where the server no longer has what the branch was at."""
    gates, shown = step.plan("push", "refs/heads/main", origin, payload={"before": "1" * 40})
    assert gates == EVERYTHING
    assert "1111111, which origin/main was at, is not here" in shown


def test_a_tag(origin: Project, step: _Step) -> None:
    """Everything counts for a tag; gates for tags see its name."""
    origin.git("tag", "v1/2")
    gates, shown = step.plan("push", "refs/tags/v1/2", origin, payload={"before": ZEROS})
    assert gates == [*EVERYTHING, "released"]
    assert "tag:v1/2" in shown


def test_a_merge_queue(origin: Project, step: _Step) -> None:
    """The queue's commit is judged as the pull request into the queue's branch."""
    origin.git("branch", "gh-readonly-queue/main/pr-7-abc", "refs/pull/7/merge")
    ref = "refs/heads/gh-readonly-queue/main/pr-7-abc"
    payload = {"merge_group": {"base_ref": "refs/heads/main", "head_ref": ref}}
    gates, shown = step.plan("merge_group", ref, origin, payload=payload)
    assert gates == ["always", "web"]
    assert "pull_request:main" in shown


def test_a_schedule(origin: Project, step: _Step) -> None:
    """Everything counts, and the gates for schedules come with the others."""
    gates, _ = step.plan("schedule", "refs/heads/main", origin)
    assert gates == [*EVERYTHING, "nightly"]


@pytest.mark.parametrize(
    ("ref", "more", "event"),
    [("refs/heads/main", [], "push:main"), ("refs/tags/v1", ["released"], "tag:v1")],
)
def test_a_start_by_hand(
    origin: Project, step: _Step, ref: str, more: list[str], event: str
) -> None:
    """Everything counts for a start by hand, and the event is a push of what it runs on."""
    origin.git("tag", "v1")
    gates, shown = step.plan("workflow_dispatch", ref, origin)
    assert gates == [*EVERYTHING, *more]
    assert f"{event} was started by hand" in shown


PUSH = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}


@pytest.mark.parametrize(
    ("variables", "payload", "told"),
    [
        ({"GITHUB_ACTIONS": ""}, "", "this is no step of GitHub Actions: say --event"),
        ({}, "", "GITHUB_EVENT_NAME is missing: GitHub Actions sets it for every step"),
        ({"GITHUB_EVENT_NAME": "issues"}, "", "GITHUB_EVENT_NAME is issues, which selects no"),
        ({"GITHUB_EVENT_NAME": "pull_request"}, "", "GITHUB_BASE_REF is missing"),
        ({**PUSH, "GITHUB_REF": "main"}, "", "GITHUB_REF is 'main': expected refs/heads/BRANCH"),
        ({**PUSH, "GITHUB_REF": "refs/heads/"}, "", "GITHUB_REF is 'refs/heads/': expected"),
        (PUSH, None, "which is no payload of an event: [Errno 2]"),
        (PUSH, "{", "which is no payload of an event: Expecting property name"),
        (PUSH, "[]", "where before is missing"),
        (PUSH, '{"before": null}', "where before is missing"),
        ({"GITHUB_EVENT_NAME": "merge_group"}, "{}", "where merge_group.base_ref is missing"),
        ({"GITHUB_EVENT_NAME": "schedule"}, "", "GITHUB_OUTPUT is missing"),
    ],
)
def test_what_cannot_be_told(
    make_project: Make,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    variables: Mapping[str, str],
    payload: str | None,
    told: str,
) -> None:
    """Outside of GitHub Actions, and where it tells too little, one line says so; status 2."""
    monkeypatch.chdir(make_project({"pyproject.toml": PYPROJECT, "web/x": "", "docs/x": ""}).root)
    for name in ("EVENT_NAME", "REF", "BASE_REF", "OUTPUT"):
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)
    file = tmp_path / "payload.json"
    if payload is not None:
        file.write_text(payload, encoding="utf-8")
    said = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(file), **variables}
    for variable, value in said.items():
        monkeypatch.setenv(variable, value)
    assert cli.main(["plan", "--ci"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert told in line
