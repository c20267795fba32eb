"""Processes that outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import Final

import psutil

from pushgate.tools.process import GRACE_SECONDS

# `man 2 prctl`, linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36

PATIENCE_SECONDS: Final = 2 * GRACE_SECONDS
"""How long ``end`` waits: a process that ends others first has a grace for them, too."""

_MOMENT_SECONDS: Final = 0.02


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends.

    Only Linux has it: elsewhere such a process is found by its environment only.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(number: signal.Signals, parent: int) -> None:
    """Ask for a signal when the parent of this process ends, however that happens.

    Args:
        number: The signal. Only Linux sends it.
        parent: The parent's process id; if it has ended already, the signal comes at once.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def below(process: int) -> list[psutil.Process]:
    """Return every process below one, children of children included."""
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_children(besides: Container[int] = ()) -> bool:
    """Kill the children of this process with all that is below them.

    Args:
        besides: The process ids of children that live on.

    Returns:
        Whether there was one; one that has ended counts until it was waited for.
    """
    children = [child for child in psutil.Process().children() if child.pid not in besides]
    for child in children:
        for process in (child, *below(child.pid)):
            send(process, signal.SIGKILL)
    return bool(children)


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process.send_signal(number)


def end(variable: str, value: str) -> None:
    """End every process that was started with a variable of that value in its environment.

    Each may end in order first (SIGTERM). It is killed, with all that is below it, after
    ``PATIENCE_SECONDS``, or at once when this is interrupted.

    Args:
        variable: The name of the environment variable.
        value: What it holds.
    """
    try:
        _terminate(variable, value)
    finally:
        _kill(variable, value)


def _terminate(variable: str, value: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    told: set[psutil.Process] = set()
    while (left := set(_marked(variable, value))) and time.monotonic() < deadline:
        for process in left - told:
            send(process, signal.SIGTERM)
        told |= left
        time.sleep(_MOMENT_SECONDS)


def _kill(variable: str, value: str) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := list(_marked(variable, value))) and time.monotonic() < deadline:
        # Without its mark, what is below one of them could not be found any more.
        for process in [*(child for one in left for child in below(one.pid)), *left]:
            send(process, signal.SIGKILL)
        time.sleep(_MOMENT_SECONDS)


def _marked(variable: str, value: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        # One that has ended, or is another user's, tells no environment.
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                yield process
