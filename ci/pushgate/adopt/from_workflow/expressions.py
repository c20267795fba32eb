"""GitHub's expressions, as far as they can be evaluated outside of GitHub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Value = str | float | bool | None


@dataclass(frozen=True)
class Unknown:
    """What only GitHub can know.

    Attributes:
        what: What of the expression that is, such as ``secrets.TOKEN``.
    """

    what: str


_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.(?:[\w-]+|\*)|\[[^\]]*\])*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[!<>(),]))"
)
_WORDS: Final[Mapping[str, Value]] = {"true": True, "false": False, "null": None}
_EMBEDDED: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
MASK: Final = "…"
"""Stands in a text for what only GitHub knows."""

_OURSELVES: Final = frozenset({"github.repository", "github.repository_owner"})
"""What is compared to keep forks from doing something; this is no fork."""
_OF_STATUS: Final[Mapping[str, bool]] = {
    "always": True,
    "success": True,
    "failure": False,
    "cancelled": False,
}
"""What is asked of the steps before; a gate's have passed."""

_OF_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


def masked(text: str, known: Mapping[str, Value | Unknown]) -> str:
    """Replace the expressions in a text by their values, and what only GitHub knows by ``MASK``."""

    def put(found: re.Match[str]) -> str:
        value = evaluate(found[1], known)
        return MASK if isinstance(value, Unknown) else _text(value)

    return _EMBEDDED.sub(put, text)


def interpolated(text: str, known: Mapping[str, Value | Unknown]) -> str | Unknown:
    """Replace the expressions in a text by their values.

    Args:
        text: A text with ``${{ … }}`` in it, or none.
        known: What names stand for, such as ``matrix.os``. The name ``matrix.`` says that the
            context is known as a whole: what it lacks is empty.
    """
    unknown: list[Unknown] = []

    def put(found: re.Match[str]) -> str:
        value = evaluate(found[1], known)
        if isinstance(value, Unknown):
            unknown.append(value)
            return ""
        return _text(value)

    done = _EMBEDDED.sub(put, text)
    return unknown[0] if unknown else done


def evaluate(expression: str, known: Mapping[str, Value | Unknown]) -> Value | Unknown:
    """Evaluate an expression, as the conditions are, with or without ``${{ }}`` around it."""
    bare = expression.strip()
    if (whole := _EMBEDDED.fullmatch(bare)) and "${{" not in whole[1]:
        bare = whole[1]
    try:
        reader = _Reader(bare, {name.lower(): value for name, value in known.items()})
        return reader.whole()
    except (ValueError, IndexError):
        return Unknown(" ".join(bare.split()))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else value


class _Reader:
    """Reads an expression from left to right: what binds least comes first."""

    def __init__(self, text: str, known: Mapping[str, Value | Unknown]) -> None:
        self.tokens = _tokens(text)
        self.known = known

    def whole(self) -> Value | Unknown:
        value = self.either()
        if self.tokens:
            raise ValueError(self.tokens[0])
        return value

    def either(self) -> Value | Unknown:
        left = self.both()
        while self._take("||"):
            right = self.both()
            if isinstance(left, Unknown):
                left = right if right is True else left
                continue
            left = left or right
        return left

    def both(self) -> Value | Unknown:
        left = self.compared()
        while self._take("&&"):
            right = self.compared()
            if isinstance(left, Unknown):
                left = left if isinstance(right, Unknown) or right else right
            else:
                left = left and right
        return left

    def compared(self) -> Value | Unknown:
        left = self.single()
        for operator in ("==", "!="):
            if self._take(operator):
                equal = _equal(left, self.single())
                return equal if isinstance(equal, Unknown) else equal == (operator == "==")
        if self.tokens and self.tokens[0][1] in {"<", "<=", ">", ">="}:
            raise ValueError(self.tokens[0])
        return left

    def single(self) -> Value | Unknown:
        if self._take("!"):
            value = self.single()
            return value if isinstance(value, Unknown) else not value
        if self._take("("):
            value = self.either()
            self._expect(")")
            return value
        kind, token = self.tokens.pop(0)
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token)
        if kind != "name":
            raise ValueError(token)
        return self._called(token) if self._take("(") else self._named(token)

    def _named(self, written: str) -> Value | Unknown:
        written = re.sub(r"\['([^']*)'\]", r".\1", written)
        name = written.lower()
        if name in _WORDS:
            return _WORDS[name]
        context = name.partition(".")[0]
        empty = None if f"{context}." in self.known else Unknown(written)
        return self.known.get(name, empty)

    def _called(self, function: str) -> Value | Unknown:
        arguments: list[Value | Unknown] = []
        while not self._take(")"):
            arguments.append(self.either())
            self._take(",")
        known = [argument for argument in arguments if not isinstance(argument, Unknown)]
        if len(known) < len(arguments):
            return next(each for each in arguments if isinstance(each, Unknown))
        return _result(function.lower(), [_text(each) for each in known])

    def _take(self, operator: str) -> bool:
        if self.tokens and self.tokens[0] == ("operator", operator):
            del self.tokens[0]
            return True
        return False

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise ValueError(operator)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(text[at:])
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    return tokens


def _equal(left: Value | Unknown, right: Value | Unknown) -> bool | Unknown:
    unknown = [side for side in (left, right) if isinstance(side, Unknown)]
    if unknown:
        strange = [side for side in unknown if side.what not in _OURSELVES]
        return strange[0] if strange else True
    # GitHub compares texts without regard to case.
    return _text(left).lower() == _text(right).lower()  # type: ignore[arg-type]


def _result(function: str, arguments: list[str]) -> Value | Unknown:
    lowered = [argument.lower() for argument in arguments]
    if function == "format" and arguments:
        return re.sub(r"\{(\d+)\}", lambda found: arguments[1 + int(found[1])], arguments[0])
    if not arguments:
        return _OF_STATUS.get(function, Unknown(f"{function}()"))
    if function in _OF_TEXTS and len(lowered) == 2:  # noqa: PLR2004  # a text and what is in it
        return _OF_TEXTS[function](*lowered)
    return Unknown(f"{function}()")
