"""Judging a push: what CI would run for each ref, on exactly the commit that is pushed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pushgate.hooks.pushed import NotJudged, Pushed
from pushgate.model.job import Job
from pushgate.model.outcome import ExitCode
from pushgate.model.run_event import Consumer, Note
from pushgate.plan import changes
from pushgate.plan.definition import NOXFILE, Definition, of_project
from pushgate.plan.planner import plan
from pushgate.run import launch, target
from pushgate.run.checkout import clean_checkout
from pushgate.run.launch import Pace, Request
from pushgate.run.store import Store
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
    """
    repository = git.toplevel(folder.resolve())
    pushed, not_judged = push
    for ref in not_judged:
        report(_note(f"{ref.remote_ref}: {ref.reason}"))
    worst = ExitCode.PASSED
    for commit in dict.fromkeys(ref.commit for ref in pushed):
        refs = [ref for ref in pushed if ref.commit == commit]
        for code in _judged(repository, commit, refs, pace, report):
            if code is ExitCode.INTERRUPTED:
                return code
            worst = worst if code is ExitCode.PASSED else ExitCode.FAILED
    return worst


def _judged(
    repository: Path, commit: str, refs: Sequence[Pushed], pace: Pace, report: Consumer
) -> Iterator[ExitCode]:
    """Run the projects of a commit one after the other."""
    store = Store.of(repository)
    chosen = target.commit(repository, commit)
    names = ", ".join(ref.remote_ref.split("/", 2)[-1] for ref in refs)
    chosen = replace(chosen, words=f"{chosen.words}, pushed to {names}")
    launch.sweep(store)  # what a killed run has left may still write to the checkout
    with clean_checkout(repository, store, commit) as top:
        projects = _projects(top)
        if not projects:
            report(_note(f"{chosen.words}: no {NOXFILE} there calls Pushgate: nothing to judge"))
        for project in projects:
            definition = of_project(project)
            events, jobs = _planned(definition, refs)
            request = Request(
                jobs=jobs,
                event=events,
                target=chosen,
                project=repository / project.relative_to(top),
            )
            with launch.opened(store) as run:
                yield launch.launch(definition, request, run, pace, report)


def _projects(top: Path) -> list[Path]:
    """Find the folders whose noxfile calls Pushgate, without those within another one."""
    found: list[Path] = []
    tracked = (Path(path) for path in git.tracked_files(top))
    noxfiles = [path for path in tracked if path.name == NOXFILE]
    for noxfile in sorted(noxfiles, key=lambda path: len(path.parts)):
        folder = top / noxfile.parent
        calls = b"pushgate" in (top / noxfile).read_bytes()
        within = any(folder.is_relative_to(project) for project in found)
        if calls and not within and (folder / "pyproject.toml").is_file():
            found.append(folder)
    return found


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
