"""What the commands other than a run print: tables and lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from rich.console import RenderableType
from rich.text import Text

from pushgate.model.outcome import Result
from pushgate.model.plan import Plan
from pushgate.reports.closing import STYLE
from pushgate.reports.history_report import PastRun, state, why
from pushgate.reports.lasting import lasting
from pushgate.reports.text import line, put, seconds, table, text
from pushgate.run.doctor import Finding
from pushgate.run.measured import Merged
from pushgate.run.summary import JobSummary

_VERDICT_STYLE: Final = {"passed": "green", "failed": "bold red", "running": "cyan"}
"""Of a past run; any other verdict is yellow: it does not say that all is well."""


def show_plan(plan: Plan, stream: TextIO | None = None) -> None:
    """Print a plan: every job with what it waits for, and why it is in or out.

    Args:
        plan: The plan.
        stream: Where to; standard output unless given.
    """
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
    head = line(f"{len(plan.selected)} of {len(plan.jobs)} jobs for ", (str(plan.event), "bold"))
    for part in (head, rows):
        put(part, stream or sys.stdout)


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


def show_runs(runs: Sequence[PastRun]) -> None:
    """Print the last runs, each in a line."""
    if not runs:
        _print("no runs yet: `pushgate run` makes the first")
        return
    rows = table("run", "when", "time", "what", "", "jobs", "failed first")
    for run in runs:
        summary = run.summary
        rows.add_row(
            text(summary.name),
            _when(summary.started),
            "" if summary.seconds is None else seconds(summary.seconds),
            text(f"{summary.target}, {summary.event}"),
            text(run.verdict, _VERDICT_STYLE.get(run.verdict, "yellow")),
            text(_counts(run)),
            text(summary.failed_first),
        )
    _print(rows)


def show_run(run: PastRun, jobs: Sequence[JobSummary]) -> None:
    """Print a run, its jobs with their logs, and what repeats those that did not pass."""
    summary = run.summary
    style = _VERDICT_STYLE.get(run.verdict, "yellow")
    _print(line(f"{summary.name}: ", (run.verdict, style), f" ({_counts(run)})"))
    took = f", {seconds(summary.seconds)}" if summary.seconds is not None else ""
    _print(text(f"{_when(summary.started)}{took}: {summary.target}, {summary.event}"))
    _print(text(f"{summary.project} at {summary.commit[:12]}"))
    rows = table("job", "", "time", "attempts", "", "log")
    for job in jobs:
        word = state(job, run)
        rows.add_row(
            text(job.name),
            text(word, STYLE.get(word, "cyan")),
            seconds(job.seconds) if job.ended else "",
            str(job.attempts or ""),
            text(why(job)),
            text(job.log),
        )
    _print(rows)
    for job in jobs:
        if job.result not in {None, Result.PASSED, Result.SKIPPED}:
            _print(text(f"  again: {job.call}"))


def _counts(run: PastRun) -> str:
    summary = run.summary
    parts = {
        Result.PASSED: {"from records": summary.from_records, "flaky": summary.flaky},
        Result.FAILED: {"flaky": summary.flaky_failures},
    }
    said = [
        _with_parts(f"{count} {how}", parts.get(how, {}))
        for how, count in summary.counts.items()
        if count
    ]
    open_jobs = summary.jobs - sum(summary.counts.values())
    return ", ".join([*said, *([f"{open_jobs} open"] if open_jobs else [])])


def _with_parts(said: str, parts: Mapping[str, int]) -> str:
    told = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
    return f"{said} ({told})" if told else said


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def show_lines(lines: Iterable[str]) -> None:
    """Print lines as they are."""
    for each in lines:
        _print(text(each))


def show_problem(problem: str) -> None:
    """Print one problem to standard error."""
    _complain(line(("pushgate: ", "bold red"), problem))


def show_refusal(reason: str = "") -> None:
    """Print to standard error that a push is not let through.

    Args:
        reason: Why, unless that is told above.
    """
    _complain(line(("the push is refused", "bold red"), f": {reason}" if reason else ""))


def _complain(what: Text) -> None:
    # The terminal may be what is gone: the exit status tells it all the same.
    put(what, lasting(sys.stderr))


def _print(what: RenderableType) -> None:
    put(what, sys.stdout)


def _gates(jobs: Iterable[str]) -> str:
    """Shorten names of jobs: all shards of a Python are one entry."""
    return ", ".join(dict.fromkeys(job.partition("(")[0] for job in jobs))
