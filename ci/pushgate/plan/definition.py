"""A project's definition: its settings, its gates and their jobs."""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from pushgate.config.load import load
from pushgate.gates import own
from pushgate.gates.base import Gate
from pushgate.gates.registry import BUILT_IN
from pushgate.model.job import Job
from pushgate.model.plan import GateOff
from pushgate.model.settings import ConfigurationError, Settings

NOXFILE: Final = "noxfile.py"

DEFINING: Final = ("pyproject.toml", NOXFILE)
"""The files of a project that say what its gates are, beside the lock of their environments."""


@dataclass(frozen=True)
class Definition:
    """What a project's gates are.

    Attributes:
        settings: What was detected and configured.
        gates: The gates that are on, by name.
        reasons: Why each of them is on.
        off: The gates that are off.
        jobs: Their jobs, each after what it needs.
        imported: The project's own modules that its noxfile imports.
        registered: Whether there is a noxfile, and it registers the gates as sessions.
    """

    settings: Settings
    gates: Mapping[str, Gate]
    reasons: Mapping[str, str]
    off: tuple[GateOff, ...]
    jobs: tuple[Job, ...]
    imported: tuple[Path, ...] = ()
    registered: bool = True

    def job(self, name: str) -> Job:
        """Return the job of a name.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Job]:
        return {job.name: job for job in self.jobs}

    def is_adopted(self, job: Job) -> bool:
        """Tell whether a job's work is done by a Nox session that the project had already."""
        options = self.settings.gates[job.gate]
        return isinstance(options, own.OwnOptions) and options.session is not None

    def of_session(self, session: str) -> tuple[Job, ...]:
        """Return the jobs that a Nox session carries out."""
        return self._by_session.get(session, ())

    @cached_property
    def _by_session(self) -> Mapping[str, tuple[Job, ...]]:
        jobs: dict[str, list[Job]] = {}
        for job in self.jobs:
            jobs.setdefault(job.session, []).append(job)
        return {session: tuple(its) for session, its in jobs.items()}


def of_project(root: Path) -> Definition:
    """Read a project's definition, its noxfile's gates included.

    Args:
        root: The project's folder.

    Raises:
        ConfigurationError: With every problem that was found.
    """
    noxfile = root / NOXFILE
    imported: list[Path] = []
    with own.collecting() as declared:
        if noxfile.is_file():
            try:
                # As Nox reads it: in its own folder. What it prints is none of our output.
                with contextlib.chdir(root), _on_stderr(), _undone(root, imported):
                    runpy.run_path(str(noxfile))
            except ConfigurationError:
                raise
            except (Exception, SystemExit) as error:
                message = f"{NOXFILE} cannot be read: {type(error).__name__}: {error}"
                raise ConfigurationError(message) from error
    found = define(root, declared)
    return replace(found, imported=tuple(imported), registered=declared.closed)


def require_sessions(definition: Definition) -> None:
    """Refuse a definition whose gates are no sessions of Nox: neither runner nor CI can call them.

    Raises:
        ConfigurationError: There is no noxfile, or it does not register them.
    """
    if definition.registered:
        return
    root = definition.settings.root
    lines = "`import pushgate` and, as its last line, `pushgate.register()`"
    if (root / NOXFILE).is_file():
        message = f"{NOXFILE} in {root} registers no gates: it needs {lines} (`pushgate init`)"
    else:
        message = f"no {NOXFILE} in {root}: `pushgate init` writes one, with {lines}"
    raise ConfigurationError(message)


@contextlib.contextmanager
def _on_stderr() -> Iterator[None]:
    """Send to standard error what is printed, by this process or by those that it starts."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _undone(root: Path, imported: list[Path]) -> Iterator[None]:
    """Undo what a noxfile does to this process, which may read that of another commit next.

    The project's own modules are forgotten: those of another commit have the same names.

    Args:
        root: The project's folder.
        imported: Is given the files of these modules.
    """
    known, path, environment = set(sys.modules), list(sys.path), dict(os.environ)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)
        for name in set(sys.modules) - known:
            module = sys.modules[name]
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(place and Path(place).is_relative_to(root) for place in places):
                imported += [Path(place) for place in places if place and Path(place).is_file()]
                del sys.modules[name]


def define(root: Path, declared: own.Declarations) -> Definition:
    """Put a definition together.

    Args:
        root: The project's folder.
        declared: The gates that its noxfile declares.

    Raises:
        ConfigurationError: With every problem that was found.
    """
    schemas = {name: gate.Options for name, gate in BUILT_IN.items()}
    settings = load(root, schemas, own.OwnOptions, declared.options)
    gates: dict[str, Gate] = {}
    reasons: dict[str, str] = {}
    off: list[GateOff] = []
    for name, options in settings.gates.items():
        if isinstance(options, own.OwnOptions):
            gate: Gate = declared.gates.get(name) or own.OwnGate(name)
        else:
            gate = BUILT_IN[name]
        on, reason = gate.applies(settings)
        if options.enabled is not None:
            on, reason = options.enabled, f"enabled = {str(options.enabled).lower()}"
        if on:
            gates[name], reasons[name] = gate, reason
        else:
            off.append(GateOff(name, reason))
    jobs = _linked([job for gate in gates.values() for job in gate.jobs(settings)], gates, off)
    return Definition(settings, gates, reasons, tuple(off), jobs)


def expecting(definition: Definition, name: str) -> Definition:
    """Return a definition with a gate on whose subject is about to be made.

    Args:
        definition: The definition as the project is.
        name: A built-in gate. It stays off where ``enabled`` says so.
    """
    settings = definition.settings
    if name in definition.gates or settings.gates[name].enabled is False:
        return definition
    known = {**definition.gates, name: BUILT_IN[name]}
    gates = {each: known[each] for each in settings.gates if each in known}
    off = tuple(gate for gate in definition.off if gate.gate != name)
    jobs = _linked([job for gate in gates.values() for job in gate.jobs(settings)], gates, off)
    reasons = {**definition.reasons, name: "its subject is about to be made"}
    return replace(definition, gates=gates, reasons=reasons, off=off, jobs=jobs)


def _linked(jobs: Sequence[Job], gates: Iterable[str], off: Sequence[GateOff]) -> tuple[Job, ...]:
    """Put job names where gates named gates, and order each job after what it needs."""
    names: dict[str, list[str]] = {gate: [] for gate in gates}
    for job in jobs:
        names[job.gate].append(job.name)
    reasons = {gate.gate: gate.reason for gate in off}
    problems = [
        f"gate {job.gate} needs {need}, which is off: {reasons[need]}"
        for job in jobs
        for need in job.needs
        if need not in names
    ]
    if problems:
        raise ConfigurationError(*dict.fromkeys(problems))
    linked = {
        job.name: replace(
            job,
            needs=tuple(name for need in job.needs for name in names[need]),
            after=tuple(name for gate in job.after for name in names.get(gate, ())),
        )
        for job in jobs
    }
    try:
        TopologicalSorter({job.name: (*job.needs, *job.after) for job in linked.values()}).prepare()
    except CycleError as error:
        message = f"gates wait for each other: {' -> '.join(error.args[1])}"
        raise ConfigurationError(message) from error
    ordered: dict[str, Job] = {}
    # A stack and no recursion: a chain of needs may be as long as the plan.
    waiting = list(reversed(linked.values()))
    while waiting:
        job = waiting[-1]
        missing = [need for need in job.needs if need not in ordered]
        if missing:
            waiting += [linked[need] for need in reversed(missing)]
        else:
            ordered.setdefault(waiting.pop().name, job)
    return tuple(ordered.values())
