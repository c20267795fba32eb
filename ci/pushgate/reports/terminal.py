"""Tables and lines on the terminal: the only importer of rich."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pushgate.model.outcome import ExitCode, Outcome, Result, exit_code
from pushgate.model.plan import Plan
from pushgate.reports.history_report import PastRun, state
from pushgate.run.doctor import Finding
from pushgate.run.measured import Merged
from pushgate.run.summary import JobSummary

_STYLE: Final = {
    Result.PASSED: "green",
    Result.FAILED: "bold red",
    Result.UNAVAILABLE: "bold yellow",
    Result.ABORTED: "yellow",
    Result.SKIPPED: "cyan",
}

_VERDICT_STYLE: Final = {"passed": "green", "failed": "bold red", "running": "cyan"}
"""Of a past run; any other verdict is yellow: it does not say that all is well."""


_CONTROL: Final = re.compile(
    # Sequences such as colours and links whole, then every other control character.
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
    r"|[\x00-\x09\x0b-\x1f\x7f-\x9f]"
)


def show_plan(plan: Plan) -> None:
    """Print a plan: every job with what it waits for, and why it is in or out."""
    table = _table("job", "needs", "after", "")
    for planned in plan.jobs:
        job = planned.job
        table.add_row(
            _text(job.name),
            _text(_gates(job.needs)),
            _text(_gates(job.after)),
            _text(planned.reason if planned.selected else f"out: {planned.reason}"),
            style="" if planned.selected else "dim",
        )
    for gate in plan.off:
        table.add_row(_text(gate.gate), "", "", _text(f"off: {gate.reason}"), style="dim")
    _print(_line(f"{len(plan.selected)} of {len(plan.jobs)} jobs for ", (str(plan.event), "bold")))
    _print(table)


def show_outcomes(outcomes: Sequence[Outcome], calls: dict[str, str], seconds: float) -> None:
    """Print how a run ended: every job, the verdict, and what repeats those that did not pass.

    Args:
        outcomes: One for each job.
        calls: The command that repeats a job, by its name.
        seconds: How long the run took.
    """
    table = _table("job", "", "time", "")
    for outcome in outcomes:
        table.add_row(
            _text(outcome.job),
            _text(outcome.result, _STYLE[outcome.result]),
            f"{outcome.seconds:.1f} s",
            _text(outcome.reason),
        )
    _print("")
    _print(table)
    style, verdict = _verdict(outcomes)
    deferred = sum(outcome.result is Result.SKIPPED for outcome in outcomes)
    note = f", {deferred} deferred to CI" if deferred else ""
    _print("")
    _print(_line((verdict, style), f"{note} ({_count(outcomes)} in {seconds:.1f} s)"))
    for outcome in outcomes:
        if outcome.result not in {Result.PASSED, Result.SKIPPED}:
            _print(_text(f"  again: {calls[outcome.job]}"))


def _count(outcomes: Sequence[Outcome]) -> str:
    return "1 job" if len(outcomes) == 1 else f"{len(outcomes)} jobs"


def _verdict(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    if not outcomes:
        return "bold yellow", "no job is selected: `pushgate plan` tells why"
    return {
        ExitCode.PASSED: ("bold green", "all selected jobs passed"),
        ExitCode.FAILED: ("bold red", "a job failed"),
    }.get(
        exit_code(outcomes),
        ("bold yellow", "nothing failed, but something could not be looked at"),
    )


def show_findings(findings: Iterable[Finding]) -> None:
    """Print what the machine offers."""
    table = _table("", "found", "")
    for finding in findings:
        missing = Text("missing", "bold red" if finding.required else "yellow")
        table.add_row(
            _text(finding.what),
            _text(finding.found) if finding.found else missing,
            "" if finding.found else _text(finding.meaning),
        )
    _print(table)


def show_durations(merged: Merged, file: str) -> None:
    """Print what went into the file of durations, and how even the next split will be."""
    _print(
        _text(
            f"{file}: {merged.tests} tests from {len(merged.jobs)} jobs "
            f"({merged.added} new, {merged.dropped} gone)"
        )
    )
    if merged.missing:
        names = ", ".join(merged.missing)
        _print(
            _line(
                (f"no measurements of {names}", "yellow"),
                ": tests that only they run are dropped",
            )
        )
    split = merged.balance
    if split.shards == 1:
        return
    _print(
        f"the next split into {split.shards}: {split.mean:.1f} s a shard, the longest "
        f"{split.longest:.1f} s ({split.longest / split.mean:.2f} of the mean)"
    )
    if split.one_test_too_long:
        alone = f"{split.longest_test} alone takes {split.longest_test_seconds:.1f} s"
        _print(
            _line(
                (f"{alone}, longer than a fair shard", "yellow"),
                ": no split can help; make it shorter or use fewer shards",
            )
        )


def show_runs(runs: Sequence[PastRun]) -> None:
    """Print the last runs, each in a line."""
    if not runs:
        _print("no runs yet: `pushgate run` makes the first")
        return
    table = _table("run", "when", "time", "what", "", "jobs", "failed first")
    for run in runs:
        summary = run.summary
        table.add_row(
            _text(summary.name),
            _when(summary.started),
            _seconds(summary.seconds),
            _text(f"{summary.target}, {summary.event}"),
            _text(run.verdict, _VERDICT_STYLE.get(run.verdict, "yellow")),
            _text(_counts(run)),
            _text(summary.failed_first),
        )
    _print(table)


def show_run(run: PastRun, jobs: Sequence[JobSummary]) -> None:
    """Print a run, its jobs with their logs, and what repeats those that did not pass."""
    summary = run.summary
    style = _VERDICT_STYLE.get(run.verdict, "yellow")
    _print(_line(f"{summary.name}: ", (run.verdict, style), f" ({_counts(run)})"))
    took = f", {_seconds(summary.seconds)}" if summary.seconds is not None else ""
    _print(_text(f"{_when(summary.started)}{took}: {summary.target}, {summary.event}"))
    _print(_text(f"{summary.project} at {summary.commit[:12]}"))
    table = _table("job", "", "time", "attempts", "", "log")
    for job in jobs:
        table.add_row(
            _text(job.name),
            _text(state(job, run), _STYLE[job.result] if job.result else "cyan"),
            _seconds(job.seconds if job.ended else None),
            str(job.attempts or ""),
            _text(job.reason),
            _text(job.log),
        )
    _print(table)
    for job in jobs:
        if job.result not in {None, Result.PASSED, Result.SKIPPED}:
            _print(_text(f"  again: {job.call}"))


def _counts(run: PastRun) -> str:
    flaky = f" ({run.summary.flaky} flaky)" if run.summary.flaky else ""
    counts = {str(result): count for result, count in run.summary.counts.items() if count}
    said = (f"{count} {how}{flaky if how == 'passed' else ''}" for how, count in counts.items())
    open_jobs = run.summary.jobs - sum(counts.values())
    return ", ".join([*said, *([f"{open_jobs} open"] if open_jobs else [])])


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def show_problem(problem: str) -> None:
    """Print one problem to standard error."""
    _print(_line(("pushgate: ", "bold red"), problem), error=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"run", "job", "gate"})
    return table


def _text(text: str, style: str = "") -> Text:
    """Return text as it is, less what would steer the terminal: no markup in it counts."""
    return Text(_CONTROL.sub("", text.expandtabs()), style)


def _line(*parts: str | tuple[str, str]) -> Text:
    """Put a line together from texts and texts with their style."""
    line = Text()
    for part in parts:
        line.append_text(_text(part) if isinstance(part, str) else _text(*part))
    return line


def _print(what: RenderableType, *, error: bool = False) -> None:
    console = Console(stderr=error, highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(what, soft_wrap=error)
        return
    # A pipe has no width: a line there is never folded, and has no blanks at its end.
    console = Console(highlight=False, markup=False, emoji=False, width=10_000)
    with console.capture() as capture:
        console.print(what, soft_wrap=True)
    lines = capture.get().split("\n")
    print("\n".join(map(str.rstrip, lines)), end="", file=sys.stderr if error else sys.stdout)


def _gates(jobs: Iterable[str]) -> str:
    """Shorten names of jobs: all shards of a Python are one entry."""
    return ", ".join(dict.fromkeys(job.partition("(")[0] for job in jobs))
