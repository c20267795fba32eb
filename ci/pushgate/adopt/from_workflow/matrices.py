"""The cells of a job's matrix: on which machine and with which Python it runs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.from_workflow.expressions import Unknown, Value, interpolated
from pushgate.adopt.from_workflow.workflow_reading import WorkflowJob, as_text
from pushgate.config.tables import strings

UNTOLD: Final = "3.\ue000"
"""Stands for a Python that another job of the workflow computes."""

LINUX: Final = "linux"
MACOS: Final = "macos"
WINDOWS: Final = "windows"
OTHER: Final = "other"

_NEWEST: Final = re.compile(r">=3|3(\.[x*])?")
"""What asks for the newest Python, whichever that is."""

_CPYTHON: Final = re.compile(r"(?:cpython-?|python|py|[~^])?(3\.\d+)(?:[.-].*)?", re.IGNORECASE)
_CONTAINER: Final = re.compile(r"(?:.*/)?python:(3\.\d+)\b.*")
_LINUX_LABEL: Final = re.compile(r"(?:ubuntu|linux|depot-ubuntu|blacksmith-\d+vcpu-ubuntu)\b.*")
_PYTHON_KEY: Final = re.compile(r".*python.*|py|pyversion")


@dataclass(frozen=True)
class Cell:
    """One run of a job.

    Attributes:
        values: What names stand for in its expressions: ``matrix.os`` and the like.
        label: The label of its machine, in lower case.
        python: The Python that it is for, as the workflow writes it; empty: none is said.
        others: Its values besides machine and Python, which make it a different check.
    """

    values: Mapping[str, Value | Unknown]
    label: str
    python: str
    others: tuple[tuple[str, str], ...]

    @property
    def system(self) -> str:
        """The kind of its machine."""
        if _LINUX_LABEL.fullmatch(self.label):
            return LINUX
        return next((name for name in (MACOS, WINDOWS) if name in self.label), OTHER)

    @property
    def version(self) -> str:
        """The release of CPython that it is for (``X.Y``); empty: it is for another, or none."""
        found = _CPYTHON.fullmatch(self.python)
        return found[1] if found else ""


def cells(job: WorkflowJob) -> tuple[Cell, ...]:
    """Return the runs of a job, at least one."""
    return tuple(_cell(job, combination) for combination in _combinations(job.matrix))


def _combinations(matrix: object) -> list[dict[str, object]]:
    if not isinstance(matrix, Mapping):
        return [{}]
    axes = {
        str(name): values if isinstance(values, list) else [_untold(str(name), values)]
        for name, values in matrix.items()
        if name not in {"include", "exclude"}
    }
    product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    kept = [each for each in product if not _excluded(each, matrix.get("exclude"))]
    return _included(kept if axes else [], axes, matrix.get("include")) or [{}]


def _untold(name: str, values: object) -> object:
    """Stand in for an axis that is an expression."""
    return UNTOLD if _PYTHON_KEY.fullmatch(name) else values


def _excluded(combination: Mapping[str, object], excluded: object) -> bool:
    entries = excluded if isinstance(excluded, list) else []
    return any(
        isinstance(entry, Mapping)
        and all(as_text(combination.get(key)) == as_text(value) for key, value in entry.items())
        for entry in entries
    )


def _included(
    combinations: list[dict[str, object]], axes: Mapping[str, object], included: object
) -> list[dict[str, object]]:
    """Add the entries of ``include`` as GitHub does: to what they agree with, else as new ones."""
    originals = [dict(each) for each in combinations]
    added: list[dict[str, object]] = []
    for entry in included if isinstance(included, list) else []:
        if not isinstance(entry, Mapping):
            continue
        extended = False
        for original, combination in zip(originals, combinations, strict=True):
            if all(original[key] == entry[key] for key in axes.keys() & entry.keys()):
                combination.update(entry)
                extended = True
        if not extended:
            added.append(dict(entry))
    return [*combinations, *added]


def _cell(job: WorkflowJob, combination: Mapping[str, object]) -> Cell:
    # The empty names say that these contexts are known: what they lack is empty.
    values: dict[str, Value | Unknown] = {"env.": None, "runner.os": "Linux"}
    if not _is_computed(job.matrix):
        values["matrix."] = None
    values |= dict(_flat("matrix", combination))
    for name, text in job.env.items():
        values[f"env.{name}"] = interpolated(text, values)
    python = _python(job, values)
    others = tuple(
        (key, as_text(value))
        for key, value in combination.items()
        if key not in {"name", "os", "experimental"}
        and not _PYTHON_KEY.fullmatch(key)
        and as_text(value) != python
    )
    return Cell(values, _label(job, values), python, others)


def _is_computed(matrix: object) -> bool:
    """Tell whether another job computes which cells a matrix has."""
    parts = (
        (matrix, *(matrix.get(key) for key in ("include", "exclude")))
        if isinstance(matrix, Mapping)
        else (matrix,)
    )
    return any(isinstance(part, str) for part in parts)


def _flat(name: str, value: object) -> Iterator[tuple[str, Value | Unknown]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)
    elif isinstance(value, bool):
        yield name, value
    else:
        text = as_text(value)
        yield name, Unknown(text) if "${{" in text else text


def _label(job: WorkflowJob, values: Mapping[str, Value | Unknown]) -> str:
    machine = job.machine
    if isinstance(machine, Mapping):
        machine = machine.get("labels", machine.get("group"))
    labels = strings(machine)
    label = interpolated(labels[0], values) if len(labels) == 1 else ", ".join(labels)
    return "" if isinstance(label, Unknown) else label.lower()


def _python(job: WorkflowJob, values: Mapping[str, Value | Unknown]) -> str:
    """Find the Python of a cell: what it sets up, else its container's, else its matrix's."""
    for step in job.steps:
        said = step.inputs.get("python-version", "")
        version = interpolated(said, values)
        if said and not isinstance(version, Unknown) and version:
            last = version.split()[-1]
            return "" if _NEWEST.fullmatch(last) else last
    image = interpolated(job.container, values)
    if isinstance(image, str) and (container := _CONTAINER.fullmatch(image)):
        return container[1]
    keys = [name for name in values if _PYTHON_KEY.fullmatch(name.removeprefix("matrix."))]
    found = [str(values[name]) for name in keys if name.startswith("matrix.")]
    return found[0] if found else ""


def is_cpython(python: str) -> bool:
    """Tell whether a Python, as a workflow writes it, is one that a gate can have."""
    return bool(_CPYTHON.fullmatch(python)) or not re.search(r"\d", python) or UNTOLD in python


def differing(these: Sequence[Cell]) -> list[str]:
    """Return the axes besides machine and Python in which cells are different, with the values.

    What names its cell's Python, such as ``py312-tests``, is no axis of its own.
    """
    said: dict[str, dict[str, None]] = {}
    for cell in these:
        short = cell.version.replace(".", "")
        for axis, value in cell.others:
            if not short or (short not in value and cell.version not in value):
                said.setdefault(axis, {})[value] = None
    return [f"{axis} ({', '.join(its)})" for axis, its in said.items() if len(its) > 1]


def newest(these: Sequence[Cell]) -> Cell:
    """Return the cell of the newest CPython, else the first one."""
    told = [cell for cell in these if cell.version]
    return max(told, key=lambda cell: int(cell.version.partition(".")[2]), default=these[0])
