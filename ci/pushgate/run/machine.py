"""What jobs rest on beside their project's files: interpreters, tools, variables, images."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pushgate.gates.own import OwnOptions
from pushgate.model.services import URL_VARIABLE, PostgresOptions
from pushgate.model.settings import GateOptions, Settings
from pushgate.run import premises
from pushgate.run.known_pythons import KnownPythons
from pushgate.run.premises import Premises
from pushgate.run.store import Store
from pushgate.services.base import ServiceFailed, ServiceUnavailable
from pushgate.tools import docker, engines, interpreters, process
from pushgate.tools.interpreters import Interpreter, InterpreterMissingError

_VARIABLES: Final = (
    *("CI", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "NO_COLOR", "FORCE_COLOR"),
    *("PYTHONWARNINGS", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONHASHSEED", "PYTHONDEVMODE"),
    *("PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
    *("SOURCE_DATE_EPOCH", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    *("UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_RESOLUTION", "UV_PRERELEASE"),
    URL_VARIABLE,
)
"""Environment variables that change what most tools do, or what environments hold."""

_LOCKED: Final = re.compile(
    r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', re.MULTILINE
)
"""How uv writes a package into its lock."""


class UnknownStateError(Exception):
    """What a job rests on cannot be told; the message says why."""


@dataclass
class Machine:
    """What jobs rest on, each thing asked for once.

    Attributes:
        settings: The project's definition.
        asking: Asks for what takes a while.
    """

    settings: Settings
    asking: Executor
    _pythons: dict[str, Future[Interpreter]] = field(default_factory=dict)
    _images: dict[str, Future[str | None]] = field(default_factory=dict)
    _servers: dict[PostgresOptions, Future[str]] = field(default_factory=dict)
    _programs: dict[str, str] = field(default_factory=dict)
    _variables: dict[str, str] = field(default_factory=dict)

    def expect(
        self, pythons: Iterable[str], images: Iterable[str], servers: Iterable[PostgresOptions]
    ) -> None:
        """Begin to ask for interpreters, images and servers, all at once."""
        for version in pythons:
            self._pythons[version] = self.asking.submit(self._known_pythons.find, version)
        for name in images:
            self._images[name] = self.asking.submit(docker.image_id, name)
        ci = bool(self._environment.get("CI"))
        for options in servers:
            # Each run imports this module; most projects have no database.
            from pushgate.services.postgres import described  # noqa: PLC0415

            self._servers[options] = self.asking.submit(described, options, ci=ci)

    def interpreters(self, needed: Iterable[str], seen: Iterable[str]) -> Mapping[str, str]:
        """Describe the Python that runs Pushgate, and those of versions that are expected.

        Args:
            needed: Versions (``X.Y``) that a job cannot do without.
            seen: Versions that make a difference to it if they are here.

        Raises:
            UnknownStateError: One that is needed is not here.
        """
        described = {"Pushgate's": _described(interpreters.running())}
        needed = frozenset(needed)
        for version in (*needed, *seen):
            try:
                described[version] = _described(self._pythons[version].result())
            except InterpreterMissingError as error:
                if version in needed:
                    raise UnknownStateError(str(error)) from error
                described[version] = "missing"
        return described

    def tools(self, requirements: Sequence[str], options: GateOptions) -> Mapping[str, str]:
        """Name the versions of a gate's tools, of Nox and of uv, and a gate's own programs."""
        versions = {"nox": self._nox, "uv": self._program("uv")}
        for requirement in map(Requirement, requirements):
            locked = self._locked.get(canonicalize_name(requirement.name))
            versions[requirement.name] = locked or str(requirement.specifier).removeprefix("==")
        if isinstance(options, OwnOptions):
            for command in options.run:
                word = shlex.split(command)[0]
                # A relative path is a file of the project.
                if "/" not in word or word.startswith("/"):
                    versions[f"program {word}"] = self._program(word)
        return versions

    def environment(self, names: Iterable[str]) -> Mapping[str, str]:
        """Describe environment variables, those that every job may see included."""
        told = {}
        for name in (*_VARIABLES, *names):
            if name not in self._variables:
                self._variables[name] = premises.told(self._environment.get(name))
            told[name] = self._variables[name]
        return told

    def images(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the ids of images that are expected.

        Raises:
            UnknownStateError: One of them is not here.
        """
        ids = {}
        for name in names:
            found = self._images[name].result()
            if found is None:
                message = f"no Docker engine here has the image {name}: pull it"
                raise UnknownStateError(message)
            ids[name] = found
        return ids

    def servers(self, wanted: Iterable[PostgresOptions]) -> Mapping[str, str]:
        """Describe servers that are expected.

        Raises:
            UnknownStateError: One of them is not here, or what it is is not known yet.
        """
        try:
            return {options.image: self._servers[options].result() for options in wanted}
        except (ServiceUnavailable, ServiceFailed) as error:
            raise UnknownStateError(str(error)) from error

    @cached_property
    def pushgate(self) -> Mapping[str, str]:
        """Pushgate's version, and what its code is."""
        return {
            "version": importlib.metadata.version("pushgate"),
            "code": premises.pushgate_code(),
        }

    def premises(self, files: Iterable[str], *, lasting: bool = True) -> Premises:
        """Return all that was described; the interpreters' answers are kept.

        Args:
            files: The paths of further files that fingerprints rest on.
            lasting: Whether nothing else does.
        """
        found = {
            version: asked.result()
            for version, asked in self._pythons.items()
            if asked.exception() is None
        }
        self._known_pythons.keep()
        first = {version: premises.python(version) for version in self._pythons}
        paths = {str(python.path) for python in found.values()}
        paths |= {path for path in (*first.values(), *self._programs.values()) if path}
        # What neither PATH nor pyenv has is uv's: a newer one would be beside it.
        paths |= {str(found[version].path.parents[2]) for version in found if not first[version]}
        for path in self._programs.values():
            paths.update(premises.behind_shim(path))
        running = os.path.realpath(sys.executable)
        paths.update(files)
        images = self._image_ids()
        names = [name for name in sorted(self._variables) if self._counts(name)]
        variables = {name: self._variables[name] for name in names}
        nearest = engines.nearest() if images else None
        if nearest:
            paths.update(nearest.deciding)
            variables |= {name: premises.told(os.environ.get(name)) for name in engines.VARIABLES}
        return Premises(
            stats={path: premises.stamp(path) for path in sorted({*paths, running})},
            pythons=first,
            programs=dict(self._programs),
            variables=variables,
            engine=nearest.socket if nearest else "",
            images=images or {},
            running=running,
            pushgate=self.pushgate["code"],
            lasting=lasting
            and images is not None
            and (nearest is not None or not images)
            and len(found) == len(self._pythons),
        )

    def _image_ids(self) -> dict[str, str] | None:
        """Return the ids of the images that jobs rest on; None: that is not all, or not known."""
        ids = {name: asked.result() or "" for name, asked in self._images.items()}
        for options, asked in self._servers.items():
            # How other servers are found may change in more ways than can be looked at so fast.
            if asked.exception() or not asked.result().startswith("docker: "):
                return None
            ids[options.image] = asked.result().partition(": ")[2]
        return ids if all(ids.values()) else None

    def _counts(self, name: str) -> bool:
        # A variable that no job is given cannot change what it does.
        return name in self._environment or name not in os.environ

    def _program(self, word: str) -> str:
        path = self._programs.setdefault(word, premises.program(word))
        files = premises.behind_shim(path) or [path]
        return ", ".join(f"{file} {premises.stamp(file)}" for file in files) if path else "missing"

    @cached_property
    def _environment(self) -> Mapping[str, str]:
        return process.clean_environment()

    @cached_property
    def _known_pythons(self) -> KnownPythons:
        return KnownPythons(Store.of(self.settings.repository))

    @cached_property
    def _nox(self) -> str:
        return importlib.metadata.version("nox")

    @cached_property
    def _locked(self) -> Mapping[str, str]:
        # The lock itself is among the files that a job reads: this only says what it means, and
        # to read it as TOML would take longer than all the rest.
        lock = self.settings.dependencies.lock
        return dict(_LOCKED.findall(lock.read_text(encoding="utf-8"))) if lock else {}


def _described(interpreter: Interpreter) -> str:
    return f"{interpreter.version} {interpreter.implementation} {interpreter.platform}"
