"""What a workflow that is taken over says, before what the rest of the repository tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pushgate.adopt.found import Found, Setting, Value

_STYLE = frozenset({"black", "isort", "flake8"})
"""Gates of a workflow that do what the gate style would."""


def over(imported: Mapping[str, object], looked: Iterable[Found]) -> tuple[Found, ...]:
    """Put a workflow's settings before those that were found; of a gate, one side says all.

    Args:
        imported: What ``[tool.pushgate]`` is to say for the workflow.
        looked: What was found elsewhere.
    """
    settings = tuple(_flat(imported))
    if not settings:
        return tuple(looked)
    said = {setting.key[:2] if setting.key[0] == "gates" else setting.key for setting in settings}
    if any(("gates", name) in said for name in _STYLE):
        said.add(("gates", "style"))
    if ("python",) in said:
        said.add(("default-python",))
    names = ", ".join(dict.fromkeys(setting.key[1] for setting in settings if setting.key[1:]))
    first = Found("workflow", f"taken over into {names or 'the settings'}", settings)
    return (first, *(_without(found, said) for found in looked))


def _flat(tables: Mapping[str, object], *path: str) -> Iterator[Setting]:
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, *path, key)
        else:
            yield Setting((*path, key), _value(value))


def _value(value: object) -> Value:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    message = f"{value!r} is no value that an import yields"
    raise TypeError(message)


def _without(found: Found, said: set[tuple[str, ...]]) -> Found:
    kept = tuple(
        setting
        for setting in found.settings
        if setting.key not in said and setting.key[:2] not in said
    )
    if kept == found.settings:
        return found
    return replace(found, settings=kept, said="as the workflow says")
