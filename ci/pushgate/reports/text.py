"""Text as it is put on a terminal or into a pipe: nothing in it steers the terminal."""

from __future__ import annotations

import re
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_CONTROL: Final = re.compile(
    # Sequences such as colours and links whole, then every other control character (not tabs).
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_PIPE_WIDTH: Final = 10_000
_MINUTES_FROM: Final = 100
"""Up to so many seconds, nobody needs minutes."""


def harmless(text: str) -> str:
    """Return text less what would steer the terminal; it keeps its lines."""
    return _CONTROL.sub("", text).expandtabs()


def settled(line: str) -> str:
    """Return a line as it stands in the end: after its last carriage return, and harmless."""
    return harmless(line.rstrip("\r").rpartition("\r")[2])


def one_line(text: str) -> str:
    """Return text with its lines joined, and harmless."""
    return " ".join(harmless(text).split())


def seconds(count: float) -> str:
    """Return a duration for people: ``4.1 s``, ``2 min 5 s``."""
    if count < _MINUTES_FROM:
        return f"{count:.1f} s"
    return f"{int(count) // 60} min {int(count) % 60} s"


def text(content: str, style: str = "") -> Text:
    """Return text as it is, less what would steer the terminal: no markup in it counts."""
    return Text(harmless(content), style)


def line(*parts: str | tuple[str, str]) -> Text:
    """Put a line together from texts and texts with their style."""
    whole = Text()
    for part in parts:
        whole.append_text(text(part) if isinstance(part, str) else text(*part))
    return whole


def table(*columns: str) -> Table:
    """Return an empty table; long cells are folded, names are not."""
    empty = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        empty.add_column(column, overflow="fold", no_wrap=column in {"run", "job", "gate"})
    return empty


def console(stream: TextIO) -> Console:
    """Return a console that takes all text literally."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def put(what: RenderableType, stream: TextIO) -> None:
    """Print to a terminal or into a pipe.

    Args:
        what: A table, folded to the terminal, or a text, whose lines the terminal itself
            folds: so they are copied whole.
        stream: Where to.
    """
    terminal = console(stream)
    if terminal.is_terminal:
        terminal.print(what, soft_wrap=isinstance(what, Text))
    else:
        stream.write(rendered(what, stream))


def rendered(what: RenderableType, stream: TextIO) -> str:
    """Return what a pipe gets, which has no width: no line is folded or ends with a blank."""
    pipe = console(stream)
    pipe.width = _PIPE_WIDTH
    with pipe.capture() as capture:
        pipe.print(what, soft_wrap=True)
    return "\n".join(map(str.rstrip, capture.get().split("\n")))
