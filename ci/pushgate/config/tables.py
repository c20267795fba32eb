"""Careful steps through TOML that other tools own and that may hold anything."""

from __future__ import annotations

from collections.abc import Mapping


def table(tables: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """Return the table at ``path``, empty where there is none."""
    current: object = tables
    for key in path:
        current = current.get(key) if isinstance(current, Mapping) else None
    return current if isinstance(current, Mapping) else {}


def strings(value: object) -> tuple[str, ...]:
    """Return a string or an array's strings as a tuple, empty for anything else."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
