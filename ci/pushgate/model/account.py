"""What became of an existing workflow, job by job and step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BY_GATES: Final = "the gates do it themselves"
"""What becomes of a checkout, an environment, an artifact: each gate sees to it."""

LEFT_IN_CI: Final = "left in CI"
"""What becomes of a step that is no gate, with the reason beside it."""

LEFT_OUT: Final = "left out"
"""What becomes of a step whose absence changes no verdict."""


@dataclass(frozen=True)
class StepAccount:
    """What became of a step.

    Attributes:
        title: What the workflow calls it, or its action or first command.
        became: The names of gates, or one of the phrases above; several are joined by commas.
        detail: Why, and what of the step is not carried over; empty: there is nothing to tell.
    """

    title: str
    became: str
    detail: str = ""


@dataclass(frozen=True)
class JobAccount:
    """What became of a job.

    Attributes:
        job: Its id in the workflow.
        steps: Its steps, each once, in their order; a job that calls another workflow is one.
        notes: What of the job as a whole is not carried over.
    """

    job: str
    steps: tuple[StepAccount, ...]
    notes: tuple[str, ...] = ()
