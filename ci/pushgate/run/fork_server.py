"""The process that starts the jobs of a run: it has imported Nox once, and forks for each.

``python -P -m pushgate.run.fork_server FD`` is told what to do in JSON lines over the socket
of that descriptor: ``{"start": job, "arguments": […], "folder": …, "environment": {…},
"log": …}`` and ``{"signal": job, "number": n}``. It answers ``{"started": job}`` and
``{"ended": job, "status": n}``.
When the other end closes, however that happens, every job is ended.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from pushgate import nox_sessions
from pushgate.run import supervisor
from pushgate.tools import strays

_CHUNK: Final = 65536


class _Server:
    """The jobs that run, and the socket that tells about them."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.jobs: dict[int, str] = {}
        self.open = True
        self.received = b""

    def serve(self) -> None:
        """Start and end jobs until the other end has closed and no job is left."""
        reading, writing = socket.socketpair()
        for end in (reading, writing):
            end.settimeout(0)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            selector.register(reading, selectors.EVENT_READ)
            while self.open or self.jobs:
                for key, _ in selector.select():
                    if key.fileobj is reading:
                        reading.recv(_CHUNK)
                    elif not self._receive():
                        selector.unregister(self.connection)
                self._reap()
        self._end_orphans()

    def _receive(self) -> bool:
        try:
            chunk = self.connection.recv(_CHUNK)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self.open = False
            for process in self.jobs:
                os.kill(process, supervisor.TERMINATE)
            return False
        *lines, self.received = (self.received + chunk).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return True

    def _obey(self, order: Mapping[str, Any]) -> None:
        if "start" in order:
            # Held back until the new process can bear them.
            signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.SIGNALS)
            process = os.fork()
            if not process:
                self.connection.close()
                _become_job(order)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.SIGNALS)
            self.jobs[process] = order["start"]
            self._tell({"started": order["start"]})
            return
        for process, job in self.jobs.items():
            if job == order["signal"]:
                os.kill(process, order["number"])

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not process:
                return
            job = self.jobs.pop(process, None)
            if job is None:
                continue
            if os.WIFSIGNALED(status):
                # Someone killed the supervisor: what it had below it is ours now.
                self._end_orphans()
            self._tell({"ended": job, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, answer: Mapping[str, Any]) -> None:
        if self.open:
            try:
                self.connection.sendall(json.dumps(answer).encode() + b"\n")
            except ConnectionError:
                self.open = False

    def _end_orphans(self) -> None:
        supervised = {below.pid for process in self.jobs for below in strays.below(process)}
        for process in strays.below(os.getpid()):
            if process.pid not in supervised and process.pid not in self.jobs:
                strays.send(process, signal.SIGKILL)


def _become_job(order: Mapping[str, Any]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    supervisor.supervise(lambda: nox_sessions.call(order["arguments"]))


def main() -> None:
    """Serve the socket whose descriptor is the only argument."""
    # Ctrl-C on a terminal is the runner's to handle, which tells each job.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    strays.adopt_orphans()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text file
    nox_sessions.warm_up()
    gc.collect()
    gc.freeze()
    _Server(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
