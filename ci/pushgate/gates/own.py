"""A project's own gates: commands, functions of the noxfile, and sessions that exist already."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import Environment, project_environment
from pushgate.model.command import command
from pushgate.model.event import Event
from pushgate.model.job import Job
from pushgate.model.outcome import ExitCode
from pushgate.model.settings import ConfigurationError, GateOptions, Settings

GateFunction = Callable[[Context[Any]], None]


@dataclass(frozen=True, kw_only=True)
class OwnOptions(GateOptions):
    """Keys of ``[tool.pushgate.gates.NAME]`` where NAME is a gate of the project's own.

    Attributes:
        run: Its commands, each split as a shell would split words, without a shell.
        session: The Nox session that does its work instead.
        needs: Gates whose output it reads.
        environment: Whether its commands find the project's environment first.
        extras: Extras to install in that; all unless given.
        groups: Dependency groups to install besides the default ones.
        cores: How many cores its commands keep busy.
    """

    run: tuple[str, ...] = field(default=(), metadata={"parse": command, "nonempty": True})
    session: str | None = None
    needs: tuple[str, ...] = ()
    environment: bool = True
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] = ()
    cores: int = field(default=1, metadata={"minimum": 1})


@dataclass(frozen=True)
class OwnGate:
    """A gate that the project defines.

    Attributes:
        name: Its name.
        function: What it does; its commands unless given.
    """

    name: str
    function: GateFunction | None = None
    Options: type[GateOptions] = OwnOptions
    TOOLS: tuple[str, ...] = ()

    def applies(self, settings: Settings) -> Applies:
        """On: the project asks for it."""
        where = "the noxfile" if self.function else "pyproject.toml"
        return Applies(on=True, reason=f"{where} defines it for {settings.name}")

    def jobs(self, settings: Settings) -> tuple[Job, ...]:
        """One job."""
        options = self._options(settings)
        return (
            Job(
                name=self.name,
                gate=self.name,
                session=options.session or self.name,
                summary=self._summary(options),
                needs=options.needs,
                after=options.after,
                inputs=options.inputs,
                on=options.on,
                cores=options.cores,
                timeout=options.timeout,
            ),
        )

    def prepare(self, context: Context[Any]) -> Environment | None:
        """Make the environment ready, where it has one."""
        options = self._options(context.settings)
        if not options.environment:
            return None
        return project_environment(
            context,
            python=context.settings.default_python,
            tools=[],
            extras=options.extras,
            groups=options.groups,
        )

    def run(self, context: Context[Any]) -> None:
        """Run the function, or the commands one after the other until one fails."""
        options = self._options(context.settings)
        if environment := self.prepare(context):
            context = context.within(environment.variables)
        if self.function:
            self.function(context)
        for line in options.run:
            context.run(*shlex.split(line))

    def _options(self, settings: Settings) -> OwnOptions:
        options = settings.gates[self.name]
        if not isinstance(options, OwnOptions):
            message = f"gate {self.name} has the options of another gate"
            raise TypeError(message)
        return options

    def _summary(self, options: OwnOptions) -> str:
        if self.function and self.function.__doc__:
            return self.function.__doc__.strip().partition("\n")[0]
        return "; ".join(options.run) or f"the project's own gate {self.name}"


@dataclass
class Declarations:
    """The gates that a noxfile declares before it registers.

    Attributes:
        gates: The gates, by name.
        options: What each was declared with.
        closed: Whether the noxfile has registered.
    """

    gates: dict[str, OwnGate] = field(default_factory=dict)
    options: dict[str, OwnOptions] = field(default_factory=dict)
    closed: bool = False


_stack: Final = [Declarations()]


def declarations() -> Declarations:
    """Return what the noxfile that is being read has declared up to now."""
    return _stack[-1]


@contextmanager
def collecting() -> Iterator[Declarations]:
    """Read a noxfile for its declarations only; ``pushgate.register()`` does nothing meanwhile."""
    _stack.append(Declarations())
    try:
        yield _stack[-1]
    finally:
        _stack.pop()


def is_collecting() -> bool:
    """Tell whether a noxfile is read for its declarations only."""
    return len(_stack) > 1


def gate(
    *,
    name: str | None = None,
    on: Sequence[str] = (),
    after: Sequence[str] = (),
    needs: Sequence[str] = (),
    inputs: Sequence[str] = ("**",),
    environment: bool = True,
    extras: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    cores: int = 1,
    timeout: float | None = None,
    retries: int = 0,
    env: Sequence[str] = (),
    images: Sequence[str] = (),
    fresh_for: float | None = None,
) -> Callable[[GateFunction], GateFunction]:
    """Make a function of the noxfile a gate; ``pushgate.register()`` comes after it.

    The function is given a context: ``context.run("npm", "test")`` runs a command and
    fails the gate if that fails. A built-in gate of the same name is replaced.

    Args:
        name: The gate's name; the function's, with ``-`` for ``_``, unless given.
        on: The events that select it, such as ``push:main``; every event unless given.
        after: Gates without whose pass it is not worth a CI machine.
        needs: Gates whose output it reads.
        inputs: Globs of tracked files that it reads.
        environment: Whether its commands find the project's environment first.
        extras: Extras to install in that; all unless given.
        groups: Dependency groups to install besides the default ones.
        cores: How many cores its commands keep busy.
        timeout: Seconds after which a run ends it and calls it aborted; no limit unless given.
        retries: How many times it is tried again when it has failed.
        env: Environment variables that it reads.
        images: Docker images that it uses.
        fresh_for: For how many seconds a pass on the same files counts; for ever unless given.

    Returns:
        A decorator that returns the function as it is.

    Raises:
        SystemExit: An event is none, the name is taken, or the noxfile has registered
            already; it was printed. Its status is 2.
    """

    def declare(function: GateFunction) -> GateFunction:
        declared = declarations()
        chosen = name or function.__name__.replace("_", "-")
        if declared.closed:
            _refuse(f"gate {chosen!r} is declared below pushgate.register(): move it above")
        if chosen in declared.gates:
            _refuse(f"two gates are called {chosen!r}")
        lists: dict[str, object] = {"on": on, "after": after, "needs": needs, "inputs": inputs}
        lists |= {"extras": extras, "groups": groups, "env": env, "images": images}
        _check_lists(chosen, lists)
        _check_number(chosen, "cores", cores, int, 1)
        _check_number(chosen, "retries", retries, int, 0)
        if timeout is not None:
            _check_number(chosen, "timeout", timeout, (int, float), 0.1)
        if fresh_for is not None:
            _check_number(chosen, "fresh_for", fresh_for, (int, float), 0)
        try:
            events = tuple(Event.parse(event) for event in on)
        except ValueError as error:
            _refuse(f"gate {chosen!r}: on: {error}")
        declared.gates[chosen] = OwnGate(chosen, function)
        declared.options[chosen] = OwnOptions(
            on=events,
            after=tuple(after),
            needs=tuple(needs),
            inputs=tuple(inputs),
            environment=environment,
            extras=None if extras is None else tuple(extras),
            groups=tuple(groups),
            cores=cores,
            timeout=timeout,
            retries=retries,
            env=tuple(env),
            images=tuple(images),
            fresh_for=fresh_for,
        )
        return function

    return declare


def _check_lists(gate: str, lists: Mapping[str, object]) -> None:
    for key, value in lists.items():
        if isinstance(value, str):
            _refuse(f"gate {gate!r}: {key} = {value!r}: expected a list, [{value!r}]")


def _check_number(
    gate: str, key: str, value: float, kinds: type | tuple[type, ...], least: float
) -> None:
    if not isinstance(value, kinds) or value < least:
        _refuse(f"gate {gate!r}: {key}: expected a number of at least {least}")


def _refuse(problem: str) -> NoReturn:
    told = f"noxfile.py: {problem}"
    if is_collecting():
        raise ConfigurationError(told)
    # Nox, which reads the noxfile, would bury it in a traceback.
    print(f"pushgate: {told}", file=sys.stderr)
    sys.exit(ExitCode.USAGE)
