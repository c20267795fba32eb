"""pytest: the project's tests on every Python, each suite split into shards."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from pushgate.gates import base, coverage_config, database, state
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import TEST_GROUPS, Environment, project_environment
from pushgate.model.job import Job, Shard
from pushgate.model.outcome import JobFailed
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import GateOptions, Settings
from pushgate.shards import collection, durations, proof, shared
from pushgate.tools import git, process, uv

name: Final = "test"
PYTEST: Final = "pytest==9.2.0"
PYTEST_SPLIT: Final = "pytest-split==0.11.0"
PYTEST_XDIST: Final = "pytest-xdist==3.8.0"
ARTIFACT_DAYS: Final = 1
TOOLS: Final = (PYTEST, PYTEST_SPLIT, PYTEST_XDIST, coverage_config.COVERAGE)

_NO_TESTS: Final = 5
"""pytest's exit status where it ran no test (`pytest.ExitCode.NO_TESTS_COLLECTED`)."""


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.test]``.

    Attributes:
        shards: Into how many jobs the suite of each Python is split.
        workers: pytest-xdist's workers inside a shard: a number, ``auto`` (the cores
            that the shard may use), or None: as the project's own pytest options say.
        args: Further arguments for pytest.
        extras: Extras to install; all unless given.
        groups: Dependency groups to install besides the default ones; those that are
            called after tests, else those that hold pytest, unless given.
        share_collection: Whether the shards of a Python may collect their tests once for all,
            in a run.
        services: The servers of which each shard, and each worker in it, is given its own
            part: ``postgres``, a database.
    """

    after: tuple[str, ...] = ("lint", "types", "build")
    shards: int = field(default=4, metadata={"minimum": 1})
    workers: int | Literal["auto"] | None = field(default=None, metadata={"minimum": 1})
    args: tuple[str, ...] = ()
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    share_collection: bool = True
    services: tuple[Literal["postgres"], ...] = ()


def applies(settings: Settings) -> Applies:
    """On where there is Python code: code without tests is no pass."""
    return base.source_paths(settings)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job for each shard on each Python."""
    options = settings.gates[name]
    count = options.shards if isinstance(options, Options) else 1
    cores = _cores(options.workers if isinstance(options, Options) else None, settings)
    return tuple(
        Job(
            name=f"{name}-{python}({index}of{count})" if count > 1 else f"{name}-{python}",
            gate=name,
            session=f"{name}-{python}",
            summary=f"pytest on Python {python}",
            python=python,
            shard=Shard(index, count) if count > 1 else None,
            after=options.after,
            inputs=options.inputs,
            on=options.on,
            cores=cores,
            timeout=options.timeout,
        )
        for python in settings.python
        for index in range(1, count + 1)
    )


def services(settings: Settings) -> tuple[PostgresOptions, ...]:
    """The servers that the tests use."""
    options = settings.gates[name]
    wanted = options.services if isinstance(options, Options) else ()
    return tuple(getattr(settings.services, each) for each in dict.fromkeys(wanted))


def prepare(context: Context[Options]) -> Environment:
    """Make the environment ready: the project with what its tests require."""
    options, job = context.options, context.job
    tools = [PYTEST, coverage_config.COVERAGE]
    if options.shards > 1:
        tools.append(PYTEST_SPLIT)
    if options.workers is not None:
        tools.append(PYTEST_XDIST)
    assert job.python is not None  # noqa: S101  # every job of this gate has one
    return project_environment(
        context,
        python=job.python,
        tools=tools,
        wanted=TEST_GROUPS,
        extras=options.extras,
        groups=options.groups,
    )


def run(context: Context[Options]) -> None:
    """Run one shard, with its coverage data, its JUnit and the account of its tests.

    With arguments of the user's own it is a look at some tests, not a job of CI:
    pytest is given them and judges alone.
    """
    environment = prepare(context)
    _check_durations(context.settings)
    with ExitStack() as stack:
        for wanted in services(context.settings):
            lent = database.of_tests(context, environment, wanted)
            context = stack.enter_context(lent)
        _run(context, environment)


def _run(context: Context[Options], environment: Environment) -> None:
    if context.arguments:
        options = _pytest_options(context, environment)
        command = (environment.program("python"), "-m", "pytest", *options, *context.arguments)
        context.run(*command, env=_variables(context, environment))
        return
    code = _shared(context, environment)
    if code is None:
        command = ("-m", "coverage", "run", f"--rcfile={_rcfile(context)}", "-m", "pytest")
        words = (*command, *_job_options(context, environment))
        variables = _variables(context, environment)
        code = context.status(environment.program("python"), *words, env=variables)
    if code not in {0, _NO_TESTS}:
        message = f"pytest ended with {code}; again: `{shlex.join(context.job.call)}`"
        raise JobFailed(message)
    _check_account(context)


def collects(settings: Settings) -> bool:
    """Tell whether the project lets the shards of a Python share a collection."""
    options = settings.gates[name]
    # What is imported while collecting may already ask for the one database of its shard.
    return isinstance(options, Options) and options.share_collection and not options.services


def collect(context: Context[Options], address: str) -> None:
    """Collect the tests of a Python once, and serve its shards until an interrupt comes.

    Where that was refused less than a day ago, nothing is collected for nobody.

    Args:
        context: One of the shards.
        address: Where it serves.
    """
    folder = _collection_folder(context)
    if shared.refused_lately(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context = replace(context, folder=folder)
    environment = prepare(context)
    words = ("-m", shared.MODULE, address, str(_rcfile(context)))
    options = _job_options(context, environment)
    with (context.outputs / "output").open("w+b") as output:
        try:
            # A file that is nobody else's: the forks tell by it what of theirs is output.
            process.run(
                (environment.program("python"), *words, *options),
                cwd=context.settings.root,
                env=context.environment(_variables(context, environment)),
                output=output,
            )
        finally:
            output.seek(0)
            context.log(output.read().decode(errors="replace"))


def prove(settings: Settings, jobs: Sequence[Job]) -> tuple[str, ...]:
    """Prove that the shards of a Python together ran each test exactly once."""
    return proof.prove_jobs(settings.root, jobs)


def _cores(workers: int | str | None, settings: Settings) -> int | None:
    """Tell how many cores a shard keeps busy, by pytest-xdist's number of workers."""
    if workers is None:
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        parser.add_argument("-n", "--numprocesses", default="0")
        workers = parser.parse_known_args(settings.pytest_options)[0].numprocesses
    if str(workers) in {"auto", "logical"}:
        return None
    return max(1, int(workers)) if str(workers).isdecimal() else 1


def _pytest_options(context: Context[Options], environment: Environment) -> list[str]:
    options = [*context.options.args]
    if (shard := context.job.shard) is not None:
        options += ["--splits", str(shard.count), "--group", str(shard.index)]
        options += ["--splitting-algorithm", "least_duration"]
        options += ["--durations-path", str(context.settings.root / durations.FILE)]
    if context.options.services:
        options += ["-p", collection.LEASE_PLUGIN]
    if context.options.workers is not None:
        options += ["-n", str(context.options.workers)]
    present = uv.installed(environment.folder)
    if "pytest-randomly" in present:
        # One seed for all shards, here and on every machine of CI: the commit's.
        options.append(f"--randomly-seed={_seed(context.settings)}")
    if "pytest-cov" in present:
        # A shard alone never reaches the project's threshold; the coverage gate asks for it.
        options.append("--no-cov")
    return options


def _job_options(context: Context[Options], environment: Environment) -> list[str]:
    junit = f"--junit-xml={_junit(context)}"
    return [*_pytest_options(context, environment), "-p", collection.PLUGIN, junit]


def _junit(context: Context[Options]) -> str:
    return str(context.outputs / "junit.xml")


def _rcfile(context: Context[Options]) -> Path:
    return coverage_config.write(context.settings, context.outputs, context.job.python)


def _collection_folder(context: Context[Options]) -> Path:
    return state.folder(context.settings.root, "collections", context.job.session)


def _shared(context: Context[Options], environment: Environment) -> int | None:
    """Run a shard as a fork of the collection that it shares, where there is one."""
    address = os.environ.get(shared.ADDRESS_VARIABLE)
    if not address or context.job.shard is None or context.output is not None:
        return None
    request = shared.Request(
        group=context.job.shard.index,
        arguments=_job_options(context, environment),
        environment=context.environment(_variables(context, environment)),
        outputs=str(context.outputs),
        rcfile=str(_rcfile(context)),
        junit=_junit(context),
    )
    context.log(f"shared collection: {shlex.join(['pytest', *request.arguments])}")
    sys.stdout.flush()
    try:
        return shared.run(address, request, sys.stdout.fileno(), _collection_folder(context))
    except shared.NotSharedError as why:
        context.log(f"no shared collection: {why}")
        return None


def _variables(context: Context[Options], environment: Environment) -> dict[str, str]:
    return {
        **environment.variables,
        "PYTHONPATH": str(collection.PLUGIN_FOLDER),
        "PYTHONHASHSEED": str(_seed(context.settings)),
        collection.OUTPUT_VARIABLE: str(context.outputs),
        "PYTEST_XDIST_AUTO_NUM_WORKERS": str(context.cores),
    }


def _seed(settings: Settings) -> int:
    return int(git.head(settings.repository)[:8] or "0", 16)


def _check_durations(settings: Settings) -> None:
    # pytest-split meets a damaged file with an internal error of pytest.
    try:
        durations.read(settings.root / durations.FILE)
    except durations.DurationsError as error:
        raise JobFailed(str(error)) from error


def _check_account(context: Context[Options]) -> None:
    try:
        account = collection.load(context.outputs)
    except collection.CollectionMissingError as error:
        message = f"the process ended with 0 before pytest had ended: {error}"
        raise JobFailed(message) from error
    collected = len(account.collected)
    if not collected:
        tests = ", ".join(context.settings.tests) or "no folder of tests"
        message = (
            f"no test was collected (looked in: {tests}); pytest's `testpaths` names the folders, "
            f"`enabled = false` in [tool.pushgate.gates.{name}] goes without tests"
        )
        raise JobFailed(message)
    if idle := set(account.kept) - account.ran.keys():
        message = f"{len(idle)} of its {len(account.kept)} tests did not run: {min(idle)} for one"
        raise JobFailed(message)
    shard = context.job.shard
    if shard is None:
        if taken := set(account.collected) - set(account.kept):
            message = f"{len(taken)} of {collected} tests were taken out: {min(taken)} for one"
            raise JobFailed(message)
    elif not account.kept:
        if collected >= shard.count:
            message = f"the shard is empty, although {collected} tests were collected"
            raise JobFailed(message)
        context.log(f"an empty shard: {collected} tests in {shard.count} shards")
