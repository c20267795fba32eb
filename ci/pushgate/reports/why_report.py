"""Why a job would run: for people and for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.text import Text

from pushgate.model.fingerprint import Difference, Fingerprint
from pushgate.reports.text import line, put, table, text
from pushgate.run.recall import ago
from pushgate.run.records import Record
from pushgate.run.why import Explanation

_LISTED: Final = 20
"""So many differences are listed; the rest is counted."""

_DIGEST_LENGTH: Final = 12


def show(explanations: Iterable[Explanation]) -> None:
    """Print explanations, one after the other."""
    for number, explanation in enumerate(explanations):
        if number:
            put(line(), sys.stdout)
        _show(explanation)


def _show(explanation: Explanation) -> None:
    for told in _verdict(explanation):
        put(told, sys.stdout)
    if explanation.differences:
        rows = table("", "", "")
        for difference in explanation.differences[:_LISTED]:
            rows.add_row(text(difference.part), text(difference.name), text(_change(difference)))
        put(rows, sys.stdout)
        if (more := len(explanation.differences) - _LISTED) > 0:
            put(text(f"… and {more} more"), sys.stdout)
    if explanation.fingerprint:
        put(line(f"it depends on (fingerprint {explanation.fingerprint.digest}):"), sys.stdout)
        rows = table("", "", "")
        for part, name, value in _parts(explanation.fingerprint):
            rows.add_row(text(part), text(name), text(value))
        put(rows, sys.stdout)


def _verdict(explanation: Explanation) -> Iterator[Text]:
    name = (explanation.job, "bold")
    if explanation.fingerprint is None:
        yield line(name, f" always runs: {explanation.without}")
        return
    if record := explanation.record:
        yield line(name, f" would be taken from its record: {_told(record)}")
    elif failed := explanation.failed:
        yield line(name, f" would run: on exactly this it {_told(failed)}")
    else:
        yield line(name, " would run: it has not passed on what it depends on now")
    if last := explanation.last:
        yield line(f"its last run on something else: {_told(last)}; different since then:")
    elif record is None and explanation.failed is None:
        yield line("it never ran before, as far as records go back")


def _told(record: Record) -> str:
    return f"{record.result} {ago(record.at)} in {record.seconds:.1f} s (run {record.run})"


def _change(difference: Difference) -> str:
    if not difference.before:
        return "new" if difference.part == "files" else f"now {difference.now}"
    if not difference.now:
        return "gone"
    if difference.part == "files":
        return "changed"
    return f"{_short(difference.before)} -> {_short(difference.now)}"


def _short(value: str) -> str:
    return value if len(value) <= _DIGEST_LENGTH * 4 else f"{value[:_DIGEST_LENGTH]}…"


def _parts(fingerprint: Fingerprint) -> Iterator[tuple[str, str, str]]:
    count = len(fingerprint.files.entries)
    yield "files", f"{count} files", fingerprint.files.digest[:_DIGEST_LENGTH]
    for part, values in fingerprint.parts.items():
        for name, value in values.items():
            # Of the many variables that could matter, most are not there.
            if value not in {"", "unset"}:
                yield part, name, _short(value)
    if fingerprint.fresh_for is not None:
        yield "fresh for", "", f"{fingerprint.fresh_for:g} s"


def to_json(explanations: Iterable[Explanation]) -> str:
    """Return explanations as a JSON array; a fingerprint lists every file."""
    return json.dumps([_as_json(each) for each in explanations], indent=2)


def _as_json(explanation: Explanation) -> Mapping[str, object]:
    fingerprint = explanation.fingerprint
    return {
        "job": explanation.job,
        "without": explanation.without,
        "fingerprint": None if fingerprint is None else _fingerprint(fingerprint),
        "record": _record(explanation.record),
        "failed": _record(explanation.failed),
        "last": _record(explanation.last),
        "differences": [dataclasses.asdict(each) for each in explanation.differences],
    }


def _fingerprint(fingerprint: Fingerprint) -> Mapping[str, object]:
    return {
        "digest": fingerprint.digest,
        "project": fingerprint.project,
        "files": dict(fingerprint.files.entries),
        "parts": {part: dict(values) for part, values in fingerprint.parts.items()},
        "fresh-for": fingerprint.fresh_for,
    }


def _record(record: Record | None) -> Mapping[str, object] | None:
    return None if record is None else dataclasses.asdict(record)
