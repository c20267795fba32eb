"""The CI providers that Pushgate writes workflow files for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pushgate.providers import github, gitlab
from pushgate.providers.provider import Provider

PROVIDERS: Final[Mapping[str, Provider]] = {
    provider.name: provider for provider in (github, gitlab)
}
"""By name; the first is the one that is meant where nothing says which."""
