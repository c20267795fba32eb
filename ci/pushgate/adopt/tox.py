"""What tox is told: environments, Pythons, requirements, calls of linters."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from configparser import ConfigParser, SectionProxy
from configparser import Error as IniError
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.evidence import Evidence
from pushgate.config.tables import strings, table

_PYTHON: Final = re.compile(r"(?:py|python)?3\.?(\d{1,2})")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_CONDITION: Final = re.compile(r"^[\w!,.{}-]+:\s+")
"""What stands before a line that is only for some environments."""

_PLAIN: Final = {
    r"(?:^|\s)#.*": "",
    r"\{(?:toxinidir|tox_root)\}": ".",
    r"\{posargs(?::([^{}]*))?\}": r"\1",
}
"""What of a command only tox understands, and what it says without tox."""


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


@dataclass(frozen=True)
class Calls:
    """How an environment of tox calls a tool.

    Attributes:
        arguments: What each call gives to it; empty where there is no call.
        requirements: What the environment requires.
    """

    arguments: tuple[tuple[str, ...], ...] = ()
    requirements: tuple[str, ...] = ()


def read(evidence: Evidence) -> Tox:
    """Read tox's settings: ``tox.ini``, ``tox.toml``, ``pyproject.toml`` or ``setup.cfg``."""
    file, text = _ini(evidence)
    tables = {"tox.toml": evidence.toml("tox.toml")}
    tables["pyproject.toml"] = table(evidence.pyproject, "tool", "tox")
    if file and file != "setup.cfg":
        return _of_ini(file, text, "tox")
    for other, content in tables.items():
        if content:
            base = table(content, "env_run_base")
            names = tuple(_expanded(strings(content.get("env_list"))))
            return Tox(other, names, strings(base.get("deps")))
    return _of_ini(file, text, "tox:tox") if file else Tox("", (), ())


def calls(evidence: Evidence, tool: str) -> Calls:
    """Find how the first environment of an INI file that calls a tool plainly does so.

    Plainly: in the project's folder, and with nothing in it that only tox understands.

    Args:
        evidence: The project.
        tool: The tool's command.
    """
    parser = _parsed(_ini(evidence)[1])
    call = re.compile(rf"(?:python[\d.]*[ \t]+-m[ \t]+)?{re.escape(tool)}(?:[ \t]+(.*))?")
    for name in parser.sections():
        section = parser[name]
        elsewhere = any(key in section for key in ("changedir", "change_dir"))
        if elsewhere or not re.match(r"testenv(?::|$)", name):
            continue
        found = [match[1] or "" for match in map(call.fullmatch, _commands(section)) if match]
        plain = tuple(words for words in map(_words, found) if words is not None)
        if found and len(plain) == len(found):
            return Calls(plain, _requirements(section.get("deps", "")))
    return Calls()


def _commands(section: SectionProxy) -> Iterator[str]:
    for raw in section.get("commands", "").replace("\\\n", " ").splitlines():
        line = _CONDITION.sub("", raw.strip())
        for pattern, replacement in _PLAIN.items():
            line = re.sub(pattern, replacement, line)
        yield line.strip()


def _words(line: str) -> tuple[str, ...] | None:
    """Split a command line; None where that takes tox."""
    try:
        return None if "{" in line else tuple(shlex.split(line))
    except ValueError:
        return None


def _ini(evidence: Evidence) -> tuple[str, str]:
    """Return the file that tells tox something in the INI format, and the text in it."""
    legacy = table(evidence.pyproject, "tool", "tox").get("legacy_tox_ini")
    if evidence.has("tox.ini"):
        return "tox.ini", evidence.text("tox.ini")
    if isinstance(legacy, str):
        return "pyproject.toml", legacy
    setup = evidence.text("setup.cfg")
    return ("setup.cfg", setup) if "[tox:tox]" in setup else ("", "")


def _parsed(text: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except IniError:
        return ConfigParser()
    return parser


def _of_ini(file: str, text: str, section: str) -> Tox:
    parser = _parsed(text)
    listed = parser.get(section, "envlist", fallback="") or parser.get(
        section, "env_list", fallback=""
    )
    requirements = _requirements(parser.get("testenv", "deps", fallback=""))
    return Tox(file, tuple(_expanded(_split(listed))), requirements)


def _requirements(text: str) -> tuple[str, ...]:
    lines = (_CONDITION.sub("", line.strip()) for line in text.splitlines())
    # A value of another section, or of tox itself, means nothing elsewhere.
    return tuple(line for line in lines if line and line[0] != "#" and "{" not in line)


def _split(text: str) -> list[str]:
    """Split an environment list at commas and white space outside of braces."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [name for name in re.split(r"[,\s]+(?![^{}]*\})", " ".join(lines)) if name]


def _expanded(names: list[str] | tuple[str, ...]) -> Iterator[str]:
    for name in names:
        parts = _BRACES.split(name.replace(" ", ""))
        choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
        yield from ("".join(chosen) for chosen in itertools.product(*choices))
