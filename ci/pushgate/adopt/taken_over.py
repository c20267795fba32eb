"""What a workflow that is taken over says, before what the rest of the repository tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Final

from pushgate.adopt.found import Found, Setting, Value
from pushgate.gates.own import OwnOptions

_STYLE: Final = frozenset({"black", "isort", "flake8"})
"""Gates of a workflow that do what the gate style would."""


_WHOLE: Final = frozenset({"enabled", "run", "session", "environment", "groups"})
"""Keys that say what a gate is, and not only how it works."""

_OF_ANY_GATE: Final = frozenset(field.name.replace("_", "-") for field in fields(OwnOptions))
"""Keys that a gate may also have where a session or commands take its place."""


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
    replaced = _replaced(settings)
    names = ", ".join(sorted(gates)) or "the settings"
    first = Found("workflow", f"taken over: {names}", settings)
    rest = (_without(found, said, gates) for found in looked)
    return (first, *(_of_any_gate(found, replaced) for found in rest))


def as_sessions(found: Iterable[Found], clashes: Iterable[Found]) -> tuple[Found, ...]:
    """Add the sessions that take a gate's place; what only the gate understands goes.

    Args:
        found: What was found before.
        clashes: The sessions, each with the settings that make it a gate.
    """
    clashes = tuple(clashes)
    replaced = _replaced(setting for each in clashes for setting in each.settings)
    return (*(_of_any_gate(each, replaced) for each in found), *clashes)


def _replaced(settings: Iterable[Setting]) -> set[str]:
    """Return the gates whose place a session or commands take."""
    return {each.key[1] for each in settings if each.key[-1] in {"session", "run"}}


def _of_any_gate(found: Found, replaced: set[str]) -> Found:
    dropped = [
        setting
        for setting in found.settings
        if setting.key[0] == "gates"
        and setting.key[1] in replaced
        and setting.key[-1] not in _OF_ANY_GATE
    ]
    if not dropped:
        return found
    keys = ", ".join(".".join(setting.key) for setting in dropped)
    kept = tuple(setting for setting in found.settings if setting not in dropped)
    return replace(found, settings=kept, said=f"{found.said}; not {keys}: a session does its work")


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
