"""Reading TOML tables into frozen dataclasses, with every problem told at once."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeVar

from pushgate.model.event import EXPECTED as EXPECTED_EVENT
from pushgate.model.event import Event

T = TypeVar("T")

_NEAR: Final = 0.6
"""How much of a mistyped name the meant one has at least; another name may well have half."""


@dataclasses.dataclass
class Problems:
    """Collects what is wrong with a file, one line a problem.

    Attributes:
        file: The file's name, which starts every line.
        lines: What was found so far.
    """

    file: str
    lines: list[str] = dataclasses.field(default_factory=list)

    def add(self, key: str, value: object, expected: str) -> None:
        """Note a value that cannot be used."""
        self.lines.append(f"{self.file}: {key} = {_shown(value)}: expected {expected}")

    def unknown(
        self, where: str, name: str, known: Iterable[str], what: str = "key", otherwise: str = ""
    ) -> None:
        """Note a name that means nothing, with the nearest one that does.

        Args:
            where: The table.
            name: The name.
            known: The names that mean something.
            what: What they are names of.
            otherwise: What else may be meant, where none of them is near.
        """
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else "; ".join(filter(None, (f"there are {', '.join(known)}", otherwise)))
        )
        self.lines.append(f"{self.file}: {where}: unknown {what} {name!r}: {hint}")


def read(cls: type[T], table: Mapping[str, object], where: str, problems: Problems) -> T | None:
    """Read a TOML table into a frozen dataclass.

    A field ``fail_under`` is the key ``fail-under``. Its type says what is
    expected: bool, int, float, str, date, Event, a dataclass (a table), a tuple
    of one of them (an array), a dict (a table that is left as it is), a union, or
    a Literal. The metadata entries ``minimum``, ``maximum`` (both inclusive) and ``parse``
    (str -> value, ValueError says what was expected) narrow it down, ``nonempty``
    refuses an empty array.

    Args:
        cls: The dataclass.
        table: The table's keys and values.
        where: The table's name, for messages.
        problems: Receives every key that cannot be used.

    Returns:
        The object, or None where a key could not be used or a required one is missing.
    """
    hints, fields = _keys(cls)  # type: ignore[arg-type]  # a class can be hashed
    before = len(problems.lines)
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in fields:
            problems.unknown(where, key, fields)
            continue
        field = fields[key]
        values[field.name] = _value(
            value, hints[field.name], f"{where}.{key}", problems, field.metadata
        )
    for key, field in fields.items():
        required = field.default is dataclasses.MISSING is field.default_factory
        if required and key not in table:
            expected = _expected(hints[field.name])
            problems.lines.append(
                f"{problems.file}: {where}: {key!r} is missing: expected {expected}"
            )
    return cls(**values) if len(problems.lines) == before else None


@functools.cache
def _keys(cls: type) -> tuple[Mapping[str, Any], Mapping[str, dataclasses.Field[Any]]]:
    """Return the types of a dataclass's fields, and the fields by their keys."""
    fields = {
        field.name.replace("_", "-"): field for field in dataclasses.fields(cls) if field.init
    }
    return typing.get_type_hints(cls), fields


def read_over(base: T, table: Mapping[str, object], where: str, problems: Problems) -> T:
    """Put every key of a TOML table that can be used over a frozen dataclass.

    Args:
        base: What holds where the table says nothing; its class needs no key.
        table: The table's keys and values.
        where: The table's name, for messages.
        problems: Receives every key that cannot be used.
    """
    for key, value in table.items():
        given = read(type(base), {key: value}, where, problems)
        if given is not None:
            name = key.replace("-", "_")
            base = dataclasses.replace(base, **{name: getattr(given, name)})  # type: ignore[type-var]
    return base


def _value(
    value: object, hint: Any, where: str, problems: Problems, metadata: Mapping[str, Any]
) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _of_union(value, arguments, where, problems, metadata)
    if not _fits(value, hint):
        problems.add(where, value, _expected(hint))
        return value
    if origin is tuple:
        items = typing.cast("list[object]", value)
        if metadata.get("nonempty") and not items:
            problems.add(where, value, "at least one")
        return tuple(
            _value(item, arguments[0], f"{where}[{index}]", problems, metadata)
            for index, item in enumerate(items)
        )
    if dataclasses.is_dataclass(hint) and hint is not Event:
        table = typing.cast("dict[str, object]", value)
        return read(typing.cast("type[object]", hint), table, where, problems)
    return _narrowed(value, hint, where, problems, metadata)


def _of_union(
    value: object,
    arguments: tuple[Any, ...],
    where: str,
    problems: Problems,
    metadata: Mapping[str, Any],
) -> object:
    members = [member for member in arguments if member is not type(None)]
    for member in members:
        if _fits(value, member):
            return _value(value, member, where, problems, metadata)
    problems.add(where, value, " or ".join(_expected(member) for member in members))
    return value


def _fits(value: object, hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    if isinstance(value, datetime):
        return False
    return isinstance(value, _accepted(hint))


def _accepted(hint: Any) -> Any:
    if (origin := typing.get_origin(hint)) in {tuple, dict}:
        return list if origin is tuple else dict
    if hint is Event:
        return str
    if dataclasses.is_dataclass(hint):
        return dict
    return (int, float) if hint is float else hint


def _narrowed(
    value: object, hint: Any, where: str, problems: Problems, metadata: Mapping[str, Any]
) -> object:
    minimum, maximum = metadata.get("minimum", -math.inf), metadata.get("maximum", math.inf)
    if isinstance(value, int | float) and not minimum <= value <= maximum:
        most = "" if maximum == math.inf else f" and at most {maximum}"
        problems.add(where, value, f"{_expected(hint)} of at least {minimum}{most}")
        return value
    parse: Callable[[str], object] | None = Event.parse if hint is Event else metadata.get("parse")
    if parse is None or not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError as error:
        expected = str(error).rpartition("expected ")[2]
        problems.add(where, value, expected)
        return value


def _shown(value: object) -> str:
    """Show a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else repr(value)


def _expected(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return f"an array, each {_expected(arguments[0])}"
    if origin is typing.Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if hint is Event:
        return EXPECTED_EVENT
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
        date: "a date without quotes, such as 2027-01-31",
    }
    return words.get(hint, "a table")
