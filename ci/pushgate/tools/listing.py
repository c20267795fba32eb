"""How names are listed in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 5) -> str:
    """List names as part of a sentence: the first ones, and how many more there are.

    Args:
        names: The names.
        most: How many are listed.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
