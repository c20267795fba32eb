"""The files that gates read: every pattern must match one that git tracks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pushgate.config.schema import Problems
from pushgate.config.tables import table
from pushgate.model import globs
from pushgate.model.settings import GateOptions
from pushgate.tools import git


@dataclass(frozen=True)
class Tracked:
    """The files that git tracks, as a project sees them.

    Attributes:
        folder: The project's folder, from the top of the repository.
        files: The project's files from there, sorted; all of the repository's where a gate
            reads others.
    """

    folder: str
    files: Sequence[str]

    @classmethod
    def of(
        cls, root: Path, repository: Path, own: Sequence[str], options: Mapping[str, GateOptions]
    ) -> Tracked:
        """Put together what the gates of a project may read.

        Args:
            root: The project's folder.
            repository: The top folder of its repository.
            own: Its tracked files, relative to ``root``.
            options: The options of every gate, by its name.
        """
        folder = "/".join(root.relative_to(repository).parts)
        if any(".." in pattern for keys in options.values() for pattern in keys.inputs):
            return cls(folder, sorted(git.tracked_files(repository)))
        return cls(folder, sorted(f"{folder}/{path}" if folder else path for path in own))

    def holds(self, pattern: str) -> bool:
        """Tell whether a pattern matches one of them.

        Raises:
            ValueError: It is no pattern; the message says what is expected.
        """
        matches = globs.translated((pattern,), self.folder).among(self.files)
        return next(matches, None) is not None

    def near(self, pattern: str) -> str | None:
        """Return a pattern that matches one of them and may be meant instead, if there is one."""
        first, slash, rest = pattern.partition("/")
        start = f"{self.folder}/" if self.folder else ""
        below = (path.removeprefix(start) for path in self.files if path.startswith(start))
        folders = sorted({path.partition("/")[0] for path in below if "/" in path})
        candidates = [f"{pattern.rstrip('/')}/**"]
        for folder in difflib.get_close_matches(first, folders, n=1):
            candidates += [f"{folder}{slash}{rest}", f"{folder}/**"]
        return next(filter(self.holds, candidates), None)


def problems(
    options: Mapping[str, GateOptions],
    tables: Mapping[str, object],
    declared: Mapping[str, GateOptions],
    tracked: Tracked,
) -> list[str]:
    """Tell which patterns match nothing: what is meant to be read would never be.

    Args:
        options: The options of every gate, by its name.
        tables: The gates' tables in ``pyproject.toml``.
        declared: The gates that the noxfile declares, with the options that it gave.
        tracked: The files that they may match.
    """
    configured, noxfile = Problems("pyproject.toml"), Problems("noxfile.py")
    for name, keys in options.items():
        if keys.inputs == globs.EVERYTHING:
            continue
        if name in declared and "inputs" not in table(tables, name):
            _check(keys.inputs, f"gate {name!r}: inputs", noxfile, tracked)
        else:
            _check(keys.inputs, f"tool.pushgate.gates.{name}.inputs", configured, tracked)
    return [*configured.lines, *noxfile.lines]


def _check(patterns: Sequence[str], where: str, told: Problems, tracked: Tracked) -> None:
    if not patterns:
        told.add(where, [], "at least one")
    for index, pattern in enumerate(patterns):
        key = f"{where}[{index}]"
        try:
            if tracked.holds(pattern):
                continue
        except ValueError as error:
            told.add(key, pattern, str(error).removeprefix("expected "))
            continue
        near = tracked.near(pattern)
        hint = f": did you mean {near!r}?" if near else ""
        told.lines.append(f"{told.file}: {key} = {pattern!r}: it matches no tracked file{hint}")
