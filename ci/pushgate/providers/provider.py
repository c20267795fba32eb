"""What a CI provider's module has to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pushgate.providers.drift import Document
from pushgate.providers.pipeline import Pipeline


class Provider(Protocol):
    """A CI provider; a module with these names is one."""

    @property
    def COMMENTS(self) -> tuple[str, ...]:  # noqa: N802  # a module's constant
        """What the comments in its files begin with, those of pins left out."""

    @property
    def PLACES(self) -> Sequence[str]:  # noqa: N802  # as above
        """Globs from the top of the repository: where its files are read from."""

    @property
    def UNORDERED(self) -> Collection[str]:  # noqa: N802  # as above
        """The keys of its files whose lists mean the same in any order."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    def paths(self, pipeline: Pipeline) -> Sequence[str]:
        """Return where a new workflow file may be; the first is taken that is free."""

    def written(self, pipeline: Pipeline, existing: str) -> str:
        """Return the text of the workflow file, without marked blocks.

        Args:
            pipeline: What it has to say.
            existing: The file as it is, without marked blocks; its pins stay. Empty: none.

        Raises:
            ConfigurationError: The provider cannot carry a name.
        """

    def split(self, document: Mapping[str, object]) -> Document:
        """Return what a file means, the jobs apart, with names where it has lists of mappings."""
