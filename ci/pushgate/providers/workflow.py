"""The workflow files of a repository: writing them, and telling where they have drifted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.config.yaml_text import comments, parsed
from pushgate.gates import workflow as guard
from pushgate.model.settings import ConfigurationError, Settings
from pushgate.plan.definition import Definition, expecting
from pushgate.providers import drift, kept_blocks, pins, pipeline
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
        different: A line for each thing that it says now, and should not, or the other way round,
            comments included.
    """

    path: str
    before: str
    after: str
    different: tuple[str, ...]

    @property
    def diff(self) -> list[str]:
        """The difference, in the unified format; empty where there is none."""
        before = f"a/{self.path}" if self.before else "/dev/null"
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), before, f"b/{self.path}", lineterm=""
        )
        return list(lines)

    @property
    def told(self) -> list[str]:
        """What is lost when it is written; empty: nothing."""
        lines = [f"  {line}" for line in self.different]
        return [f"{self.path} said something else, which goes:", *lines] if lines else []

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
    return [each for each in map(named, NAMES) if _ours(definition.settings, each)]


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
        path, before = _place(definition.settings, provider, content)
        after = rendered(provider, content, before)
        different = _lost(provider, content, before) if before else ()
        files.append(WorkflowFile(path, before, after, tuple(different)))
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
        yield from file.told
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
        path, text = _place(definition.settings, provider, content)
        if not text:
            yield f"{path}: is missing: `pushgate workflow {provider.name}` writes it"
            continue
        yield from (f"{path}: {line}" for line in differences(provider, content, text))
        for other in _ours(definition.settings, provider)[1:]:
            yield f"{other}: is Pushgate's, as {path} is: remove one of them"


def rendered(provider: Provider, content: Pipeline, existing: str) -> str:
    """Return the text of a workflow file.

    Args:
        provider: Whose.
        content: What it has to say.
        existing: The file as it is, whose pins and marked blocks stay; empty: none.

    Raises:
        ConfigurationError: The provider cannot carry a name; a block has no place, or changes
            what the definition says.
    """
    bare, blocks = kept_blocks.separated(existing)
    text = kept_blocks.restored(provider.written(content, bare), blocks)
    if blocks and (changes := [*_changed_by_blocks(provider, text)]):
        raise ConfigurationError(*changes)
    return text


def differences(provider: Provider, content: Pipeline, existing: str) -> list[str]:
    """Compare what a workflow file means with what it has to say.

    Args:
        provider: Whose.
        content: What it has to say.
        existing: The file as it is.

    Returns:
        One line for each difference, which names the job; pins, comments, order and marked
        blocks that only add something are none.

    Raises:
        ConfigurationError: The file cannot be read, or the provider cannot carry a name.
    """
    bare, blocks = kept_blocks.separated(existing)
    has = provider.split(parsed(bare, "the workflow file"))
    says = provider.split(parsed(provider.written(content, bare), "the workflow"))
    lines = drift.differences(has, says, unordered=provider.UNORDERED)
    return [*lines, *_changed_by_blocks(provider, existing)] if blocks else lines


def _lost(provider: Provider, content: Pipeline, existing: str) -> Sequence[str]:
    """Return a line for all that a file loses when it is written anew."""
    try:
        different = differences(provider, content, existing)
        bare, _ = kept_blocks.separated(existing)
        has, says = (
            comments(pins.without_notes(text), "the workflow file")
            for text in (bare, provider.written(content, bare))
        )
        return [*different, *drift.comments(has, says, own=provider.COMMENTS)]
    except ConfigurationError as error:
        return error.problems


def _changed_by_blocks(provider: Provider, text: str) -> Iterator[str]:
    """Yield a line for all that a file's kept blocks change of the rest of it."""
    # What is no UTF-8 in a block means nothing.
    text = text.encode(errors=_ODD).decode(errors="replace")
    bare, _ = kept_blocks.separated(text)
    has = parsed(text, "the workflow file, with its kept blocks,")
    without = parsed(bare, "the workflow file")
    yield from drift.changes(provider.split(has), provider.split(without))


def _place(settings: Settings, provider: Provider, content: Pipeline) -> tuple[str, str]:
    """Return where a provider's file is or should be, and its text; empty: there is none."""
    for path in _ours(settings, provider):
        return path, (settings.repository / path).read_text(encoding="utf-8", errors=_ODD)
    paths = provider.paths(content)
    for path in paths:
        if not (settings.repository / path).exists():
            return path, ""
    taken = " and ".join(paths)
    message = f"{taken}: not written by `pushgate workflow`: remove or rename it, then run it again"
    raise ConfigurationError(message)


def _ours(settings: Settings, provider: Provider) -> list[str]:
    """Name a provider's files of this project, from the top of the repository."""
    files = guard.written(settings, provider.PLACES)
    return [file.relative_to(settings.repository).as_posix() for file in files]
