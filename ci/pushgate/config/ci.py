"""What CI is told beyond the gates: checked, and completed from what the project says."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Mapping
from typing import Final

from pushgate.config.requirements import requirement_names
from pushgate.config.schema import Problems
from pushgate.config.tables import strings, table
from pushgate.model.ci import CiSettings
from pushgate.model.settings import GateOptions

_TABLE: Final = "tool.pushgate.ci"
_MONTHS: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_CRON: Final = (
    (0, 59, ""),
    (0, 23, ""),
    (1, 31, ""),
    (1, 12, _MONTHS),
    (0, 6, "SUN MON TUE WED THU FRI SAT"),
)
"""Of each of cron's fields, as GitHub takes it: its least value, its greatest, and their names."""

_TIMES: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/0*[1-9][0-9]*)?", re.ASCII)
"""An entry of a field of cron."""

_TIMES_EXPECTED: Final = (
    "five fields such as '17 3 * * 1': minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, "
    "day of the week 0-6 or SUN-SAT"
)
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_READ_HISTORY: Final = frozenset(
    {
        *("hatch-vcs", "setuptools-scm", "setuptools-git-versioning", "poetry-dynamic-versioning"),
        *(
            "versioningit",
            "versioneer",
            "uv-dynamic-versioning",
            "dunamai",
            "pbr",
            "vcs-versioning",
        ),
    }
)
"""What a build requires that reads the version from git's tags."""


def completed(
    said: CiSettings,
    pyproject: Mapping[str, object],
    gates: Mapping[str, GateOptions],
    problems: Problems,
) -> CiSettings:
    """Check ``[tool.pushgate.ci]`` and fill in what it leaves to be found.

    Args:
        said: The table, read.
        pyproject: The project's ``pyproject.toml``.
        gates: The options of all gates, by name. A key whose metadata has ``history`` makes
            its gate look at git's history.
        problems: Receives every key that cannot be used.
    """
    for index, times in enumerate(said.schedule):
        fields = times.split(" ")
        if len(fields) != len(_CRON) or not all(map(_is_field, fields, _CRON)):
            problems.add(f"{_TABLE}.schedule[{index}]", times, _TIMES_EXPECTED)
    labels = {"runs-on": said.runs_on}
    labels |= {f"systems[{index}]": label for index, label in enumerate(said.systems)}
    for key, label in labels.items():
        if not _LABEL.fullmatch(label):
            problems.add(f"{_TABLE}.{key}", label, "a runner's label such as 'ubuntu-24.04'")
        elif label.lower().startswith("windows"):
            problems.add(f"{_TABLE}.{key}", label, "Linux or macOS: Pushgate runs on no Windows")
    if not said.image.isprintable() or not said.image or " " in said.image:
        problems.add(f"{_TABLE}.image", said.image, "an image such as 'python:3.13'")
    if said.pages and said.pages.gate not in gates:
        problems.unknown(f"{_TABLE}.pages.gate", said.pages.gate, gates, "gate")
    if said.pages and f"{posixpath.normpath(said.pages.path)}/".startswith(("/", "../")):
        problems.add(f"{_TABLE}.pages.path", said.pages.path, "a folder within the project")
    history = said.history
    if history is None:
        history = _build_reads_history(pyproject) or any(map(_reads_history, gates.values()))
    return dataclasses.replace(said, history=history, systems=_further(said))


def _is_field(text: str, values: tuple[int, int, str]) -> bool:
    """Tell whether a field of cron has nothing but values that there are."""
    least, greatest, names = values
    known = {str(number): number for number in range(least, greatest + 1)}
    known |= {f"{number:02}": number for number in known.values()}
    known |= {name: least + place for place, name in enumerate(names.split())}
    for entry in text.split(","):
        if not (match := _TIMES.fullmatch(entry)):
            return False
        if first := match["first"]:
            last = match["last"] or first
            if known.get(first.upper(), greatest + 1) > known.get(last.upper(), least - 1):
                return False
    return True


def _further(said: CiSettings) -> tuple[str, ...]:
    """Return the machines other than ``runs-on``, each once: a label has no case."""
    machines = {said.runs_on.lower(): said.runs_on}
    for label in said.systems:
        machines.setdefault(label.lower(), label)
    return tuple(machines.values())[1:]


def _reads_history(options: GateOptions) -> bool:
    keys = (field for field in dataclasses.fields(options) if field.metadata.get("history"))
    return options.enabled is not False and any(getattr(options, key.name) for key in keys)


def _build_reads_history(pyproject: Mapping[str, object]) -> bool:
    required = strings(table(pyproject, "build-system").get("requires"))
    return not requirement_names(required).isdisjoint(_READ_HISTORY)
