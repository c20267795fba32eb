"""SIGINT, SIGTERM and SIGHUP: as interrupts that are raised, held back, or counted."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

Handler = Callable[[int, FrameType | None], object] | int | None


class Hold:
    """Holds an interrupt back while a child is being started, or modules are imported.

    Raised in the middle of the one, it would leave a child that nobody knows; in the middle of
    the other, Python may only print it, or make another error of it.

    Attributes:
        under_way: Whether interrupts are held back now.
        came: Whether one has come, whatever became of it.
        interrupt: The one that is held back.
    """

    def __init__(self) -> None:
        self.under_way = False
        self.came = False
        self.interrupt: KeyboardInterrupt | None = None

    def begin(self) -> None:
        """Hold interrupts back from now on."""
        # Python handles signals in the main thread only.
        if threading.current_thread() is threading.main_thread():
            self.under_way = True

    def end(self) -> None:
        """Raise the interrupt that came meanwhile."""
        if threading.current_thread() is threading.main_thread():
            self.under_way, held_back, self.interrupt = False, self.interrupt, None
            if held_back is not None:
                raise held_back

    def handle(self, interrupt: KeyboardInterrupt) -> None:
        """Raise an interrupt, at once or at the end of the start."""
        self.came = True
        if not self.under_way:
            raise interrupt
        self.interrupt = interrupt


hold: Final = Hold()


@contextmanager
def held() -> Iterator[None]:
    """Hold interrupts back within a block, which starts no command; they are raised after it."""
    hold.begin()
    try:
        yield
    finally:
        hold.end()


@dataclass
class Counted:
    """The interrupts that came.

    Attributes:
        wakeup: A socket that is readable when a signal has come.
        count: How many, with one that was raised before and has ended nothing.
    """

    wakeup: socket.socket
    count: int = 0


@contextmanager
def counted() -> Iterator[Counted]:
    """Count interrupts instead of raising them: for the main thread, which looks at the count."""
    reading, writing = socket.socketpair()
    with reading, writing:
        for end in (reading, writing):
            end.settimeout(0)
        interrupts = Counted(reading)

        def count(_number: int, _frame: object) -> None:
            hold.came = True
            interrupts.count += 1

        before = _handled(count)
        interrupts.count += hold.came
        descriptor = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield interrupts
        finally:
            signal.set_wakeup_fd(descriptor)
            _restore(before)


def make_terminable() -> None:
    """Make SIGTERM and SIGHUP end this process as Ctrl-C does, children first.

    SIGINT counts even where this process was started with it ignored (in the
    background of a script): its children would inherit that, and could not be
    ended in order.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        # Python would take the status of every child for 0.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def interrupt(number: int, _frame: object) -> None:
        name = signal.Signals(number).name
        hold.handle(KeyboardInterrupt(*([] if name == "SIGINT" else [name])))

    _handled(interrupt)


def _handled(handler: Handler) -> dict[signal.Signals, Handler]:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.remove(signal.SIGHUP)  # started by nohup
    return {number: signal.signal(number, handler) for number in numbers}


def _restore(handlers: Mapping[signal.Signals, Handler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
