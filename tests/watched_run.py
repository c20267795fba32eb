"""A run as its events tell it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import Project


@dataclass(frozen=True)
class Watched:
    """A run that has ended.

    Attributes:
        status: What the shell was told.
        events: What the run told, as JSON objects.
    """

    status: int
    events: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a type."""
        return [event for event in self.events if event["type"] == kind]

    @property
    def outcomes(self) -> dict[str, tuple[str, str]]:
        """How each job ended, and why."""
        outcomes = [event["outcome"] for event in self.of("job-finished")]
        assert len({outcome["job"] for outcome in outcomes}) == len(outcomes)
        return {outcome["job"]: (outcome["result"], outcome["reason"]) for outcome in outcomes}

    @property
    def cores(self) -> dict[str, int]:
        """How many cores each job was given."""
        return {event["job"]: event["cores"] for event in self.of("job-started")}

    @property
    def notes(self) -> list[str]:
        """What the user was told besides."""
        return [event["text"] for event in self.of("note")]

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return Path(self.events[0]["logs"])

    def log(self, job: str) -> bytes:
        """Return all that a job has printed."""
        (log,) = (e["log"] for e in self.of("job-finished") if e["outcome"]["job"] == job)
        return Path(log).read_bytes()


def watch(project: Project, *arguments: str, env: Mapping[str, str] | None = None) -> Watched:
    """Run jobs in a process of its own."""
    answer = project.pushgate("run", "--json", *arguments, env=env)
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    return Watched(answer.returncode, tuple(events))


def gates(*tables: str) -> dict[str, str]:
    """Return a project's file with gates of its own."""
    head = '[tool.pushgate]\npython = ["@PYTHON@"]\n[tool.pushgate.gates]\n'
    return {"pyproject.toml": head + "\n".join(tables) + "\n"}


def gate(name: str, command: str, more: str = "") -> str:
    """Return the table of a gate that runs a shell's command, with further keys.

    Args:
        name: Its name.
        command: What ``sh -c`` is given; without apostrophes.
        more: Such as ``needs = ["lint"]``.
    """
    script = json.dumps(f"sh -c '{command}'")
    return f"{name} = {{ run = [{script}], environment = false{', ' if more else ''}{more} }}"
