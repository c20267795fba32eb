"""The jobs that did not pass the last time."""

from __future__ import annotations

from pathlib import Path

from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition
from pushgate.run.history import History


def names(history: History, definition: Definition, project: Path) -> list[str]:
    """Name the jobs that did not pass in a project's last run and are still there.

    Args:
        history: The history of the repository's runs.
        definition: The jobs that there are now.
        project: The project's folder in the user's working tree.

    Returns:
        At least one name.

    Raises:
        ConfigurationError: There is no such run, or no such job.
    """
    last = history.last(project)
    if last is None:
        message = "there is no run yet that something could have failed in: `pushgate run` first"
        raise ConfigurationError(message)
    now = {job.name for job in definition.jobs}
    found = [name for name in history.not_passed(last.name) if name in now]
    if not found:
        message = f"nothing is left of run {last.name} that did not pass: `pushgate run` runs all"
        raise ConfigurationError(message)
    return found
