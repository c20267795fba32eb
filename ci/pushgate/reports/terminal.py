"""Tables and lines on the terminal: the only importer of rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pushgate.model.outcome import ExitCode, Outcome, Result, exit_code
from pushgate.model.plan import Plan
from pushgate.run.doctor import Finding
from pushgate.run.measured import Merged

_STYLE: Final = {
    Result.PASSED: "green",
    Result.FAILED: "bold red",
    Result.UNAVAILABLE: "bold yellow",
    Result.ABORTED: "yellow",
    Result.SKIPPED: "cyan",
}


def _console() -> Console:
    # A pipe has no width: a line there is never folded.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"job", "gate"})
    return table


def show_plan(plan: Plan) -> None:
    """Print a plan: every job with what it waits for, and why it is in or out."""
    table = _table("job", "needs", "after", "")
    for planned in plan.jobs:
        job = planned.job
        style = "" if planned.selected else "dim"
        mark = "" if planned.selected else "out: "
        table.add_row(
            escape(job.name),
            escape(_gates(job.needs)),
            escape(_gates(job.after)),
            escape(f"{mark}{planned.reason}"),
            style=style,
        )
    for gate in plan.off:
        table.add_row(escape(gate.gate), "", "", escape(f"off: {gate.reason}"), style="dim")
    console = _console()
    console.print(
        f"{len(plan.selected)} of {len(plan.jobs)} jobs for [bold]{escape(str(plan.event))}[/]"
    )
    console.print(table)


def show_outcomes(outcomes: Sequence[Outcome], calls: dict[str, str], seconds: float) -> None:
    """Print how a run ended: every job, the verdict, and what repeats those that did not pass.

    Args:
        outcomes: One for each job.
        calls: The command that repeats a job, by its name.
        seconds: How long the run took.
    """
    console = _console()
    table = _table("job", "", "time", "")
    for outcome in outcomes:
        table.add_row(
            escape(outcome.job),
            f"[{_STYLE[outcome.result]}]{outcome.result}[/]",
            f"{outcome.seconds:.1f} s",
            escape(outcome.reason),
        )
    console.print()
    console.print(table)
    code = exit_code(outcomes)
    style, verdict = {
        ExitCode.PASSED: ("bold green", "all selected jobs passed"),
        ExitCode.FAILED: ("bold red", "a job failed"),
    }.get(code, ("bold yellow", "nothing failed, but something could not be looked at"))
    deferred = sum(outcome.result is Result.SKIPPED for outcome in outcomes)
    note = f", {deferred} deferred to CI" if deferred else ""
    console.print(f"\n[{style}]{verdict}[/]{note} ({len(outcomes)} jobs in {seconds:.1f} s)")
    for outcome in outcomes:
        if outcome.result not in {Result.PASSED, Result.SKIPPED}:
            console.print(f"  again: {escape(calls[outcome.job])}")


def show_findings(findings: Iterable[Finding]) -> None:
    """Print what the machine offers."""
    table = _table("", "found", "")
    for finding in findings:
        missing = "[bold red]missing[/]" if finding.required else "[yellow]missing[/]"
        table.add_row(
            escape(finding.what),
            escape(finding.found) or missing,
            "" if finding.found else escape(finding.meaning),
        )
    _console().print(table)


def show_durations(merged: Merged, file: str) -> None:
    """Print what went into the file of durations, and how even the next split will be."""
    console = _console()
    console.print(
        f"{escape(file)}: {merged.tests} tests from {len(merged.jobs)} jobs "
        f"({merged.added} new, {merged.dropped} gone)"
    )
    if merged.missing:
        names = escape(", ".join(merged.missing))
        console.print(
            f"[yellow]no measurements of {names}[/]: tests that only they run are dropped"
        )
    split = merged.balance
    if split.shards == 1:
        return
    console.print(
        f"the next split into {split.shards}: {split.mean:.1f} s a shard, the longest "
        f"{split.longest:.1f} s ({split.longest / split.mean:.2f} of the mean)"
    )
    if split.one_test_too_long:
        console.print(
            f"[yellow]{escape(split.longest_test)} alone takes {split.longest_test_seconds:.1f} s, "
            "longer than a fair shard[/]: no split can help; make it shorter or use fewer shards"
        )


def show_problem(problem: str) -> None:
    """Print one problem to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"[bold red]pushgate:[/] {escape(problem)}"
    )


def _gates(jobs: Iterable[str]) -> str:
    """Shorten names of jobs: all shards of a Python are one entry."""
    return ", ".join(dict.fromkeys(job.partition("(")[0] for job in jobs))
