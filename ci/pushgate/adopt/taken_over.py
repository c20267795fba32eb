"""What a workflow that is taken over says, before what the rest of the repository tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Final

from pushgate.adopt import databases, pyproject
from pushgate.adopt.found import Found, Setting, Value
from pushgate.adopt.from_workflow.imported import Imported
from pushgate.adopt.from_workflow.tables import CODECOV
from pushgate.gates import coverage
from pushgate.gates.own import OwnOptions

_STYLE: Final = frozenset({"black", "isort", "flake8"})
"""Gates of a workflow that do what the gate style would."""


_WHOLE: Final = frozenset({"enabled", "run", "session", "environment", "groups"})
"""Keys that say what a gate is, and not only how it works."""

_OF_ANY_GATE: Final = frozenset(field.name.replace("_", "-") for field in fields(OwnOptions))
"""Keys that a gate may also have where a session or commands take its place."""


def over(
    imported: Imported, looked: Iterable[Found], existing: Mapping[str, object]
) -> tuple[Found, ...]:
    """Put a workflow's settings before those that were found; of a gate, one side says all.

    Args:
        imported: What the workflow says.
        looked: What was found elsewhere.
        existing: What ``[tool.pushgate]`` says already, which stays.
    """
    told = tuple(_flat(imported.tables))
    if not told and not imported.gates:
        return tuple(looked)
    settings = tuple(each for each in told if not _stays(existing, each.key))
    said = {setting.key: setting.value for setting in told}
    first = Found("workflow", _summary(imported, told, existing), settings)
    rest = (_without(found, said, {*imported.gates}) for found in looked)
    replaced = _replaced(settings)
    return (first, *(_of_any_gate(found, replaced) for found in rest))


def _summary(imported: Imported, told: Iterable[Setting], existing: Mapping[str, object]) -> str:
    others = (each for each in told if _stays(existing, each.key))
    lost = [
        f"{'.'.join(each.key)} = {pyproject.rendered(each.value)}"
        for each in others
        if _value(_at(existing, each.key)) != each.value
    ]
    names = ", ".join(sorted(imported.gates)) or "the settings"
    kept = f"; not {', '.join(lost)}: what [tool.pushgate] says of it stays" if lost else ""
    return f"taken over: {names}{kept}"


def _stays(existing: Mapping[str, object], key: tuple[str, ...]) -> bool:
    """Tell whether the project's own settings decide; of a gate, one side says all."""
    return _at(existing, key[:2] if key[0] == "gates" else key) is not None


def _at(tables: object, key: tuple[str, ...]) -> object:
    for part in key:
        tables = tables.get(part) if isinstance(tables, Mapping) else None
    return tables


def as_sessions(found: Iterable[Found], clashes: Iterable[Found]) -> tuple[Found, ...]:
    """Add the sessions that take a gate's place; what only the gate understands goes.

    Args:
        found: What was found before.
        clashes: The sessions, each with the settings that make it a gate.
    """
    clashes = tuple(clashes)
    replaced = _replaced(setting for each in clashes for setting in each.settings)
    return (*(_of_any_gate(each, replaced) for each in found), *clashes)


def without_codecov(found: Iterable[Found], off: Mapping[str, str]) -> tuple[Found, ...]:
    """Leave the upload of the coverage report out where no gate makes one.

    Args:
        found: What was found.
        off: Why gates are off, by their names.
    """
    if (reason := off.get(coverage.name)) is None:
        return tuple(found)
    said = f"; not {CODECOV}: gate {coverage.name} is off ({reason})"
    return tuple(
        replace(each, settings=kept, said=each.said + said) if kept != each.settings else each
        for each in found
        for kept in [tuple(one for one in each.settings if ".".join(one.key) != CODECOV)]
    )


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
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return value if isinstance(value, bool | int | float) else str(value)


def _without(found: Found, said: Mapping[tuple[str, ...], Value], gates: set[str]) -> Found:
    if found.topic == "workflows":
        return replace(found, said=found.said.partition(";")[0])
    if found.topic == "database" and databases.TESTS in said:
        return replace(found, settings=(), offered=(), said="as the workflow says")
    versions = said.get(("python",))
    if found.topic == "pythons" and isinstance(versions, tuple):
        return replace(found, settings=(), said=f"{', '.join(versions)}, from the workflow")
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
