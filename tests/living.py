"""Processes that show that they live, however much they are on their own."""

from __future__ import annotations

import fcntl
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest

_PATIENCE_SECONDS: Final = 30.0

_PROGRAM: Final = """import fcntl
import os
import signal
import sys
import time
from pathlib import Path


def show(name):
    # A lock is gone when the process and all its forks are, whoever has not waited for them yet.
    file = (Path(__file__).parent / "alive" / f"{name}.part").open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    Path(file.name).rename(file.name.removesuffix(".part"))
    return file


def daemonise(arguments):
    if os.fork():
        return os.wait()
    os.setsid()
    if not os.fork():
        os.execve(sys.executable, [sys.executable, "-ES", __file__, *arguments], {})
    os._exit(0)


def main(name, *words):
    if "daemon" in words:
        return daemonise([name, *(word for word in words if word != "daemon")])
    if "deaf" in words:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    file = show(name)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if "parent" in words:
            os.fork() or os._exit(0)
            os.wait()
        if "chain" in words and os.fork():
            os._exit(0)
        time.sleep(0.5 if not {"parent", "chain"} & {*words} else 0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@dataclass(frozen=True)
class Living:
    """A program whose processes can be counted.

    Attributes:
        folder: Where it is, outside of any project.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Living:
        """Write the program."""
        (folder / "alive").mkdir(parents=True)
        (folder / "alive.py").write_text(_PROGRAM, encoding="utf-8")
        return cls(folder)

    def command(self, name: str, *words: str) -> str:
        """Return the command of a process that lives on until it is ended.

        Args:
            name: What it is called here.
            words: ``daemon``: in a session of its own, with an empty environment and no parent;
                ``deaf``: without regard to signals; ``parent``: starting children all the time;
                ``chain``: each soon replaced by its child.
        """
        return shlex.join([sys.executable, "-ES", str(self.folder / "alive.py"), name, *words])

    def names(self) -> list[str]:
        """Name those that live."""
        living = []
        for path in (self.folder / "alive").iterdir():
            if path.suffix:
                continue  # about to have its lock
            with path.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    living.append(path.name)
        return sorted(living)

    def forget(self) -> None:
        """Forget those that have lived."""
        for path in (self.folder / "alive").iterdir():
            path.unlink()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, which fails the test where it takes too long."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            pytest.fail("it took too long")
        time.sleep(0.01)


def below(process: int) -> list[psutil.Process]:
    """Return the children of a process; none where it is gone."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process).children()
    return []


def commands_below(process: int) -> list[str]:
    """Return the words of all commands below a process."""
    words = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process).children(recursive=True):
            with suppress(psutil.Error):
                words += child.cmdline()
    return words
