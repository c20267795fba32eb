"""The process above one job: it leaves nothing of the job alive, however the job ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

import psutil

from pushgate.tools import strays
from pushgate.tools.process import GRACE_SECONDS

ASK: Final = signal.SIGINT
"""Ask the job to end in order."""
TERMINATE: Final = signal.SIGTERM
"""End every process of the job, each in order."""
KILL: Final = signal.SIGQUIT
"""Kill every process of the job."""

SIGNALS: Final = (ASK, TERMINATE, KILL, signal.SIGALRM)
"""What a supervisor handles; blocked when it is forked."""

ASKING_SECONDS: Final = 10.0
"""How long a job may take to end in order: the gate ends its commands, each step with its grace."""

_AGAIN_SECONDS: Final = 0.1
_NATURAL_END_SECONDS: Final = 0.5


@dataclass
class _Supervised:
    """One job's processes.

    Attributes:
        leader: The process that carries the job out.
        status: How it ended, as ``os.waitpid`` tells; None while it runs.
        hardest: The hardest signal that was sent up to now.
        strays: What was still alive when a job had ended that nobody asked to.
    """

    leader: int = 0
    status: int | None = None
    hardest: signal.Signals | None = None
    strays: list[str] = field(default_factory=list)

    def ask(self, *_: object) -> None:
        """Ask the leader; harder after ``ASKING_SECONDS``."""
        if self.hardest is None and self.status is None:
            self.hardest = ASK
            os.kill(self.leader, signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, ASKING_SECONDS)

    def terminate(self, *_: object) -> None:
        """End every process in order; kill them after ``GRACE_SECONDS``."""
        if self.hardest is not KILL:
            self.hardest = TERMINATE
            self._send(signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def kill(self, *_: object) -> None:
        """Kill every process, and those that they start meanwhile."""
        self.hardest = KILL
        self._send(signal.SIGKILL)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    def harder(self, *_: object) -> None:
        """Take the next step."""
        if self.hardest is ASK:
            self.terminate()
        else:
            self.kill()

    def wait(self) -> None:
        """Wait for the leader, then for all that it left, which is ended."""
        while self.status is None:
            self._reap()
        if self._left_after(_NATURAL_END_SECONDS):
            if self.hardest is None:
                self.strays = sorted(map(_name, strays.below(os.getpid())))
            if self.hardest in {None, ASK}:
                self.terminate()
        while self._reap():
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _reap(self) -> bool:
        """Wait for one process; tell whether there was one."""
        try:
            process, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return False
        self._note(process, status)
        return True

    def _left_after(self, seconds: float) -> bool:
        """Tell whether something lives on although it was given time to end by itself."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if process:
                self._note(process, status)
            elif time.monotonic() > deadline:
                return True
            else:
                time.sleep(0.01)

    def _note(self, process: int, status: int) -> None:
        if process == self.leader:
            self.status = status

    def _send(self, number: signal.Signals) -> None:
        for process in strays.below(os.getpid()):
            strays.send(process, number)


def supervise(lead: Callable[[], int]) -> NoReturn:
    """Carry a job out in a child, and end as it ended, with nothing of it left.

    For a fresh fork with ``SIGNALS`` blocked, whose outputs go where the job's are to go.
    It becomes the leader of a session of its own. ``ASK``, ``TERMINATE`` and ``KILL``, sent
    to it, end the job; it takes the harder steps by itself where the job does not end. It
    does so, too, when its parent ends.

    Args:
        lead: The job; it returns its exit status.
    """
    parent = os.getppid()
    os.setsid()
    supervised = _Supervised()
    handlers = {
        ASK: supervised.ask,
        TERMINATE: supervised.terminate,
        KILL: supervised.kill,
        signal.SIGALRM: supervised.harder,
    }
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    strays.adopt_orphans()
    supervised.leader = os.fork()
    if not supervised.leader:
        _lead(lead)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    strays.end_with_parent(TERMINATE, parent)
    supervised.wait()
    if supervised.strays:
        print(f"pushgate > ended what outlived the job: {', '.join(supervised.strays)}", flush=True)
    code = os.waitstatus_to_exitcode(supervised.status or 0)
    os._exit(code if code >= 0 else 128 - code)


def _lead(lead: Callable[[], int]) -> NoReturn:
    # A group of its own: the supervisor is not in it, whoever signals the group.
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = lead()
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001  # the process ends here, whatever it was
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)
