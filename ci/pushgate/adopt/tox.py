"""What tox is told: environments, Pythons, requirements."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.evidence import Evidence
from pushgate.config.tables import strings, table

_PYTHON: Final = re.compile(r"(?:py|python)?3\.?(\d{1,2})")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_CONDITION: Final = re.compile(r"^[\w!,.{}-]+:\s+")
"""What stands before a line that is only for some environments."""


@dataclass(frozen=True)
class Tox:
    """What tox would do.

    Attributes:
        file: Where it is told so; empty where it is not.
        environments: The names of those that it runs by itself.
        requirements: What the environments of the tests require, as in a requirements file.
    """

    file: str
    environments: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def pythons(self) -> tuple[str, ...]:
        """The Python versions of the environments, ``X.Y``."""
        factors = (factor for name in self.environments for factor in name.split("-"))
        matches = map(_PYTHON.fullmatch, factors)
        return tuple(dict.fromkeys(f"3.{match[1]}" for match in matches if match))

    @property
    def others(self) -> tuple[str, ...]:
        """The environments that are about no Python version."""
        return tuple(
            name
            for name in self.environments
            if not re.search(r"(?:^|-)(?:py|pypy|python)?3?[\d.]+t?(?:-|$)", name)
            and name not in {"py", "py3", "pypy3"}
        )


def read(evidence: Evidence) -> Tox:
    """Read tox's settings: ``tox.ini``, ``tox.toml``, ``pyproject.toml`` or ``setup.cfg``."""
    legacy = table(evidence.pyproject, "tool", "tox").get("legacy_tox_ini")
    tables = {"tox.toml": evidence.toml("tox.toml")}
    tables["pyproject.toml"] = table(evidence.pyproject, "tool", "tox")
    if evidence.has("tox.ini"):
        return _of_ini("tox.ini", evidence.text("tox.ini"), "tox")
    if isinstance(legacy, str):
        return _of_ini("pyproject.toml", legacy, "tox")
    for file, content in tables.items():
        if content:
            base = table(content, "env_run_base")
            names = tuple(_expanded(strings(content.get("env_list"))))
            return Tox(file, names, strings(base.get("deps")))
    if "[tox:tox]" in evidence.text("setup.cfg"):
        return _of_ini("setup.cfg", evidence.text("setup.cfg"), "tox:tox")
    return Tox("", (), ())


def _of_ini(file: str, text: str, section: str) -> Tox:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except IniError:
        return Tox(file, (), ())
    listed = parser.get(section, "envlist", fallback="") or parser.get(
        section, "env_list", fallback=""
    )
    lines = parser.get("testenv", "deps", fallback="").splitlines()
    requirements = (_CONDITION.sub("", line.strip()) for line in lines)
    # A value of another section, or of tox itself, means nothing elsewhere.
    useful = (line for line in requirements if line and not line.startswith("#"))
    return Tox(file, tuple(_expanded(_split(listed))), tuple(x for x in useful if "{" not in x))


def _split(text: str) -> list[str]:
    """Split an environment list at commas and white space outside of braces."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [name for name in re.split(r"[,\s]+(?![^{}]*\})", " ".join(lines)) if name]


def _expanded(names: list[str] | tuple[str, ...]) -> Iterator[str]:
    for name in names:
        parts = _BRACES.split(name.replace(" ", ""))
        choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
        yield from ("".join(chosen) for chosen in itertools.product(*choices))
