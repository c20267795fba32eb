"""Where a repository's runs are kept: in its git folder, shared by all its worktrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pushgate.tools import git


@dataclass(frozen=True)
class Store:
    """The state folder of a repository.

    Attributes:
        folder: ``pushgate`` in the common git folder; gone with the clone.
    """

    folder: Path

    @classmethod
    def of(cls, repository: Path) -> Store:
        """Find the state folder of a repository.

        Args:
            repository: The top folder of any of its working trees.
        """
        return cls(git.common_folder(repository) / "pushgate")

    @property
    def database(self) -> Path:
        """The history of runs."""
        return self.folder / "pushgate.db"

    @property
    def checkouts(self) -> Path:
        """Clean checkouts, each in a folder of a stable name."""
        return self.folder / "checkouts"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.folder / "locks"

    @property
    def runs(self) -> Path:
        """A folder a run: its events and its logs."""
        return self.folder / "runs"
