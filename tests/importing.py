"""Workflows written for the tests, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent, indent

from pushgate.adopt.from_workflow.imported import Imported, read
from pushgate.model.account import StepAccount


def workflow(steps: str, job: str = "", on: str = "[push, pull_request]") -> str:
    """Return a workflow of one job ``check`` with these steps, and keys of the job."""
    return (
        f"on: {on}\njobs:\n  check:\n    runs-on: ubuntu-latest\n"
        f"{indent(dedent(job).strip(), '    ')}\n"
        f"    steps:\n{indent(dedent(steps).strip(), '      ')}\n"
    )


def imported(folder: Path, text: str, project: str = "") -> Imported:
    """Write a workflow to a folder and import it."""
    file = folder / "ci.yml"
    file.write_text(dedent(text), encoding="utf-8")
    return read(file, project)


def step(result: Imported, title: str = "") -> StepAccount:
    """Return the account of a step by its title; of the only step unless given."""
    steps = [each for job in result.account for each in job.steps]
    found = [each for each in steps if each.title == title or (not title and len(steps) == 1)]
    assert len(found) == 1, steps
    return found[0]


def gates(result: Imported) -> Mapping[str, Mapping[str, object]]:
    """Return the tables of the gates."""
    found = result.tables.get("gates", {})
    assert isinstance(found, dict)
    return found


def gate(result: Imported, name: str) -> Mapping[str, object]:
    """Return the table of a gate."""
    return gates(result)[name]


def commands(result: Imported, name: str) -> list[str]:
    """Return what a gate of its own runs."""
    run = gate(result, name)["run"]
    assert isinstance(run, list)
    return run


def as_toml(tables: Mapping[str, object]) -> str:
    """Write the tables as ``[tool.pushgate]`` of a ``pyproject.toml``."""
    return "\n".join(_lines("tool.pushgate", tables)) + "\n"


def _lines(name: str, table: Mapping[str, object]) -> Iterator[str]:
    yield f"[{name}]"
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if key not in inner:
            # JSON's strings are TOML's, less one character that only TOML escapes.
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
    for key, value in inner.items():
        yield from _lines(f"{name}.{key}", value)
