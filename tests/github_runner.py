"""Carries out the jobs of a workflow as a runner of GitHub Actions documents it.

Written from "Workflow syntax for GitHub Actions" (``steps``, ``env``, ``defaults``),
"Workflow commands" (the files that steps write) and "Variables reference". Actions are
stand-ins; a job's ``run:`` lines are carried out by bash, in a checkout of their own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from github_artifacts import Artifacts, StepFailed
from github_checkout import check_out
from github_expressions import Status, condition, interpolated
from github_filters import GithubEvent, WorkflowError
from github_values import cast
from github_workflows import Cell, Ended, evaluated, outputs

_USES: Final = re.compile(r"(?P<action>[\w.-]+/[\w./-]+)@[0-9a-f]{40}")
_SHELLS: Final = {
    # Where no shell is named, a command that fails within a pipe fails nothing.
    None: ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
}


@dataclass(frozen=True)
class Runner:
    """Runs jobs one at a time, each in an empty folder.

    Attributes:
        workflow: The workflow file, read.
        event: What has happened.
        origin: The repository on the server.
        folder: A folder of its own, which exists.
        environment: The variables of the machine, such as ``PATH``.
        cancelled: Whether somebody has cancelled the run.
        logs: What each job printed, by its name.
        summaries: What each job wrote into its summary, by its name.
    """

    workflow: Mapping[str, Any]
    event: GithubEvent
    origin: Path
    folder: Path
    environment: Mapping[str, str]
    cancelled: bool = False
    logs: dict[str, str] = field(default_factory=dict)
    summaries: dict[str, str] = field(default_factory=dict)

    @property
    def artifacts(self) -> Artifacts:
        """What the jobs have uploaded."""
        folder = self.folder / "artifacts"
        folder.mkdir(exist_ok=True)
        return Artifacts(folder)

    def __call__(self, cell: Cell) -> Ended:
        """Carry out one job.

        Raises:
            WorkflowError: GitHub would refuse it, or the evaluator does not know it.
        """
        workspace = self.folder / "work"
        workspace.mkdir()
        job = _Job(self, cell, workspace)
        try:
            for index, step in enumerate(cell.said["steps"]):
                job.take(f"__{index}", step)
        finally:
            shutil.rmtree(workspace)
        self.logs[cell.name] = job.log
        self.summaries[cell.name] = job.summary
        return Ended(job.result, outputs(cell, job.steps))


@dataclass
class _Job:
    """A job while it is carried out."""

    runner: Runner
    cell: Cell
    workspace: Path
    result: str = "success"
    log: str = ""
    summary: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, unnamed: str, step: Mapping[str, Any]) -> None:
        """Carry out a step, if its condition holds."""
        if "continue-on-error" in step:
            message = f"a step whose failure would count for nothing: {step}"
            raise WorkflowError(message)
        contexts = self._contexts(step)
        cancelled = self.runner.cancelled
        status = Status(
            # The documentation leaves open whether a cancelled run has succeeded up to here:
            # who relies on a step's running has to say so.
            success=self.result == "success" and not cancelled,
            failure=self.result == "failure",
            cancelled=cancelled,
        )
        known: dict[str, Any] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
        self.steps[step.get("id", unnamed)] = known
        if not condition(step.get("if"), contexts, status, {"hashFiles": self._hash_files}):
            return
        outcome = "success"
        try:
            known["outputs"] = self._carried_out(step, contexts)
        except StepFailed as error:
            self.log += f"{error}\n"
            self.result = outcome = "failure"
        known["outcome"] = known["conclusion"] = outcome

    def _contexts(self, step: Mapping[str, Any]) -> dict[str, Any]:
        contexts: dict[str, Any] = {
            **self.cell.contexts,
            "job": {"status": self.result},
            "runner": {"os": "Linux", "arch": "X64", "temp": str(self.runner.folder)},
            "steps": self.steps,
            "secrets": {},
            "env": {},
        }
        contexts["github"] = {**contexts["github"], "workspace": str(self.workspace)}
        for said in (self.runner.workflow, self.cell.said, step):
            env = {
                key: cast(evaluated(value, contexts)) for key, value in said.get("env", {}).items()
            }
            contexts["env"] = {**contexts["env"], **env}
        return contexts

    def _hash_files(self, *patterns: object) -> str:
        found = any(any(self.workspace.glob(cast(pattern))) for pattern in patterns)
        return "0" * 64 if found else ""

    def _carried_out(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        if "run" in step:
            return self._ran(step, contexts)
        said = {
            key: cast(evaluated(value, contexts)) for key, value in step.get("with", {}).items()
        }
        pinned = _USES.fullmatch(step["uses"])
        actions: dict[str, Callable[[Mapping[str, str]], None]] = {
            "actions/checkout": self._check_out,
            "astral-sh/setup-uv": lambda _: None,
            "actions/upload-artifact": lambda said: self._artifacts.upload(self.workspace, said),
            "actions/download-artifact": lambda said: self._artifacts.download(
                self.workspace, said
            ),
        }
        if pinned is None or pinned["action"] not in actions:
            message = f"an action that is not pinned, or not known here: {step['uses']}"
            raise WorkflowError(message)
        actions[pinned["action"]](said)
        return {}

    @property
    def _artifacts(self) -> Artifacts:
        return self.runner.artifacts

    def _check_out(self, said: Mapping[str, str]) -> None:
        if unknown := said.keys() - {"fetch-depth", "persist-credentials"}:
            message = f"unknown inputs of actions/checkout: {unknown}"
            raise WorkflowError(message)
        depth = int(said.get("fetch-depth", "1"))
        check_out(self.runner.origin, self.runner.event.ref, self.workspace, depth=depth)

    def _ran(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        defaults: dict[str, Any] = {}
        for said in (self.runner.workflow, self.cell.said):
            defaults |= said.get("defaults", {}).get("run", {})
        folder = interpolated(
            step.get("working-directory", defaults.get("working-directory", "")), contexts
        )
        shell = _SHELLS[step.get("shell", defaults.get("shell"))]
        files = self.runner.folder / "files"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        script = files / "script.sh"
        script.write_text(interpolated(step["run"], contexts), encoding="utf-8")
        answer = subprocess.run(
            [*shell, str(script)],
            cwd=self.workspace / folder,
            env={**self.runner.environment, **self._variables(files), **contexts["env"]},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log += answer.stdout
        self.summary += (files / "summary").read_text(encoding="utf-8")
        if answer.returncode:
            message = f"`{step['run']}` ended with {answer.returncode}"
            raise StepFailed(message)
        return dict(_assignments((files / "output").read_text(encoding="utf-8")))

    def _variables(self, files: Path) -> dict[str, str]:
        """Return GitHub's own variables, with the files that a step may write or read."""
        event = self.runner.event
        for name in ("output", "summary"):
            (files / name).touch()
        (files / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")
        variables = {
            "EVENT_NAME": event.name,
            "REF": event.ref,
            "SHA": event.sha,
            "BASE_REF": event.base,
            "HEAD_REF": event.head,
            "EVENT_PATH": str(files / "event.json"),
            "OUTPUT": str(files / "output"),
            "STEP_SUMMARY": str(files / "summary"),
            "WORKSPACE": str(self.workspace),
            "JOB": self.cell.job,
            "ACTIONS": "true",
        }
        return {"CI": "true", **{f"GITHUB_{name}": value for name, value in variables.items()}}


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Read ``NAME=VALUE`` lines, and values of several lines between delimiters."""
    lines = iter(text.splitlines())
    for line in lines:
        if found := re.fullmatch(r"([^=<]+)<<(.+)", line):
            taken = iter(lambda: next(lines), found[2])
            yield found[1], "\n".join(taken)
        elif "=" in line:
            name, _, value = line.partition("=")
            yield name, value
        else:
            message = f"no output of a step: {line!r}"
            raise StepFailed(message)
