"""What CI would see: the event that selects the jobs of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

KINDS: Final = ("push", "pull_request", "tag", "schedule", "all")
EXPECTED: Final = (
    "push, push:BRANCH, pull_request, pull_request:BRANCH, tag, tag:NAME, schedule or all"
)


@dataclass(frozen=True)
class Event:
    """An event of CI, or a pattern for such events.

    Attributes:
        kind: One of ``KINDS``.
        ref: The branch that is pushed to, the base branch of the pull request
            or the tag's name. In a pattern it may be a glob; empty there means any.
    """

    kind: str
    ref: str = ""

    @classmethod
    def parse(cls, text: str) -> Event:
        """Read ``push:main`` and the like.

        Raises:
            ValueError: ``text`` is no event; the message says what is one.
        """
        kind, separator, ref = text.partition(":")
        kind = kind.replace("-", "_")
        if kind not in KINDS or (separator and (not ref or kind in {"schedule", "all"})):
            message = f"{text!r} is no event: expected {EXPECTED}"
            raise ValueError(message)
        return cls(kind, ref)

    def matches(self, event: Event) -> bool:
        """Tell whether this pattern covers ``event``."""
        if "all" in {self.kind, event.kind}:
            return True
        return self.kind == event.kind and fnmatchcase(event.ref, self.ref or "*")

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}" if self.ref else self.kind
