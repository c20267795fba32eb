"""Running contestants side by side, in turns, and the table of what came of it."""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

_UNITS: Final = {"s": 1.0, "ms": 1000.0}


class DidNotWorkError(Exception):
    """A command failed, or did less than it was measured for; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A command that takes part.

    Attributes:
        name: What the table calls it.
        command: Its words.
        folder: Where it runs.
        stdin: What it can read.
        before: Called before each of its turns, not measured.
        done: How much it has done, of what it printed and left behind. Not measured. All
            contestants that have one must do the same, and more than nothing.
        times: How often the work of the others it does; its numbers are divided by that.
    """

    name: str
    command: Sequence[str]
    folder: Path
    stdin: str = ""
    before: Callable[[], object] = field(default=lambda: None)
    done: Callable[[str], int] | None = None
    times: float = 1


@dataclass(frozen=True)
class Turn:
    """One turn of a contestant.

    Attributes:
        output: What it printed.
        seconds: How long it took.
        cpu: Seconds of processor time, of it and all that it waited for.
        peak: Memory of the largest of these processes, in MiB.
        done: How much it has done; 0 where nobody counts.
    """

    output: str
    seconds: float
    cpu: float
    peak: float
    done: int = 0


Results = Mapping[str, Sequence[Turn]]
"""The turns of each contestant, by its name."""


def environment() -> dict[str, str]:
    """Return the variables of every command: as on a user's machine, bytecode is written."""
    silent = {"TURBO_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
    return {**os.environ, **silent, "PYTHONDONTWRITEBYTECODE": ""}


def run(command: Sequence[str], folder: Path, stdin: str = "", *, status: int = 0) -> Turn:
    """Run a command to its end, its output in a file, so that no pipe slows it down.

    Args:
        command: Its words.
        folder: Where it runs.
        stdin: What it can read.
        status: The exit status that it must have.

    Raises:
        DidNotWorkError: It ended otherwise.
    """
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as printed:
        given.write(stdin)
        given.seek(0)
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=given, stdout=printed, stderr=printed
        )
        _, code, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(code)
        printed.seek(0)
        output = printed.read()
    if process.returncode != status:
        words = f"{shlex.join(command)[:500]} ended with {process.returncode}, not {status}"
        message = f"{words}\n{output[-3000:]}"
        raise DidNotWorkError(message)
    # The unit of ru_maxrss is KiB, but bytes on macOS.
    size = usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)
    return Turn(output, seconds, usage.ru_utime + usage.ru_stime, size)


def held(contestants: Sequence[Contestant], rounds: int, *, warm: bool = True) -> Results:
    """Give every contestant a turn in each round, the first one of a round rotated.

    Args:
        contestants: Who takes part.
        rounds: How many turns each has.
        warm: Whether each has a turn before that is not counted.

    Raises:
        DidNotWorkError: One failed, or did not do what the others did.
    """
    results: dict[str, list[Turn]] = {each.name: [] for each in contestants}
    done: dict[int, str] = {}
    for number in range(-1 if warm else 0, rounds):
        first = max(number, 0) % len(contestants)
        for each in (*contestants[first:], *contestants[:first]):
            each.before()
            turn = run(each.command, each.folder, each.stdin)
            if each.done is not None:
                turn = replace(turn, done=each.done(turn.output))
                done.setdefault(turn.done, each.name)
            if number >= 0:
                results[each.name].append(_divided(turn, each.times))
                print(f"  {each.name}: {turn.seconds:.3f} s, CPU {turn.cpu:.3f}", file=sys.stderr)
    if len(done) > 1 or 0 in done:
        message = f"they did not do the same: {done}"
        raise DidNotWorkError(message)
    return results


def _divided(turn: Turn, times: float) -> Turn:
    return replace(turn, seconds=turn.seconds / times, cpu=turn.cpu / times)


def median(turns: Sequence[Turn]) -> float:
    """Return the median of the turns' seconds."""
    return statistics.median(turn.seconds for turn in turns)


def table(results: Results, bases: Sequence[str], *, unit: str = "s", peak: bool = False) -> str:
    """Return the Markdown table of a contest.

    Args:
        results: The turns of each contestant.
        bases: To whose median the others' is a ratio, a column for each.
        unit: ``s`` or ``ms``.
        peak: Whether there is a column of peak memory.
    """
    heads = ["", unit, "least to most", f"CPU {unit}", *(["peak MiB"] if peak else [])]
    heads += [f"over {base}" for base in bases]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, turns in results.items():
        times = sorted(turn.seconds for turn in turns)
        cpu = statistics.median(turn.cpu for turn in turns)
        cells = [name, _number(median(turns), unit)]
        cells += [f"{_number(times[0], unit)} to {_number(times[-1], unit)}", _number(cpu, unit)]
        cells += [f"{max(turn.peak for turn in turns):.0f}"] if peak else []
        cells += [f"{median(turns) / median(results[base]):.2f}" for base in bases]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(seconds: float, unit: str) -> str:
    value = seconds * _UNITS[unit]
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004  # three digits
