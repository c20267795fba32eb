"""The stand-in for GitHub's runner does what GitHub's documentation says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from github_artifacts import Artifacts, StepFailed
from github_filters import GithubEvent, WorkflowError
from github_runner import Runner
from github_workflows import run

Make = Callable[..., Project]

PIN = "0" * 40
CHECKOUT = {"uses": f"actions/checkout@{PIN}", "with": {"persist-credentials": False}}
UPLOAD = f"actions/upload-artifact@{PIN}"
DOWNLOAD = f"actions/download-artifact@{PIN}"


def _runner(origin: Project, folder: Path, **workflow: object) -> Runner:
    folder.mkdir()
    event = GithubEvent(name="push", ref="refs/heads/main", payload={"before": "x"})
    environment = {"PATH": os.environ["PATH"]}
    return Runner({"on": "push", **workflow}, event, origin.root, folder, environment)


def _results(runner: Runner) -> dict[str, str]:
    ended = run(runner.workflow, runner.event, runner)
    return {job: end.result for job, end in ended.items()}


@pytest.fixture
def origin(make_project: Make) -> Project:
    return make_project({"sub/tracked": "it"})


def test_steps(origin: Project, tmp_path: Path) -> None:
    """Steps run in a checkout, in their folder, with the variables of all levels, in order."""
    steps = [
        CHECKOUT,
        {"run": "cat tracked; test ! -e untracked; touch untracked", "working-directory": "sub"},
        {"run": "echo; echo $A $B $C ${{ env.C }} $GITHUB_EVENT_NAME; git branch --all"},
        {"id": "set", "run": "echo x=1 >> $GITHUB_OUTPUT; echo 'y<<E\na\nb\nE' >> $GITHUB_OUTPUT"},
        {"run": "echo '${{ steps.set.outputs.x }}${{ steps.set.outputs.y }}'", "env": {"C": "c"}},
        {"run": "echo told >> $GITHUB_STEP_SUMMARY"},
    ]
    job = {"steps": steps, "env": {"B": "b", "C": "${{ github.ref_name }}"}, "outputs": {}}
    job["outputs"] = {"x": "${{ steps.set.outputs.x }}"}
    runner = _runner(origin, tmp_path / "runner", env={"A": "a", "B": "no"}, jobs={"job": job})
    ended = run(runner.workflow, runner.event, runner)["job"]
    assert (ended.result, ended.outputs) == ("success", {"x": "1"})
    assert runner.logs["job"].splitlines() == [
        "it",
        "a b main main push",
        "* main",
        "  remotes/origin/main",
        "1a",
        "b",
    ]
    assert runner.summaries["job"] == "told\n"


def test_a_step_that_fails(origin: Project, tmp_path: Path) -> None:
    """After a step that failed, only those run that ask for it, and the job fails."""
    steps = [
        {"run": "echo one; false; echo two"},
        {"run": "echo three"},
        {"run": "echo four", "if": "failure()"},
        {"run": "echo five", "if": "${{ !cancelled() }}"},
        {"run": "echo six", "if": "github.ref == 'refs/heads/main'"},
    ]
    jobs = {"job": {"steps": steps}, "after": {"steps": [], "needs": "job"}}
    runner = _runner(origin, tmp_path / "runner", jobs=jobs)
    assert _results(runner) == {"job": "failure", "after": "skipped"}
    assert [line for line in runner.logs["job"].splitlines() if " " not in line] == [
        "one",
        "four",
        "five",
    ]


def test_pipes(origin: Project, tmp_path: Path) -> None:
    """A command that fails within a pipe fails the step only where its shell is named."""
    steps = [{"run": "false | true"}]
    named = [{"run": "false | true", "shell": "bash"}]
    by_default = {"steps": steps, "defaults": {"run": {"shell": "bash"}}}
    jobs = {"unnamed": {"steps": steps}, "named": {"steps": named}, "default": by_default}
    runner = _runner(origin, tmp_path / "runner", jobs=jobs)
    assert _results(runner) == {"unnamed": "success", "named": "failure", "default": "failure"}


def test_artifacts_between_jobs(origin: Project, tmp_path: Path) -> None:
    """What a job uploads, also after a failure, another one downloads into its empty clone."""
    upload = {"uses": UPLOAD, "if": "!cancelled()", "with": {"name": "it", "path": "out"}}
    jobs = {
        "one": {"steps": [{"run": "mkdir -p out/a; echo 1 > out/a/b; exit 1"}, upload]},
        "two": {
            "needs": "one",
            "if": "always()",
            "steps": [
                CHECKOUT,
                {"run": "test ! -e out"},
                {"uses": DOWNLOAD, "with": {"name": "it", "path": "in"}},
                {"run": "cat in/a/b"},
            ],
        },
    }
    runner = _runner(origin, tmp_path / "runner", jobs=jobs)
    assert _results(runner) == {"one": "failure", "two": "success"}
    assert runner.logs["two"] == "1\n"


@pytest.mark.parametrize(
    "step",
    [
        {"uses": "actions/checkout@v4"},
        {"uses": f"octo/unknown@{PIN}"},
        {"uses": f"actions/checkout@{PIN}", "with": {"unknown": 1}},
        {"uses": UPLOAD, "with": {"path": "x", "unknown": 1}},
        {"uses": UPLOAD, "with": {"path": "x*"}},
        {"uses": DOWNLOAD, "with": {"pattern": "+(x)"}},
        {"run": "true", "continue-on-error": True},
    ],
)
def test_what_is_refused(origin: Project, tmp_path: Path, step: Mapping[str, Any]) -> None:
    """Actions without a pin, inputs that they lack, and failures that count for nothing."""
    runner = _runner(origin, tmp_path / "runner", jobs={"job": {"steps": [step]}})
    with pytest.raises(WorkflowError):
        _results(runner)


class TestArtifacts:
    """Files of a workspace, uploaded and downloaded."""

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        for name in ("out/a/b", "out/.hidden", ".out/c", "single"):
            file = tmp_path / "workspace" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name, encoding="utf-8")
        return tmp_path / "workspace"

    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> Artifacts:
        (tmp_path / "artifacts").mkdir()
        return Artifacts(tmp_path / "artifacts")

    @staticmethod
    def _files(folder: Path) -> list[str]:
        return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())

    def test_folders_and_files(self, workspace: Path, artifacts: Artifacts) -> None:
        """The folder that is named is the artifact's root; of several, what they share is."""
        artifacts.upload(workspace, {"name": "folder", "path": "out/"})
        artifacts.upload(workspace, {"name": "file", "path": "out/a/b"})
        artifacts.upload(workspace, {"name": "both", "path": "out/a\nsingle\n"})
        artifacts.upload(workspace, {"path": "single"})
        assert artifacts.names() == ["artifact", "both", "file", "folder"]
        assert self._files(artifacts.folder / "folder") == ["a/b"]
        assert self._files(artifacts.folder / "file") == ["b"]
        assert self._files(artifacts.folder / "both") == ["out/a/b", "single"]

    def test_hidden_files(self, workspace: Path, artifacts: Artifacts) -> None:
        """Hidden files, and those in hidden folders, are left out unless asked for."""
        asked = {"include-hidden-files": "true"}
        artifacts.upload(workspace, {"name": "none", "path": ".out"})
        artifacts.upload(workspace, {"name": "hidden", "path": ".out", **asked})
        artifacts.upload(workspace, {"name": "all", "path": "out", **asked})
        assert artifacts.names() == ["all", "hidden"]
        assert self._files(artifacts.folder / "all") == [".hidden", "a/b"]
        with pytest.raises(StepFailed, match="no files were found"):
            artifacts.upload(workspace, {"path": ".out", "if-no-files-found": "error"})

    def test_names(self, workspace: Path, artifacts: Artifacts) -> None:
        """An artifact is there once, under a name without what file systems refuse."""
        artifacts.upload(workspace, {"name": "test-3.12(1of2)", "path": "out"})
        with pytest.raises(StepFailed, match="already"):
            artifacts.upload(workspace, {"name": "test-3.12(1of2)", "path": "single"})
        artifacts.upload(
            workspace, {"name": "test-3.12(1of2)", "path": "single", "overwrite": "true"}
        )
        assert self._files(artifacts.folder) == ["test-3.12(1of2)/single"]
        with pytest.raises(StepFailed, match="no name"):
            artifacts.upload(workspace, {"name": "a/b", "path": "out"})

    def test_downloads(self, workspace: Path, artifacts: Artifacts) -> None:
        """By name, or a single one, straight into the folder; several into one each."""
        for name in ("test-1", "test-2", "lint"):
            artifacts.upload(workspace, {"name": name, "path": "out"})
        artifacts.download(workspace, {"name": "lint", "path": "name"})
        artifacts.download(workspace, {"pattern": "test-*", "path": "pattern"})
        artifacts.download(workspace, {"pattern": "l*", "path": "one"})
        artifacts.download(workspace, {"path": "all", "merge-multiple": "true"})
        artifacts.download(workspace, {"pattern": "no*", "path": "nothing"})
        assert self._files(workspace / "name") == ["a/b"]
        assert self._files(workspace / "pattern") == ["test-1/a/b", "test-2/a/b"]
        assert self._files(workspace / "one") == ["a/b"]
        assert self._files(workspace / "all") == ["a/b"]
        assert not (workspace / "nothing").exists()
        with pytest.raises(StepFailed, match="no artifact"):
            artifacts.download(workspace, {"name": "unknown"})
