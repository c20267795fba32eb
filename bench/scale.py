"""A repository of 50,000 files, and a graph of 1,000 jobs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from contest import Contestant, held, run, table
from projects import Workshop, keeps_records, uncached

FILES: Final = 50_000
JOBS: Final = 1_000
FEW: Final = 100
"""How many sessions Nox runs: a call of its own for each would take minutes for all."""

TRUE: Final = 'run = ["true"]\nenvironment = false\n'

FINGERPRINTS: Final = """
import sys
import time
from pathlib import Path

from pushgate.plan.definition import of_project
from pushgate.run import fingerprints

definition = of_project(Path.cwd())
started = time.perf_counter()
taken = fingerprints.take(definition, None)
print(time.perf_counter() - started, len(taken.of))
"""

NOX_SESSIONS: Final = f"""
import nox

for number in range({FEW}):

    @nox.session(name=f"job-{{number}}", venv_backend="none", allow_parallel=True)
    def job(session):
        session.run("true", external=True)
"""


def report(workshop: Workshop) -> Iterator[str]:
    """Yield a table for many files, and those for many jobs."""
    yield from _files(workshop)
    yield from _jobs(workshop)


def _files(workshop: Workshop) -> Iterator[str]:
    paths = (f"f{number // 1000:02}/g{number // 100 % 10}/{number}.txt" for number in range(FILES))
    root = workshop.generated("files", {"all": TRUE}, {path: f"{path}\n" for path in paths})
    run(("pushgate", "run", "all"), root)
    entrant = partial(Contestant, folder=root)
    passed = partial(entrant, done=_passed)
    entrants = [
        entrant(name="`git status`", command=("git", "status", "--short")),
        entrant(name="`pushgate plan --json`", command=("pushgate", "plan", "--json")),
        passed(
            name="`pushgate run`, its one job runs",
            command=("pushgate", "run", *uncached(root), "--json", "all"),
        ),
    ]
    if keeps_records(root):
        again = ("pushgate", "run", "--json", "all")
        name = "`pushgate run`, from its record"
        entrants.append(entrant(name=name, command=again, done=_recorded))
    yield f"{FILES:,} files, git's index warm, one job that reads all"
    yield table(held(entrants, workshop.rounds), [entrants[0].name], peak=True)
    yield from _fingerprints(root, workshop.rounds)


def _fingerprints(root: Path, rounds: int) -> Iterator[str]:
    if not keeps_records(root):
        return
    script = root.with_name("fingerprints.py")
    script.write_text(FINGERPRINTS, encoding="utf-8")
    lines = [run((sys.executable, str(script)), root).output.split() for _ in range(rounds)]
    seconds = sorted(float(line[0]) for line in lines)
    middle = seconds[len(seconds) // 2]
    yield f"The fingerprints alone, without starting Python: {middle * 1000:.0f} ms"


def _jobs(workshop: Workshop) -> Iterator[str]:
    gates = {f"job-{number:04}": TRUE for number in range(JOBS)}
    root = workshop.generated("jobs", gates, {"few/noxfile.py": NOX_SESSIONS})
    entrant = partial(Contestant, folder=root)
    plan = [
        entrant(
            name="`pushgate plan --json`", command=("pushgate", "plan", "--json"), done=_planned
        ),
        entrant(name="`pushgate plan`", command=("pushgate", "plan")),
    ]
    yield f"{JOBS:,} jobs: the plan"
    yield table(held(plan, workshop.rounds), [plan[0].name], peak=True)

    names = tuple(gates)
    run(("pushgate", "run", "-j", "2", *names), root)
    xargs = f"seq {JOBS} | xargs -P 2 -n 1 sh -c true"
    passed = partial(entrant, done=_passed)
    entrants = [
        entrant(name="`xargs -P 2`", command=("sh", "-c", xargs)),
        entrant(
            name="`nox -j 2`",
            command=("nox", "-f", "few/noxfile.py", "-j", "2"),
            times=FEW / JOBS,
        ),
        passed(
            name="`pushgate run -j 2`",
            command=("pushgate", "run", *uncached(root), "--json", "-j", "2", *names),
        ),
    ]
    if keeps_records(root):
        again = ("pushgate", "run", "--json", "-j", "2", *names)
        name = "`pushgate run -j 2`, from records"
        entrants.append(entrant(name=name, command=again, done=_recorded))
    results = held(entrants, min(workshop.rounds, 3), warm=False)
    yield f"{JOBS:,} jobs of `true`: a run (Nox ran {FEW} of them; its times are ten times theirs)"
    yield table(results, [entrants[1].name], peak=True)


def _planned(output: str) -> int:
    return sum(job["name"].startswith("job-") for job in json.loads(output)["jobs"])


def _passed(output: str) -> int:
    return sum(end["result"] == "passed" for end in _ends(output))


def _recorded(output: str) -> int:
    return sum(end["result"] == "passed" and end["from_record"] is True for end in _ends(output))


def _ends(output: str) -> Iterator[dict[str, object]]:
    """Return the outcomes of the jobs, of what a run tells as JSON lines."""
    events = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return (event["outcome"] for event in events if event["type"] == "job-finished")
