"""What the project tells pytest."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path

from pushgate.config.tables import strings, table


def words(root: Path, pyproject: Mapping[str, object], option: str) -> tuple[str, ...]:
    """Return an option of several words, such as ``testpaths`` or ``addopts``.

    It is taken from the first file that has it: ``pytest.ini``, ``pyproject.toml``,
    ``tox.ini``, ``setup.cfg`` (pytest's own order).

    Args:
        root: The project's folder.
        pyproject: Its ``pyproject.toml``.
        option: The option's name.
    """
    return next(filter(None, _places(root, pyproject, option)), ())


def _places(root: Path, pyproject: Mapping[str, object], option: str) -> Iterator[tuple[str, ...]]:
    yield _of_ini(root / "pytest.ini", "pytest", option)
    yield _of_ini(root / ".pytest.ini", "pytest", option)
    for path in (("tool", "pytest", "ini_options"), ("tool", "pytest")):
        value = table(pyproject, *path).get(option)
        # A string is split as in an ini file; an array is split already.
        yield _split(value) if isinstance(value, str) else strings(value)
    yield _of_ini(root / "tox.ini", "pytest", option)
    yield _of_ini(root / "setup.cfg", "tool:pytest", option)


def _of_ini(file: Path, section: str, option: str) -> tuple[str, ...]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (IniError, UnicodeDecodeError):
        return ()
    return _split(parser.get(section, option, fallback=""))


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text, comments=True))
    except ValueError:
        return tuple(text.split())
