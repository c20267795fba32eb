"""Who a thing belongs to that may outlive its process, so that the next start can tell."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Final

import psutil

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE: Final = Path("/proc/self/ns/pid")

_TOLERANCE_SECONDS: Final = 3
"""Linux reckons when a process was started from when it was booted, which its clock moves."""


def this_process() -> str:
    """Name this process: the place where its number means something, the number, its start."""
    process = psutil.Process()
    return f"{_place()}_{process.pid}_{int(process.create_time())}"


def is_gone(owner: str) -> bool:
    """Tell whether a process has ended; of one elsewhere nobody here knows it.

    Args:
        owner: What ``this_process`` has returned there.
    """
    place, _, rest = owner.partition("_")
    number, _, started = rest.partition("_")
    if place != _place() or not (number.isdecimal() and started.isdecimal()):
        return False
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - int(started)) > _TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return True


def _place() -> str:
    # Another container has other processes under the same numbers, and may share an engine.
    try:
        words = (_BOOT.read_text(encoding="ascii"), str(_NAMESPACE.readlink()))
    except OSError:
        words = (platform.node(), "")
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]
