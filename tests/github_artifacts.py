"""Artifacts of a workflow run: folders, as the two actions for them document it.

Written from the READMEs of ``actions/upload-artifact`` (v7) and
``actions/download-artifact`` (v8), and from the latter's source where that says more.
"""

from __future__ import annotations

import os.path
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from github_filters import WorkflowError

_UPLOADING: Final = frozenset(
    {"name", "path", "if-no-files-found", "retention-days", "compression-level"}
    | {"overwrite", "include-hidden-files"}
)
_DOWNLOADING: Final = frozenset({"name", "path", "pattern", "merge-multiple"})
_NOT_IN_NAMES: Final = re.compile(r'["\\/:<>|*?\r\n]')
_WILD: Final = re.compile(r"[*?\[\]!#{}]")


class StepFailed(Exception):
    """A step of a job ended with an error."""


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of a workflow run.

    Attributes:
        folder: Where they are, each in a folder of its name.
    """

    folder: Path

    def names(self) -> list[str]:
        """Return the names of all artifacts, sorted."""
        return sorted(path.name for path in self.folder.iterdir())

    def upload(self, workspace: Path, said: Mapping[str, str]) -> None:
        """Do what ``actions/upload-artifact`` does.

        Raises:
            StepFailed: The action would fail.
            WorkflowError: It has no such input, or this evaluator does not know it.
        """
        _known(said, _UPLOADING)
        name = said.get("name", "artifact")
        if _NOT_IN_NAMES.search(name):
            message = f"no name of an artifact: {name!r}"
            raise StepFailed(message)
        paths = [workspace / line.strip() for line in said["path"].splitlines() if line.strip()]
        if any(_WILD.search(str(path.relative_to(workspace))) for path in paths):
            message = f"a pattern, which is not evaluated: {said['path']}"
            raise WorkflowError(message)
        hidden = said.get("include-hidden-files", "false") == "true"
        found = [file for path in paths for file in _files(path, workspace, hidden=hidden)]
        if not found:
            if said.get("if-no-files-found", "warn") == "error":
                message = f"no files were found: {said['path']}"
                raise StepFailed(message)
            return
        target = self.folder / name
        if target.exists() and said.get("overwrite", "false") != "true":
            message = f"there is an artifact {name} already"
            raise StepFailed(message)
        shutil.rmtree(target, ignore_errors=True)
        alone = len(paths) == 1 and found == paths
        root = paths[0].parent if alone else Path(os.path.commonpath(paths))
        for file in found:
            _copy(file, target / file.relative_to(root))

    def download(self, workspace: Path, said: Mapping[str, str]) -> None:
        """Do what ``actions/download-artifact`` does.

        Raises:
            StepFailed: The action would fail.
            WorkflowError: It has no such input, or this evaluator does not know it.
        """
        _known(said, _DOWNLOADING)
        name, pattern = said.get("name", ""), said.get("pattern", "*")
        if re.search(r"[{}()!+@\[]", pattern):
            message = f"a pattern that is not evaluated: {pattern}"
            raise WorkflowError(message)
        if name and name not in self.names():
            message = f"there is no artifact {name}"
            raise StepFailed(message)
        found = [name] if name else [each for each in self.names() if fnmatchcase(each, pattern)]
        # Its source has it: one artifact goes straight into the folder, also where a pattern
        # has found it.
        flat = said.get("merge-multiple", "false") == "true" or len(found) == 1
        for each in found:
            target = workspace / said.get("path", "") / ("" if flat else each)
            for file in (self.folder / each).rglob("*"):
                if file.is_file():
                    _copy(file, target / file.relative_to(self.folder / each))


def _known(said: Mapping[str, str], inputs: frozenset[str]) -> None:
    if unknown := said.keys() - inputs:
        message = f"unknown inputs: {', '.join(sorted(unknown))}"
        raise WorkflowError(message)


def _files(path: Path, workspace: Path, *, hidden: bool) -> Iterator[Path]:
    every = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in every:
        parts = file.relative_to(workspace).parts
        if file.is_file() and (hidden or not any(part.startswith(".") for part in parts)):
            yield file


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Without its permissions: artifacts do not keep them.
    shutil.copyfile(source, target)
