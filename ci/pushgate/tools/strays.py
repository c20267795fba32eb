"""Processes that outlive the one that started them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pushgate.tools.process import GRACE_SECONDS

_PROCESSES: Final = Path("/proc")


def end(variable: str, value: str) -> None:
    """End every process that was started with a variable of that value in its environment.

    Each may end in order first (SIGTERM), and is killed ``GRACE_SECONDS`` later, or at
    once when this is interrupted. Only Linux tells a process's environment; elsewhere
    nothing is found.

    Args:
        variable: The name of the environment variable.
        value: What it holds.
    """
    mark = f"{variable}={value}".encode()
    try:
        _signal_until_gone(mark, signal.SIGTERM, once=True)
    finally:
        _signal_until_gone(mark, signal.SIGKILL, once=False)


def _signal_until_gone(mark: bytes, number: signal.Signals, *, once: bool) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    told: set[int] = set()
    while (left := set(_marked(mark))) and time.monotonic() < deadline:
        for process in left - told:
            _send(process, number)
        if once:
            told |= left
        time.sleep(0.02)


def _marked(mark: bytes) -> Iterator[int]:
    for folder in _PROCESSES.glob("[1-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is another user's
        if mark in environment.split(b"\0"):
            yield int(folder.name)


def _send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return  # it has just ended
