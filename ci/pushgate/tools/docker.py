"""Docker's engine."""

from __future__ import annotations

from typing import Final

from pushgate.tools import process

_PATIENCE_SECONDS: Final = 15.0
"""How long an engine may take for an answer; one that hangs must not hold up a run."""


def engine_version() -> str | None:
    """Return the version of the Docker engine that answers, or None if none does."""
    return _docker("version", "--format", "{{.Server.Version}}") or None


def image_id(name: str) -> str | None:
    """Return the id of an image that is here, or None if no engine has it."""
    return _docker("image", "inspect", "--format", "{{.Id}}", name) or None


def remove_containers(label: str, value: str) -> None:
    """Remove every container with a label of that value, running or not, if there is an engine."""
    listing = _docker("ps", "--all", "--quiet", "--filter", f"label={label}={value}")
    if containers := listing.split():
        _docker("rm", "--force", "--volumes", *containers)


def _docker(*arguments: str) -> str:
    """Return what Docker prints; empty where there is no Docker, or no engine that answers."""
    try:
        answer = process.capture(
            ["docker", *arguments], cwd=process.NOWHERE, check=False, seconds=_PATIENCE_SECONDS
        )
    except process.CommandError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
