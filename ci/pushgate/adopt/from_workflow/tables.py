"""The settings that an import collects, step by step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pushgate.adopt.from_workflow.databases import ServerTable
from pushgate.adopt.from_workflow.findings import RESERVED, Finding, gate_name
from pushgate.adopt.from_workflow.matrices import MACOS, Cell
from pushgate.adopt.from_workflow.triggers import Triggers
from pushgate.config.pythons import version_key
from pushgate.config.tables import strings
from pushgate.model.services import POSTGRES

CODECOV: Final = "ci.codecov"
"""What an action or a command becomes that sends coverage to Codecov."""

_OTHER_LINTERS: Final = ("black", "isort", "flake8", "pylint")
_TESTS: Final = re.compile(r"(?:^|[\s/_-])(?:run)?tests?(?:\.(?:sh|py))?(?:$|[\s_-])")
_ONLY_ONE: Final = frozenset({"tool", "fail-under", "config", "section", "x"})
"""Keys of which a gate has one value: with another, a command is something else."""

_DEFAULT_BRANCHES: Final = ("main",)


@dataclass
class Tables:
    """What ``[tool.pushgate]`` is to say.

    Attributes:
        gates: The tables of gates, in the order in which they were found.
        pythons: The Pythons of the jobs that run tests.
        other_pythons: The Pythons of the other jobs.
        systems: Further machines that run tests.
        codecov: Whether coverage is sent to Codecov.
        postgres: The server that gates are given.
    """

    gates: dict[str, dict[str, object]] = field(default_factory=dict)
    pythons: set[str] = field(default_factory=set)
    other_pythons: set[str] = field(default_factory=set)
    systems: dict[str, None] = field(default_factory=dict)
    codecov: bool = False
    postgres: ServerTable = field(default_factory=ServerTable)
    _growing: set[str] = field(default_factory=set)
    _test: Mapping[str, object] | None = None

    def add_built_in(self, finding: Finding) -> bool:
        """Take over what a command tells of a gate; False: it says something else than before."""
        if finding.gate == CODECOV:
            self.codecov = True
            return True
        table = self.gates.setdefault(finding.gate, {})
        if "session" in table:
            return False
        if finding.gate == "test":
            if self._test is not None and self._test != finding.settings:
                return False
            self._test = finding.settings
        both = table.keys() & finding.settings.keys() & _ONLY_ONE
        if any(table[key] != finding.settings[key] for key in both):
            return False
        for key, value in finding.settings.items():
            table.setdefault(key, value)
        return True

    def has_test(self, finding: Finding) -> bool:
        """Tell whether an earlier step says the same of the gate test."""
        return self._test == finding.settings

    def own(self, name: str, table: Mapping[str, object], *, growing: bool = False) -> str:
        """Add a gate of its own, or find the one that does the same; return its name.

        Args:
            name: What it is to be called.
            table: Its table.
            growing: Whether further steps of its job are added to it.
        """
        for known in self.gates:
            if not growing and known not in self._growing and self.gates[known] == table:
                return known
        chosen = name
        if name in RESERVED or name in self.gates:
            chosen = gate_name(name, tuple(self.gates))
        self.gates[chosen] = dict(table)
        if growing:
            self._growing.add(chosen)
        return chosen

    def extend(self, name: str, table: Mapping[str, object]) -> None:
        """Add the commands of a step to a gate of its own that an earlier step became."""
        known = self.gates[name]
        for key in ("run", "groups"):
            if both := dict.fromkeys((*strings(known.get(key)), *strings(table.get(key)))):
                known[key] = list(both)
        if "environment" not in table:
            known.pop("environment", None)

    def add_tests(self, run: Iterable[Cell], cells: Iterable[Cell]) -> None:
        """Note where a job runs pytest.

        Args:
            run: The cells that a gate stands for.
            cells: All cells of the job.
        """
        self.pythons |= {cell.version for cell in run if cell.version}
        macs = [cell.label for cell in cells if cell.system == MACOS]
        self.systems |= dict.fromkeys(macs)

    def add_other_pythons(self, pythons: set[str]) -> None:
        """Note the Pythons of a job; those of the job with most count where none runs pytest."""
        if len(pythons) > max(1, len(self.other_pythons)):
            self.other_pythons = pythons

    def whole(self, when: Triggers) -> tuple[dict[str, object], tuple[str, ...]]:
        """Return the tables, and what is to be known of them.

        Args:
            when: When the workflow runs.
        """
        if not self.gates:
            return {}, ()
        gates = {name: self._gate(name) for name in self.gates}
        notes = []
        if "lint" not in gates and any(name in gates for name in _OTHER_LINTERS):
            linters = " and ".join(name for name in _OTHER_LINTERS if name in gates)
            gates["lint"] = {"enabled": False}
            notes.append(
                f"the gate lint, which is ruff, is off: its work is done by {linters} here"
            )
        like_tests = [name for name, table in gates.items() if _is_like_tests(name, table)]
        if "test" not in gates and like_tests:
            notes.append(
                "no step is known to run pytest, which the gate test does all the same: if "
                f"{like_tests[0]} is your tests, `enabled = false` in [tool.pushgate.gates.test] "
                "leaves it out"
            )
        branches = when.branches if when.branches != _DEFAULT_BRANCHES else ()
        tables: dict[str, object] = {
            "branches": list(branches),
            "python": sorted(self.pythons or self.other_pythons, key=version_key),
            "ci": self._ci(when),
            "gates": {name: table for name, table in gates.items() if table},
            "services": {POSTGRES: server} if (server := self.postgres.table()) else {},
        }
        return {key: value for key, value in tables.items() if value}, tuple(notes)

    def _ci(self, when: Triggers) -> dict[str, object]:
        said = {
            "systems": list(self.systems),
            "schedule": list(when.schedule),
            "codecov": self.codecov,
        }
        return {key: value for key, value in said.items() if value}

    def _gate(self, name: str) -> dict[str, object]:
        table = dict(self.gates[name])
        if name == "lint" and "session" not in table:
            # It does both unless told otherwise.
            return {} if table.get("format") else {"format": False}
        return table


def _is_like_tests(name: str, table: Mapping[str, object]) -> bool:
    starts = (" ".join(command.split()[:3]) for command in strings(table.get("run")))
    return any(_TESTS.search(text) for text in (name, *starts))
