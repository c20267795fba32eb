"""YAML documents, written with comments."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ruamel.yaml import YAML

_INDENT: Final = 2


@dataclass(frozen=True)
class Noted:
    """A value of a mapping with a comment behind it.

    Attributes:
        value: The value.
        note: The comment, without its ``#``.
    """

    value: object
    note: str


@dataclass(frozen=True)
class Headed:
    """A value of a mapping with a line above its key.

    Attributes:
        value: The value.
        heading: A comment, without its ``#``; empty: none.
        apart: Whether an empty line is above it.
    """

    value: object
    heading: str = ""
    apart: bool = True


@dataclass(frozen=True)
class Inline:
    """A list that is written in one line.

    Attributes:
        items: What is in it.
    """

    items: Sequence[object]


@dataclass(frozen=True)
class Folded:
    """A text that is written in several lines, and read with spaces between them.

    Attributes:
        lines: The lines.
    """

    lines: Sequence[str]


def written(document: Mapping[str, object], header: str) -> str:
    """Return a document as YAML.

    Args:
        document: Mappings, lists, and the values that this module defines.
        header: Comments at the top, a line each, without their ``#``.
    """
    stream = io.StringIO()
    yaml = _yaml()
    yaml.dump(_commented(document, 0), stream)
    return "".join(f"# {line}\n" for line in header.splitlines()) + stream.getvalue()


def _yaml() -> YAML:
    from ruamel.yaml import YAML  # noqa: PLC0415  # as above

    yaml = YAML()
    yaml.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    yaml.width = 4096  # a command stays in its line
    yaml.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", ""),
    )
    return yaml


def _commented(value: object, column: int) -> object:
    """Return a value as ruamel.yaml writes it.

    Args:
        value: The value.
        column: Where its keys stand, for the comments above them.
    """
    from ruamel.yaml.comments import CommentedMap, CommentedSeq  # noqa: PLC0415  # as above

    if isinstance(value, Mapping):
        mapping = CommentedMap()
        for key, item in value.items():
            _put(mapping, key, item, column)
        return mapping
    if isinstance(value, Inline):
        sequence = CommentedSeq(value.items)
        sequence.fa.set_flow_style()
        return sequence
    if isinstance(value, Folded):
        return _folded(value.lines)
    if isinstance(value, list):
        # Two columns for the list itself, two for its dashes.
        return CommentedSeq(_commented(item, column + _INDENT) for item in value)
    return value


def _put(mapping: Any, key: str, item: object, column: int) -> None:  # noqa: ANN401  # ruamel's
    if isinstance(item, Headed):
        before = "\n" + item.heading if item.apart else item.heading
        mapping.yaml_set_comment_before_after_key(key, before=before, indent=column)
        item = item.value
    note = item.note if isinstance(item, Noted) else ""
    item = item.value if isinstance(item, Noted) else item
    mapping[key] = _commented(item, column + _INDENT)
    if note:
        mapping.yaml_add_eol_comment(note, key, column=0)


def _folded(lines: Sequence[str]) -> object:
    from ruamel.yaml.scalarstring import FoldedScalarString  # noqa: PLC0415  # as above

    text = FoldedScalarString(" ".join(lines))
    ends, at = [], -1
    for line in lines[:-1]:
        at += len(line) + 1
        ends.append(at)
    text.fold_pos = ends
    return text
