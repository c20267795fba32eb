"""Tables that could be added to ``pyproject.toml``, as far as they fit what is in it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from pushgate.adopt.found import Found
from pushgate.config.tables import table

_START: Final = "[tool.pushgate."
_MAKES_GATE: Final = frozenset({"run", "session"})


def fitting(found: Iterable[Found], text: str, gates: Collection[str]) -> Iterator[Found]:
    """Leave out offers of gates that are there, and of tables that are offered before.

    Of a table that is there already, its further keys are offered without its title.

    Args:
        found: What was found, with what is offered.
        text: ``pyproject.toml`` as it will be.
        gates: The names of the gates that are on.
    """
    there = table(tomllib.loads(text), "tool", "pushgate")
    seen: set[str] = set()
    for each in found:
        lines: list[str] = []
        for title, keys in _tables(each.offered):
            path = title.removeprefix(_START).removesuffix("]").split(".")
            known = table(there, *path)
            makes_gate = any(_key(line) in _MAKES_GATE for line in keys)
            if title in seen or (makes_gate and (known or path[-1] in gates)):
                continue
            seen.add(title)
            new = [line for line in keys if _key(line) not in known]
            if new:
                lines += [f"# into {title}, which is there:" if known else title, *new]
        gone = each.offered and not lines
        said = f"{each.said.partition(':')[0]}: there is a table for it" if gone else each.said
        yield replace(each, said=said, offered=tuple(lines))


def _tables(lines: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Split lines of TOML at the titles of tables."""
    starts = [index for index, line in enumerate(lines) if line.startswith(_START)]
    for start, end in pairwise([*starts, len(lines)]):
        yield lines[start], lines[start + 1 : end]


def _key(line: str) -> str:
    return line.partition("=")[0].strip()
