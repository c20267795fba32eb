"""Gates of a project's own, made of what a job's steps run."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushgate.adopt.from_workflow import matrices, own_commands
from pushgate.adopt.from_workflow.calls import Call
from pushgate.adopt.from_workflow.expressions import Unknown
from pushgate.adopt.from_workflow.findings import Finding, gate_name
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.job_state import (
    JobState,
    Occasion,
    Variant,
    chosen,
    covered,
    hidden,
)
from pushgate.adopt.from_workflow.own_commands import Surroundings
from pushgate.adopt.from_workflow.step_reading import Found
from pushgate.adopt.from_workflow.triggers import selecting
from pushgate.adopt.from_workflow.workflow_reading import WorkflowStep
from pushgate.gates.registry import BUILT_IN
from pushgate.model.account import LEFT_IN_CI

_REPORTING: Final = frozenset({"security-events", "pull-requests", "checks", "statuses"})
"""What may be written by a job that only tells of its checks."""

_MINUTE_SECONDS: Final = 60


@dataclass(frozen=True)
class StepRun:
    """A step that runs commands.

    Attributes:
        step: The step.
        occasion: For which cells and events it runs.
        variants: What it runs in them.
    """

    step: WorkflowStep
    occasion: Occasion
    variants: tuple[Variant, ...]


@dataclass
class OwnGates:
    """Makes the gates of its own that a job becomes.

    Attributes:
        state: The job.
    """

    state: JobState
    _rest: dict[tuple[str, ...], str] = field(default_factory=dict)

    def of_action(self, finding: Finding, command: str, run: StepRun) -> str:
        """Make a gate of what an action does; return its name."""
        table = self._table([command], [], environment=False, run=run)
        return self.state.became(self.state.tables.own(finding.gate, table))

    def of_session(self, finding: Finding, run: StepRun) -> tuple[str, str]:
        """Make a gate of a session of the noxfile; return its name and what is to be known."""
        tables = self.state.tables
        if finding.gate not in BUILT_IN:
            table = {**finding.settings, **self._events(run)}
            return self.state.became(tables.own(finding.gate, table)), finding.detail
        instead = ""
        if finding.gate in tables.gates and tables.gates[finding.gate] != finding.settings:
            instead = f"it takes the place of what an earlier step makes of the gate {finding.gate}"
        tables.gates[finding.gate] = dict(finding.settings)
        detail = "; ".join(filter(None, (finding.detail, instead)))
        return self.state.became(finding.gate), detail

    def of_found(self, found: Found, run: StepRun, name: str) -> tuple[str, str]:
        """Make a gate of a command that was recognised.

        Returns:
            What the step became, and what it runs or why it is none.
        """
        words = []
        for variant in chosen(run.variants):
            around = self._around(run, variant)
            for each in variant.reading.found:
                if (
                    each.finding.gate == found.finding.gate
                    and each.finding.own == found.finding.own
                ):
                    literal = not each.line.patterns and not around.folder
                    words.append(
                        _replaced(own_commands.of_call(each.call, around), each.finding)
                        if literal
                        else own_commands.of_script(each.line.text, around)
                    )
        commands = list(dict.fromkeys(shlex.join(each) for each in words))
        if reason := self._not_own(run.step, commands):
            return LEFT_IN_CI, reason
        environment = own_commands.needs_project([found.call], words, self._installed(run))
        table = self._table(commands, [found.call], environment=environment, run=run)
        made = self.state.became(self.state.tables.own(name, table))
        return made, self._told(commands, run)

    def of_rest(self, run: StepRun) -> tuple[str, str]:
        """Put what nobody recognises into the job's own gate.

        Returns:
            What the step became, and what it runs or why it is none.
        """
        words = [each for variant in chosen(run.variants) for each in self._words(run, variant)]
        commands = list(dict.fromkeys(shlex.join(each) for each in words))
        if reason := self._not_own(run.step, commands):
            return LEFT_IN_CI, reason
        tables = self.state.tables
        calls = [call for variant in run.variants for call in variant.reading.calls]
        environment = own_commands.needs_project(calls, words, self._installed(run))
        table = self._table(commands, calls, environment=environment, run=run)
        on = tuple(selected_by(self.state, run))
        if name := self._rest.get(on):
            tables.extend(name, table)
        else:
            first = self.state.job.name if not self._rest else run.step.title
            name = self._rest[on] = tables.own(
                gate_name(first, tuple(tables.gates)), table, growing=True
            )
        return self.state.became(name), self._told(commands, run)

    def _installed(self, run: StepRun) -> Installed:
        return self.state.installed_in(run.occasion.cells)

    def _words(self, run: StepRun, variant: Variant) -> list[tuple[str, ...]]:
        """Return the commands that do what nobody recognises in a script."""
        reading, around = variant.reading, self._around(run, variant)
        if reading.whole or run.step.shell_name == "python":
            return [own_commands.of_script(variant.script, around)]
        if not reading.others:
            return []
        if not around.folder and all(line.literal for line in reading.others):
            lines = map(own_commands.called_in, reading.others)
            return [own_commands.of_call(call, around) for call in lines]
        return [own_commands.of_script("\n".join(line.text for line in reading.others), around)]

    def _around(self, run: StepRun, variant: Variant) -> Surroundings:
        folder = posixpath.relpath(variant.folder, self.state.folder or ".")
        shell, installed = run.step.shell_name, variant.installed + variant.reading.installed
        return Surroundings(shell, folder if folder != "." else "", variant.variables, installed)

    def _not_own(self, step: WorkflowStep, commands: Sequence[str]) -> str:
        """Tell why commands cannot be a gate of their own; empty: they can."""
        job = self.state.job
        writes = ", ".join(name for name in job.writes if name not in _REPORTING)
        unknown = hidden(self.state, step)
        reasons = {
            only_github(Unknown(unknown[0][1])) if unknown else "": bool(unknown),
            f"its job may write ({writes})": bool(writes),
            "it works with what another job hands on (download-artifact)": self.state.downloads,
            "its Python comes from another job, which only GitHub knows": any(
                matrices.UNTOLD in command for command in commands
            ),
            f"it may need {self._services()}": bool(job.services),
            "it may fail there (`continue-on-error`): no gate may": step.may_fail or job.may_fail,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _services(self) -> str:
        database = self.state.database
        if database and not database.others:
            return (
                f"{database.name}: only the gates test and migrations are given a PostgreSQL "
                "(`template` in [tool.pushgate.services.postgres] fills that of the tests)"
            )
        names = database.others if database else self.state.job.services
        return f"{', '.join(names)}, which Pushgate does not start"

    def _told(self, commands: Sequence[str], run: StepRun) -> str:
        shown = f"`{commands[0]}`" if commands and "\n" not in commands[0] else "the same commands"
        more = f" and {len(commands) - 1} more" if len(commands) > 1 else ""
        versions = {cell.version for cell in run.occasion.cells}
        once = ", once and not on each of its Pythons" if versions > covered(run.variants) else ""
        axes = [axis for variant in run.variants for axis in matrices.differing(variant.cells)]
        same = f"; it does not vary {' and '.join(dict.fromkeys(axes))}" if axes else ""
        return f"a gate of its own: {shown}{more}{once}{same}"

    def _events(self, run: StepRun) -> dict[str, object]:
        on = selected_by(self.state, run)
        return {"on": on} if on else {}

    def _table(
        self, commands: Sequence[str], calls: Iterable[Call], *, environment: bool, run: StepRun
    ) -> dict[str, object]:
        groups = (*self._installed(run).groups, *(group for call in calls for group in call.groups))
        table: dict[str, object] = {"run": list(commands), **self._events(run)}
        if self.state.after:
            table["after"] = list(self.state.after)
        if not environment:
            table["environment"] = False
        elif groups:
            table["groups"] = list(dict.fromkeys(groups))
        if minutes := run.step.minutes or self.state.job.minutes:
            table["timeout"] = int(minutes * _MINUTE_SECONDS)
        return table


def selected_by(state: JobState, run: StepRun) -> list[str]:
    """Return what the `on` of a step's gate says; empty: every event selects it."""
    condition = f"{state.job.condition} {run.step.condition}"
    return selecting(run.occasion.events, state.when.moments, condition)


def only_github(unknown: Unknown) -> str:
    """Tell why a step stays in CI that uses what only GitHub knows."""
    if unknown.what.startswith("secrets.") or unknown.what == "github.token":
        return f"it needs the secret {unknown.what.removeprefix('secrets.')}"
    return f"it uses `{unknown.what}`, which only GitHub knows"


def _replaced(words: tuple[str, ...], finding: Finding) -> tuple[str, ...]:
    return tuple(finding.instead.get(word, word) for word in words)
