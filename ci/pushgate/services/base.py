"""What a service is: started, waited for, used, stopped."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from pushgate.services import owners
from pushgate.tools import interrupts

RUN_LABEL: Final = "pushgate.run"
"""A container with this label and the run's name (``PUSHGATE_RUN``) ends with its run."""

OWNER_LABEL: Final = "pushgate.owner"
"""Names the process that a container is for: without it, the next start removes it."""

Tell = Callable[[str], None]
"""Shows the user one line; it raises where nobody wants the service any more."""

STILL_SECONDS: Final = 3.0
"""How often the user is told of what takes long."""

_MOMENT_SECONDS: Final = 0.02


class ServiceUnavailable(Exception):
    """A service cannot be had here; the message says what was tried, a line each."""


class ServiceFailed(Exception):
    """A service was started and did not become ready; the message has its last lines."""


@dataclass(frozen=True)
class Labels:
    """What everything is marked with that a service leaves outside of this process.

    Attributes:
        run: The run that it is for.
        owner: The process that it is for.
    """

    run: str
    owner: str

    @classmethod
    def of_this_process(cls, run: str = "") -> Labels:
        """Make the labels of what this process starts.

        Args:
            run: The run that it belongs to; one of its own unless given.
        """
        return cls(run or secrets.token_hex(8), owners.this_process())

    @property
    def words(self) -> Mapping[str, str]:
        """The labels of a container."""
        return {RUN_LABEL: self.run, OWNER_LABEL: self.owner}


class Service(Protocol):
    """A server that is there for as long as it is used."""

    def start(self, tell: Tell) -> None:
        """Start it, what a killed process has left removed first.

        Raises:
            ServiceUnavailable: It cannot be had here.
        """

    def wait(self, tell: Tell) -> None:
        """Wait until it answers.

        Args:
            tell: Is told now and then that it is still waited for.

        Raises:
            ServiceFailed: It does not.
            ServiceUnavailable: It cannot be had here.
        """

    def environment(self) -> Mapping[str, str]:
        """Return where it is and how to get in, as its clients expect it in variables."""

    def ended(self) -> str:
        """Tell how it came to an end that nobody has asked for; nothing where it did not."""

    def logs(self) -> str:
        """Return what it has said so far; what it said last once it was stopped."""

    def stop(self) -> None:
        """End it and remove all of it, however far it came."""


S = TypeVar("S", bound=Service)


@contextmanager
def running(service: S, tell: Tell) -> Iterator[S]:
    """Start a service, wait until it answers, and stop it when the block is left.

    Args:
        service: The service.
        tell: Is told what takes a while.

    Raises:
        ServiceUnavailable: It cannot be had here.
        ServiceFailed: It did not become ready.
    """
    try:
        service.start(tell)
        service.wait(tell)
        yield service
    finally:
        # An impatient Ctrl-C must not leave it running.
        with interrupts.held():
            service.stop()


def patiently(tell: Tell, what: str, seconds: float) -> Iterator[None]:
    """Yield again and again, a moment apart, until a time is over.

    Args:
        tell: Is told every ``STILL_SECONDS`` what is waited for; whatever it raises ends that.
        what: What it is.
        seconds: How long it may take.
    """
    begun = told = time.monotonic()
    while (now := time.monotonic()) - begun <= seconds:
        if now - told > STILL_SECONDS:
            tell(f"still waiting for {what}, {now - begun:.0f} s so far")
            told = now
        yield
        time.sleep(_MOMENT_SECONDS)


def last_lines(log: str, count: int = 10) -> str:
    """Return the end of a log, each line indented."""
    return "".join(f"\n    {line}" for line in log.strip().splitlines()[-count:])
