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

    def paths(self, pipeline: Pipeline) -> Sequence[str]:
        """Return where the workflow file may be, from the top of the repository.

        The first is taken that is ours or free.
        """

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
