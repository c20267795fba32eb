"""A job of a workflow while it is taken over: what its steps share."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from pushgate.adopt.from_workflow import databases, matrices
from pushgate.adopt.from_workflow.databases import JobDatabase
from pushgate.adopt.from_workflow.expressions import MASK, Unknown, Value, interpolated, masked
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.matrices import Cell
from pushgate.adopt.from_workflow.step_reading import Reading, read_script
from pushgate.adopt.from_workflow.tables import Tables
from pushgate.adopt.from_workflow.triggers import Triggers, answered
from pushgate.adopt.from_workflow.workflow_reading import Texts, WorkflowJob, WorkflowStep


@dataclass
class JobState:
    """What the steps of a job share.

    Attributes:
        job: The job.
        when: When its workflow runs.
        tables: Receives its settings.
        folder: The project's folder, from the top of the repository.
        after: The gates that the jobs became which it waits for.
        cells: Its runs.
        here: Those of them that a gate can stand for: on Linux, with CPython.
        downloads: Whether they have fetched what another job hands on.
        tests: Whether they have run pytest.
        database: The PostgreSQL that they start, if they do.
        served: The gates that are given one for it.
        filled: The command that has made its tables so far; empty: none.
        gates: The gates that it became so far.
    """

    job: WorkflowJob
    when: Triggers
    tables: Tables
    folder: str
    after: tuple[str, ...]
    cells: tuple[Cell, ...] = field(init=False)
    here: tuple[Cell, ...] = field(init=False)
    downloads: bool = False
    tests: bool = False
    database: JobDatabase | None = field(init=False)
    served: dict[str, None] = field(default_factory=dict)
    filled: str = ""
    gates: dict[str, None] = field(default_factory=dict)
    _installed: list[tuple[tuple[Cell, ...], Installed]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = matrices.cells(self.job)
        on_linux = (cell for cell in self.cells if cell.system == matrices.LINUX)
        self.here = tuple(cell for cell in on_linux if matrices.is_cpython(cell.python))
        self.database = databases.of_job(self.job, self.here)

    def installs(self, cells: tuple[Cell, ...], what: Installed) -> None:
        """Note what a step installs in some cells."""
        self._installed.append((cells, what))

    def installed_in(self, cells: Iterable[Cell]) -> Installed:
        """Return what the steps so far have installed in one of these cells, or in several."""
        its = list(cells)
        parts = (what for where, what in self._installed if any(cell in where for cell in its))
        return sum(parts, Installed())

    def became(self, gate: str) -> str:
        """Note that the job became a gate; return its name."""
        self.gates[gate] = None
        return gate


@dataclass(frozen=True)
class Occasion:
    """For which cells and events a step runs.

    Attributes:
        cells: The cells.
        events: The events, as a gate's ``on`` calls them.
        notes: What of its conditions is not carried over; where it never runs, why.
    """

    cells: tuple[Cell, ...]
    events: tuple[str, ...]
    notes: tuple[str, ...]


def occasion(state: JobState, step: WorkflowStep) -> Occasion:
    """Find out for which cells and events a step runs."""
    cells: list[Cell] = []
    events: dict[str, None] = {}
    unknown = False
    for cell in state.here:
        around = answered(state.job.condition, state.when.moments, cell.values)
        moments = [each for each in state.when.moments if each.event in around.events]
        own = answered(step.condition, moments, _known(step, cell))
        if own.events:
            cells.append(cell)
            events |= dict.fromkeys(own.events)
            unknown = unknown or own.unknown
    shown = " ".join(step.condition.split())
    if not cells:
        failed = "failure()" in shown or "cancelled()" in shown
        never = f"its `if: {shown}` never holds where a gate runs"
        return Occasion((), (), ("it runs where something failed" if failed else never,))
    notes = (f"its `if: {shown}` is not carried over",) if unknown else ()
    return Occasion(tuple(cells), tuple(events), notes)


@dataclass(frozen=True)
class Variant:
    """A step's script in some cells of the matrix.

    Attributes:
        script: The script, expressions replaced by their values.
        variables: The variables that are set for it and are known.
        folder: Where it runs, from the top of the repository; ``.`` for the top.
        installed: What the job has installed before.
        cells: The cells.
        reading: What its commands are.
    """

    script: str
    variables: Texts
    folder: str
    installed: Installed
    cells: tuple[Cell, ...]
    reading: Reading


def variants(state: JobState, step: WorkflowStep, cells: Iterable[Cell]) -> list[Variant] | Unknown:
    """Read a step's script in every cell; what only GitHub knows where it cannot be read."""
    found: dict[tuple[str, tuple[tuple[str, str], ...], str, Installed], list[Cell]] = {}
    for cell in cells:
        script = _script(step, cell)
        folder = interpolated(step.folder, cell.values)
        for text in (script, folder):
            if isinstance(text, Unknown):
                return text
        texts = _variables(state, step, cell)
        known = tuple((name, text) for name, text in texts.items() if isinstance(text, str))
        where = posixpath.normpath(str(folder) or ".")
        found.setdefault((str(script), known, where, state.installed_in([cell])), []).append(cell)
    return [
        Variant(
            script=script,
            variables=dict(known),
            folder=folder,
            installed=installed,
            cells=tuple(its),
            reading=read_script(script, dict(known), its[0].version),
        )
        for (script, known, folder, installed), its in found.items()
    ]


def _script(step: WorkflowStep, cell: Cell) -> str | Unknown:
    """Return a step's script in a cell, if what only GitHub knows is nothing that counts in it."""
    known = _known(step, cell)
    script = interpolated(step.run, known)
    if isinstance(script, Unknown):
        text = masked(step.run, known)
        reading = read_script(text, {}, cell.version)
        rest = (reading.others, reading.whole, reading.left, reading.installs)
        findings = [found.finding for found in reading.found]
        if (
            findings
            and not any(rest)
            and not any(finding.own or MASK in str(finding.settings) for finding in findings)
        ):
            return text
    return script


def chosen(these: Iterable[Variant]) -> list[Variant]:
    """Choose the scripts of a gate of its own: each check once, on the newest Python."""
    these = list(these)
    wanted = _checks(these)
    return [each for each in these if any(cell in each.cells for cell in wanted)]


def covered(these: Iterable[Variant]) -> set[str]:
    """Return the Pythons of the scripts that are chosen."""
    return {cell.version for cell in _checks(these)}


def _checks(these: Iterable[Variant]) -> list[Cell]:
    """Return the cell that stands for each check."""
    checks: dict[object, list[Cell]] = {}
    for variant in these:
        for cell in variant.cells:
            checks.setdefault(cell.others, []).append(cell)
    return [matrices.newest(cells) for cells in checks.values()]


def hidden(state: JobState, step: WorkflowStep) -> list[tuple[str, str]]:
    """Return the variables of a step whose values only GitHub knows, each with what it is."""
    texts = _variables(state, step, state.here[0])
    return [(name, text.what) for name, text in texts.items() if isinstance(text, Unknown)]


def written(state: JobState, step: WorkflowStep) -> dict[str, str]:
    """Return the variables of a step, ``MASK`` in place of what only GitHub knows."""
    known = _with_ports(state, state.here[0])
    return {name: masked(text, known) for name, text in {**state.job.env, **step.env}.items()}


def _variables(state: JobState, step: WorkflowStep, cell: Cell) -> dict[str, str | Unknown]:
    texts = {**state.job.env, **step.env}
    known = _with_ports(state, cell)
    return {name: interpolated(text, known) for name, text in texts.items()}


def _with_ports(state: JobState, cell: Cell) -> dict[str, Value | Unknown]:
    return {**cell.values, **(state.database.values if state.database else {})}


def _known(step: WorkflowStep, cell: Cell) -> dict[str, Value | Unknown]:
    """Return what names stand for in a step's own expressions."""
    own = {f"env.{name}": interpolated(text, cell.values) for name, text in step.env.items()}
    return {**cell.values, **own}
