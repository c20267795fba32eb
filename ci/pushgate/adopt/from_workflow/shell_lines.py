"""A step's script as lines of plain commands, as far as it is such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t]+)|(?P<comment>(?<!\S)\#.*)|(?P<next>&&|;)|(?P<operator>[|&<>()]+)
    |'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|\\(?P<escaped>.)
    |(?P<plain>[^\s'"\\|&;<>()]+)|(?P<bad>.)""",
    re.VERBOSE,
)
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_CONTROL: Final = frozenset(
    {
        *("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case"),
        *("esac", "function", "select", "time", "{", "}", "[[", "!"),
    }
)
_PATTERN: Final = re.compile(r"[*?\[\]]|^~|\{.*,")
_SUMMARY: Final = re.compile(r"""\s*>>?\s*"?\$\{?GITHUB_STEP_SUMMARY\}?"?\s*$""")


@dataclass(frozen=True)
class Line:
    """A line of a script, its continuations joined.

    Attributes:
        text: The line as it stands there.
        commands: The words of its commands, which run one after the other; None: the line
            needs a shell to be understood.
        patterns: Whether some of the words are patterns of files, or output goes elsewhere:
            a shell is needed all the same.
    """

    text: str
    commands: tuple[tuple[str, ...], ...] | None
    patterns: bool = True

    @property
    def literal(self) -> bool:
        """Whether it is one command, and needs no shell at all."""
        return self.commands is not None and len(self.commands) == 1 and not self.patterns


def lines(script: str, variables: Mapping[str, str]) -> tuple[Line, ...] | None:
    """Split a script into its lines.

    Args:
        script: What the shell is given.
        variables: The environment's variables that are known.

    Returns:
        Its lines without the empty ones and comments; None where lines belong together
        (a condition, a loop, a document), so that it makes sense as a whole only.
    """
    joined = re.sub(r"\\\r?\n[ \t]*", " ", script)
    found = [_line(text, variables) for text in joined.splitlines()]
    kept = [line for line in found if line.commands != ()]
    if any("<<" in line.text or _opens(line) for line in kept):
        return None
    return tuple(kept)


def _opens(line: Line) -> bool:
    firsts = [line.text.split()[0]]
    firsts += [words[0] for words in line.commands or () if words]
    return (
        not _CONTROL.isdisjoint(firsts)
        or firsts[0].endswith("()")
        or _unclosed(line.text)
        or line.text.rstrip().endswith(("|", "&&", "||"))
    )


def _unclosed(text: str) -> bool:
    return any(found.lastgroup == "bad" for found in _TOKEN.finditer(text))


def _line(text: str, variables: Mapping[str, str]) -> Line:
    stripped = text.strip()
    words: list[list[str]] = [[]]
    patterns = bool(_SUMMARY.search(stripped))
    open_word = False
    for found in _TOKEN.finditer(_SUMMARY.sub("", stripped)):
        kind = str(found.lastgroup)
        if kind in {"operator", "bad"}:
            return Line(stripped, None)
        if kind in {"space", "comment", "next"}:
            open_word = False
            if kind == "next":
                words.append([])
            continue
        part = _part(kind, found[kind], variables)
        if part is None:
            return Line(stripped, None)
        patterns = patterns or (kind == "plain" and bool(_PATTERN.search(part)))
        if open_word:
            words[-1][-1] += part
        else:
            words[-1].append(part)
        open_word = True
    return Line(stripped, tuple(tuple(command) for command in words if command), patterns)


def _part(kind: str, text: str, variables: Mapping[str, str]) -> str | None:
    """Return a part of a word as the shell expands it; None: only a shell can."""
    if kind in {"single", "escaped"}:
        return text
    expanded = "".join(_expanded(text, variables))
    left = _VARIABLE.sub("", text)
    unknown = any((found[1] or found[2]) not in variables for found in _VARIABLE.finditer(text))
    if unknown or "`" in left or "$" in left.replace("\\$", ""):
        return None
    if kind == "double":
        return re.sub(r'\\([$`"\\])', r"\1", expanded)
    return None if expanded != text and " " in expanded else expanded


def _expanded(text: str, variables: Mapping[str, str]) -> Iterator[str]:
    at = 0
    for found in _VARIABLE.finditer(text):
        yield text[at : found.start()]
        yield variables.get(found[1] or found[2], "")
        at = found.end()
    yield text[at:]
