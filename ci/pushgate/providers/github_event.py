"""What GitHub tells a workflow of the event that started it.

The variables and the two files that they name are documented by GitHub: "Variables
reference" (default environment variables), "Workflow commands" (setting an output
parameter), "Events that trigger workflows" and "Webhook events and payloads".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pushgate.model.event import Event
from pushgate.model.plan import Plan
from pushgate.model.settings import ConfigurationError, Settings
from pushgate.plan import changes
from pushgate.plan.changes import Changes
from pushgate.tools import git

_BRANCH: Final = "refs/heads/"
_TAG: Final = "refs/tags/"


def seen(settings: Settings, environment: Mapping[str, str]) -> tuple[Event, Changes]:
    """Tell which event CI sees, and which files that changes in the commit checked out.

    Args:
        settings: The project's definition.
        environment: The variables of a step of GitHub Actions.

    Returns:
        The event: of a merge queue the pull request that it will merge, of a run that was
        asked for by hand a push of the branch or tag that it runs on. And its changes.

    Raises:
        ConfigurationError: This is no step of GitHub Actions, or the event is none that
            selects gates, or GitHub tells less of it than it documents.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        message = (
            "--ci asks CI for the event, and this is no step of GitHub Actions: "
            "say --event, such as --event push:main"
        )
        raise ConfigurationError(message)
    name = _said(environment, "GITHUB_EVENT_NAME")
    if name == "workflow_dispatch":
        event = _of_ref(_said(environment, "GITHUB_REF"))
        return event, Changes(None, f"{event} was started by hand")
    event, before = _event(name, environment)
    head = git.head(settings.repository)
    return event, changes.of(settings, event, head=head, before=before)


def hand_on(planned: Plan, environment: Mapping[str, str]) -> None:
    """Set the output ``gates`` of the step: a JSON array of the gates with a selected job.

    Args:
        planned: The plan of the event.
        environment: The variables of a step of GitHub Actions.

    Raises:
        ConfigurationError: GitHub names no file for outputs.
    """
    gates = dict.fromkeys(job.gate for job in planned.selected)
    line = f"gates={json.dumps([*gates], separators=(',', ':'))}\n"
    with Path(_said(environment, "GITHUB_OUTPUT")).open("a", encoding="utf-8") as outputs:
        outputs.write(line)


def _event(name: str, environment: Mapping[str, str]) -> tuple[Event, str | None]:
    """Return the event, and of a push to a branch the commit that this was at."""
    if name == "pull_request":
        return Event(name, _said(environment, "GITHUB_BASE_REF")), None
    if name == "merge_group":
        base = _of_payload(environment, "merge_group", "base_ref")
        return Event("pull_request", base.removeprefix(_BRANCH)), None
    if name == "schedule":
        return Event(name), None
    if name == "push":
        event = _of_ref(_said(environment, "GITHUB_REF"))
        return event, _of_payload(environment, "before") if event.kind == "push" else None
    message = (
        f"GITHUB_EVENT_NAME is {name}, which selects no gates: expected push, pull_request, "
        "merge_group, schedule or workflow_dispatch"
    )
    raise ConfigurationError(message)


def _of_ref(ref: str) -> Event:
    for start, kind in ((_BRANCH, "push"), (_TAG, "tag")):
        if ref.startswith(start) and ref != start:
            return Event(kind, ref.removeprefix(start))
    message = f"GITHUB_REF is {ref!r}: expected {_BRANCH}BRANCH or {_TAG}TAG"
    raise ConfigurationError(message)


def _of_payload(environment: Mapping[str, str], *keys: str) -> str:
    file = _said(environment, "GITHUB_EVENT_PATH")
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"GITHUB_EVENT_PATH names {file}, which is no payload of an event: {error}"
        raise ConfigurationError(message) from error
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        message = f"GITHUB_EVENT_PATH names {file}, where {'.'.join(keys)} is missing"
        raise ConfigurationError(message)
    return found


def _said(environment: Mapping[str, str], variable: str) -> str:
    if value := environment.get(variable):
        return value
    message = f"{variable} is missing: GitHub Actions sets it for every step"
    raise ConfigurationError(message)
