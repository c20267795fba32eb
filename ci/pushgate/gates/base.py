"""What a gate is, and what it is given when one of its jobs runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import GateOptions, Settings
from pushgate.tools import cpu, process

RUN_VARIABLE: Final = "PUSHGATE_RUN"
"""Names the run of ``pushgate run`` that a job belongs to."""

CORES_VARIABLE: Final = "PUSHGATE_CORES"
"""Tells a job how many cores it was given; without it, it may use them all."""

Options = TypeVar("Options", bound=GateOptions)


class Applies(NamedTuple):
    """Whether a gate has a subject in this project.

    Attributes:
        on: Whether it has.
        reason: What was found, or what is missing.
    """

    on: bool
    reason: str


def _cores_given() -> int:
    given = os.environ.get(CORES_VARIABLE, "")
    return int(given) if given.isdecimal() and int(given) else cpu.usable()


@dataclass(frozen=True)
class Context(Generic[Options]):
    """What a running job may use. It knows nothing of Nox.

    Attributes:
        settings: The project's definition.
        job: The job that runs.
        options: The options of its gate.
        tell: Shows the user one line.
        needs: The jobs whose outputs it reads.
        folder: Where its outputs go instead of the job's own folder.
        arguments: What the user added to the Nox call, for the gate's tool.
        cores: How many processes the job may keep busy at once.
        output: A file for what its commands print; this process's own output if None.
        variables: Added to the environment of every command that it runs.
        without: Taken out of it.
    """

    settings: Settings
    job: Job
    options: Options
    tell: Callable[[str], None]
    needs: tuple[Job, ...] = ()
    folder: Path | None = None
    arguments: tuple[str, ...] = ()
    cores: int = field(default_factory=_cores_given)
    output: IO[bytes] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()

    def log(self, line: str) -> None:
        """Tell the user one line, between what the commands print."""
        if self.output is None:
            self.tell(line)
        else:
            self.output.write(f"{self.job.name} > {line}\n".encode())
            self.output.flush()

    @property
    def outputs(self) -> Path:
        """The folder for what the job hands on; empty when the job starts."""
        return self.folder or self.settings.root / self.job.outputs

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Run a command; a status other than 0 fails the job.

        Args:
            command: The program and its arguments.
            env: Variables to add to the environment.
            cwd: The folder to run it in, from the project's; the project's own unless given.

        Raises:
            JobFailed: The command ended with another status than 0.
            CommandMissingError: It cannot be started: the job is unavailable.
        """
        if code := self.status(*command, env=env, cwd=cwd):
            message = f"`{self._typed(command)}` ended with {code}"
            raise JobFailed(message)

    def status(
        self, *command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> int:
        """Run a command and return its exit status; the user sees its output.

        Raises:
            CommandMissingError: It cannot be started: the job is unavailable.
        """
        self.log(self._typed(command))
        return process.run(
            command,
            cwd=self.settings.root / (cwd or ""),
            env=self.environment(env),
            output=self.output,
        ).returncode

    def _typed(self, command: Sequence[str]) -> str:
        """Return a command as it can be typed in the project's folder."""
        return shlex.join(word.replace(f"{self.settings.root}/", "") for word in command)

    def within(self, variables: Mapping[str, str]) -> Context[Options]:
        """Return this context with variables for every command that it runs."""
        return replace(self, variables={**self.variables, **variables})

    def unsplit(self) -> Context[Options]:
        """Return this context for all shards of its job in one process."""
        return replace(self, job=replace(self.job, shard=None))

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment for a command of this job."""
        environment = process.clean_environment({**self.variables, **(extra or {})})
        return {name: value for name, value in environment.items() if name not in self.without}


class Gate(Protocol):
    """A kind of check; a module with these names is one.

    Attributes:
        name: What it is called, also in ``[tool.pushgate.gates]``.
        Options: The keys of its table.
        TOOLS: The requirements of what it runs itself, each pinned.
    """

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def Options(self) -> type[GateOptions]:  # noqa: N802  # a module names its class so
        """The class of its options."""

    @property
    def TOOLS(self) -> tuple[str, ...]:  # noqa: N802  # a module's constant
        """What it runs, pinned for projects that lock no version of it."""

    def applies(self, settings: Settings) -> Applies:
        """Tell whether its subject exists in a project."""

    def jobs(self, settings: Settings) -> Sequence[Job]:
        """Return its jobs, in the order in which they are shown."""

    def run(self, context: Context[Any]) -> None:
        """Carry out one job.

        Raises:
            JobFailed: It found something.
            JobUnavailable: It could not look.
            JobDeferred: It could not look here, and the project lets CI do it.
        """


@runtime_checkable
class Sharded(Gate, Protocol):
    """A gate whose jobs of one session prove something only together."""

    def prove(self, settings: Settings, jobs: Sequence[Job]) -> Sequence[str]:
        """Check the outputs of all jobs of a session against each other.

        Returns:
            One line for each thing that does not hold.
        """


@runtime_checkable
class WithEnvironment(Gate, Protocol):
    """A gate whose jobs have an environment, which can be made before they start."""

    def prepare(self, context: Context[Any]) -> object:
        """Make a job's environment ready, and do nothing else.

        Raises:
            JobFailed: It cannot be made as the project says.
            JobUnavailable: What it takes cannot be had.
        """


@runtime_checkable
class Collecting(Sharded, Protocol):
    """A gate whose jobs of one session may share what each would do first."""

    def collects(self, settings: Settings) -> bool:
        """Tell whether the project lets them."""

    def collect(self, context: Context[Any], address: str) -> None:
        """Do that once, and serve the jobs, until an interrupt comes.

        Args:
            context: One of the jobs.
            address: Where they find it.
        """


@runtime_checkable
class WithServices(Gate, Protocol):
    """A gate whose jobs use servers."""

    def services(self, settings: Settings) -> Sequence[PostgresOptions]:
        """Tell which, as the project wants them; none where its options say so."""


def one_job(
    gate: str, settings: Settings, summary: str, *, needs: tuple[str, ...] = ()
) -> tuple[Job]:
    """Return the single job of a gate without a matrix, with what its options say.

    Args:
        gate: The gate's name, which is the job's, too.
        settings: The project's definition.
        summary: One line about what it checks.
        needs: Names of the gates whose output it reads.
    """
    options = settings.gates[gate]
    return (
        Job(
            name=gate,
            gate=gate,
            session=gate,
            summary=summary,
            needs=needs,
            after=options.after,
            inputs=options.inputs,
            on=options.on,
            timeout=options.timeout,
        ),
    )


def source_paths(settings: Settings) -> Applies:
    """Tell whether the project has code at all: the subject of most gates."""
    if settings.sources:
        return Applies(on=True, reason=f"the code is in {', '.join(settings.sources)}")
    return Applies(
        on=False,
        reason="git tracks no Python code here: `git add` it "
        "(or `sources` in [tool.pushgate] names it)",
    )
