"""What is printed at the end of a run: how it ended, why, and what repeats it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.text import Text

from pushgate.model.outcome import ExitCode, Outcome, Result
from pushgate.model.run_event import JobFinished, RunFinished, RunStarted
from pushgate.reports.excerpt import excerpt
from pushgate.reports.progress import Progress
from pushgate.reports.text import line, one_line, seconds, text

STYLE: Final = {
    "passed": "green",
    "flaky": "yellow",
    "failed": "bold red",
    "unavailable": "bold yellow",
    "aborted": "yellow",
    "skipped": "cyan",
}
"""How each of the words that ``ending`` returns is drawn."""

_ALL_JOBS: Final = 40
"""Up to so many jobs, all are listed."""

_OTHERS: Final = 20
_NAME_WIDTH: Final = 28
_WORD_WIDTH: Final = len("skipped")
_TIME_WIDTH: Final = len("10.0 s")
_COMMIT_LENGTH: Final = 12


def headline(started: RunStarted) -> Text:
    """Return the first line about a run: what is looked at."""
    jobs = "1 job" if len(started.jobs) == 1 else f"{len(started.jobs)} jobs"
    return line(f"{jobs} for ", (started.event, "bold"), f" on {one_line(started.target)}")


def ending(outcome: Outcome) -> str:
    """Return the word for how a job ended: its result, or ``flaky``."""
    return "flaky" if outcome.flaky else str(outcome.result)


def reason(outcome: Outcome) -> str:
    """Return why a job ended as it did."""
    if outcome.flaky:
        return outcome.reason or f"passed on attempt {outcome.attempts}"
    return outcome.reason


def name_width(jobs: Iterable[str]) -> int:
    """Return how many columns ``job_line`` gives to the names of jobs; a longer name sticks out."""
    return min(max((len(one_line(job)) for job in jobs), default=0), _NAME_WIDTH)


def job_line(ended: JobFinished, width: int = 0) -> Text:
    """Return the one line about a job's end, the name in ``width`` columns."""
    outcome, word = ended.outcome, ending(ended.outcome)
    name = one_line(outcome.job).ljust(width)
    times = seconds(outcome.seconds) if ended.log else ""
    whole = line(name, "  ", (word, STYLE[word]), " " * (_WORD_WIDTH - len(word)))
    whole.append_text(line(f"  {times:{_TIME_WIDTH}}  {one_line(reason(outcome))}"))
    whole.rstrip()
    return whole


def place(log: str) -> str:
    """Return a log's path as the user's shell finds it: relative where it lies below."""
    path, here = Path(log), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def closing(progress: Progress, finished: RunFinished, *, told: bool) -> Iterator[Text]:
    """Yield what to print when a run has ended.

    Args:
        progress: All that happened.
        finished: The last event.
        told: Whether the jobs and the logs of those that did not pass stand above already.
    """
    ended = [progress.ended[name] for name in progress.jobs if name in progress.ended]
    if not told:
        yield from _jobs(ended)
    bad = [job for job in ended if job.outcome.result not in _fine(finished)]
    for job in bad:
        if job.outcome.job == finished.failed_first:
            yield line()
            yield from _first(progress, job, told=told)
    yield from _others([job for job in bad if job.outcome.job != finished.failed_first])
    if bad:
        yield line()
        command = f"{_change_folder(progress)}pushgate run --failed"
        where = "  (on the files as they are)" if progress.commit else ""
        yield line("only the failed ones again: ", (command, "bold"), where)
    yield line()
    yield _verdict([job.outcome for job in ended], finished)


def _fine(finished: RunFinished) -> set[Result]:
    """Return the results that need no explanation."""
    fine = {Result.PASSED, Result.SKIPPED}
    # Who interrupts a run knows why its jobs were aborted.
    return fine | {Result.ABORTED} if finished.exit_code == ExitCode.INTERRUPTED else fine


def _jobs(ended: Sequence[JobFinished]) -> Iterator[Text]:
    listed = list(ended)
    if len(ended) > _ALL_JOBS:
        listed = [job for job in ended if _is_remarkable(job)][:_ALL_JOBS]
    width = name_width(job.outcome.job for job in listed)
    if listed:
        yield line()
    for job in listed:
        yield job_line(job, width)
    others = [job.outcome for job in ended if job not in listed]
    if listed and others:
        yield text(f"… and {_count(others)}: {counts(others)}", "dim")


def _is_remarkable(job: JobFinished) -> bool:
    return ending(job.outcome) != "passed" and not (
        job.outcome.result is Result.ABORTED and not job.log
    )


def _first(progress: Progress, job: JobFinished, *, told: bool) -> Iterator[Text]:
    name = job.outcome.job
    yield _headline(job)
    if job.log:
        for said in [] if told else excerpt(Path(job.log)):
            yield text(f"    {said}")
        yield line(("  log:   ", "dim"), place(job.log))
    there = _change_folder(progress)
    yield line(("  again: ", "dim"), (f"{there}{progress.jobs[name].call}", "bold"))
    if progress.commit:
        commit = progress.commit[:_COMMIT_LENGTH]
        command = shlex.join(["pushgate", "run", "--commit", commit, name])
        again = (f"{there}{command}", "bold")
        yield line(("  again: ", "dim"), again, "  (on exactly this commit)")


def _change_folder(progress: Progress) -> str:
    """Return the beginning of a command that works in the project's folder only."""
    folder = place(progress.project)
    return "" if folder == "." else f"cd {shlex.quote(folder)} && "


def _others(bad: Sequence[JobFinished]) -> Iterator[Text]:
    # Why a job never started was told in its line; there is nothing to read about it.
    started = [job for job in bad if job.log]
    for number, job in enumerate(started[:_OTHERS]):
        if number == 0:
            yield line()
        yield _headline(job)
        yield line(("  log:   ", "dim"), place(job.log))
    if len(started) > _OTHERS:
        yield text(f"… and {len(started) - _OTHERS} more that did not pass", "dim")


def _headline(job: JobFinished) -> Text:
    word, why = ending(job.outcome), one_line(reason(job.outcome))
    return line((job.outcome.job, "bold"), " ", (word, STYLE[word]), f": {why}" if why else "")


def _verdict(outcomes: Sequence[Outcome], finished: RunFinished) -> Text:
    incomplete = ("bold yellow", "nothing failed, but something could not be looked at")
    style, verdict = {
        int(ExitCode.PASSED): ("bold green", "all selected jobs passed"),
        int(ExitCode.FAILED): ("bold red", "a job failed"),
        int(ExitCode.INTERRUPTED): ("bold yellow", "interrupted"),
    }.get(finished.exit_code, incomplete)
    if not outcomes and finished.exit_code == ExitCode.PASSED:
        style, verdict = "bold yellow", "no job is selected: `pushgate plan` tells why"
    plain = all(ending(outcome) == "passed" for outcome in outcomes)
    told = "" if plain else f": {counts(outcomes)}"
    recorded = sum(outcome.from_record for outcome in outcomes)
    where = f", {recorded} from records" if recorded else ""
    took = seconds(finished.seconds)
    return line((verdict, style), f"{told} ({_count(outcomes)}{where} in {took})")


def counts(outcomes: Iterable[Outcome]) -> str:
    """Return how many jobs ended how, the worst first."""
    counted = Counter(ending(outcome) for outcome in outcomes)
    order = ("failed", "unavailable", "aborted", "flaky", "skipped", "passed")
    names = {"skipped": "deferred to CI"}
    return ", ".join(f"{counted[word]} {names.get(word, word)}" for word in order if counted[word])


def _count(outcomes: Sequence[Outcome]) -> str:
    return "1 job" if len(outcomes) == 1 else f"{len(outcomes)} jobs"
