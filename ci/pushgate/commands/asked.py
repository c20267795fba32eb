"""What the words of the command line mean, for more than one command."""

from __future__ import annotations

import argparse
from pathlib import Path

from pushgate.config.load import find_project
from pushgate.model.event import Event
from pushgate.plan.definition import Definition, of_project
from pushgate.run.launch import Pace
from pushgate.run.schedule import Policy


def definition() -> Definition:
    """Read the definition of the project that the command is given in."""
    return of_project(find_project(Path.cwd()))


def event(parsed: argparse.Namespace, definition: Definition) -> Event:
    """Return the event that is asked for: a pull request to the main branch unless said."""
    if parsed.all:
        return Event("all")
    chosen: Event | None = parsed.event
    return chosen or Event("pull_request", main_branch(definition))


def main_branch(definition: Definition) -> str:
    """Return the first of the long-lived branches."""
    return definition.settings.branches[0]


def pace(parsed: argparse.Namespace) -> Pace:
    """Return how many cores are kept busy, and what a failure stops."""
    stops = Policy.FAIL_FAST if parsed.fail_fast else Policy.AFTER
    policy = Policy.KEEP_GOING if parsed.keep_going else stops
    return Pace(cores=parsed.parallel, policy=policy)
