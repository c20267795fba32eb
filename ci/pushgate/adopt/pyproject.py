"""Keys added to a ``pyproject.toml``, everything else kept byte for byte."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import tomlkit

from pushgate.adopt.found import Setting, Value
from pushgate.model.settings import ConfigurationError

_TABLE: Final = ("tool", "pushgate")
_LINE_LENGTH: Final = 88


def with_settings(text: str, settings: Iterable[Setting]) -> str:
    """Return the text with keys in ``[tool.pushgate]``, those that it has already untouched.

    Args:
        text: A ``pyproject.toml``; empty: there is none.
        settings: The keys.

    Raises:
        ConfigurationError: It is no TOML, or is written in a way that leaves no place for them.
    """
    return _with(text, [Setting((*_TABLE, *each.key), each.value, each.why) for each in settings])


def with_group(text: str, name: str, requirements: Sequence[str]) -> str:
    """Return the text with a dependency group, unless it has one of that name.

    Args:
        text: A ``pyproject.toml``.
        name: The group's name.
        requirements: What the group requires.

    Raises:
        ConfigurationError: It is no TOML, or is written in a way that leaves no place for it.
    """
    return _with(text, [Setting(("dependency-groups", name), tuple(requirements))])


def _with(text: str, settings: Sequence[Setting]) -> str:
    expected = _parsed(text)
    tables: dict[tuple[str, ...], list[Setting]] = {}
    for setting in settings:
        if _put(expected, setting):
            tables.setdefault(setting.key[:-1], []).append(setting)
    newline = "\r\n" if "\r\n" in text else "\n"
    for path in sorted(tables, key=len):
        lines = [_line(setting) for setting in tables[path]]
        text = _inserted(text, path, [line.replace("\n", newline) for line in lines], newline)
    try:
        if tomllib.loads(text) == expected:
            return text
    except tomllib.TOMLDecodeError:
        pass
    message = (
        "pyproject.toml leaves no place for these keys as it is written: put them in by hand, "
        "then run `pushgate init` again"
    )
    keys = (f"[{'.'.join(path)}] {_line(each)}" for path in tables for each in tables[path])
    raise ConfigurationError(message, *keys)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"pyproject.toml: {error}"
        raise ConfigurationError(message) from error


def _put(document: dict[str, Any], setting: Setting) -> bool:
    """Put a value where there is none; return whether there was none."""
    table = document
    for key in setting.key[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            message = f"pyproject.toml: {'.'.join(setting.key)}: {key} is no table"
            raise ConfigurationError(message)
    if setting.key[-1] in table:
        return False
    table[setting.key[-1]] = _plain(setting.value)
    return True


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def rendered(value: Value) -> str:
    """Return a value as TOML has it."""
    return tomlkit.item(_plain(value)).as_string()


def _line(setting: Setting) -> str:
    key = tomlkit.key(setting.key[-1]).as_string()
    item = rendered(setting.value)
    comment = f"  # {' '.join(setting.why.split())}" if setting.why else ""
    if isinstance(setting.value, tuple) and len(key) + len(item) > _LINE_LENGTH:
        entries = "".join(f"  {tomlkit.item(value).as_string()},\n" for value in setting.value)
        item = f"[{comment}\n{entries}]"
        comment = ""
    return f"{key} = {item}{comment}"


def _inserted(text: str, path: tuple[str, ...], lines: Sequence[str], newline: str) -> str:
    """Insert lines below a table's header, or with a new one at the end."""
    name = r"\s*\.\s*".join(map(re.escape, path))
    header = re.search(rf"^[ \t]*\[\s*{name}\s*\][^\n]*(?:\n|\Z)", text, re.MULTILINE)
    block = "".join(line + newline for line in lines)
    if header:
        start = header[0] if header[0].endswith("\n") else header[0] + newline
        return text[: header.start()] + start + block + text[header.end() :]
    if text and not text.endswith("\n"):
        text += newline
    title = ".".join(tomlkit.key(key).as_string() for key in path)
    return f"{text}{newline if text.strip() else ''}[{title}]{newline}{block}"
