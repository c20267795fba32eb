"""import-linter: do the project's modules keep to its contracts?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import Environment, project_environment
from pushgate.model.job import Job
from pushgate.model.settings import GateOptions, Settings

name: Final = "imports"
IMPORT_LINTER: Final = "import-linter==2.16"
TOOLS: Final = (IMPORT_LINTER,)


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.imports]``."""


def applies(settings: Settings) -> Applies:
    """On where the project configures import-linter."""
    if "importlinter" in settings.tool_tables:
        return Applies(on=True, reason="pyproject.toml has [tool.importlinter]")
    for file, mark in ((".importlinter", "[importlinter]"), ("setup.cfg", "[importlinter]")):
        path = settings.root / file
        if path.is_file() and mark in path.read_text(encoding="utf-8"):
            return Applies(on=True, reason=f"{file} has {mark}")
    return Applies(on=False, reason="no contract of import-linter")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "import-linter: contracts between modules")


def prepare(context: Context[Options]) -> Environment:
    """Make the environment ready: the project with import-linter."""
    return project_environment(
        context, python=context.settings.default_python, tools=[IMPORT_LINTER]
    )


def run(context: Context[Options]) -> None:
    """Check the contracts in the project's environment, where its modules can be imported."""
    environment = prepare(context)
    command = (environment.program("lint-imports"), "--no-cache", *context.arguments)
    context.run(*command, env=environment.variables)
