"""What a command is in Pushgate's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushgate.adopt.from_workflow.options import options
from pushgate.gates.registry import BUILT_IN

RESERVED: Final = frozenset({*BUILT_IN, "plan", "passed", "pages"})
"""Names that no gate of its own has: those of other gates, and of a workflow's other jobs."""


@dataclass(frozen=True)
class Finding:
    """What a command is in Pushgate's words.

    Attributes:
        gate: The gate that does it.
        settings: Keys of the gate's table.
        detail: What is not carried over, or to be known.
        own: Whether it is a gate of its own, which runs the same command.
        instead: Words of the command that the gate has other words for.
    """

    gate: str
    settings: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
    own: bool = False
    instead: Mapping[str, str] = field(default_factory=dict)


def slug(text: str) -> str:
    """Return a text as the name of a gate."""
    found = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    return found if re.match(r"[a-z]", found) else f"gate-{found}".rstrip("-")


def gate_name(text: str, taken: Collection[str] = ()) -> str:
    """Return the name of a gate of its own, made from a text, that no other gate has.

    Args:
        text: What it is about.
        taken: The names that are taken besides the reserved ones.
    """
    name = slug(text)[:40].strip("-_")
    candidates = [name, f"ci-{name}", *(f"{name}-{number}" for number in range(2, 1000))]
    return next(each for each in candidates if each not in RESERVED and each not in taken)


def values(
    arguments: Sequence[str], names: frozenset[str] | set[str], *, several: bool = False
) -> list[str]:
    """Return what options were given, written as ``-s X``, ``-sX`` or ``--session=X``."""
    found: list[str] = []
    taking = False
    for option in options(arguments, names, optional=names):
        if (option.name in names and option.value) or (taking and not option.name):
            found.append(option.value)
        taking = several and (option.name in names or (taking and not option.name))
    return found
