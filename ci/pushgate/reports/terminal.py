"""What the commands other than a run print: tables and lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from pushgate.model.plan import Plan
from pushgate.reports.text import line, put, table, text
from pushgate.run.doctor import Finding
from pushgate.run.measured import Merged


def show_plan(plan: Plan) -> None:
    """Print a plan: every job with what it waits for, and why it is in or out."""
    rows = table("job", "needs", "after", "")
    for planned in plan.jobs:
        job = planned.job
        rows.add_row(
            text(job.name),
            text(_gates(job.needs)),
            text(_gates(job.after)),
            text(planned.reason if planned.selected else f"out: {planned.reason}"),
            style="" if planned.selected else "dim",
        )
    for gate in plan.off:
        rows.add_row(text(gate.gate), "", "", text(f"off: {gate.reason}"), style="dim")
    _print(line(f"{len(plan.selected)} of {len(plan.jobs)} jobs for ", (str(plan.event), "bold")))
    _print(rows)


def show_findings(findings: Iterable[Finding]) -> None:
    """Print what the machine offers."""
    rows = table("", "found", "")
    for finding in findings:
        missing = Text("missing", "bold red" if finding.required else "yellow")
        rows.add_row(
            text(finding.what),
            text(finding.found) if finding.found else missing,
            "" if finding.found else text(finding.meaning),
        )
    _print(rows)


def show_durations(merged: Merged, file: str) -> None:
    """Print what went into the file of durations, and how even the next split will be."""
    _print(
        text(
            f"{file}: {merged.tests} tests from {len(merged.jobs)} jobs "
            f"({merged.added} new, {merged.dropped} gone)"
        )
    )
    if merged.missing:
        names = ", ".join(merged.missing)
        _print(
            line(
                (f"no measurements of {names}", "yellow"),
                ": tests that only they run are dropped",
            )
        )
    split = merged.balance
    if split.shards == 1:
        return
    _print(
        text(
            f"the next split into {split.shards}: {split.mean:.1f} s a shard, the longest "
            f"{split.longest:.1f} s ({split.longest / split.mean:.2f} of the mean)"
        )
    )
    if split.one_test_too_long:
        alone = f"{split.longest_test} alone takes {split.longest_test_seconds:.1f} s"
        _print(
            line(
                (f"{alone}, longer than a fair shard", "yellow"),
                ": no split can help; make it shorter or use fewer shards",
            )
        )


def show_problem(problem: str) -> None:
    """Print one problem to standard error."""
    put(line(("pushgate: ", "bold red"), problem), sys.stderr)


def _print(what: RenderableType) -> None:
    put(what, sys.stdout)


def _gates(jobs: Iterable[str]) -> str:
    """Shorten names of jobs: all shards of a Python are one entry."""
    return ", ".join(dict.fromkeys(job.partition("(")[0] for job in jobs))
