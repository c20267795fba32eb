"""The process that starts the jobs of a run: it has imported Nox once, and forks for each.

``python -P -m pushgate.run.fork_server FD PROJECT`` starts jobs of the project in that folder.
It is told what to do in JSON lines over the socket of that descriptor: ``{"start": job,
"arguments": […], "folder": …, "environment": {…}, "log": …}`` and ``{"signal": job,
"number": n}``. It answers ``{"started": job, "at": seconds}`` and ``{"ended": job, "at": seconds,
"status": n}``, by the clock that all processes of the machine share (``time.monotonic``).
When the other end closes, however that happens, every job is ended; at SIGTERM, too.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from pushgate import nox_sessions
from pushgate.run import supervisor
from pushgate.tools import strays

_CHUNK: Final = 65536
_MOMENT_SECONDS: Final = 0.01


class _Server:
    """The jobs that run, and the socket that tells about them."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reading, self.writing = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.jobs: dict[int, str] = {}
        self.open = True
        self.received = b""

    def serve(self) -> None:
        """Start and end jobs until the other end has closed and no job is left."""
        for end in (self.reading, self.writing):
            end.settimeout(0)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self.writing.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.connection, selectors.EVENT_READ)
        self.selector.register(self.reading, selectors.EVENT_READ)
        while self.open or self.jobs:
            for key, _ in self.selector.select():
                if key.fileobj is self.reading:
                    if signal.SIGTERM in self.reading.recv(_CHUNK):
                        self._close()
                elif self.open:
                    self._receive()
            self._reap()
        while strays.kill_children():
            self._reap()
            time.sleep(_MOMENT_SECONDS)

    def _receive(self) -> None:
        try:
            chunk = self.connection.recv(_CHUNK)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._close()
            return
        *lines, self.received = (self.received + chunk).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _close(self) -> None:
        if self.open:
            self.open = False
            self.selector.unregister(self.connection)
            self.connection.close()
            for process in self.jobs:
                os.kill(process, supervisor.TERMINATE)

    def _obey(self, order: Mapping[str, Any]) -> None:
        if "start" in order:
            # Held back until the new process can bear them.
            signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.SIGNALS)
            server = os.getpid()
            process = os.fork()
            if not process:
                signal.set_wakeup_fd(-1)
                for file in (self.connection, self.selector, self.reading, self.writing):
                    file.close()
                _become_job(order, server)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.SIGNALS)
            self.jobs[process] = order["start"]
            self._tell(started=order["start"])
            return
        for process, job in self.jobs.items():
            if job == order["signal"]:
                os.kill(process, order["number"])

    def _reap(self) -> None:
        try:
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                process, status = ended
                job = self.jobs.pop(process, None)
                # What a supervisor had below it that was killed is ours now; each that ends
                # may have left another one.
                strays.kill_children(besides=self.jobs)
                if job is not None:
                    self._tell(ended=job, status=os.waitstatus_to_exitcode(status))
        except ChildProcessError:
            return

    def _tell(self, **answer: str | int) -> None:
        if self.open:
            told = {"at": time.monotonic(), **answer}
            # Where the other end has closed, the next read says so.
            with suppress(ConnectionError):
                self.connection.sendall(json.dumps(told).encode() + b"\n")


def _become_job(order: Mapping[str, Any], server: int) -> NoReturn:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    supervisor.supervise(lambda: nox_sessions.call(order["arguments"]), server)


def main() -> None:
    """Serve the socket whose descriptor is the first argument."""
    strays.adopt_orphans()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text file
    nox_sessions.warm_up(Path(sys.argv[2]))
    gc.collect()
    gc.freeze()
    _Server(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
