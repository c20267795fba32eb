"""What became of an existing workflow, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pushgate.model.account import BY_GATES, LEFT_IN_CI, LEFT_OUT, JobAccount
from pushgate.reports.text import line, one_line, put, table, text


def show(account: Iterable[JobAccount], notes: Iterable[str] = ()) -> None:
    """Print an account: job by job, step by step, what became of it.

    Args:
        account: The jobs.
        notes: What of the file as a whole is to be known.
    """
    rows = table("job", "step", "became", "")
    for job in account:
        for number, step in enumerate(job.steps):
            rows.add_row(
                text(job.job if number == 0 else ""),
                text(one_line(step.title)),
                text(step.became, _style(step.became)),
                text(one_line(step.detail)),
            )
        for number, note in enumerate(job.notes):
            name = "" if job.steps or number else job.job
            rows.add_row(text(name), "", "", text(one_line(f"note: {note}")), style="yellow")
    put(rows, sys.stdout)
    for note in notes:
        put(line(("note: ", "yellow"), one_line(note)), sys.stdout)


def _style(became: str) -> str:
    if LEFT_IN_CI in became:
        return "yellow"
    return "dim" if became in {BY_GATES, LEFT_OUT} else "green"
