"""Real pushes, taken down by a hook that stands in for Pushgate's."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.hooks import pushed
from pushgate.hooks.install import Installed, install

_RECORDER: Final = f"""\
#!{sys.executable}
import json, os, pathlib, sys

call = {{
    "arguments": sys.argv[1:],
    "standard_input": os.fsdecode(sys.stdin.buffer.read()),
    "environment": dict(os.environ),
    "folder": os.getcwd(),
}}
with pathlib.Path(__file__).resolve().with_name("calls").open("a") as file:
    print(json.dumps(call), file=file)
"""

READS_INPUT: Final = '#!/bin/sh\ncat > legacy-input\necho "$@" > legacy-arguments\n'

FRAMEWORKS: Final = {
    "pre-commit": (sys.executable, "-m", "pre_commit"),
    "prek": (str(Path(sysconfig.get_path("scripts"), "prek")),),
}

SETTINGS: Final = """\
repos:
  - repo: local
    hooks:
      - id: recorder
        name: recorder
        entry: {entry}
        language: system
        stages: [pre-push]
        always_run: true
        pass_filenames: false
"""


@dataclass(frozen=True)
class Call:
    """How the hook was called.

    Attributes:
        arguments: The words after its name.
        standard_input: All that it could read.
        environment: Its variables.
        folder: Where it ran.
    """

    arguments: list[str]
    standard_input: str
    environment: dict[str, str]
    folder: str

    def read(self) -> tuple[tuple[pushed.Pushed, ...], tuple[pushed.NotJudged, ...]]:
        """Read what was pushed."""
        standard_input = io.BytesIO(os.fsencode(self.standard_input))
        return pushed.read(standard_input, self.environment, Path(self.folder))


@dataclass(frozen=True)
class Recorder:
    """A program that takes down how it is called.

    Attributes:
        program: Its file.
    """

    program: Path

    @classmethod
    def make(cls, folder: Path, name: str = "recorder") -> Recorder:
        """Write the program into a folder, which is made."""
        folder.mkdir(parents=True)
        program = folder / name
        program.write_text(_RECORDER, encoding="utf-8")
        program.chmod(0o755)
        return cls(program)

    @property
    def calls(self) -> list[Call]:
        """The calls so far."""
        file = self.program.with_name("calls")
        if not file.exists():
            return []
        return [Call(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def leave_frameworks(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Forget a framework whose hook runs the tests; those of the tests keep what they have here."""
    for name in [name for name in os.environ if name.startswith(("PRE_COMMIT", "PREK"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(folder / "framework"))
    monkeypatch.setenv("PREK_HOME", str(folder / "framework"))


def add_remote(project: Project) -> Path:
    """Give a project an empty remote called origin."""
    remote = project.root.with_name(f"{project.root.name}.remote")
    project.git("init", "--quiet", "--bare", str(remote))
    project.git("remote", "add", "origin", str(remote))
    return remote


def push(
    project: Project, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Push to origin."""
    return project.run("git", "push", "--quiet", "origin", *arguments, env=env)


def remote_refs(project: Project) -> list[str]:
    """List the refs that origin has."""
    listing = project.git("ls-remote", "--refs", "origin")
    return [line.split("\t")[1] for line in listing.splitlines()]


def hook_of(project: Project) -> Path:
    """Return where the hook of a project is."""
    return project.root / ".git" / "hooks" / "pre-push"


def write_hook(hook: Path, script: str = READS_INPUT) -> None:
    """Write a hook that git runs."""
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text(script, encoding="utf-8")
    hook.chmod(0o755)


def install_with(folder: Path, recorder: Recorder) -> Installed:
    """Install a hook that runs the recorder."""
    return install(folder, str(recorder.program))


def hook_files(folder: Path) -> dict[str, bytes]:
    """Return what pre-push hooks a folder has, without git's sample."""
    files = (path for path in folder.glob("pre-push*") if path.suffix != ".sample")
    return {path.name: path.read_bytes() for path in files}
