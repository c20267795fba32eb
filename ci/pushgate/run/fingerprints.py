"""The fingerprints of a definition's jobs."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pushgate.gates.base import WithServices
from pushgate.gates.own import OwnGate, OwnOptions
from pushgate.model.fingerprint import Fingerprint
from pushgate.model.job import Job
from pushgate.model.services import PostgresOptions
from pushgate.plan.definition import Definition
from pushgate.run import beside
from pushgate.run.job_files import JobFiles
from pushgate.run.machine import Machine, UnknownStateError
from pushgate.run.premises import Premises
from pushgate.tools import process
from pushgate.tools.blobs import HiddenChangesError

_DAY_SECONDS: Final = 86400.0

_PLANNING: Final = frozenset({"enabled", "on", "after", "cores", "timeout", "fresh_for"})
"""Options that say when and how a job runs, and nothing about what it finds."""


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of a definition's jobs.

    Attributes:
        of: Each job's, by its name.
        without: Why a job has none, by its name.
        premises: What of this machine they rest on.
        files: The files that they were taken of; None where these cannot be told.
        commit: The commit that they were taken of; None: of the files as they are.
    """

    of: Mapping[str, Fingerprint]
    without: Mapping[str, str]
    premises: Premises
    files: JobFiles | None = None
    commit: str | None = None


def take(definition: Definition, commit: str | None) -> Fingerprints:
    """Take the fingerprint of every job.

    A clean working tree and its commit have the same ones.

    Args:
        definition: The project's definition, read from the files that the jobs will read.
        commit: The commit that is cleanly checked out there; None: the files as they are.
    """
    settings = definition.settings
    above = beside.settings_above(settings)
    with ThreadPoolExecutor() as asking:
        files = asking.submit(JobFiles.of, settings, commit, definition.imported)
        machine = Machine(settings, asking)
        machine.expect(
            {
                version
                for job in definition.jobs
                for versions in _pythons(definition, job)
                for version in versions
            },
            {image for gate in definition.gates for image in settings.gates[gate].images},
            {server for name in definition.gates for server in _servers(definition, name)},
        )
        try:
            taking = _Taking(definition, machine, files.result(), above)
        except (HiddenChangesError, process.CommandError, OSError) as error:
            without = dict.fromkeys((job.name for job in definition.jobs), str(error))
            return Fingerprints({}, without, machine.premises(above))
        for job in definition.jobs:
            taking.take(job)
        return Fingerprints(
            *(taking.of, taking.without),
            # Where a link leads is looked at with the files only.
            machine.premises(above, lasting=not files.result().led_out),
            files=files.result(),
            commit=commit,
        )


def changed_since(definition: Definition, taken: Fingerprints) -> tuple[str, ...]:
    """Tell what is not as it was when fingerprints were taken; empty if all is.

    Args:
        definition: The definition whose jobs they are.
        taken: The fingerprints.

    Returns:
        The paths of the files, from the top of the repository; where they cannot be told, why.
    """
    # Where the files could not be told, no job has a fingerprint.
    if taken.commit is not None or taken.files is None:
        return ()
    try:
        found = JobFiles.of(definition.settings, None, definition.imported)
    except (HiddenChangesError, process.CommandError, OSError) as error:
        return (str(error),)
    return taken.files.different(found)


class _Taking:
    """The fingerprints that were taken up to now."""

    def __init__(
        self, definition: Definition, machine: Machine, files: JobFiles, above: Mapping[str, str]
    ) -> None:
        self.of: dict[str, Fingerprint] = {}
        self.without: dict[str, str] = {}
        self._definition = definition
        self._machine = machine
        self._files = files
        self._above = above

    def take(self, job: Job) -> None:
        """Take the fingerprint of a job; those of the jobs that it needs are there."""
        options = self._definition.settings.gates[job.gate]
        try:
            parts = {
                "definition": _described(self._definition, job),
                "needs": self._needs(job),
                "interpreters": self._machine.interpreters(*_pythons(self._definition, job)),
                "tools": self._machine.tools(self._definition.gates[job.gate].TOOLS, options),
                "environment": self._machine.environment(options.env),
                "images": self._machine.images(options.images),
                "servers": self._machine.servers(_servers(self._definition, job.gate)),
                "pushgate": self._machine.pushgate,
                "only here": self._files.beside(job.inputs),
                "settings outside": self._above,
            }
        except UnknownStateError as error:
            self.without[job.name] = str(error)
            return
        self.of[job.name] = Fingerprint(
            job=job.name,
            project=self._files.folder,
            files=self._files.read_by(job.inputs),
            parts=parts,
            fresh_for=self._fresh_for(job),
        )

    def _needs(self, job: Job) -> Mapping[str, str]:
        if missing := [need for need in job.needs if need not in self.of]:
            message = f"it needs {missing[0]}, which has no fingerprint"
            raise UnknownStateError(message)
        return {need: self.of[need].digest for need in job.needs}

    def _fresh_for(self, job: Job) -> float | None:
        limits = [self._definition.settings.gates[job.gate].fresh_for]
        # What a job made of another's outputs is no fresher than they are.
        limits += [self.of[need].fresh_for for need in job.needs]
        if _takes_the_newest(self._definition, job):
            limits.append(_DAY_SECONDS)
        return min((limit for limit in limits if limit is not None), default=None)


def _has_environment(definition: Definition, job: Job) -> bool:
    options = definition.settings.gates[job.gate]
    return not isinstance(options, OwnOptions) or (
        options.environment and not definition.is_adopted(job)
    )


def _takes_the_newest(definition: Definition, job: Job) -> bool:
    """Tell whether its environment is made of what the package index offers on that day."""
    if definition.is_adopted(job):
        return True
    return definition.settings.dependencies.lock is None and _has_environment(definition, job)


def _pythons(definition: Definition, job: Job) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the versions (``X.Y``) that a job needs, and those that it may use."""
    settings = definition.settings
    if job.python:
        return (job.python,), ()
    if not _has_environment(definition, job):
        return (), ()
    # The newest parses all syntax that the project may use.
    return (settings.default_python,), settings.python[-1:]


def _servers(definition: Definition, gate: str) -> Sequence[PostgresOptions]:
    found = definition.gates[gate]
    return found.services(definition.settings) if isinstance(found, WithServices) else ()


def _described(definition: Definition, job: Job) -> Mapping[str, str]:
    """Tell what a job does, as far as the project's configuration says it."""
    settings, gate = definition.settings, definition.gates[job.gate]
    options = settings.gates[job.gate]
    told = {
        "call": shlex.join(job.call),
        "python": job.python or "",
        "needs": ", ".join(job.needs),
        "sources": repr(settings.sources),
        "tests": repr(settings.tests),
        "pytest options": shlex.join(settings.pytest_options),
    }
    for field in dataclasses.fields(options):
        if field.name not in _PLANNING:
            told[f"{job.gate}.{field.name}"] = repr(getattr(options, field.name))
    if servers := _servers(definition, job.gate):
        told["tool.pushgate.services"] = repr(servers)
    if definition.is_adopted(job) or (isinstance(gate, OwnGate) and gate.function):
        # Code of the project's own may look at any of it.
        own = settings.tool_tables.get("pushgate")
        told["tool.pushgate"] = json.dumps(own, sort_keys=True, default=str)
    return told
