"""Docker's engine."""

from __future__ import annotations

from pushgate.tools import process


def engine_version() -> str | None:
    """Return the version of the Docker engine that answers, or None if none does."""
    try:
        answer = process.capture(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            cwd=process.NOWHERE,
            check=False,
        )
    except process.CommandError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
