"""The cores of this machine."""

from __future__ import annotations

import os


def usable() -> int:
    """Return how many cores this process may use, which may be fewer than there are."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    return len(affinity(0)) if affinity else os.cpu_count() or 1
