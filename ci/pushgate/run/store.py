"""Where a repository's runs and checkouts are kept."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import git

CACHE_VARIABLE: Final = "PUSHGATE_CACHE_DIR"
"""Names another folder for clean checkouts than the user's cache folder."""


@dataclass(frozen=True)
class Store:
    """The state of a repository, shared by all its worktrees.

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
        """The history of runs, and the records of jobs."""
        return self.folder / "pushgate.db"

    @property
    def blobs(self) -> Path:
        """What records hold, by its hash."""
        return self.folder / "blobs"

    @property
    def checkouts(self) -> Path:
        """Clean checkouts, each in a folder of a stable name.

        They are outside of the repository: many tools look for their settings, or for
        packages, in the folders above, where the user's own files would be; others pass over
        whatever is below a ``.git``.
        """
        common = self.folder.parent
        name = common.parent.name if common.name == ".git" else common.name
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        place = hashlib.sha256(os.fsencode(common)).hexdigest()[:12]
        return all_checkouts() / f"{plain}-{place}"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.folder / "locks"

    @property
    def runs(self) -> Path:
        """A folder a run: its events and its logs."""
        return self.folder / "runs"


def all_checkouts() -> Path:
    """Return the folder of the clean checkouts of all repositories."""
    # A run on the files as they are does without it.
    from platformdirs import user_cache_path  # noqa: PLC0415

    told = os.environ.get(CACHE_VARIABLE)
    cache = Path(told) if told else user_cache_path("pushgate", appauthor=False)
    return cache.absolute().resolve() / "checkouts"
