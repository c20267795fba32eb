"""Docker's engine."""

from __future__ import annotations

from pathlib import Path

from pushgate.tools import process


def engine_version() -> str | None:
    """Return the version of the Docker engine that answers, or None if none does."""
    try:
        answer = process.capture(
            ["docker", "version", "--format", "{{.Server.Version}}"], cwd=Path.home(), check=False
        )
    except process.CommandError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
