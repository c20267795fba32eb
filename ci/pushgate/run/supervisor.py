"""The process above one job: it leaves nothing of the job alive, however the job ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
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

SIGNALS: Final = (ASK, TERMINATE, KILL, signal.SIGALRM, signal.SIGCHLD)
"""What a supervisor waits for; blocked when it is forked, and handled by a function."""

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
        outlived: What was still alive when a job had ended that nobody asked to.
    """

    leader: int
    status: int | None = None
    hardest: signal.Signals | None = None
    outlived: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Wait for the leader, then for all that it left, which is ended."""
        steps = {
            ASK: self._ask,
            TERMINATE: self._terminate,
            KILL: self._kill,
            signal.SIGALRM: self._go_on,
            signal.SIGCHLD: self._kill_the_rest,
        }
        while self._reap():
            # Blocked but for this call: no signal comes between a look and a wait.
            steps[signal.Signals(signal.sigwait(SIGNALS))]()

    def _reap(self) -> bool:
        """Take note of what has ended; tell whether anything is left."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if ended[0] == self.leader:
                    self.status = ended[1]
                    if self.hardest in {None, ASK}:
                        signal.setitimer(signal.ITIMER_REAL, _NATURAL_END_SECONDS)
        except ChildProcessError:
            return False
        return True

    def _ask(self) -> None:
        """Ask the leader; harder after ``ASKING_SECONDS``."""
        if self.hardest is None and self.status is None:
            self.hardest = ASK
            os.kill(self.leader, signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, ASKING_SECONDS)

    def _terminate(self) -> None:
        """End every process in order; kill them after ``GRACE_SECONDS``."""
        # Once only: to be told again must not put the kill off.
        if self.hardest in {None, ASK}:
            self.hardest = TERMINATE
            self._send(signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

    def _kill(self) -> None:
        """Kill every process, and those that they start meanwhile."""
        self.hardest = KILL
        self._send(signal.SIGKILL)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    def _go_on(self) -> None:
        """Take the next step."""
        if self.hardest is None:
            self.outlived = sorted(map(_name, strays.below(os.getpid())))
        if self.hardest in {None, ASK}:
            self._terminate()
        else:
            self._kill()

    def _kill_the_rest(self) -> None:
        if self.hardest is KILL:
            self._kill()

    def _send(self, number: signal.Signals) -> None:
        for process in strays.below(os.getpid()):
            strays.send(process, number)


def supervise(lead: Callable[[], int], parent: int) -> NoReturn:
    """Carry a job out in a child, and end as it ended, with nothing of it left.

    For a fresh fork with ``SIGNALS`` blocked and no other thread, whose outputs go where the
    job's are to go. It becomes the leader of a session of its own. ``ASK``, ``TERMINATE`` and
    ``KILL``, sent to it, end the job; it takes the harder steps by itself where the job does
    not end. It does so, too, when its parent ends.

    Args:
        lead: The job; it returns its exit status.
        parent: The process id of the one that was forked.
    """
    os.setsid()
    # A signal without a function may be lost even while it is blocked.
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    strays.adopt_orphans()
    supervisor = os.getpid()
    supervised = _Supervised(os.fork())
    if not supervised.leader:
        _lead(lead, supervisor)
    strays.end_with_parent(TERMINATE, parent)
    supervised.wait()
    if supervised.outlived:
        with suppress(OSError):  # a full disk
            told = ", ".join(supervised.outlived)
            print(f"pushgate > ended what outlived the job: {told}", flush=True)
    code = os.waitstatus_to_exitcode(supervised.status or 0)
    os._exit(code if code >= 0 else 128 - code)


def _lead(lead: Callable[[], int], supervisor: int) -> NoReturn:
    # A group of its own: the supervisor is not in it, whoever signals the group.
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        strays.end_with_parent(signal.SIGTERM, supervisor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = lead()
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001  # the process ends here, whatever it was
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError):  # a full disk
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)
