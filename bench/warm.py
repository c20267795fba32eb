"""A run of which everything is recorded, and one after a file in `docs/` has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from contest import Contestant, DidNotWorkError, held, run, table
from projects import Suite, Workshop, keeps_records, uncached

GATES: Final = ("types", "test", "coverage", "build", "docs")
"""Those of click that read different files: tests its code, `docs` only `docs/`."""


def report(workshop: Workshop) -> Iterator[str]:
    """Yield which jobs ran, and how long it took."""
    suite = workshop.click
    root = suite.root
    if not keeps_records(root):
        yield "This Pushgate keeps no records."
        return
    run(("pushgate", "run", *GATES), root)
    warm = ("pushgate", "run", "--json", *GATES)
    ran = _ran(run(warm, root).output)
    yield f"{root.name}, gates {', '.join(GATES)}, nothing changed: {_told(ran)}"
    _change(suite, 0)
    ran = _ran(run(warm, root).output)
    yield f"One file in `docs/` changed: {_told(ran)}"
    numbers = count(1)
    everything = len(_jobs(run(warm, root).output))
    contestants = [
        Contestant(
            name="nothing from records (`--no-cache`)",
            command=("pushgate", "run", *uncached(root), "--json", *GATES),
            folder=root,
            done=lambda output: len(_jobs(output)),
        ),
        Contestant(
            name="everything from records",
            command=warm,
            folder=root,
            # What it leaves are the records' outputs: all junit.xml and coverage data.
            before=lambda: (run(warm, root), suite.forget()),
            done=lambda output: _all_from_records(suite, output, everything),
        ),
        Contestant(
            name="one file in `docs/` changed",
            command=warm,
            folder=root,
            before=lambda: _change(suite, next(numbers)),
            done=lambda output: len(_jobs(output)),
        ),
    ]
    yield table(held(contestants, workshop.rounds, warm=False), [contestants[0].name])


def _change(suite: Suite, number: int) -> None:
    (suite.root / "docs" / "bench.md").write_text(f"# Change {number}\n", encoding="utf-8")


def _jobs(output: str) -> Sequence[dict[str, object]]:
    """Return the outcomes of the jobs that a run tells as JSON lines."""
    events = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return [event["outcome"] for event in events if event["type"] == "job-finished"]


def _ran(output: str) -> tuple[int, Sequence[str]]:
    jobs = _jobs(output)
    return len(jobs), [str(job["job"]) for job in jobs if not job["from_record"]]


def _told(ran: tuple[int, Sequence[str]]) -> str:
    jobs, names = ran
    return f"{len(names)} of {jobs} jobs ran{': ' if names else ''}{', '.join(names)}"


def _all_from_records(suite: Suite, output: str, everything: int) -> int:
    jobs, names = _ran(output)
    if names or not suite.passed(".pushgate/out"):
        message = f"not everything came from records: {names}"
        raise DidNotWorkError(message)
    return jobs if jobs == everything else 0
