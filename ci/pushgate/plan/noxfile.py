"""What a noxfile's declarations depend on, as far as its text tells."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OURS: Final = frozenset({"nox", "pushgate"})
"""The modules whose decorators make gates and sessions of functions."""

_SAME_EVERYWHERE: Final = _OURS | {
    *("__future__", "collections", "dataclasses", "enum", "functools", "itertools", "json"),
    *("re", "shlex", "string", "textwrap", "typing"),
}
"""Modules that tell the same on every machine, at any time."""

_LOOKS: Final = frozenset({"__import__", "compile", "eval", "exec", "globals", "input", "open"})
"""Built-in functions that may see more than the noxfile."""


def looks_around(noxfile: Path) -> bool:
    """Tell whether a noxfile may declare something else another time, or on another machine.

    What only jobs run, the functions of gates and sessions, may do whatever it likes.

    Args:
        noxfile: The file; it can be read and is valid, since it was executed.
    """
    tree = ast.parse(noxfile.read_bytes())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    bound = {name: module for node in imports for name, module in _bound(node)}
    ours = {name for name, module in bound.items() if module in _OURS}
    foreign = {name for name, module in bound.items() if module not in _SAME_EVERYWHERE}
    for node in _executed(tree, ours):
        if isinstance(node, ast.Name) and node.id in foreign | _LOOKS:
            return True
        if isinstance(node, ast.Import | ast.ImportFrom) and any(map(_is_code, _bound(node))):
            return True
    return False


def _bound(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield the names that an import binds, each with the first word of its module."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            module = alias.name.partition(".")[0]
            yield alias.asname or module, module
        else:
            module = "" if node.level else (node.module or "").partition(".")[0]
            yield alias.asname or alias.name, module


def _is_code(bound: tuple[str, str]) -> bool:
    """Tell whether an import executes, or brings along, what cannot be seen from here."""
    name, module = bound
    known = module in sys.stdlib_module_names or module in _SAME_EVERYWHERE
    return name == "*" or not known


def _executed(node: ast.AST, ours: set[str]) -> Iterator[ast.AST]:
    yield node
    left_out: list[ast.stmt] = []
    if isinstance(node, ast.FunctionDef) and _is_work(node.decorator_list, ours):
        left_out = node.body
    for child in ast.iter_child_nodes(node):
        if child not in left_out:
            yield from _executed(child, ours)


def _is_work(decorators: list[ast.expr], ours: set[str]) -> bool:
    return bool(decorators) and all(_root(each) in ours for each in decorators)


def _root(decorator: ast.expr) -> str:
    """Return the name that a decorator such as ``pushgate.gate(…)`` begins with."""
    while not isinstance(decorator, ast.Name):
        match decorator:
            case ast.Call(func=inner) | ast.Attribute(value=inner):
                decorator = inner
            case _:
                return ""
    return decorator.id
