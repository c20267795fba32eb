"""Environments that do not exist yet, made beside the first jobs instead of by the first of each.

It is only a head start: nobody waits for it, and a job whose environment is not there when it
starts waits for it as for another job of its session, or makes it. What fails here fails there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from pushgate.gates import environments
from pushgate.gates.base import WithEnvironment
from pushgate.gates.own import OwnOptions
from pushgate.model.job import Job
from pushgate.plan.definition import NOXFILE, Definition
from pushgate.run.job_processes import JobProcesses

_AT_ONCE: Final = 2
"""How many are made at a time: it is mostly downloads and files, and takes no core of a job's."""


class Preparation:
    """The sessions of a run whose environments are to be made."""

    def __init__(self, definition: Definition, jobs: Sequence[Job], folder: Path) -> None:
        """Find them.

        Args:
            definition: The project's definition.
            jobs: The run's jobs.
            folder: The run's folder; what is printed goes there.
        """
        self._root = definition.settings.root
        self._folder = folder
        self._left: dict[str, list[str]] = {}
        for job in jobs:
            missing = not environments.is_made(definition.settings, job.session)
            if missing and _has_environment(definition, job):
                self._left.setdefault(job.session, []).append(job.name)
        self._under_way: set[str] = set()

    def go_on(
        self, processes: JobProcesses, waiting: AbstractSet[str], environment: Mapping[str, str]
    ) -> None:
        """Start what there is room for.

        A session of which a job has started makes its environment itself.

        Args:
            processes: Where it runs; it ends with them.
            waiting: The names of the jobs that have not started.
            environment: All variables for it.
        """
        self._left = {name: jobs for name, jobs in self._left.items() if waiting >= set(jobs)}
        for session in list(self._left)[: _AT_ONCE - len(self._under_way)]:
            del self._left[session]
            name = f"environment of {session}"
            call = ("-f", NOXFILE, "-j", "1", "--no-dependencies", "-s", session)
            processes.start(
                name,
                [*call, "--", "--prepare"],
                folder=self._root,
                environment=environment,
                log=self._folder / f"{name}.log",
            )
            self._under_way.add(name)

    def follow(self, name: str, status: int | None) -> bool:
        """Take note of a process that has started or ended; tell whether it is one of these."""
        its = name in self._under_way
        if status is not None:
            self._under_way.discard(name)
        return its


def _has_environment(definition: Definition, job: Job) -> bool:
    options = definition.settings.gates[job.gate]
    if isinstance(options, OwnOptions) and (options.session or not options.environment):
        return False
    return isinstance(definition.gates[job.gate], WithEnvironment)
