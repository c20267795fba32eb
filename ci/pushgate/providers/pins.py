"""The actions that workflows use, each pinned to a commit, and the pins that a file has already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_USES: Final = re.compile(
    r"""^[ \t]*(?:-[ \t]+)?uses:[ \t]*["']?(?P<action>[^\s@"'#]+)@(?P<commit>[^\s"'#]+)["']?"""
    r"[ \t]*(?:#[ \t]*(?P<note>[^\n]*?))?[ \t]*$",
    re.MULTILINE,
)
_VERSION: Final = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)*)(?![\w.])")


@dataclass(frozen=True)
class Pin:
    """What an action is pinned to.

    Attributes:
        commit: The commit's id; in a file also a tag or a branch.
        note: What the comment beside it says, usually the version; empty: nothing.
    """

    commit: str
    note: str

    @property
    def version(self) -> tuple[int, ...] | None:
        """The version that the comment or the tag names; None: it names none."""
        found = _VERSION.search(self.note) or _VERSION.fullmatch(self.commit)
        return tuple(map(int, found[1].split("."))) if found else None


PINS: Final[Mapping[str, Pin]] = {
    "actions/checkout": Pin("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/deploy-pages": Pin("cd2ce8fcbc39b97be8ca5fce6e763baed58fa128", "v5.0.0"),
    "actions/download-artifact": Pin("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/upload-artifact": Pin("043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "actions/upload-pages-artifact": Pin("fc324d3547104276b827a68afc52ff2a11cc49c9", "v5.0.0"),
    # From version 10 on it leaves the cache alone where a tag is pushed: what is released is
    # not made from what an earlier run left.
    "astral-sh/setup-uv": Pin("20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
    "codecov/codecov-action": Pin("fb8b3582c8e4def4969c97caa2f19720cb33a72f", "v7.0.0"),
}
"""The newest that are known, by action."""


def chosen(text: str) -> Mapping[str, Pin]:
    """Return what each action is pinned to: as a file has it, unless ours is known to be newer.

    Args:
        text: The workflow file as it is; empty: none.
    """
    pins = dict(PINS)
    for action, there in _pinned(text):
        ours = pins.get(action)
        if ours is not None and not _is_newer(ours, there):
            pins[action] = there
    return pins


def without_pin(uses: str) -> str:
    """Return what a ``uses`` means, whichever version of it: the action."""
    return uses.partition("@")[0]


def without_notes(text: str) -> str:
    """Return a file without the comments beside its pins, which stay or go with these."""
    return _USES.sub(lambda pinned: pinned[0].partition("#")[0], text)


def _pinned(text: str) -> Iterable[tuple[str, Pin]]:
    for match in _USES.finditer(text):
        yield match["action"], Pin(match["commit"], match["note"] or "")


def _is_newer(ours: Pin, there: Pin) -> bool:
    mine, its = ours.version, there.version
    if mine is None or its is None:
        return False
    # v7 may be any 7.x: only what both say can be compared.
    return mine[: len(its)] > its
