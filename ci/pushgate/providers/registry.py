"""The CI providers that Pushgate writes workflow files for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from pushgate.providers.provider import Provider

NAMES: Final = ("github", "gitlab")
"""A module here each; the first is the one that is meant where nothing says which."""


def named(name: str) -> Provider:
    """Import a provider; the command line needs only the names, and every command reads it.

    Args:
        name: One of ``NAMES``.
    """
    return cast("Provider", importlib.import_module(f"pushgate.providers.{name}"))
