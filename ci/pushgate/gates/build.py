"""The distributions: do they build from what is tracked, and does the wheel work alone?"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import interpreter, tool
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed
from pushgate.model.settings import GateOptions, Settings
from pushgate.tools import git, uv

name: Final = "build"
TWINE: Final = "twine==7.0.0"
ARTIFACT_DAYS: Final = 7
TOOLS: Final = (TWINE,)
_IMPORTABLE: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9_]*)(?:/.+\.(?:py|so|pyd)|\.py|\.[^/]*(?:so|pyd))"
)


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.build]``.

    Attributes:
        modules: What to import from the installed wheel; every top-level module
            or package in it unless given.
    """

    # No lock holds the build back end: each build takes what the package index offers.
    fresh_for: float | None = field(default=86400, metadata={"minimum": 0})
    modules: tuple[str, ...] | None = None


def applies(settings: Settings) -> Applies:
    """On where the project can be installed."""
    if settings.dependencies.installable:
        return Applies(on=True, reason="the project can be built")
    return Applies(on=False, reason="nothing to build: no [build-system]")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "uv build: sdist and wheel, the wheel installed alone")


def run(context: Context[Options]) -> None:
    """Build, check the metadata, install the wheel into an empty environment, import it.

    The build sees a copy of the tracked files: a back end neither picks up what is
    left of an earlier build, nor what CI will not have, nor leaves anything behind.
    """
    settings = context.settings
    python = interpreter(settings.default_python)
    distributions = context.outputs / "dist"
    with TemporaryDirectory(prefix="pushgate-build-") as folder:
        copy = Path(folder, "tracked")
        git.copy_tracked(settings.repository, copy)
        project = copy / settings.root.relative_to(settings.repository)
        command = ("uv", "build", "--python", str(python.path), "--out-dir", str(distributions))
        context.run(*command, *context.arguments, cwd=project)
    built = sorted(path for path in distributions.iterdir() if path.suffix in {".gz", ".whl"})
    context.run(tool(context, TWINE), "check", *map(str, built))
    wheels = [path for path in built if path.suffix == ".whl"]
    if len(wheels) != 1:
        message = f"expected one wheel, built {', '.join(path.name for path in built) or 'none'}"
        raise JobFailed(message)
    _import_alone(context, wheels[0])


def _import_alone(context: Context[Options], wheel: Path) -> None:
    modules = context.options.modules
    if modules is None:
        modules = tuple(dict.fromkeys(_top_level(wheel)))
    if not modules:
        message = f"{wheel.name} holds no module"
        raise JobFailed(message)
    python = interpreter(context.settings.default_python)
    with TemporaryDirectory(prefix="pushgate-wheel-") as folder:
        environment = Path(folder, "environment")
        uv.create(environment, python)
        uv.install(environment, [str(wheel)], cwd=environment)
        # -I: only what the wheel installed can be imported, not this folder.
        command = (
            str(uv.environment_python(environment)),
            "-I",
            "-c",
            f"import {', '.join(modules)}",
        )
        if context.status(*command, cwd=environment):
            message = f"{wheel.name}, installed alone, cannot be imported"
            raise JobFailed(message)


def _top_level(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            if match := _IMPORTABLE.fullmatch(path):
                yield match[1]
