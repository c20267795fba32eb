"""What a project says about its gates, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pushgate.model.ci import CiSettings
from pushgate.model.event import Event
from pushgate.model.services import ServiceSettings


class ConfigurationError(Exception):
    """The definition cannot be used as it is.

    Attributes:
        problems: One line for each problem, all that were found.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """The keys that every ``[tool.pushgate.gates.NAME]`` table may have.

    Attributes:
        enabled: On or off; None: on where the gate's subject exists.
        on: The events that select the gate's jobs; empty: every event.
        after: Gates without whose pass its jobs are not worth a CI machine.
        inputs: Globs of tracked files that it reads, relative to the project.
        timeout: Seconds after which a run ends a job and calls it aborted; None: no limit.
        retries: How many times a job that failed is tried again.
        env: Environment variables that it reads.
        images: Docker images that it uses, as Docker names them.
        fresh_for: For how many seconds a pass on the same files counts; None: for ever.
    """

    enabled: bool | None = None
    on: tuple[Event, ...] = ()
    after: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("**",)
    timeout: float | None = field(default=None, metadata={"minimum": 0.1})
    retries: int = field(default=0, metadata={"minimum": 0})
    env: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    fresh_for: float | None = field(default=None, metadata={"minimum": 0})


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """Where the project's requirements are written down.

    Attributes:
        installable: Whether the project itself can be installed.
        lock: The ``uv.lock`` that holds for it, its own or its workspace's, if there is one.
        extras: Its extras with their requirements (PEP 508).
        groups: Its dependency groups (PEP 735) with their requirements, inclusions resolved.
        default_groups: The groups that uv installs without being asked.
        requirements: Requirements files, relative to the project.
        runtime: What the project itself requires.
    """

    installable: bool = False
    lock: Path | None = None
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_groups: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The definition: one frozen object, detected and configured.

    Attributes:
        root: The project's folder, which holds its ``pyproject.toml``.
        repository: The top folder of the git repository, ``root`` or above it.
        name: The project's name, or its folder's.
        branches: The long-lived branches; the first is the main branch.
        python: The Python versions (``X.Y``) of the test matrix, oldest first.
        default_python: The version for the gates that need one.
        sources: Files and folders that hold the project's code, relative to ``root``.
        tests: Files and folders that hold its tests, relative to ``root``.
        tracked: The files below ``root`` that git tracks and that exist, relative to it.
        pytest_options: The options that it always gives to pytest (``addopts``).
        dependencies: Where its requirements are.
        verify_records: The share of passes taken from records whose jobs are run all the
            same, from 0 to 1.
        ci: What CI's workflow says beyond the gates.
        services: The servers that jobs are given.
        tool_tables: The project's ``[tool]`` tables as they are.
        gates: The options of every gate, by the gate's name.
    """

    root: Path
    repository: Path
    name: str
    branches: tuple[str, ...]
    python: tuple[str, ...]
    default_python: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    tracked: tuple[str, ...] = field(repr=False)
    pytest_options: tuple[str, ...]
    dependencies: Dependencies
    verify_records: float
    ci: CiSettings
    services: ServiceSettings
    tool_tables: Mapping[str, object]
    gates: Mapping[str, GateOptions]

    @property
    def folder(self) -> str:
        """The project's folder, from the top of the repository; empty for the top."""
        return "/".join(self.root.relative_to(self.repository).parts)
