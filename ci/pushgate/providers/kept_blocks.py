"""What a user adds to a workflow file between marked lines: it stays when the file is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pushgate.model.settings import ConfigurationError

BEGIN: Final = "pushgate: keep"
END: Final = "pushgate: end"

_MARK: Final = re.compile(rf"\s*#\s*({BEGIN}|{END})\s*")
_LIKE_A_MARK: Final = re.compile(r"\s*#\s*pushgate\s*:.*", re.IGNORECASE)
_KEY: Final = re.compile(r"((?:- )?[\w\"'./-]+:)(?: |$)")
_USES: Final = re.compile(r"(?:- )?uses: [^@\s]+")


class _Line(NamedTuple):
    """A line of a YAML document that is no comment: a key, an item, or a part of a text.

    Attributes:
        at: Which line of the document it is.
        indent: How far it is indented.
        label: What it is called, whatever its value.
    """

    at: int
    indent: int
    label: str


class _Name(NamedTuple):
    """A line as it is found again in another version of the document.

    Attributes:
        indent: How far it is indented.
        label: What it is called.
        earlier: How many of that name are before it, below the same parent.
    """

    indent: int
    label: str
    earlier: int


@dataclass(frozen=True)
class Block:
    """A marked block, and where it is.

    Attributes:
        lines: All of it, its marks and the empty lines before it included.
        parents: What it is below, from the outside.
        before: What is beside it and before it, the nearest first.
    """

    lines: tuple[str, ...]
    parents: tuple[_Name, ...]
    before: tuple[_Name, ...]


def separated(text: str) -> tuple[str, tuple[Block, ...]]:
    """Take the marked blocks out of a file.

    Returns:
        The rest, and the blocks in their order.

    Raises:
        ConfigurationError: A mark lacks the other one, or is hardly one.
    """
    rest: list[str] = []
    found: list[tuple[int, list[str]]] = []
    block: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _MARK.fullmatch(line)
        if mark is None and _LIKE_A_MARK.fullmatch(line):
            message = f"line {number}: {line.strip()!r} is no mark: `# {BEGIN}` and `# {END}` are"
            raise ConfigurationError(message)
        if mark and (mark[1] == BEGIN) == (block is not None):
            begins = "begins here, and another has not ended"
            ends = "ends here, and none has begun"
            message = f"line {number}: a kept block {begins if mark[1] == BEGIN else ends}"
            raise ConfigurationError(message)
        if mark and mark[1] == BEGIN:
            block = []
            while rest and not rest[-1].strip():
                block.insert(0, rest.pop())
            found.append((len(rest), block))
        (rest if block is None else block).append(line)
        if mark and mark[1] == END:
            block = None
    if block is not None:
        message = f"a kept block does not end: add `# {END}` below it"
        raise ConfigurationError(message)
    lines = list(_lines(rest))
    blocks = tuple(
        _placed(content, [line for line in lines if line.at < at]) for at, content in found
    )
    return "".join(f"{line}\n" for line in rest), blocks


def restored(text: str, blocks: Sequence[Block]) -> str:
    """Put blocks into a file where they were.

    Args:
        text: The file without any.
        blocks: Those of its last version, in their order.

    Raises:
        ConfigurationError: The place of a block is gone; the message shows it.
    """
    rest = text.splitlines()
    lines = list(_lines(rest))
    places = [(_place(block, lines), block) for block in blocks]
    for place, block in reversed(places):
        rest[place:place] = block.lines
    return "".join(f"{line}\n" for line in rest)


def _lines(document: Iterable[str]) -> Iterator[_Line]:
    for at, line in enumerate(document):
        content = line.strip()
        if content and not content.startswith("#"):
            yield _Line(at, len(line) - len(line.lstrip()), _label(content))


def _label(content: str) -> str:
    if uses := _USES.match(content):
        return uses[0]
    key = _KEY.match(content)
    return key[1] if key else content


def _placed(block: Sequence[str], above: Sequence[_Line]) -> Block:
    """Find what a block is below, and what is beside it.

    Args:
        block: Its lines.
        above: What is above it in the file.
    """
    inside = next(_lines(block), None)
    marked = next(line for line in block if line.strip())
    indent = inside.indent if inside else len(marked) - len(marked.lstrip())
    parents: list[_Name] = []
    before: list[_Name] = []
    level = indent
    for number in range(len(above) - 1, -1, -1):
        line = above[number]
        if line.indent == indent and not parents:
            before.append(_name(above, number))
        elif line.indent < level:
            level = line.indent
            parents.insert(0, _name(above, number))
    return Block(tuple(block), tuple(parents), tuple(before))


def _name(lines: Sequence[_Line], number: int) -> _Name:
    line = lines[number]
    earlier = 0
    for other in reversed(lines[:number]):
        if other.indent < line.indent:
            break
        earlier += (other.indent, other.label) == (line.indent, line.label)
    return _Name(line.indent, line.label, earlier)


def _place(block: Block, lines: Sequence[_Line]) -> int:
    """Return before which line of the document a block belongs."""
    within = lines
    for parent in block.parents:
        found = _below(within, parent)
        if found is None:
            path = " ".join(name.label for name in block.parents)
            shown = "\n".join(block.lines)
            message = (
                f"a kept block has lost its place, {path!r}: move it to another one, "
                f"or remove it:\n{shown}"
            )
            raise ConfigurationError(message)
        within = found
    for name in block.before:
        if beside := _below(within, name):
            return beside[-1].at + 1
    # Below what it is in; or below the comment at the top, for the first line is a mark.
    return within[0].at + 1 if block.parents else within[0].at


def _below(lines: Sequence[_Line], name: _Name) -> Sequence[_Line] | None:
    """Return a line with all that is below it; None: there is none of that name."""
    named = [number for number, line in enumerate(lines) if (line.indent, line.label) == name[:2]]
    if len(named) <= name.earlier:
        return None
    start = named[name.earlier]
    end = start + 1
    while end < len(lines) and lines[end].indent > name.indent:
        end += 1
    return lines[start:end]
