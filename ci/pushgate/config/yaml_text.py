"""YAML, read for what it means."""

from __future__ import annotations

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
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        message = f"{name} is not YAML: {line}{error.problem}"
        raise ConfigurationError(message) from error
    except (YAMLError, ValueError) as error:
        message = f"{name} is not YAML: {' '.join(str(error).split())}"
        raise ConfigurationError(message) from error
    if not isinstance(document, dict):
        message = f"{name} holds no mapping"
        raise ConfigurationError(message)
    return document
