"""A gate at one point of its matrix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.model.event import Event

OUTPUTS: Final = Path(".pushgate", "out")
"""Where jobs leave what they hand on, relative to the project; CI moves exactly this folder."""

_SHARD: Final = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True, order=True)
class Shard:
    """One part of a test suite that is split into ``count`` parts.

    Attributes:
        index: Which part, from 1.
        count: How many parts there are.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/4``.

        Raises:
            ValueError: ``text`` is not of that form, or the index exceeds the count.
        """
        match = _SHARD.fullmatch(text)
        if match is None or int(match[1]) > int(match[2]):
            message = f"--shard {text} is no shard: expected K/N with 1 <= K <= N, such as 2/4"
            raise ValueError(message)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One Nox call, here and as one job of the CI provider, under one name.

    Attributes:
        name: ``lint``, ``test-3.12`` or ``test-3.12(2of4)``.
        gate: The name of its gate.
        session: The Nox session that carries it out, alone or with other shards.
        summary: One line about what it checks.
        python: The Python version (``X.Y``) that the job is about, if it is about one.
        shard: The part of the test suite, if it is split.
        needs: Names of the jobs whose output it reads. A gate names gates; the plan puts
            their jobs in.
        after: Names of the jobs without whose pass it is not worth a CI machine, likewise.
        inputs: Globs of tracked files that it reads.
        on: The events that select it; empty for every event.
        cores: How many cores it keeps busy; None: as many as it is given.
        timeout: Seconds after which a run ends it; None: no limit.
    """

    name: str
    gate: str
    session: str
    summary: str
    python: str | None = None
    shard: Shard | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("**",)
    on: tuple[Event, ...] = ()
    cores: int | None = 1
    timeout: float | None = None

    @property
    def call(self) -> tuple[str, ...]:
        """The Nox call that runs exactly this job."""
        call = ("nox", "-s", self.session)
        return call if self.shard is None else (*call, "--", "--shard", str(self.shard))

    @property
    def outputs(self) -> Path:
        """The folder of what it hands on, relative to the project."""
        return OUTPUTS / self.name
