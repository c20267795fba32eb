"""A project as it was where the commit under test left the main branch."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pushgate.config import requirements
from pushgate.config.schema import Problems
from pushgate.gates import state
from pushgate.model.outcome import JobUnavailable
from pushgate.model.settings import Settings
from pushgate.tools import commits, git

_OF_PULL_REQUEST = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


def branch(settings: Settings) -> str:
    """Name the branch that the commit is to be merged into, as CI says, or the main one."""
    said = (os.environ.get(variable) for variable in _OF_PULL_REQUEST)
    return next(filter(None, said), settings.branches[0])


def commit(settings: Settings) -> str:
    """Find where the commit under test left that branch.

    Returns:
        The commit's id; empty where no file differs from it.

    Raises:
        JobUnavailable: This repository does not know.
    """
    repository, name = settings.repository, branch(settings)
    tip = commits.base(repository, name)
    found = commits.merge_base(repository, tip.commit, "HEAD") if tip else ""
    if not found:
        message = (
            f"git does not know where this left {name}: fetch that branch "
            "(in CI: `history = true` in [tool.pushgate.ci])"
        )
        raise JobUnavailable(message)
    return found if commits.changed_files(repository, found) else ""


@contextmanager
def project(settings: Settings, commit: str) -> Iterator[Settings | None]:
    """Provide the project's files of a commit, in a folder that is gone afterwards.

    Args:
        settings: The project as it is.
        commit: The commit's id.

    Yields:
        The project in that folder, with the requirements that it had; None where there was none.
    """
    tree = state.make(settings.root, "base") / "tree"
    try:
        shutil.rmtree(tree, ignore_errors=True)
        git.extract(settings.repository, commit, tree)
        yield _settings(settings, tree / settings.root.relative_to(settings.repository))
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _settings(settings: Settings, root: Path) -> Settings | None:
    file = root / "pyproject.toml"
    if not file.is_file():
        return None
    # What is wrong with a definition of the past is of no interest any more.
    found = requirements.detect(
        root, tomllib.loads(file.read_text(encoding="utf-8")), Problems(file.name)
    )
    return replace(settings, root=root, dependencies=found)
