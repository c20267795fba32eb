"""The expressions of GitHub Actions, as GitHub documents them.

Written from "Evaluate expressions in workflows and actions" and "Contexts reference", and
stricter than GitHub where that helps to find mistakes: an unknown context or function, an
array where a string is cast, and a condition that mixes text with ``${{ }}`` are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from github_values import (
    FUNCTIONS,
    ExpressionError,
    Filtered,
    cast,
    compared,
    elements,
    member,
    number_of,
    truth,
)

Functions = Mapping[str, Callable[..., object]]

_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<number>[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.]))"
    r"|'(?P<text>(?:[^']|'')*)'"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[<>!().,\[\]*])"
    r"|(?P<end>$))"
)
_EMBEDDED: Final = re.compile(r"\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}")
_LEVELS: Final = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
"""The operators with two sides, those that bind least first."""

_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_STATUS_FUNCTIONS: Final = frozenset({"success", "failure", "cancelled", "always"})


@dataclass(frozen=True)
class Status:
    """What the status check functions answer.

    Attributes:
        success: Whether everything before has succeeded.
        failure: Whether anything before has failed.
        cancelled: Whether the workflow was cancelled.
    """

    success: bool = True
    failure: bool = False
    cancelled: bool = False


def evaluate(
    expression: str, contexts: Mapping[str, object], functions: Functions | None = None
) -> object:
    """Return the value of what stands between ``${{`` and ``}}``.

    Args:
        expression: The expression.
        contexts: The contexts that its place in the workflow may use.
        functions: The special functions that its place may use.

    Raises:
        ExpressionError: It is none, or cannot be evaluated.
    """
    return _Parser(expression).whole()(_Scope(contexts, {**FUNCTIONS, **(functions or {})}))


def interpolated(
    text: str, contexts: Mapping[str, object], functions: Functions | None = None
) -> str:
    """Return a text with its expressions replaced by what they say."""
    if "${{" in _EMBEDDED.sub("", text):
        message = f"an expression is not closed: {text}"
        raise ExpressionError(message)
    return _EMBEDDED.sub(lambda found: cast(evaluate(found[1], contexts, functions)), text)


def condition(
    said: object,
    contexts: Mapping[str, object],
    status: Status,
    functions: Functions | None = None,
) -> bool:
    """Tell whether an ``if`` holds: with ``success()``, unless it has a status function.

    Args:
        said: The value of ``if``; None where there is none.
        contexts: As for ``evaluate``.
        status: What the status check functions answer.
        functions: As for ``evaluate``.
    """
    if said is None:
        return status.success
    expression = cast(said)
    if whole := _EMBEDDED.fullmatch(expression.strip()):
        expression = whole[1]
    elif "${{" in expression:
        message = f"always true, since it is a text: {expression}"
        raise ExpressionError(message)
    parser = _Parser(expression)
    value = parser.whole()
    if _STATUS_FUNCTIONS.isdisjoint(parser.called) and not status.success:
        return False
    answers: Functions = {
        "success": lambda: status.success,
        "failure": lambda: status.failure,
        "cancelled": lambda: status.cancelled,
        "always": lambda: True,
    }
    return truth(value(_Scope(contexts, {**FUNCTIONS, **(functions or {}), **answers})))


@dataclass(frozen=True)
class _Scope:
    """What names stand for where an expression is evaluated."""

    contexts: Mapping[str, object]
    functions: Functions

    def context(self, name: str) -> object:
        return self._known(self.contexts, name, "context")

    def call(self, name: str, *arguments: object) -> object:
        function = self._known(self.functions, name, "function")
        try:
            return function(*arguments)
        except TypeError as error:
            message = f"{name}: {error}"
            raise ExpressionError(message) from error

    @staticmethod
    def _known(names: Mapping[str, Any], name: str, kind: str) -> Any:  # noqa: ANN401  # a value of JSON, or a function
        if name not in names:
            message = f"there is no {kind} {name!r} here: {', '.join(sorted(names))}"
            raise ExpressionError(message)
        return names[name]


_Value = Callable[[_Scope], object]
"""A part of an expression, parsed: it has a value in each scope."""


class _Parser:
    """Recursive descent, one method a level of precedence.

    Attributes:
        called: The functions that the expression calls.
    """

    def __init__(self, expression: str) -> None:
        self.called: set[str] = set()
        self._expression = expression
        self._tokens = list(_tokens(expression))

    def whole(self) -> _Value:
        value = self._binary(0)
        if self._tokens[0][0] != "end":
            raise self._unexpected()
        return value

    def _binary(self, level: int) -> _Value:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (token := self._tokens[0])[0] == "sign" and token[1] in _LEVELS[level]:
            self._tokens.pop(0)
            left = _combined(token[1], left, self._binary(level + 1))
        return left

    def _unary(self) -> _Value:
        if self._take("!"):
            operand = self._unary()
            return lambda scope: not truth(operand(scope))
        value = self._primary()
        while True:
            if self._take("."):
                value = _filter(value) if self._take("*") else _access(value, self._name())
            elif self._take("["):
                value = _filter(value) if self._take("*") else _access(value, self._binary(0))
                self._expect("]")
            else:
                return value

    def _primary(self) -> _Value:
        kind, text = self._tokens[0]
        if kind == "end" or (kind == "sign" and text != "("):
            raise self._unexpected()
        self._tokens.pop(0)
        if kind == "number":
            return _literal(number_of(text))
        if kind == "text":
            return _literal(text.replace("''", "'"))
        if kind == "sign":
            value = self._binary(0)
            self._expect(")")
            return value
        if self._take("("):
            self.called.add(text)
            arguments = list(self._arguments())
            return lambda scope: scope.call(text, *(each(scope) for each in arguments))
        return _literal(_CONSTANTS[text]) if text in _CONSTANTS else lambda of: of.context(text)

    def _arguments(self) -> Iterator[_Value]:
        if self._take(")"):
            return
        yield self._binary(0)
        while self._take(","):
            yield self._binary(0)
        self._expect(")")

    def _name(self) -> _Value:
        kind, text = self._tokens[0]
        if kind != "name":
            raise self._unexpected()
        self._tokens.pop(0)
        return _literal(text)

    def _take(self, sign: str) -> bool:
        found = self._tokens[0] == ("sign", sign)
        if found:
            self._tokens.pop(0)
        return found

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected()

    def _unexpected(self) -> ExpressionError:
        kind, text = self._tokens[0]
        return ExpressionError(f"unexpected {text or kind!r} in {self._expression!r}")


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while match := _TOKEN.match(expression, at):
        kind = str(match.lastgroup)
        yield kind, match[kind]
        if kind == "end":
            return
        at = match.end()
    message = f"no expression from {expression[at:]!r} on: {expression!r}"
    raise ExpressionError(message)


def _literal(value: object) -> _Value:
    return lambda _scope: value


def _filter(of: _Value) -> _Value:
    return lambda scope: Filtered(elements(of(scope)))


def _access(of: _Value, key: _Value) -> _Value:
    return lambda scope: member(of(scope), key(scope))


def _combined(sign: str, left: _Value, right: _Value) -> _Value:
    if sign not in {"&&", "||"}:
        return lambda scope: compared(sign, left(scope), right(scope))

    def value(scope: _Scope) -> object:
        # As in JavaScript: the value of the side that decides.
        first = left(scope)
        return right(scope) if truth(first) == (sign == "&&") else first

    return value
