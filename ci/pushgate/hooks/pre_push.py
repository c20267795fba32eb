"""Judging a push: what CI would run for each ref, on exactly the commit that is pushed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pushgate.hooks.pushed import NotJudged, Pushed
from pushgate.model.job import Job
from pushgate.model.outcome import ExitCode
from pushgate.model.run_event import Consumer, Note
from pushgate.model.settings import ConfigurationError
from pushgate.plan import changes, projects
from pushgate.plan.definition import NOXFILE, Definition, of_project
from pushgate.plan.planner import plan
from pushgate.run import launch, target
from pushgate.run.checkout import clean_checkout
from pushgate.run.launch import Pace, Request
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.tools import git

Push = tuple[Sequence[Pushed], Sequence[NotJudged]]
"""The refs to judge, and those that have no job in CI."""


def judge(folder: Path, push: Push, pace: Pace, report: Consumer) -> ExitCode:
    """Run what CI would run for every ref of a push, each commit in a clean checkout.

    Args:
        folder: Any folder of the repository.
        push: What is pushed.
        pace: How the jobs are run.
        report: Shows what happens.

    Returns:
        ``PASSED`` if all that was selected did, for every ref; ``INTERRUPTED``; else
        ``FAILED``, which refuses the push.

    Raises:
        ConfigurationError: A project that is pushed has no valid definition.
        CheckoutError: A commit cannot be checked out as CI would have it.
    """
    repository = _repository(folder)
    pushed, not_judged = push
    for ref in not_judged:
        report(_note(f"{ref.remote_ref}: {ref.reason}"))
    codes: dict[str, ExitCode] = {}
    for commit in dict.fromkeys(ref.commit for ref in pushed):
        refs = [ref for ref in pushed if ref.commit == commit]
        for what, code in _judged(repository, commit, refs, pace, report):
            if code is ExitCode.INTERRUPTED:
                return code
            codes[what] = code
    bad = [what for what, code in codes.items() if code is not ExitCode.PASSED]
    if bad and len(codes) > 1:
        # The last run, which stands right above, may have passed.
        report(_note(f"not all passed on {'; '.join(bad)}"))
    return ExitCode.FAILED if bad else ExitCode.PASSED


def _repository(folder: Path) -> Path:
    try:
        return git.toplevel(folder.resolve())
    except git.NoRepositoryError:
        # A push needs no working tree: beside several of them, the repository may have none.
        return git.common_folder(folder.resolve())


def _judged(
    repository: Path, commit: str, refs: Sequence[Pushed], pace: Pace, report: Consumer
) -> Iterator[tuple[str, ExitCode]]:
    """Run the projects of a commit one after the other; yield what each is and how it ended."""
    store = Store.of(repository)
    chosen = target.commit(repository, commit)
    names = ", ".join(ref.remote_ref.split("/", 2)[-1] for ref in refs)
    chosen = replace(chosen, words=f"{chosen.words}, pushed to {names}")
    launch.sweep(store)  # what a killed run has left may still write to the checkout
    with clean_checkout(repository, store, commit) as top:
        outer, inner = projects.find(top)
        definitions = _definitions(top, outer, chosen)
        if not definitions:
            report(_note(f"{chosen.words}: no {NOXFILE} there calls Pushgate: nothing to judge"))
        if inner:
            names = ", ".join(map(str, inner))
            report(_note(f"{chosen.words}: within another project, not judged: {names}"))
        for folder, definition in definitions.items():
            events, jobs = _planned(definition, refs)
            its = _within(chosen, folder)
            project = repository / folder
            request = Request(jobs=jobs, event=events, target=its, project=project)
            with launch.opened(store) as run:
                yield its.words, launch.launch(definition, request, run, pace, report)


def _definitions(top: Path, folders: Iterable[Path], chosen: Target) -> dict[Path, Definition]:
    """Read all projects of a commit, by their folders in it."""
    definitions, problems = {}, []
    for folder in folders:
        try:
            definitions[folder] = _definition(top / folder)
        except ConfigurationError as error:
            words = _within(chosen, folder).words
            problems += [f"{words}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigurationError(*problems)
    return definitions


def _definition(folder: Path) -> Definition:
    if not (folder / NOXFILE).is_file():
        message = f"pyproject.toml: [tool.pushgate] needs a {NOXFILE} beside it: `git add` it"
        raise ConfigurationError(message)
    return of_project(folder)


def _within(chosen: Target, folder: Path) -> Target:
    return replace(chosen, words=f"{folder} in {chosen.words}") if folder.parts else chosen


def _planned(definition: Definition, refs: Sequence[Pushed]) -> tuple[str, tuple[Job, ...]]:
    """Return the events of the refs, and all jobs that any of them selects."""
    events, names = [], set()
    settings = definition.settings
    for ref in refs:
        event = ref.event(settings.branches)
        changed = changes.of(settings, event, head=ref.commit, before=ref.before)
        planned = plan(definition, event, changes=changed)
        events.append(str(event))
        names |= {job.name for job in planned.selected}
    jobs = tuple(job for job in definition.jobs if job.name in names)
    return ", ".join(dict.fromkeys(events)), jobs


def _note(text: str) -> Note:
    return Note(at=time.time(), text=text)
