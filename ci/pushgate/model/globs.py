"""Globs of tracked files: the patterns of ``inputs``."""

from __future__ import annotations

import glob
import os.path
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile
from typing import Final

EVERYTHING: Final = ("**",)
"""The patterns of what reads every file."""

_SPECIAL: Final = re.compile(r"[*?[]")
_PIECE: Final = re.compile(
    r"(?P<star>\*)|(?P<any>\?)|\[(?P<not>!?+)(?P<members>[^\]]+|\][^\]]*)\]|.", re.DOTALL
)
_RANGE: Final = re.compile(r"(.)-(.)|.", re.DOTALL)


@dataclass(frozen=True)
class Globs:
    """Patterns, translated. Paths have ``/`` and begin at the top of the repository.

    Attributes:
        start: What every path begins with that one of the patterns matches.
        expression: The regular expression of the whole paths that one of them matches.
    """

    start: str
    expression: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.expression, re.DOTALL)

    def among(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the paths that one of the patterns matches, in their order.

        Args:
            paths: Sorted, so that only those with the right start need a look.
        """
        for index in range(bisect_left(paths, self.start), len(paths)):
            if not paths[index].startswith(self.start):
                return
            if self._compiled.fullmatch(paths[index]):
                yield paths[index]


@cache
def translated(patterns: tuple[str, ...], folder: str = "") -> Globs:
    """Translate patterns.

    ``*`` and ``?`` stand for characters within a name, ``[abc]``, ``[a-z]`` and ``[!a]``
    for one of them, and ``**`` in the place of a name for any number of folders, also none
    (at the end: for all that is below). Names that begin with a dot match, too.

    Args:
        patterns: What to match; ``../`` at the beginning leads out of ``folder``.
        folder: Where they begin, relative to the top of the repository.

    Raises:
        ValueError: A pattern is none; the message says what is expected.
    """
    segments = [_segments(pattern, folder) for pattern in patterns]
    starts = [_start(path) for path in segments]
    # Letter by letter is meant: these are beginnings of paths, not paths.
    start = os.path.commonprefix(starts)  # noqa: RUF071
    return Globs(start, "|".join(map(_path, segments)))


def from_top(patterns: tuple[str, ...], folder: str) -> tuple[str, ...]:
    """Return patterns that begin in a folder as ones that begin at the top of the repository.

    Args:
        patterns: As ``translated`` takes them.
        folder: Where they begin, relative to the top of the repository.
    """
    return tuple("/".join(_segments(pattern, folder)) for pattern in patterns)


def _segments(pattern: str, folder: str) -> list[str]:
    """Split a pattern at each ``/``, so that it begins at the top of the repository."""
    if not pattern:
        message = "expected a glob such as 'docs/**'"
        raise ValueError(message)
    if "\\" in pattern:
        message = "expected / between names and no backslash"
        raise ValueError(message)
    if pattern.startswith("/"):
        message = "expected a path from the project's folder, not from /"
        raise ValueError(message)
    segments = [segment for segment in pattern.split("/") if segment != "."]
    up = next((at for at, segment in enumerate(segments) if segment != ".."), len(segments))
    above = glob.escape(folder).split("/") if folder else []
    if up > len(above):
        message = "expected files of this repository: it leads out of it"
        raise ValueError(message)
    if ".." in segments[up:]:
        message = "expected ../ at the beginning only"
        raise ValueError(message)
    return above[: len(above) - up] + segments[up:]


def _start(segments: Sequence[str]) -> str:
    literal = list(takewhile(lambda segment: not _SPECIAL.search(segment), segments))
    special = segments[len(literal) :]
    if special and special[0] != "**":
        literal.append(_SPECIAL.split(special[0])[0])
    # No / before **, which may stand for nothing: the name itself, where it is a link.
    return "/".join(literal)


def _path(segments: Sequence[str]) -> str:
    expression, between = "", ""
    for index, segment in enumerate(segments):
        if segment != "**":
            expression += between + _name(segment)
            between = "/"
        elif index == len(segments) - 1:
            expression += f"(?:{between}.*)?"
        elif segments[index + 1] != "**":
            expression += f"{between}(?:.*/)?"
            between = ""
    return expression


def _name(segment: str) -> str:
    if "**" in segment:
        message = "expected ** alone between two /, such as 'docs/**/*.md'"
        raise ValueError(message)
    return "".join(map(_piece, _PIECE.finditer(segment)))


def _piece(match: re.Match[str]) -> str:
    if match["star"]:
        return "[^/]*"
    if match["any"]:
        return "[^/]"
    if match["members"] is None:
        return re.escape(match[0])
    members = "".join(map(_member, _RANGE.finditer(match["members"])))
    # A range such as +-9 holds the /, which no class may match.
    return f"(?!/)[{'^' * len(match['not'])}{members}]"


def _member(match: re.Match[str]) -> str:
    if match[1] is None:
        return re.escape(match[0])
    if match[1] > match[2]:
        message = f"expected the range {match[0]} the other way round"
        raise ValueError(message)
    return f"{re.escape(match[1])}-{re.escape(match[2])}"
