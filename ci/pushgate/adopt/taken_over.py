"""What a workflow that is taken over says, before what the rest of the repository tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pushgate.adopt.found import Found, Setting, Value

_STYLE = frozenset({"black", "isort", "flake8"})
"""Gates of a workflow that do what the gate style would."""


_WHOLE = frozenset({"enabled", "run", "session", "environment", "groups"})
"""Keys that say what a gate is, and not only how it works."""


def over(imported: Mapping[str, object], looked: Iterable[Found]) -> tuple[Found, ...]:
    """Put a workflow's settings before those that were found; of a gate, one side says all.

    Args:
        imported: What ``[tool.pushgate]`` is to say for the workflow.
        looked: What was found elsewhere.
    """
    settings = tuple(_flat(imported))
    if not settings:
        return tuple(looked)
    said = {setting.key for setting in settings}
    if ("python",) in said:
        said.add(("default-python",))
    gates = {setting.key[1] for setting in settings if setting.key[0] == "gates"}
    names = ", ".join(sorted(gates)) or "the settings"
    first = Found("workflow", f"taken over: {names}", settings)
    return (first, *(_without(found, said, gates) for found in looked))


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


def _without(found: Found, said: set[tuple[str, ...]], gates: set[str]) -> Found:
    if found.topic == "workflows":
        return replace(found, said=found.said.partition(";")[0])
    kept = tuple(
        setting for setting in found.settings if setting.key not in said and _adds(setting, gates)
    )
    if kept == found.settings:
        return found
    return replace(found, settings=kept, said="as the workflow says")


def _adds(setting: Setting, gates: set[str]) -> bool:
    """Tell whether a setting goes with what the workflow makes of its gate."""
    if setting.key[0] != "gates":
        return True
    gate, key = setting.key[1:]
    beside = gate == "style" and not gates.isdisjoint(_STYLE)
    return not beside and (gate not in gates or key not in _WHOLE)
