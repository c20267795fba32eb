"""What a CI provider's module has to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushgate.providers.pipeline import Pipeline


class Provider(Protocol):
    """A CI provider; a module with these names is one."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    def path(self, pipeline: Pipeline) -> str:
        """Return where the workflow file is, from the top of the repository."""

    def render(self, pipeline: Pipeline, existing: str) -> str:
        """Return the text of the workflow file.

        Args:
            pipeline: What it has to say.
            existing: The file as it is, whose pins and marked blocks stay; empty: none.

        Raises:
            ConfigurationError: The provider cannot carry a name, or a block has no place.
        """

    def differences(self, pipeline: Pipeline, existing: str) -> Sequence[str]:
        """Compare what a workflow file means with what it has to say.

        Args:
            pipeline: What it has to say.
            existing: The file as it is.

        Returns:
            One line for each difference, which names the job; pins, comments, order and
            marked blocks are none.

        Raises:
            ConfigurationError: The file cannot be read, or the provider cannot carry a name.
        """
