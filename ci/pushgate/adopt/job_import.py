"""One job of a workflow: what becomes of each of its steps."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pushgate.adopt import matrices, own_commands
from pushgate.adopt.actions import meaning
from pushgate.adopt.expressions import Unknown, interpolated
from pushgate.adopt.installs import Installed
from pushgate.adopt.matrices import Cell
from pushgate.adopt.own_commands import Surroundings
from pushgate.adopt.recognition import RECOGNISERS, gate_name
from pushgate.adopt.step_reading import Found, Reading, joined, read_script
from pushgate.adopt.tables import Tables
from pushgate.adopt.triggers import Triggers, answered, selecting
from pushgate.adopt.workflow_reading import Texts, WorkflowJob, WorkflowStep
from pushgate.gates.registry import BUILT_IN
from pushgate.model.account import BY_GATES, LEFT_IN_CI, LEFT_OUT, JobAccount, StepAccount

_REPORTING: Final = frozenset({"security-events", "pull-requests", "checks", "statuses"})
"""What may be written by a job that only tells of its checks."""

_STARTS: Final = ("python", "bash", "sh", "env", "uv", "uvx")


@dataclass(frozen=True)
class _Variant:
    """A step's script in some cells of the matrix."""

    script: str
    variables: Texts
    cells: tuple[Cell, ...]
    reading: Reading


@dataclass(frozen=True)
class _When:
    """For which cells and events a step runs."""

    cells: tuple[Cell, ...]
    events: tuple[str, ...]
    notes: tuple[str, ...]


class JobImport:
    """Takes a job over, step by step.

    Attributes:
        gates: The names of the gates that it became.
    """

    def __init__(
        self,
        job: WorkflowJob,
        when: Triggers,
        tables: Tables,
        folder: str,
        made: Mapping[str, Sequence[str]],
    ) -> None:
        """Look at a job.

        Args:
            job: The job.
            when: When its workflow runs.
            tables: Receives its settings.
            folder: The project's folder, from the top of the repository.
            made: The gates that earlier jobs became.
        """
        self.job = job
        self.when = when
        self.tables = tables
        self.folder = folder
        self.after = tuple(gate for need in job.needs for gate in made.get(need, ()))
        self.cells = matrices.cells(job)
        self.linux = tuple(cell for cell in self.cells if cell.system == matrices.LINUX)
        self.gates: dict[str, None] = {}
        self.installed = Installed()
        self._rest: dict[tuple[str, ...], str] = {}
        self._tests = False

    def account(self) -> JobAccount:
        """Take it over, and tell what became of each step."""
        job = self.job
        if job.uses:
            reason = "it calls another workflow: import that file on its own"
            return JobAccount(job.name, (StepAccount(job.uses, LEFT_IN_CI, reason),))
        reason = self._left()
        if reason:
            return JobAccount(job.name, tuple(self._left_step(step, reason) for step in job.steps))
        steps = tuple(self._step(step) for step in job.steps)
        return JobAccount(job.name, steps, tuple(self._notes()))

    def _left(self) -> str:
        """Tell why the whole job stays in CI; empty: it does not."""
        job = self.job
        condition = answered(
            job.condition, self.when.moments, self.linux[0].values if self.linux else {}
        )
        container = job.container.rpartition("/")[2].partition(":")[0]
        reasons = {
            f"the workflow answers {', '.join(self.when.unanswered)}: no gate does": bool(
                self.when.unanswered
            ),
            f"it runs on {', '.join(sorted({cell.label or '?' for cell in self.cells}))}": (
                not self.linux
            ),
            f"it runs in the container {job.container}": container not in {"", "python"},
            "it deploys to an environment": job.deploys,
            f"its `if: {job.condition}` never holds for an event of a gate": not condition.events,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _left_step(self, step: WorkflowStep, reason: str) -> StepAccount:
        if step.uses and meaning(step.action, step.inputs).installed is not None:
            return StepAccount(step.title, BY_GATES)
        return StepAccount(step.title, LEFT_IN_CI, reason)

    def _notes(self) -> Iterable[str]:
        job = self.job
        if answered(job.condition, self.when.moments, self.linux[0].values).unknown:
            yield f"its `if: {' '.join(job.condition.split())}` is not carried over"
        if job.services:
            yield (
                f"it starts {', '.join(job.services)}: Pushgate starts no services; what needs "
                "them must find them running"
            )
        labels = {cell.label: cell.system for cell in self.cells if cell.system != matrices.LINUX}
        if strange := [name for name, system in labels.items() if not self._takes(system)]:
            yield f"on {', '.join(strange)}: left in CI"
        pythons = dict.fromkeys(cell.python for cell in self.linux if cell.python)
        others = [name for name in pythons if not matrices.is_cpython(name)]
        if others:
            yield f"on Python {', '.join(others)}: left in CI"
        if any(matrices.UNTOLD in name for name in pythons):
            yield "its Pythons come from another job: `python` says them, or the classifiers do"
        if job.may_fail:
            yield "it may fail there (`continue-on-error`): no gate may"

    def _takes(self, system: str) -> bool:
        return self._tests and system == matrices.MACOS

    def _step(self, step: WorkflowStep) -> StepAccount:
        when = self._active(step)
        if not when.cells:
            return StepAccount(step.title, LEFT_IN_CI, when.notes[0])
        if step.uses:
            return self._action(step, when)
        if not step.run.strip():
            return StepAccount(step.title, LEFT_OUT, "it runs nothing")
        if not own_commands.known_shell(step.shell):
            return StepAccount(step.title, LEFT_IN_CI, f"its shell is `{step.shell}`")
        variants = self._variants(step, when)
        if isinstance(variants, Unknown):
            return StepAccount(step.title, LEFT_IN_CI, _only_github(variants))
        return self._commands(step, when, variants)

    def _active(self, step: WorkflowStep) -> _When:
        """Find the cells and events for which a step runs."""
        cells: list[Cell] = []
        events: dict[str, None] = {}
        unknown = False
        for cell in self.linux:
            around = answered(self.job.condition, self.when.moments, cell.values)
            moments = [each for each in self.when.moments if each.event in around.events]
            own = answered(step.condition, moments, {**cell.values, **_prefixed(step.env)})
            if own.events:
                cells.append(cell)
                events |= dict.fromkeys(own.events)
                unknown = unknown or own.unknown
        shown = " ".join(step.condition.split())
        if not cells:
            return _When((), (), (f"its `if: {shown}` never holds where a gate runs",))
        notes = (f"its `if: {shown}` is not carried over",) if unknown else ()
        if step.may_fail:
            notes = (*notes, "it may fail there (`continue-on-error`): no gate may")
        return _When(tuple(cells), tuple(events), notes)

    def _action(self, step: WorkflowStep, when: _When) -> StepAccount:
        values = when.cells[0].values
        inputs = {name: interpolated(text, values) for name, text in step.inputs.items()}
        known = {name: text for name, text in inputs.items() if not isinstance(text, Unknown)}
        means = meaning(step.action, known)
        if means.left:
            return StepAccount(step.title, LEFT_IN_CI, means.left)
        if means.installed is not None:
            self.installed += means.installed
            return StepAccount(step.title, BY_GATES, _sentence(means.detail, *when.notes))
        names, details = [], [means.detail, *when.notes]
        for finding in means.findings:
            if finding.gate == "ci":
                self.tables.codecov = True
                names.append("ci.codecov")
            elif finding.own:
                table = self._table([means.command], environment=False, when=when, step=step)
                names.append(self._made(self.tables.own(finding.gate, table)))
            else:
                self.tables.add_built_in(finding)
                names.append(self._made(finding.gate))
            details.append(finding.detail)
        return StepAccount(step.title, ", ".join(names), _sentence(*details))

    def _variants(self, step: WorkflowStep, when: _When) -> list[_Variant] | Unknown:
        found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Cell]] = {}
        for cell in when.cells:
            script = interpolated(step.run, {**cell.values, **_prefixed(step.env)})
            if isinstance(script, Unknown):
                return script
            variables = tuple(self._variables(step, cell).items())
            found.setdefault((script, variables), []).append(cell)
        return [
            _Variant(
                script,
                dict(variables),
                tuple(cells),
                read_script(script, dict(variables), cells[0].version),
            )
            for (script, variables), cells in found.items()
        ]

    def _variables(self, step: WorkflowStep, cell: Cell) -> dict[str, str]:
        texts = {**self.job.env, **step.env}
        values = {name: interpolated(text, cell.values) for name, text in texts.items()}
        return {name: text for name, text in values.items() if not isinstance(text, Unknown)}

    def _hidden(self, step: WorkflowStep) -> list[tuple[str, str]]:
        """Return the variables of a step whose values only GitHub knows, with what they are."""
        texts = {**self.job.env, **step.env}
        values = {name: interpolated(text, self.linux[0].values) for name, text in texts.items()}
        return [(name, text.what) for name, text in values.items() if isinstance(text, Unknown)]

    def _commands(
        self, step: WorkflowStep, when: _When, variants: Sequence[_Variant]
    ) -> StepAccount:
        became: dict[str, None] = {}
        details: dict[str, None] = {}
        whole = Reading()
        for variant in variants:
            whole = joined(whole, variant.reading)
        self.installed += whole.installed
        hidden = self._hidden(step)
        for found in _different(whole.found):
            name, detail = self._found(found, step, when, variants)
            became[name] = None
            details |= dict.fromkeys(part for part in (detail,) if part)
        if whole.found and hidden:
            names = ", ".join(f"{name} (`{what}`)" for name, what in hidden)
            details[f"not carried over: {names}"] = None
        if whole.others or whole.whole:
            name, detail = self._others(step, when, variants, whole)
            became[name] = None
            details[detail] = None
        elif whole.left:
            became[LEFT_IN_CI] = None
            details[whole.left] = None
        if whole.installs and (not became or whole.installed.packages):
            became |= {} if became else {BY_GATES: None}
            details[_not_there(whole.installed)] = None
        return StepAccount(
            step.title,
            ", ".join(became) or LEFT_OUT,
            _sentence(*details, *when.notes) if became else "it only shows something",
        )

    def _found(
        self, found: Found, step: WorkflowStep, when: _When, variants: Sequence[_Variant]
    ) -> tuple[str, str]:
        """Make a gate of what was recognised; return its name and what is to be known."""
        finding = found.finding
        if finding.own:
            return self._own(found, step, when, variants, finding.gate)
        if "session" in finding.settings:
            table = {**finding.settings, **self._events(when)}
            if finding.gate in BUILT_IN:
                self.tables.gates.setdefault(finding.gate, {}).update(finding.settings)
                return self._made(finding.gate), finding.detail
            return self._made(self.tables.own(finding.gate, table)), finding.detail
        elsewhere = step.folder.strip("./") != self.folder
        if elsewhere or not self.tables.add_built_in(finding):
            name = found.call.program if finding.gate != "test" else step.title
            name, detail = self._own(found, step, when, variants, gate_name(name))
            return name, f"{detail}; besides the gate {finding.gate}, which has other arguments"
        if finding.gate == "test":
            self._test_cells(when)
        return self._made(finding.gate), finding.detail

    def _test_cells(self, when: _When) -> None:
        self._tests = True
        self.tables.pythons |= {cell.version for cell in when.cells if cell.version}
        macs = [cell.label for cell in self.cells if cell.system == matrices.MACOS]
        self.tables.systems |= dict.fromkeys(macs)

    def _own(
        self,
        found: Found,
        step: WorkflowStep,
        when: _When,
        variants: Sequence[_Variant],
        name: str,
    ) -> tuple[str, str]:
        """Make a gate of its own of a command; return its name and what it runs."""
        commands: dict[str, None] = {}
        words: list[tuple[str, ...]] = []
        for variant in self._chosen(variants):
            for each in variant.reading.found:
                if each.finding != found.finding:
                    continue
                around = self._around(step, variant)
                if each.line.literal and not around.folder:
                    words.append(own_commands.of_call(each.call, around))
                else:
                    words.append(own_commands.of_script(each.line.text, around))
                commands[shlex.join(words[-1])] = None
        calls = (found.call,)
        environment = own_commands.needs_project(calls, words, self.installed)
        groups = (*self.installed.groups, *found.call.groups)
        if reason := self._not_own(step, [*commands]):
            return LEFT_IN_CI, reason
        table = self._table(
            [*commands], environment=environment, when=when, step=step, groups=groups
        )
        made = self._made(self.tables.own(name, table))
        return made, _sentence(f"its own: `{'`, `'.join(commands)}`", found.finding.detail)

    def _others(
        self, step: WorkflowStep, when: _When, variants: Sequence[_Variant], whole: Reading
    ) -> tuple[str, str]:
        """Put what nobody recognises into the job's own gate; return its name and what it runs."""
        if whole.left:
            return LEFT_IN_CI, whole.left
        words = [
            each
            for variant in self._chosen(variants)
            for each in self._words(variant, self._around(step, variant))
        ]
        commands = list(dict.fromkeys(shlex.join(each) for each in words))
        if reason := self._not_own(step, commands):
            return LEFT_IN_CI, reason
        calls = [call for variant in variants for call in variant.reading.calls]
        environment = own_commands.needs_project(calls, words, self.installed)
        groups = (*self.installed.groups, *(group for call in calls for group in call.groups))
        table = self._table(commands, environment=environment, when=when, step=step, groups=groups)
        on = tuple(
            str(event) for event in selecting(when.events, self._conditions(step), self._main)
        )
        if name := self._rest.get(on):
            self.tables.extend(name, commands)
        else:
            name = self._rest[on] = self.tables.own(
                gate_name(self.job.name, tuple(self.tables.gates)), table
            )
        once = " once, not in each cell of its matrix" if self._many(when) else ""
        shown = (
            commands[0] if len(commands) == 1 and "\n" not in commands[0] else "the same commands"
        )
        return self._made(name), f"a gate of its own: `{shown}`{once}" if once or shown else ""

    def _words(self, variant: _Variant, around: Surroundings) -> list[tuple[str, ...]]:
        """Return the commands that do what nobody recognises in a script."""
        reading = variant.reading
        if reading.whole:
            return [own_commands.of_script(variant.script, around)]
        if not around.folder and all(line.literal for line in reading.others):
            return [
                own_commands.of_call(own_commands.called_in(line), around)
                for line in reading.others
            ]
        if not reading.others:
            return []
        return [own_commands.of_script("\n".join(line.text for line in reading.others), around)]

    def _chosen(self, variants: Sequence[_Variant]) -> list[_Variant]:
        """Choose the scripts of a gate of its own: each check once, on the newest Python."""
        groups: dict[object, list[Cell]] = {}
        for variant in variants:
            for cell in variant.cells:
                groups.setdefault(cell.others, []).append(cell)
        wanted = [matrices.newest(cells) for cells in groups.values()]
        return [each for each in variants if any(cell in each.cells for cell in wanted)]

    def _around(self, step: WorkflowStep, variant: _Variant) -> Surroundings:
        folder = step.folder.strip("./")
        if folder != self.folder:
            folder = (
                folder
                if not self.folder
                else "/".join([*[".."] * len(self.folder.split("/")), folder])
            )
        else:
            folder = ""
        return Surroundings(step.shell, folder, variant.variables, self.installed)

    def _not_own(self, step: WorkflowStep, commands: Sequence[str]) -> str:
        """Tell why commands that nobody recognises cannot be a gate; empty: they can."""
        if hidden := self._hidden(step):
            return _only_github(Unknown(hidden[0][1]))
        if any(matrices.UNTOLD in command for command in commands):
            return "its Python comes from another job, which only GitHub knows"
        writes = [name for name in self.job.writes if name not in _REPORTING]
        if writes:
            return f"its job may write ({', '.join(writes)})"
        if self.job.services:
            return f"it may need {', '.join(self.job.services)}, which Pushgate does not start"
        if step.may_fail or self.job.may_fail:
            return "it may fail there (`continue-on-error`): no gate may"
        return ""

    def _many(self, when: _When) -> bool:
        return len({cell.version for cell in when.cells}) > 1

    @property
    def _main(self) -> str:
        return (self.when.branches or ("main",))[0]

    def _conditions(self, step: WorkflowStep) -> str:
        return f"{self.job.condition} {step.condition}"

    def _events(self, when: _When, step: WorkflowStep | None = None) -> dict[str, object]:
        conditions = self._conditions(step) if step else self.job.condition
        on = selecting(when.events, conditions, self._main)
        return {"on": on} if on else {}

    def _table(
        self,
        commands: Sequence[str],
        *,
        environment: bool,
        when: _When,
        step: WorkflowStep,
        groups: Sequence[str] = (),
    ) -> dict[str, object]:
        table: dict[str, object] = {"run": list(commands), **self._events(when, step)}
        if self.after:
            table["after"] = list(dict.fromkeys(self.after))
        if not environment:
            table["environment"] = False
        elif groups:
            table["groups"] = list(dict.fromkeys(groups))
        minutes = step.minutes or self.job.minutes
        if minutes:
            table["timeout"] = int(minutes * 60)
        return table

    def _made(self, gate: str) -> str:
        self.gates[gate] = None
        return gate


def _different(found: Iterable[Found]) -> list[Found]:
    """Return what was found, each gate once that is asked for with the same settings."""
    kept: list[Found] = []
    for each in found:
        if all(each.finding != other.finding for other in kept):
            kept.append(each)
    return kept


def _prefixed(variables: Texts) -> dict[str, str]:
    return {f"env.{name}": text for name, text in variables.items() if "${{" not in text}


def _only_github(unknown: Unknown) -> str:
    what = unknown.what
    if what.startswith("secrets.") or what == "github.token":
        return f"it needs the secret {what.removeprefix('secrets.')}"
    return f"it uses `{what}`, which only GitHub knows"


def _not_there(installed: Installed) -> str:
    """Tell which packages a gate's environment may lack."""
    names = [package for package in installed.packages if package not in RECOGNISERS]
    names += [f"-r {file}" for file in installed.requirements]
    if not names:
        return ""
    return f"a gate has what pyproject.toml and the lock say: is {', '.join(names)} in a group?"


def _sentence(*parts: str) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))
