"""What every service has in common."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass


class ServiceUnavailable(Exception):
    """No provider could bring the service; the message has one line for each."""


class ServiceFailed(Exception):
    """The service was started, and ended or never became ready."""


@dataclass(frozen=True)
class Labels:
    """Whom a service belongs to.

    Attributes:
        run: The run's name.
        owner: The owner's process id and start time.
    """

    run: str
    owner: str

    @classmethod
    def of_this_process(cls, run: str = "") -> Labels:
        """Make the labels of what this process starts."""
        return cls(run or secrets.token_hex(8), str(os.getpid()))
