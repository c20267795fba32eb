"""The values of GitHub's expressions: compared, cast, and what functions make of them.

Written from "Evaluate expressions in workflows and actions" of GitHub's documentation.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

_PLACE: Final = re.compile(r"\{\{|\}\}|\{(\d+)\}|[{}]")


class ExpressionError(Exception):
    """GitHub would refuse the expression, or fail to evaluate it."""


def truth(value: object) -> bool:
    """Coerce a value as a conditional does: false, 0, '' and null are false."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, list | dict) or bool(value)


def cast(value: object) -> str:
    """Cast a value to a string.

    Raises:
        ExpressionError: It is an array or an object, which are not converted.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int() | float():
            return format(value, ".15g")
        case str():
            return value
    message = f"no string: {value!r}"
    raise ExpressionError(message)


class Filtered(list[object]):
    """What ``.*`` selects: the next property is that of each element."""


def elements(value: object) -> Iterable[object]:
    """Return what ``.*`` selects of a value: the elements of an array, the values of an object."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else []


def member(of: object, key: object) -> object:
    """Return a property of an object or an element of an array; null where there is none."""
    if isinstance(of, Filtered):
        return Filtered(part[key] for part in of if isinstance(part, dict) and key in part)
    if isinstance(of, list):
        index = _number(key)
        return of[int(index)] if 0 <= index < len(of) else None
    return of.get(key) if isinstance(of, dict) else None


def compared(sign: str, left: object, right: object) -> bool:
    """Compare two values by ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``."""
    if sign in {"==", "!="}:
        return _equal(left, right) == (sign == "==")
    orders: Mapping[str, Callable[[Any, Any], bool]] = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
    if isinstance(left, str) and isinstance(right, str):
        return orders[sign](left.upper(), right.upper())
    return orders[sign](_number(left), _number(right))


def _equal(left: object, right: object) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        return left is right
    return _number(left) == _number(right)


def _number(value: object) -> float:
    match value:
        case None | "":
            return 0
        case int() | float():
            return float(value)
        case str():
            try:
                return number_of(value.strip())
            except ValueError:
                return math.nan
    return math.nan


def number_of(text: str) -> float:
    """Read a number as JSON or in hexadecimal.

    Raises:
        ValueError: The text is no JSON.
    """
    if "0x" in text:
        return int(text, 16)
    number = json.loads(text)
    return number if type(number) in {int, float} else math.nan


def _contains(search: object, item: object) -> bool:
    if isinstance(search, list):
        return any(_equal(each, item) for each in search)
    return cast(item).upper() in cast(search).upper()


def _formatted(text: object, *values: object) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found[1] is not None and int(found[1]) < len(values):
            return cast(values[int(found[1])])
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        message = f"{found[0]!r} has no value in {text!r}"
        raise ExpressionError(message)

    return _PLACE.sub(replaced, cast(text))


def _joined(values: object, separator: object = ",") -> str:
    texts: Sequence[object] = values if isinstance(values, list) else [values]
    return cast(separator).join(map(cast, texts))


def _from_json(text: object) -> object:
    try:
        return json.loads(cast(text))
    except ValueError as error:
        message = f"fromJSON({text!r}): {error}"
        raise ExpressionError(message) from error


def _case(*arguments: object) -> object:
    *pairs, default = arguments
    for predicate, value in zip(pairs[::2], pairs[1::2], strict=True):
        if predicate is True:
            return value
    return default


FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "contains": _contains,
    "startsWith": lambda text, start: cast(text).upper().startswith(cast(start).upper()),
    "endsWith": lambda text, end: cast(text).upper().endswith(cast(end).upper()),
    "format": _formatted,
    "join": _joined,
    "toJSON": lambda value: json.dumps(value, indent=2),
    "fromJSON": _from_json,
    "case": _case,
}
