"""The environments that jobs run in: the project as it is locked, and the gates' own tools."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pushgate.config.pythons import OURS, version_key
from pushgate.config.requirements import requirement_names
from pushgate.config.tables import table
from pushgate.gates import seals, state
from pushgate.gates.base import Context
from pushgate.model.outcome import JobError, JobFailed, JobUnavailable
from pushgate.model.settings import Settings
from pushgate.tools import interpreters, process, uv

FOLDER: Final = Path(".nox")
"""Where environments are kept, relative to the project: where Nox keeps its own."""

_UNREACHABLE: Final = re.compile(r"Failed to (?:fetch|download)[^\n]*")
"""How uv says that a server did not give what was asked for."""

TEST_GROUPS: Final = ("test", "tests", "testing")
"""What a dependency group with the tests' requirements is usually called."""

STAMP: Final = "pushgate.json"
"""In an environment: what it was made from; without it the environment is made anew."""


@dataclass(frozen=True)
class Environment:
    """An environment that is ready.

    Attributes:
        folder: Where it is.
        python: The version (``X.Y``) that it was made for.
    """

    folder: Path
    python: str

    def program(self, name: str) -> str:
        """Return the path of one of its commands."""
        return str(uv.environment_bin(self.folder) / name)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that make its commands the first to be found."""
        path = process.clean_environment().get("PATH", "")
        return {
            "PATH": f"{uv.environment_bin(self.folder)}:{path}",
            "VIRTUAL_ENV": str(self.folder),
        }


@dataclass(frozen=True)
class _Request:
    """What an environment should hold."""

    interpreter: interpreters.Interpreter
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    tools: tuple[str, ...]

    def stamp(self, settings: Settings, folder: Path) -> dict[str, Any]:
        names = ("pyproject.toml", "setup.py", "setup.cfg", *settings.dependencies.requirements)
        files = [settings.root / name for name in names]
        if settings.dependencies.lock:
            files.append(settings.dependencies.lock)
        return {
            "folder": str(folder),
            "python": [self.interpreter.version, str(self.interpreter.path)],
            "extras": list(self.extras),
            "groups": list(self.groups),
            "tools": list(self.tools),
            "files": {
                str(file): hashlib.sha256(file.read_bytes()).hexdigest()
                for file in files
                if file.is_file()
            },
        }


def interpreter(version: str) -> interpreters.Interpreter:
    """Find the interpreter of a version.

    Raises:
        JobUnavailable: There is none on this machine.
    """
    try:
        return interpreters.find(version)
    except interpreters.InterpreterMissingError as error:
        raise JobUnavailable(str(error)) from error


def project_environment(
    context: Context[Any],
    *,
    python: str,
    tools: Iterable[str],
    wanted: Iterable[str] = (),
    extras: tuple[str, ...] | None = None,
    groups: tuple[str, ...] | None = None,
) -> Environment:
    """Make an environment with the project in it ready, as its lock says.

    Its default dependency groups are always in it. It is kept between runs, and
    brought exactly to what the project says each time that this has changed.

    Args:
        context: The job that needs it. All jobs of a session share one.
        python: Its version (``X.Y``).
        tools: What the gate runs in it, each pinned (``pytest-split==0.11.0``). A tool
            that the project brings itself stays in the project's version.
        wanted: Words for what is needed, such as ``tests``; they choose the dependency
            groups: those of that name, else those that hold one of the ``tools``.
        extras: The extras; all unless given.
        groups: The groups, instead of those that ``wanted`` chooses.

    Raises:
        JobFailed: The lock is out of date, or the requirements do not resolve.
        JobUnavailable: The interpreter is missing, or the package index does not answer.
    """
    settings = context.settings
    tools = tuple(tools)
    request = _Request(
        interpreter(python),
        tuple(settings.dependencies.extras) if extras is None else extras,
        _groups(settings, tuple(wanted), tools) if groups is None else groups,
        tools,
    )
    folder = settings.root / FOLDER / context.job.session
    context.log(f"environment {FOLDER / context.job.session}: Python {request.interpreter.version}")
    environment = Environment(folder, python)
    stamp = request.stamp(settings, folder)
    with _locked(settings, folder.name):
        before = seals.state(settings, folder, stamp)
        if _read_stamp(folder) == stamp and seals.holds(folder, before):
            return environment
        try:
            _bring_up(settings, folder, request, stamp)
        except process.CommandMissingError:
            raise
        except process.CommandError as error:
            raise _refused(error, "uv could not make the environment") from error
        verify_python(environment)
        seals.put(settings, folder, before, seals.state(settings, folder, stamp))
    return environment


def is_made(settings: Settings, session: str) -> bool:
    """Tell whether the environment of a session was made before, for whatever it now holds."""
    return (settings.root / FOLDER / session / STAMP).is_file()


def verify_python(environment: Environment) -> None:
    """Check that an environment runs the version that it was made for.

    Raises:
        JobFailed: It runs another, for example one that a ``.python-version`` file named.
    """
    answer = process.capture(
        [
            environment.program("python"),
            *("-I", "-S"),
            "-c",
            "import sys; print('%d.%d' % sys.version_info[:2])",
        ],
        cwd=environment.folder,
        check=False,
    )
    if (runs := answer.stdout.strip()) != environment.python:
        message = (
            f"{environment.folder.name} runs Python {runs or 'nothing'}, not {environment.python}: "
            f"remove {environment.folder}"
        )
        raise JobFailed(message)


def tool(
    context: Context[Any], pinned: str, *, program: str = "", python: str | None = None
) -> str:
    """Make a gate's tool ready in an environment of its own, and return its program's path.

    It is made once for each version of the tool; after that it costs nothing.

    Args:
        context: The job that needs it.
        pinned: The tool in the version that is used where the project locks none.
        program: The tool's command, if it is not called as the package is.
        python: The version (``X.Y``) to run it with, where that changes what it finds; the
            one that runs Pushgate unless given.

    Raises:
        JobFailed: The tool's requirements do not resolve.
        JobUnavailable: That interpreter is missing, or the package index does not answer.
    """
    settings = context.settings
    requirement = Requirement(pinned)
    locked = locked_versions(settings).get(canonicalize_name(requirement.name))
    if locked is not None:
        requirement.specifier = SpecifierSet(f"=={locked}")
    chosen = str(requirement)
    found = interpreter(python) if python else interpreters.running()
    folder = settings.root / FOLDER / f"tool-{requirement.name}"
    stamp = [str(folder), chosen, found.version, str(found.path)]
    with _locked(settings, folder.name):
        if _read_stamp(folder) != stamp:
            try:
                uv.create(folder, found)
                uv.install(folder, [*_whenever(settings, [chosen]), chosen], cwd=settings.root)
            except process.CommandMissingError:
                raise
            except process.CommandError as error:
                raise _refused(error, f"{chosen} cannot be had") from error
            _write_stamp(folder, stamp)
    return str(uv.environment_bin(folder) / (program or requirement.name))


def locked_versions(settings: Settings) -> Mapping[str, str]:
    """Return what the project's ``uv.lock`` holds: canonical name -> version."""
    file = settings.dependencies.lock
    if file is None:
        return {}
    packages = tomllib.loads(file.read_text(encoding="utf-8")).get("package", [])
    return {package["name"]: package["version"] for package in packages if "version" in package}


def _groups(settings: Settings, wanted: tuple[str, ...], tools: tuple[str, ...]) -> tuple[str, ...]:
    groups = settings.dependencies.groups
    named = tuple(name for name in groups if name in wanted)
    names = requirement_names(tools)
    holding = tuple(name for name in groups if names & requirement_names(groups[name]))
    return named or holding


def _bring_up(
    settings: Settings, folder: Path, request: _Request, stamp: Mapping[str, Any]
) -> None:
    before = _read_stamp(folder)
    known = before == stamp
    if not (isinstance(before, dict) and before.get("folder") == str(folder)):
        # Never finished, or made elsewhere: its programs start with the path of that place.
        shutil.rmtree(folder, ignore_errors=True)
    elif not known:
        (folder / STAMP).unlink()
    # Once the stamp is right nothing is removed: another job may be using the gate's tools.
    exact = not known
    if settings.dependencies.lock:
        uv.sync(
            settings.root,
            folder,
            request.interpreter,
            extras=request.extras,
            groups=request.groups,
            exact=exact,
        )
    else:
        if exact:
            uv.create(folder, request.interpreter)
        if requirements := _requirements(settings, request):
            # CI has no environment to keep: it resolves to the newest versions each time.
            uv.install(folder, ["--upgrade", *requirements], cwd=settings.root)
    _add_missing_tools(settings, folder, request)
    _write_stamp(folder, stamp)


@contextmanager
def _locked(settings: Settings, environment: str) -> Iterator[None]:
    # Importing it takes a seventh of a job's start; a job without an environment does without.
    from filelock import FileLock  # noqa: PLC0415

    with FileLock(state.make(settings.root, "locks") / f"{environment}.lock"):
        yield


def _read_stamp(folder: Path) -> object:
    try:
        return json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_stamp(folder: Path, stamp: object) -> None:
    part = folder / f"{STAMP}.part"
    part.write_text(json.dumps(stamp), encoding="utf-8")
    part.replace(folder / STAMP)


def _requirements(settings: Settings, request: _Request) -> list[str]:
    arguments: list[str] = []
    dependencies = settings.dependencies
    if dependencies.installable:
        extras = f"[{','.join(request.extras)}]" if request.extras else ""
        arguments += ["--editable", f".{extras}"]
    for group in dict.fromkeys((*dependencies.default_groups, *request.groups)):
        arguments += ["--group", group]
    for file in dependencies.requirements:
        arguments += ["--requirements", file]
    return arguments


def _add_missing_tools(settings: Settings, folder: Path, request: _Request) -> None:
    present = uv.installed(folder)
    missing = [tool for tool in request.tools if _name(tool) not in present]
    if not missing:
        return
    if version_key(request.interpreter.version) < version_key(OURS):
        missing = [tool.replace("==", "<=") for tool in missing]
    # The tools must go with what the project has, not change it.
    constraints = folder / "pushgate-constraints.txt"
    own_name = canonicalize_name(settings.name)
    lines = [f"{name}=={version}" for name, version in present.items() if name != own_name]
    constraints.write_text("\n".join(lines), encoding="utf-8")
    options = ("--constraints", str(constraints), *_whenever(settings, missing))
    uv.install(folder, [*options, *missing], cwd=settings.root)


def _whenever(settings: Settings, pinned: Iterable[str]) -> Iterator[str]:
    """Yield options for tools that are pinned, but newer than the project lets packages be."""
    if "exclude-newer" in table(settings.tool_tables, "uv"):
        for requirement in pinned:
            yield f"--exclude-newer-package={Requirement(requirement).name}=false"


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _refused(error: process.CommandError, what: str) -> JobError:
    """Tell what uv said: whether there is something to mend, or nothing could be looked at."""
    said = error.completed.stderr.strip() or error.completed.stdout.strip()
    if "--locked" in said and "needs to be updated" in said:
        return JobFailed("uv.lock is out of date with pyproject.toml: run `uv lock` and commit it")
    if unreachable := _UNREACHABLE.search(said):
        return JobUnavailable(f"{what}: the package index does not answer: {unreachable[0]}")
    return JobFailed(f"{what}: {' '.join(said.split()) or error}")
