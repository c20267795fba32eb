"""The jobs that run now, as processes under the fork server."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pushgate.run import supervisor
from pushgate.tools import process

ESCALATION: Final = (supervisor.ASK, supervisor.TERMINATE, supervisor.KILL)
"""What the first, the second and every further request to end a job sends."""

_CHUNK: Final = 65536


class ServerLostError(Exception):
    """The fork server has ended although it should not have; the message tells its log."""


@dataclass(frozen=True)
class Change:
    """A job whose process has started or ended.

    Attributes:
        job: The job's name.
        at: When, by ``time.monotonic``, however late it is looked at.
        status: Its exit status, negative: ended by that signal; None: it has started.
    """

    job: str
    at: float
    status: int | None


class JobProcesses:
    """The client's end of the fork server.

    Attributes:
        connection: The socket; it is readable when jobs have started or ended.
    """

    def __init__(self, connection: socket.socket, log: Path) -> None:
        self.connection = connection
        self._log = log
        self._received = b""

    def start(
        self,
        job: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        """Start a job.

        Args:
            job: Its name.
            arguments: The words of its Nox call after ``nox``.
            folder: The folder to run it in.
            environment: Its whole environment.
            log: The file that all its output is added to.
        """
        self._order(
            {
                "start": job,
                "arguments": list(arguments),
                "folder": str(folder),
                "environment": dict(environment),
                "log": str(log),
            }
        )

    def end(self, job: str, number: signal.Signals) -> None:
        """Send one of ``ESCALATION`` to a job's supervisor."""
        self._order({"signal": job, "number": number})

    def changes(self) -> list[Change]:
        """Return the jobs that have started or ended since the last call; it does not wait.

        Raises:
            ServerLostError: The server has ended.
        """
        try:
            while chunk := self.connection.recv(_CHUNK, socket.MSG_DONTWAIT):
                self._received += chunk
        except BlockingIOError:
            *lines, self._received = self._received.split(b"\n")
            answers = [json.loads(line) for line in lines]
            return [
                Change(answer.get("ended") or answer["started"], answer["at"], answer.get("status"))
                for answer in answers
            ]
        except ConnectionError as error:
            raise self._lost() from error
        raise self._lost()

    def _order(self, order: Mapping[str, Any]) -> None:
        try:
            self.connection.sendall(json.dumps(order).encode() + b"\n")
        except ConnectionError as error:
            raise self._lost() from error

    def _lost(self) -> ServerLostError:
        return ServerLostError(f"the process that starts the jobs has ended: see {self._log}")


@contextmanager
def serving(project: Path, folder: Path, log: Path) -> Iterator[JobProcesses]:
    """Start the fork server, and end it with all its jobs at the end.

    Args:
        project: The folder of the project whose jobs it starts.
        folder: The folder to start it in.
        log: The file for what it has to say itself.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            # -P: a module in the folder must not stand in the way of Pushgate's or Nox's own.
            server = process.start(
                [
                    *(sys.executable, "-P", "-m", "pushgate.run.fork_server"),
                    *(str(theirs.fileno()), str(project)),
                ],
                cwd=folder,
                env=os.environ,
                output=log,
                descriptors=[theirs.fileno()],
            )
        try:
            yield JobProcesses(ours, log)
        finally:
            # It ends every job, then itself, when its socket closes.
            with suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)
            server.wait()


def wait(processes: JobProcesses, wakeup: socket.socket, seconds: float) -> None:
    """Wait until a job has started or ended, a signal has come, or a time has passed.

    Args:
        processes: The jobs.
        wakeup: Readable when a signal has come; it is emptied.
        seconds: How long at most.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(processes.connection, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        for key, _ in selector.select(seconds):
            if key.fileobj is wakeup:
                wakeup.recv(_CHUNK)
