"""What a look at a repository finds, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

Value = bool | int | float | str | tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """A key of ``[tool.pushgate]`` that has to differ from its default.

    Attributes:
        key: Its path below that table.
        value: Its value.
        why: What makes it necessary; empty where another key of its table says so.
    """

    key: tuple[str, ...]
    value: Value
    why: str = ""


@dataclass(frozen=True)
class Found:
    """Something that was found, or is missing.

    Attributes:
        topic: What it is about, in a word.
        said: What was found, and what Pushgate makes of it.
        settings: What it makes necessary.
        offered: Lines of ``pyproject.toml`` that the user may want, and that are not written.
    """

    topic: str
    said: str
    settings: tuple[Setting, ...] = ()
    offered: tuple[str, ...] = ()


def own_gate(name: str, commands: tuple[str, ...], why: str, **keys: Value) -> tuple[Setting, ...]:
    """Return the settings of a gate that runs commands.

    Args:
        name: The gate's name.
        commands: Its commands.
        why: What they come from.
        keys: Other keys of its table, with ``_`` for ``-``.
    """
    where = ("gates", name)
    others = (Setting((*where, key.replace("_", "-")), value) for key, value in keys.items())
    return (Setting((*where, "run"), commands, why), *others)
