"""What the shards of a project left, in a form that can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import coverage

from conftest import Project

Measured = Mapping[str, tuple[frozenset[int], frozenset[tuple[int, int]]]]


@dataclass(frozen=True)
class ShardResult:
    """All that holds of a shard, however it was run.

    Attributes:
        outcome: The result and its reason.
        collected: The tests before the split.
        kept: Those that it was left.
        ran: Those that it ran.
        cases: pytest's report: every case with what is in it.
        measured: For each file, the lines and arcs that were executed.
    """

    outcome: tuple[str, str]
    collected: tuple[str, ...]
    kept: tuple[str, ...]
    ran: frozenset[str]
    cases: frozenset[tuple[str, ...]]
    measured: Measured


def left_by(project: Project) -> dict[str, ShardResult]:
    """Read what the test jobs of a project left, by their names."""
    return {
        folder.name: _result(project, folder)
        for folder in sorted((project.root / ".pushgate" / "out").glob("test-*"))
    }


def _result(project: Project, folder: Path) -> ShardResult:
    outcome = project.outcome(folder.name)
    tests: dict[str, list[str]] = json.loads((folder / "collected.json").read_text("utf-8"))
    ran: dict[str, float] = json.loads((folder / "durations.json").read_text("utf-8"))
    return ShardResult(
        outcome=(outcome["result"], outcome["reason"]),
        collected=tuple(tests["collected"]),
        kept=tuple(tests["kept"]),
        ran=frozenset(ran),
        cases=frozenset(map(_case, _cases(folder))),
        measured=_measured(folder),
    )


def _cases(folder: Path) -> Iterator[ET.Element]:
    return ET.parse(folder / "junit.xml").iter("testcase")  # noqa: S314  # pytest has written it


def _case(case: ET.Element) -> tuple[str, ...]:
    inside = [
        part for child in case for part in (child.tag, child.get("message", ""), child.text or "")
    ]
    found = (case.get("classname", ""), case.get("name", ""), *inside)
    return tuple(re.sub(r"0x[0-9a-f]+", "0x…", text) for text in found)


def _measured(folder: Path) -> Measured:
    combined = coverage.CoverageData(no_disk=True)
    for file in folder.glob("coverage.*"):
        part = coverage.CoverageData(str(file))
        part.read()
        combined.update(part)
        part.close()
    found = {
        file: (frozenset(combined.lines(file) or ()), frozenset(combined.arcs(file) or ()))
        for file in combined.measured_files()
    }
    combined.close(force=True)  # else one in memory stays open, which 3.13 tells
    return found


def collection_log(run: Path, session: str) -> str:
    """Return what the collection of a session printed."""
    return (run / f"{session}.collection.log").read_text(encoding="utf-8")


def differences(one: Mapping[str, ShardResult], other: Mapping[str, ShardResult]) -> list[str]:
    """Name what of two shards' results differs: their whole text is too long to be read."""
    return [
        f"{name}.{field}: {getattr(one[name], field)} != {getattr(other[name], field)}"
        for name in one
        for field in ShardResult.__dataclass_fields__
        if getattr(one[name], field) != getattr(other[name], field)
    ]
