"""The gates as Nox sessions: the only importer of Nox."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nox
import nox.virtualenv

from pushgate.config.load import find_project
from pushgate.gates import execution, own
from pushgate.gates.base import Collecting, Context, Gate, Sharded, WithEnvironment
from pushgate.model.job import Job, Shard
from pushgate.model.outcome import ExitCode, Outcome, Result
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition, define
from pushgate.tools import interrupts


def warm_up(project: Path) -> None:
    """Do now what every process would do anew, as far as it is the same in all of them.

    Args:
        project: The folder of the project whose jobs they are.
    """
    getattr(nox.virtualenv, "HAS_UV")  # noqa: B009  # reading it is what counts: it asks for uv
    # Of what is imported only where it is used: each job with an environment uses it.
    importlib.import_module("filelock")
    sysconfig.get_path("scripts")
    # Where the repository is, which keys there are: what each job will ask is remembered; what
    # is wrong with the definition, each job will tell.
    with suppress(ConfigurationError):
        define(find_project(project), own.declarations())


def call(arguments: Sequence[str]) -> int:
    """Do what the command ``nox`` does with these arguments.

    Returns:
        Its exit status.
    """
    sys.argv = ["nox", *arguments]
    # Where the command `nox` lies comes first in what it gives a noxfile to import from.
    sys.path.insert(0, sysconfig.get_path("scripts"))
    try:
        nox.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def register_sessions() -> None:
    """Register a session for every gate, and for a gate with a matrix one for each Python.

    Raises:
        SystemExit: The definition cannot be used; every problem was printed. Its status is 2.
    """
    try:
        definition = define(find_project(Path.cwd()), own.declarations())
        _refuse_taken_names(definition)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"pushgate: {problem}", file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    nox.options.error_on_missing_interpreters = True
    # Nox turns only SIGINT into an orderly end. For good: `nox -j` waits for its workers, which
    # are in process groups of their own, outside of any session.
    interrupts.make_terminable()
    for session in _registered(definition):
        _register(definition, session)
    _register_all_pythons(definition)


def _registered(definition: Definition) -> list[str]:
    sessions = [job.session for job in definition.jobs if not definition.is_adopted(job)]
    return list(dict.fromkeys(sessions))


def _refuse_taken_names(definition: Definition) -> None:
    taken = nox.registry.get().keys() & set(_registered(definition))
    gates = {job.session: job.gate for job in definition.jobs}
    if taken:
        raise ConfigurationError(
            *(
                f"noxfile.py has a session {name!r} of its own: in "
                f"[tool.pushgate.gates.{gates[name]}], session = {name!r} makes it the "
                "gate, enabled = false leaves the gate out"
                for name in sorted(taken)
            )
        )


def _register(definition: Definition, session: str) -> None:
    jobs = definition.of_session(session)
    needs = {need for job in jobs for need in job.needs}
    requires = [definition.job(need).session for need in sorted(needs)]
    nox.session(
        name=session,
        python=jobs[0].python,
        # Environments are the gates' own affair, so that a gate runs the same without Nox;
        # each job checks that its interpreter is the one that it names.
        venv_backend="none",
        requires=list(dict.fromkeys(requires)),
        tags=[jobs[0].gate] if jobs[0].gate != session else [],
        allow_parallel=True,
    )(_carrying_out(definition, jobs))


def _register_all_pythons(definition: Definition) -> None:
    def all_pythons(_session: nox.Session) -> None:
        """Run it on every Python."""

    sessions: dict[str, dict[str, None]] = {}
    for job in definition.jobs:
        sessions.setdefault(job.gate, {})[job.session] = None
    for gate, requires in sessions.items():
        if len(requires) > 1:
            nox.session(
                name=gate,
                venv_backend="none",
                requires=list(requires),
                default=False,
                allow_parallel=True,
            )(all_pythons)


def _carrying_out(definition: Definition, jobs: Sequence[Job]) -> Callable[[nox.Session], None]:
    gate = definition.gates[jobs[0].gate]

    def carry_out(session: nox.Session) -> None:
        if session.python != jobs[0].python:
            session.error(
                f"Python {session.python} was asked for, but `python` and `default-python` of "
                "[tool.pushgate] choose the Pythons"
            )
        asked, arguments = _arguments(session)
        contexts = [
            Context(
                settings=definition.settings,
                job=job,
                options=definition.settings.gates[job.gate],
                tell=session.log,
                needs=tuple(definition.job(need) for need in job.needs),
                arguments=arguments,
            )
            for job in jobs
            if asked.shard in {None, job.shard}
        ]
        if not contexts:
            session.error(f"--shard {asked.shard}: the definition has {len(jobs)} shards")
        if asked.prepare:
            _prepare(session, gate, contexts[0])
        elif asked.collect and isinstance(gate, Collecting):
            _conclude(session, *execution.collect(gate, contexts[0], asked.collect))
        elif arguments:
            _look(session, gate, contexts)
        elif len(contexts) == 1:
            outcome = execution.perform(gate, contexts[0])
            _conclude(session, outcome.result, outcome.reason)
        else:
            _together(session, gate, contexts)

    carry_out.__doc__ = jobs[0].summary
    return carry_out


@dataclass(frozen=True)
class _Asked:
    """What a call of Nox says after ``--`` to Pushgate itself.

    Attributes:
        shard: The only shard to carry out; None: all.
        prepare: Whether only the environment is to be made.
        collect: The address of a collection to serve; empty: none.
    """

    shard: Shard | None
    prepare: bool
    collect: str


def _arguments(session: nox.Session) -> tuple[_Asked, tuple[str, ...]]:
    """Return what is asked for, and the words that are for the gate's tool."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--shard", default=None)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--collect", default="")
    try:
        known, rest = parser.parse_known_args(session.posargs)
        shard = None if known.shard is None else Shard.parse(known.shard)
        return _Asked(shard, known.prepare, known.collect), tuple(rest)
    except (argparse.ArgumentError, ValueError) as error:
        session.error(str(error))


def _prepare(session: nox.Session, gate: Gate, context: Context[Any]) -> None:
    if isinstance(gate, WithEnvironment):
        _conclude(session, *execution.prepare(gate, context))


def _look(session: nox.Session, gate: Gate, contexts: Sequence[Context[Any]]) -> None:
    session.log("with arguments: a look, not the gate; its outcome is not kept")
    context = contexts[0]
    if len(contexts) > 1:
        # Arguments choose tests; splitting what they chose would only hide some of it.
        context = context.unsplit()
    _conclude(session, *execution.look(gate, context))


def _together(session: nox.Session, gate: Gate, contexts: Sequence[Context[Any]]) -> None:
    width = min(contexts[0].cores, len(contexts))
    session.log(f"{len(contexts)} shards, {width} at a time, each as CI runs it")

    def show(outcome: Outcome, output: IO[bytes]) -> None:
        session.log(f"{outcome.job}: {outcome.result} in {outcome.seconds:.1f} s")
        sys.stdout.flush()
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.flush()

    outcomes = execution.perform_together(gate, contexts, show)
    if bad := [outcome for outcome in outcomes if outcome.result is not Result.PASSED]:
        session.error(_told(bad))
    if isinstance(gate, Sharded):
        if problems := gate.prove(contexts[0].settings, [context.job for context in contexts]):
            session.error(f"failed: {'; '.join(problems)}")
        session.log(f"proven: the {len(contexts)} shards together ran every test exactly once")


def _told(outcomes: Sequence[Outcome]) -> str:
    """Tell how jobs ended, those with the same reason together."""
    jobs: dict[str, list[str]] = {}
    for outcome in outcomes:
        jobs.setdefault(f"{outcome.result}: {outcome.reason}", []).append(outcome.job)
    return "; ".join(f"{', '.join(names)} {end}" for end, names in jobs.items())


def _conclude(session: nox.Session, result: Result, reason: str) -> None:
    if result is Result.SKIPPED:
        session.skip(reason)
    if result is not Result.PASSED:
        session.error(f"{result}: {reason}")
