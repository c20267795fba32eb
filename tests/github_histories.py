"""Histories of a repository as GitHub's jobs find them, made with one git command each."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conftest import Project

_IDENTITY = "committer Test <test@example.invalid> 1700000000 +0000"


@dataclass(frozen=True)
class History:
    """A repository that is written anew for each event.

    Attributes:
        project: The repository.
        branches: All branches that the server ever has.
    """

    project: Project
    branches: tuple[str, ...]

    def write(self, files: Mapping[str, str], changed: Iterable[str]) -> dict[str, str]:
        """Write three commits, and check out the last one.

        Every branch of the server is at the first commit, ``before``, with all files. The
        second, ``head``, comes after it and changes some files. The last, ``merge``, merges
        that into the first, as the server does to test a pull request.

        Args:
            files: The files of the first commit.
            changed: The names of those that the second one changes.

        Returns:
            The ids of the commits by these words.
        """
        first = "".join(_file(name, content) for name, content in files.items())
        others = "".join(_file(name, f"{files[name]}\n# changed\n") for name in changed)
        branches = "".join(
            f"reset refs/remotes/origin/{branch}\nfrom :1\n\n" for branch in self.branches
        )
        stream = (
            f"commit refs/remotes/origin/unborn\nmark :1\n{_IDENTITY}\n{_data('before')}"
            f"deleteall\n{first}\n{branches}"
            f"commit refs/heads/head\nmark :2\n{_IDENTITY}\n{_data('head')}"
            f"from :1\n{others}\n"
            f"commit refs/heads/merge\nmark :3\n{_IDENTITY}\n{_data('merge')}"
            f"from :1\nmerge :2\n{others}\n"
            "get-mark :1\nget-mark :2\nget-mark :3\n"
        )
        answer = subprocess.run(
            ["git", "fast-import", "--quiet", "--force", "--cat-blob-fd=1"],
            cwd=self.project.root,
            input=stream,
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(zip(("before", "head", "merge"), answer.stdout.split(), strict=True))

    def check_out(self, commit: str, branch: str = "") -> None:
        """Check out a commit, detached, as what a branch of the server is at if one is named."""
        if branch:
            self.project.git("update-ref", f"refs/remotes/origin/{branch}", commit)
        self.project.git("checkout", "--quiet", "--force", "--detach", commit)


def repository(folder: Path, branches: Iterable[str]) -> History:
    """Make an empty repository."""
    folder.mkdir()
    project = Project(folder)
    project.git("init", "--quiet")
    return History(project, tuple(branches))


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _file(name: str, content: str) -> str:
    return f"M 100644 inline {name}\n{_data(content)}"
