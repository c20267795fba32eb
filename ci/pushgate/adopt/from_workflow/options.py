"""A command's words as options, each with its value, and other arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """An option, or an argument that is none.

    Attributes:
        name: Its name with the dashes; empty: it is an argument.
        value: Its value, or the argument; empty: it has none.
        words: The words that it is written in.
    """

    name: str
    value: str
    words: tuple[str, ...]


def options(
    words: Sequence[str], with_value: Collection[str], optional: Collection[str] = ()
) -> Iterator[Option]:
    """Split words into options, written as ``-s X``, ``-sX`` or ``--session=X``, and arguments.

    Args:
        words: The words behind the program.
        with_value: The options that are followed by their value.
        optional: Those of them that may have none: a word that is an option is no value then.
    """
    at = 0
    while at < len(words):
        word, *following = words[at : at + 2]
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            found = Option("", word, (word,))
        elif equals and (word.startswith("--") or name in with_value):
            found = Option(name, value, (word,))
        elif word not in with_value:
            attached = word[:2] in with_value and not word.startswith("--")
            found = Option(*((word[:2], word[2:]) if attached else (name, value)), (word,))
        elif not following or (word in optional and following[0].startswith("-")):
            found = Option(word, "", (word,))
        else:
            found = Option(word, following[0], (word, following[0]))
        yield found
        at += len(found.words)
