"""One job of a workflow: what becomes of each of its steps."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from pushgate.adopt.from_workflow import (
    installs,
    job_state,
    matrices,
    own_commands,
    remarks,
    whole_tests,
)
from pushgate.adopt.from_workflow.actions import meaning
from pushgate.adopt.from_workflow.expressions import Unknown, interpolated
from pushgate.adopt.from_workflow.findings import gate_name
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.job_state import JobState, Occasion
from pushgate.adopt.from_workflow.left_commands import only_waits
from pushgate.adopt.from_workflow.matrices import Cell
from pushgate.adopt.from_workflow.own_gates import OwnGates, StepRun, only_github
from pushgate.adopt.from_workflow.recognition import RECOGNISERS
from pushgate.adopt.from_workflow.step_reading import Found, Reading, joined
from pushgate.adopt.from_workflow.tables import Tables
from pushgate.adopt.from_workflow.triggers import Triggers, answered
from pushgate.adopt.from_workflow.workflow_reading import WorkflowJob, WorkflowStep
from pushgate.config.requirements import requirement_names
from pushgate.gates.registry import BUILT_IN
from pushgate.model.account import BY_GATES, LEFT_IN_CI, LEFT_OUT, JobAccount, StepAccount
from pushgate.model.services import POSTGRES

_ON_DATABASES: Final = frozenset({"test", "migrations"})

_TOOLS: Final = frozenset(
    requirement_names([tool for gate in BUILT_IN.values() for tool in gate.TOOLS])
)
"""What the gates bring themselves, each in a version of Pushgate's, unless the project has it."""


class JobImport:
    """Takes a job over, step by step.

    Attributes:
        state: The job, and what its steps share.
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
        after = dict.fromkeys(gate for need in job.needs for gate in made.get(need, ()))
        self.state = JobState(job, when, tables, folder, tuple(after))
        self._own = OwnGates(self.state)

    def account(self) -> JobAccount:
        """Take it over, and tell what became of each step."""
        job = self.state.job
        if job.uses:
            reason = "it calls another workflow: import that file on its own"
            return JobAccount(job.name, (StepAccount(job.uses, LEFT_IN_CI, reason),))
        if reason := self._left():
            return JobAccount(job.name, tuple(_left_step(step, reason) for step in job.steps))
        steps = tuple(self._step(step) for step in job.steps)
        pythons = {cell.version for cell in self.state.here if cell.version}
        if self.state.gates:
            self.state.tables.add_other_pythons(pythons)
        return JobAccount(job.name, steps, tuple(remarks.of_job(self.state)))

    def _left(self) -> str:
        """Tell why the whole job stays in CI; empty: it does not."""
        job, here, when = self.state.job, self.state.here, self.state.when
        answers = [answered(job.condition, when.moments, cell.values) for cell in here]
        container = job.container.rpartition("/")[2].partition("@")[0].partition(":")[0]
        condition = " ".join(job.condition.split())
        reasons = {
            f"the workflow answers {', '.join(when.unanswered)}: no gate does": bool(
                when.unanswered
            ),
            f"it runs on {_where(self.state.cells)}": not here,
            f"it runs in the container {container}": container not in {"", "python"},
            "it deploys to an environment": job.deploys,
            "it runs where something failed": _on_failure(condition)
            and not any(answer.events for answer in answers),
            f"its `if: {condition}` never holds where a gate runs": not any(
                answer.events for answer in answers
            ),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _step(self, step: WorkflowStep) -> StepAccount:
        occasion = job_state.occasion(self.state, step)
        if not occasion.cells:
            return StepAccount(step.title, LEFT_IN_CI, *occasion.notes)
        if step.uses:
            return self._action(step, occasion)
        if by_gates := self._by_gates(step):
            return StepAccount(step.title, BY_GATES, by_gates)
        run = self._read(step, occasion)
        if isinstance(run, str):
            return StepAccount(step.title, LEFT_IN_CI, run)
        return self._commands(run)

    def _read(self, step: WorkflowStep, occasion: Occasion) -> StepRun | str:
        """Read what a step runs, or tell why no gate can run it."""
        if not own_commands.known_shell(step.shell_name):
            return f"its shell is `{step.shell_name}`"
        variants = job_state.variants(self.state, step, occasion.cells)
        if isinstance(variants, Unknown):
            return only_github(variants)
        run = StepRun(step, occasion, tuple(variants))
        return _left_where(run, self.state.folder or ".") or run

    def _by_gates(self, step: WorkflowStep) -> str:
        """Tell how the gates do what a step's circumstances show; empty: they show nothing."""
        texts = (step.condition, step.run, *step.env.values())
        if "always()" in self.state.job.condition and any("needs." in text for text in texts):
            return "`passed` is the one required check"
        if self.state.database and only_waits(step.run):
            return "a gate starts when its PostgreSQL answers"
        if re.search(r"cache-hit\s*==\s*'true'", step.condition):
            return "a gate's environment is kept and checked"
        return ""

    def _action(self, step: WorkflowStep, occasion: Occasion) -> StepAccount:
        values = occasion.cells[0].values
        inputs = {name: interpolated(text, values) for name, text in step.inputs.items()}
        means = meaning(step.action, inputs)
        if means.left:
            return StepAccount(step.title, LEFT_IN_CI, means.left)
        if means.installed is not None:
            self.state.downloads |= step.action == "actions/download-artifact"
            self.state.installs(occasion.cells, means.installed)
            return StepAccount(step.title, BY_GATES, means.detail)
        names: list[str] = []
        details = [means.detail, *occasion.notes]
        for finding in means.findings:
            if finding.own:
                names.append(
                    self._own.of_action(finding, means.command, StepRun(step, occasion, ()))
                )
                details.insert(0, f"a gate of its own: `{means.command}`")
            else:
                self.state.tables.add_built_in(finding)
                names.append(self.state.became(finding.gate))
                details.insert(0, finding.detail)
        return StepAccount(step.title, ", ".join(names), _sentence(details))

    def _commands(self, run: StepRun) -> StepAccount:
        whole = Reading()
        for variant in run.variants:
            whole = joined(whole, variant.reading)
            self.state.installs(variant.cells, variant.reading.installed)
        became: dict[str, list[str]] = {}
        built_in: list[Found] = []
        for found in _different(whole.found):
            name, detail = self._found(found, run)
            became.setdefault(name, []).append(detail)
            if name in BUILT_IN:
                built_in.append(found)
        if whole.left:
            became.setdefault(LEFT_IN_CI, []).append(whole.left)
        elif whole.others or whole.whole:
            name, detail = self._own.of_rest(run)
            became.setdefault(name, []).append(detail)
        if whole.installs and (not became or whole.installed.packages):
            pins = installs.pinned(whole.installed.packages, _TOOLS)
            lost = _sentence([_of_pins(pins), self._not_there(whole.installed, pins, run)])
            if lost or not became:
                became.setdefault(BY_GATES, []).append(lost)
        if not became:
            return StepAccount(run.step.title, LEFT_OUT, "it only shows something")
        details = [detail for told in became.values() for detail in told]
        if [*became] == [BY_GATES]:
            return StepAccount(run.step.title, BY_GATES, _sentence(details))
        notes = run.occasion.notes or remarks.of_condition(self.state, run, became)
        return StepAccount(
            run.step.title,
            ", ".join(became),
            _sentence([*details, *remarks.of_step(self.state, run, built_in), *notes]),
        )

    def _not_there(self, installed: Installed, pins: Collection[str], run: StepRun) -> str:
        """Tell which packages the project's environment may lack."""
        known = {*RECOGNISERS, *pins}
        names = [package for package in installed.packages if package not in known]
        names += [f"-r {file}" for file in installed.requirements]
        tests = any("pytest" in step.run for step in self.state.job.steps)
        in_project = self.state.installed_in(run.occasion.cells).project
        if not names or not (tests or in_project):
            return ""
        return f"a gate has what pyproject.toml and the lock say: is {', '.join(names)} in a group?"

    def _found(self, found: Found, run: StepRun) -> tuple[str, str]:
        """Make a gate of what was recognised; return its name and what is to be known."""
        finding, state = found.finding, self.state
        if finding.own:
            name, detail = self._own.of_found(found, run, finding.gate)
            return name, _sentence([detail, finding.detail])
        if "session" in finding.settings:
            return self._own.of_session(finding, run)
        elsewhere = any(each.folder != (state.folder or ".") for each in run.variants)
        if apart := self._apart(found, run):
            return apart
        added = not elsewhere and state.tables.add_built_in(finding)
        if not added and finding.gate == "coverage" and not elsewhere:
            # As a command of its own it would find no data.
            lost = f"not carried over: `{shlex.join((found.call.program, *found.call.arguments))}`"
            return state.became("coverage"), f"{lost}; an earlier step asks for something else"
        if not added:
            name = run.step.title if finding.gate == "test" else found.call.program
            name, detail = self._own.of_found(found, run, gate_name(name))
            why = "is for the project's own folder" if elsewhere else "has other arguments"
            return name, f"{detail}; besides the gate {finding.gate}, which {why}"
        if finding.gate == "test":
            state.tests = True
            its = run.occasion.cells if whole_tests.partial(state, run) else state.here
            state.tables.add_tests(its, state.cells)
        served = self._served(found, run) if finding.gate in _ON_DATABASES else ""
        return state.became(finding.gate), _sentence([finding.detail, served])

    def _apart(self, found: Found, run: StepRun) -> tuple[str, str] | None:
        """Take over pytest where it is not the gate test; None: it is, or it is no pytest."""
        test = whole_tests.of_call(found, run)
        if test is None:
            return None
        if needed := whole_tests.secret(self.state, run):
            return LEFT_IN_CI, only_github(needed)
        if self.state.tables.has_test(test) or not whole_tests.partial(self.state, run):
            return None
        name, detail = self._own.of_found(found, run, gate_name(run.step.title))
        return name, f"{detail}; besides the gate test, which runs all tests on every Python"

    def _served(self, found: Found, run: StepRun) -> str:
        """Give a gate the PostgreSQL that the job starts; return what is to be known of that."""
        state, gate = self.state, found.finding.gate
        if state.database is None:
            return ""
        state.served[gate] = None
        variables = {**job_state.written(state, run.step), **found.call.variables}
        names = state.database.names(variables)
        details = [f"{' and '.join(names)} are one database here" if names[1:] else ""]
        template = ""
        if gate == "test":
            state.tables.gates[gate]["services"] = [POSTGRES]
            template = state.filled
            filled = f", which `{state.filled}` fills" if state.filled else ""
            details.insert(0, f"each shard and worker has a database of its own{filled}")
        else:
            state.filled = state.filled or _filling(run)
        templates = state.database.templates(variables)
        if lost := state.tables.postgres.add(state.database.image, template, templates):
            details.append(f"not carried over: {', '.join(lost)}; an earlier step differs")
        return _sentence(details)


def _of_pins(pins: Iterable[str]) -> str:
    """Tell which versions of the gates' tools are not theirs; empty: none is said."""
    said = ", ".join(pins)
    return said and (
        f"not carried over: {said}; a gate has the version that the project requires, else "
        "Pushgate's own"
    )


def _left_step(step: WorkflowStep, reason: str) -> StepAccount:
    if step.uses and meaning(step.action, step.inputs).installed is not None:
        return StepAccount(step.title, BY_GATES)
    return StepAccount(step.title, LEFT_IN_CI, reason)


def _left_where(run: StepRun, project: str) -> str:
    """Tell why a step's folder keeps it in CI; empty: it does not."""
    for folder in (variant.folder for variant in run.variants):
        if posixpath.isabs(folder) or folder.partition("/")[0] == "..":
            return f"it runs in {folder}, outside of the repository"
        if run.step.shell_name == "python" and folder != project:
            return f"it is Python's text that runs in {folder}: call it from a file"
    return ""


def _where(cells: Iterable[Cell]) -> str:
    """Tell on what a job runs that no gate does."""
    strange = [cell.label or "a machine that only GitHub knows" for cell in cells]
    pythons = [f"Python {cell.python}" for cell in cells if not matrices.is_cpython(cell.python)]
    return ", ".join(dict.fromkeys((*strange, *pythons)))


def _on_failure(condition: str) -> bool:
    return "failure()" in condition or "cancelled()" in condition


def _different(found: Iterable[Found]) -> list[Found]:
    """Return what was found, each once: a gate of its own, or a gate with the same settings."""
    kept: list[Found] = []
    for each in found:
        new, own = each.finding, each.finding.own
        if not any(
            new == other.finding or (own and other.finding.own and new.gate == other.finding.gate)
            for other in kept
        ):
            kept.append(each)
    return kept


def _filling(run: StepRun) -> str:
    """Return the command of a step that brings a database to the newest migration, or empty."""
    calls = (found.call for variant in run.variants for found in variant.reading.found)
    filling = (
        shlex.join((call.program, *call.arguments))
        for call in calls
        if call.program == "alembic" and "upgrade" in call.arguments
    )
    # The address of the workflow's own database leads nowhere.
    return next((command for command in filling if "://" not in command), "")


def _sentence(parts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))
