"""YAML, read for what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pushgate.model.settings import ConfigurationError


def parsed(text: str, name: str) -> dict[str, Any]:
    """Return what a YAML text means, by YAML 1.2, in which ``on`` is a word: a mapping.

    Args:
        text: The text.
        name: What it is called, for messages.

    Raises:
        ConfigurationError: It is none.
    """
    # No gate of a run reads YAML: the start of every other command does without it.
    from ruamel.yaml import YAML  # noqa: PLC0415

    with _refused(name):
        document = YAML(typ="safe", pure=True).load(text)
    if not isinstance(document, dict):
        message = f"{name} holds no mapping"
        raise ConfigurationError(message)
    return document


def comments(text: str, name: str) -> list[str]:
    """Return the comments of a YAML text in their order, without their ``#``.

    Args:
        text: The text.
        name: What it is called, for messages.

    Raises:
        ConfigurationError: It is no YAML.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415  # as above

    found: list[str] = []
    end = 0
    with _refused(name):
        for token in YAML(typ="safe", pure=True).scan(text):
            # Between the tokens there is nothing but space and comments.
            between = text[end : token.start_mark.index]
            found += (line.strip() for line in re.findall(r"#(.*)", between))
            end = max(end, token.end_mark.index)
    return found


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """Tell of what is no YAML."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415  # as above

    try:
        yield
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        message = f"{name} is not YAML: {line}{error.problem}"
        raise ConfigurationError(message) from error
    except (YAMLError, ValueError) as error:
        message = f"{name} is not YAML: {' '.join(str(error).split())}"
        raise ConfigurationError(message) from error
