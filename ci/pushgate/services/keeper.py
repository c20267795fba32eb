"""A process that keeps a server for another one, and ends and removes it with that one.

It is told what to do through a pipe whose other end its owner holds: the end of the pipe is
the end of the owner, or of its interest, whichever system this is and however that happens.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pushgate.services.folders import Folder
from pushgate.tools import process, strays
from pushgate.tools.process import GRACE_SECONDS, NOWHERE, Child

PORT: Final = "{port}"
"""Stands for the port in the server's command."""

_MOMENT_SECONDS: Final = 0.01
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PORT_TAKEN: Final = b"Address already in use"


@dataclass(frozen=True)
class Order:
    """What is to be kept.

    Attributes:
        folder: All that the server writes; it is removed in the end.
        lock: The descriptor that tells that the folder is used.
        user: The user that the server runs as; the keeper's own if None.
        prepare: A command that comes first.
        serve: The server's command.
        ports: The ports to try, one after the other.
        environment: The whole environment of both.
        log: The file that they write to, as the keeper itself.
    """

    folder: str
    lock: int
    user: str | None
    prepare: Sequence[str]
    serve: Sequence[str]
    ports: Sequence[int]
    environment: Mapping[str, str]
    log: str


@dataclass
class Kept:
    """A keeper, for its owner.

    Attributes:
        child: The keeper.
        pipe: Its end of the pipe.
    """

    child: Child
    pipe: int

    def alive(self) -> bool:
        """Tell whether the server has not ended."""
        return self.child.poll() is None

    def end(self) -> None:
        """End the server."""
        os.close(self.pipe)
        process.stop(self.child, signal.SIGTERM, strays.PATIENCE_SECONDS)


def keep(order: Order) -> Kept:
    """Start a keeper.

    Args:
        order: What it is to keep.
    """
    reading, writing = os.pipe()
    try:
        child = process.start(
            [sys.executable, "-m", __spec__.name, str(reading)],
            cwd=NOWHERE,
            env=os.environ,
            output=Path(order.log),
            descriptors=(reading, order.lock),
        )
        os.write(writing, json.dumps(asdict(order)).encode() + b"\n")
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return Kept(child, writing)


def main(pipe: int) -> int:
    """Keep a server until the pipe ends, or a signal says so.

    Args:
        pipe: The end of the pipe to read from.

    Returns:
        The status of the command that ended by itself; 0 where it was ended.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (*_ENDING, signal.SIGCHLD):
        # Nothing is ever interrupted: what comes is read where the keeper waits.
        signal.signal(number, lambda _number, _frame: None)
    strays.adopt_orphans()
    with os.fdopen(pipe, "rb", buffering=0, closefd=False) as told:
        order = Order(**json.loads(told.readline()))
    status = _carry_out(order, _Told(pipe, reading))
    if status is None:
        Folder(Path(order.folder), order.lock).remove()
    return status or 0


@dataclass
class _Told:
    """What tells a keeper to end.

    Attributes:
        pipe: Ends with the owner.
        signals: Has the number of each signal that came.
    """

    pipe: int
    signals: int
    to_end: bool = False

    def wait(self) -> None:
        """Wait until something has happened."""
        ready, _, _ = select.select([self.pipe, self.signals], [], [])
        came = os.read(self.signals, 100) if self.signals in ready else b""
        self.to_end = self.to_end or self.pipe in ready or any(each in _ENDING for each in came)


def _carry_out(order: Order, told: _Told) -> int | None:
    log = Path(order.log)
    status = _run(order, order.prepare, told)
    for port in order.ports if status == 0 else ():
        said = log.stat().st_size
        status = _run(order, [word.replace(PORT, str(port)) for word in order.serve], told)
        if status is None or _PORT_TAKEN not in log.read_bytes()[said:]:
            break
    return status


def _run(order: Order, command: Sequence[str], told: _Told) -> int | None:
    """Return a command's status; None where it was ended."""
    keeper = os.getpid()
    child = process.start(
        command,
        cwd=Path(order.folder),
        env=order.environment,
        output=Path(order.log),
        # The folder is used for as long as a process of the server is there.
        descriptors=(order.lock,),
        user=order.user,
        first=lambda: strays.end_with_parent(signal.SIGQUIT, keeper),
    )
    while (status := child.poll()) is None and not told.to_end:
        told.wait()
    if status is None:
        # What SIGQUIT means to PostgreSQL: at once, and whoever is connected.
        process.stop(child, signal.SIGQUIT, GRACE_SECONDS)
        _outlive(child.pid)
    return status


def _outlive(group: int) -> None:
    """Wait for what a child has started: without its folder it could not end in order."""
    deadline = time.monotonic() + GRACE_SECONDS
    with suppress(ChildProcessError):
        while True:
            ended, _ = os.waitpid(-group, os.WNOHANG)
            if time.monotonic() > deadline:
                os.killpg(group, signal.SIGKILL)
            if not ended:
                time.sleep(_MOMENT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
