"""The workflow files of a repository: writing them, and telling where they have drifted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.gates import workflow as guard
from pushgate.model.ci import mark
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition, expecting
from pushgate.providers import pipeline
from pushgate.providers.pipeline import Pipeline
from pushgate.providers.provider import Provider
from pushgate.providers.registry import NAMES, named

_ODD: Final = "surrogateescape"
"""What is no UTF-8 in a block of the user's stays as it is."""


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file, as it is and as it should be.

    Attributes:
        path: Where it is, from the top of the repository.
        before: What it holds; empty: there is none.
        after: What it should hold.
    """

    path: str
    before: str
    after: str

    @property
    def diff(self) -> list[str]:
        """The difference, in the unified format; empty where there is none."""
        before = f"a/{self.path}" if self.before else "/dev/null"
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), before, f"b/{self.path}", lineterm=""
        )
        return list(lines)

    def write(self, repository: Path) -> None:
        """Write what it should hold, at once.

        Args:
            repository: The top folder of the working tree.
        """
        path = repository / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(self.after, encoding="utf-8", errors=_ODD)
        part.replace(path)


def chosen(definition: Definition, name: str | None) -> list[Provider]:
    """Return the providers whose files are meant.

    Args:
        definition: The project's definition.
        name: A provider's name; None: all whose files of ours are there.
    """
    if name:
        return [named(name)]
    content = pipeline.of(definition)
    top = definition.settings.repository
    return [each for each in map(named, NAMES) if _ours(top, each, content)]


def planned(definition: Definition, providers: Sequence[Provider]) -> list[WorkflowFile]:
    """Derive the workflow files, and write none.

    Args:
        definition: The project's definition.
        providers: Whose; the first one's where there is none.

    Raises:
        ConfigurationError: A provider cannot carry a name, a kept block has lost its place, or
            the file is not ours.
    """
    # Once there is a file, the gate that guards it is on: so it is in the file from the start.
    content = pipeline.of(expecting(definition, guard.name))
    files = []
    for provider in providers or [named(NAMES[0])]:
        path, before = _place(definition.settings.repository, provider, content)
        files.append(WorkflowFile(path, before, provider.render(content, before)))
    return files


def write(definition: Definition, providers: Sequence[Provider]) -> Iterator[str]:
    """Write the workflow files, and yield a line about each.

    Args:
        definition: The project's definition.
        providers: Whose; the first one's where there is none.

    Raises:
        ConfigurationError: As ``planned`` does; then nothing is written.
    """
    for file in planned(definition, providers):
        if file.before == file.after:
            yield f"{file.path} is as it should be"
            continue
        file.write(definition.settings.repository)
        yield f"{'changed' if file.before else 'wrote'} {file.path}"


def check(definition: Definition, providers: Sequence[Provider]) -> Iterator[str]:
    """Yield a line for each difference between the workflow files and the definition.

    Args:
        definition: The project's definition.
        providers: Whose.

    Raises:
        ConfigurationError: There is no provider, a file cannot be read, or a provider cannot
            carry a name.
    """
    if not providers:
        message = "no workflow file is Pushgate's: `pushgate workflow` writes one"
        raise ConfigurationError(message)
    content = pipeline.of(expecting(definition, guard.name))
    for provider in providers:
        path, text = _place(definition.settings.repository, provider, content)
        if not text:
            yield f"{path}: is missing: `pushgate workflow {provider.name}` writes it"
            continue
        yield from (f"{path}: {line}" for line in provider.differences(content, text))


def _place(repository: Path, provider: Provider, content: Pipeline) -> tuple[str, str]:
    """Return where a provider's file is or should be, and its text; empty: there is none."""
    if ours := _ours(repository, provider, content):
        return ours
    paths = provider.paths(content)
    for path in paths:
        if not (repository / path).exists():
            return path, ""
    taken = " and ".join(paths)
    message = f"{taken}: not written by `pushgate workflow`: remove or rename it, then run it again"
    raise ConfigurationError(message)


def _ours(repository: Path, provider: Provider, content: Pipeline) -> tuple[str, str] | None:
    """Return where a provider's file of this project is, and its text; None: there is none."""
    for path in provider.paths(content):
        if (repository / path).is_file():
            text = (repository / path).read_text(encoding="utf-8", errors=_ODD)
            if mark(content.folder) in text.partition("\n")[0]:
                return path, text
    return None
