"""Processes that outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psutil

from pushgate.tools.process import GRACE_SECONDS

# `man 2 prctl`, linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


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


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process.send_signal(number)


def end(variable: str, value: str) -> None:
    """End every process that was started with a variable of that value in its environment.

    Each may end in order first (SIGTERM), and is killed ``GRACE_SECONDS`` later, or at
    once when this is interrupted.

    Args:
        variable: The name of the environment variable.
        value: What it holds.
    """
    try:
        _signal_until_gone(variable, value, signal.SIGTERM, once=True)
    finally:
        _signal_until_gone(variable, value, signal.SIGKILL, once=False)


def _signal_until_gone(variable: str, value: str, number: signal.Signals, *, once: bool) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    told: set[psutil.Process] = set()
    while (left := set(_marked(variable, value))) and time.monotonic() < deadline:
        for process in left - told:
            send(process, number)
        if once:
            told |= left
        time.sleep(0.02)


def _marked(variable: str, value: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        # One that has ended, or is another user's, tells no environment.
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                yield process
