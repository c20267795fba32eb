"""A static type checker over the project's code."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from pushgate.config.tables import table
from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import Environment, project_environment
from pushgate.model.job import Job
from pushgate.model.settings import GateOptions, Settings

name: Final = "types"
PINS: Final = {"mypy": "mypy==2.4.1", "pyright": "pyright==1.1.414", "ty": "ty==0.0.105"}
TOOLS: Final = tuple(PINS.values())
_GROUPS: Final = ("type", "types", "typing", "typecheck", "type-check", "mypy")


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.types]``.

    Attributes:
        tool: ``mypy``, ``pyright``, ``ty``, or another command line as it is to be run;
            the one that the project configures, else mypy, unless given.
        extras: Extras to install; all unless given.
        groups: Dependency groups to install besides the default ones; those that are
            called after typing, else those that hold the tool, unless given.
    """

    tool: str | None = None
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


def applies(settings: Settings) -> Applies:
    """On where there is Python code."""
    return base.source_paths(settings)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, f"{_tool(settings)}: static types")


def prepare(context: Context[Options]) -> Environment:
    """Make the environment ready: the project with its type checker."""
    settings = context.settings
    tool = _tool(settings)
    return project_environment(
        context,
        python=settings.default_python,
        tools=[PINS[tool]] if tool in PINS else [],
        wanted=_GROUPS,
        extras=context.options.extras,
        groups=context.options.groups,
    )


def run(context: Context[Options]) -> None:
    """Run the type checker in the project's environment, where it sees the dependencies."""
    settings = context.settings
    tool = _tool(settings)
    environment = prepare(context)
    python = environment.program("python")
    command = {
        "mypy": ("mypy", *_mypy_targets(settings)),
        "pyright": ("pyright", "--pythonpath", python, *settings.sources),
        "ty": ("ty", "check", "--python", python, *settings.sources),
    }.get(tool) or tuple(shlex.split(tool))
    context.run(*command, *context.arguments, env=environment.variables)


def _tool(settings: Settings) -> str:
    options = settings.gates[name]
    configured = options.tool if isinstance(options, Options) else None
    if configured:
        return configured
    return next((tool for tool in PINS if table(settings.tool_tables, tool)), "mypy")


def _mypy_targets(settings: Settings) -> tuple[str, ...]:
    told = {"files", "packages", "modules"} & table(settings.tool_tables, "mypy").keys()
    return () if told else settings.sources
