"""What this machine offers for a project's gates, and what is missing."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pushgate.gates.base import WithServices
from pushgate.model.services import PostgresOptions
from pushgate.model.settings import Settings
from pushgate.plan.definition import NOXFILE, Definition
from pushgate.services.base import Labels, ServiceFailed, ServiceUnavailable
from pushgate.services.postgres import described, server
from pushgate.tools import docker, git, interpreters, uv


@dataclass(frozen=True)
class Finding:
    """One thing that gates may need.

    Attributes:
        what: Its name.
        found: Its version and place; empty where it is missing.
        meaning: What follows where it is missing.
        required: Whether gates of this project cannot look without it.
    """

    what: str
    found: str
    meaning: str = ""
    required: bool = True


def examine(definition: Definition) -> Iterator[Finding]:
    """Look for everything that the project's gates may need on this machine.

    Args:
        definition: The project's definition.
    """
    settings = definition.settings
    yield Finding("git", git.version())
    try:
        yield Finding("uv", uv.version())
    except uv.UvMissingError as error:
        yield Finding("uv", "", f"{error}: no gate can run")
    for version in settings.python:
        yield _python(version, settings)
    wanted = _servers(definition)
    yield _docker(wanted)
    for options, gates in wanted.items():
        yield _postgres(options, gates)
    yield from _lacks(settings)


def _lacks(settings: Settings) -> Iterator[Finding]:
    """Tell what the project itself lacks."""
    if not (settings.root / NOXFILE).is_file():
        meaning = "no noxfile.py: `import pushgate` and `pushgate.register()` make one"
        yield Finding(NOXFILE, "", meaning)
    if not settings.sources:
        meaning = "git tracks no Python code here: only gates without code are on (`git add` it)"
        yield Finding("code", "", meaning, required=False)
    if settings.dependencies.lock is None:
        meaning = "no uv.lock: every environment is resolved anew, here and in CI (`uv lock`)"
        yield Finding("uv.lock", "", meaning, required=False)


def _python(version: str, settings: Settings) -> Finding:
    what = f"Python {version}"
    try:
        found = interpreters.find(version, download=False)
    except interpreters.InterpreterMissingError as error:
        default = (
            " and every gate of the default Python" if version == settings.default_python else ""
        )
        return Finding(what, "", f"test-{version}{default} cannot look: {error}")
    return Finding(what, f"{found.version} ({_short(found.path)})")


def _servers(definition: Definition) -> Mapping[PostgresOptions, Collection[str]]:
    """Return the servers that gates want, each with the names of these gates."""
    wanted: dict[PostgresOptions, list[str]] = {}
    for name, gate in definition.gates.items():
        if isinstance(gate, WithServices):
            for options in gate.services(definition.settings):
                wanted.setdefault(options, []).append(name)
    return wanted


def _docker(wanted: Mapping[PostgresOptions, Collection[str]]) -> Finding:
    users = dict.fromkeys(
        gate
        for options, gates in wanted.items()
        if options.provider in {"auto", "docker"}
        for gate in gates
    )
    meaning = "no engine answers; no gate of this project needs it"
    if users:
        meaning = f"no engine answers, from which {_listed(users)} would have a PostgreSQL"
    # What may take its place, the lines about PostgreSQL tell.
    return Finding("Docker", docker.engine_version() or "", meaning, required=False)


def _postgres(options: PostgresOptions, gates: Collection[str]) -> Finding:
    what = f"PostgreSQL for {_listed(gates)}"
    ci = bool(os.environ.get("CI"))
    try:
        users_own = options.provider == "url"
        return Finding(what, _users_own(options) if users_own else _found(options, ci=ci))
    except ServiceUnavailable as error:
        return Finding(what, "", f"{_listed(gates)} cannot look: {error}")


def _users_own(options: PostgresOptions) -> str:
    # What it is, only it can tell; nothing is made there.
    with server(options, Labels.of_this_process(), lambda _line: None, ci=False) as found:
        return found.words


def _found(options: PostgresOptions, *, ci: bool) -> str:
    try:
        provider, _, version = described(options, ci=ci).partition(": ")
    except ServiceFailed:
        return f"{options.image} is pulled when a job needs it"
    if provider == "docker":
        return f"{options.image} in Docker"
    number = re.search(r"\d[\w.]*", version)
    other = f"; CI uses {options.image} in Docker" if options.provider == "auto" else ""
    return f"PostgreSQL {number[0] if number else version} ({provider}){other}"


def _listed(names: Collection[str]) -> str:
    return " and ".join(names)


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
