"""A GitHub workflow file, read: its triggers, jobs and steps as they stand there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.config.tables import strings, table
from pushgate.config.yaml_text import parsed
from pushgate.model.settings import ConfigurationError

Texts = Mapping[str, str]
"""Names and texts, in which expressions stand as they are written."""

_TITLE_LENGTH: Final = 60


@dataclass(frozen=True, kw_only=True)
class WorkflowStep:
    """A step.

    Attributes:
        title: Its name, else its action, else the first line that it runs.
        uses: Its action; empty: it runs commands.
        run: Its commands.
        shell_name: What runs them; empty: GitHub's own choice.
        folder: Where they run, from the top of the repository.
        condition: Its ``if``.
        env: The variables of the step alone.
        inputs: What its action is given (``with``).
        may_fail: Whether the job goes on when it fails.
        minutes: How long it may take, in minutes; None: nothing is said.
    """

    title: str
    uses: str = ""
    run: str = ""
    shell_name: str = ""
    folder: str = ""
    condition: str = ""
    env: Texts
    inputs: Texts
    may_fail: bool = False
    minutes: float | None = None

    @property
    def action(self) -> str:
        """The action without its version, in lower case."""
        return self.uses.partition("@")[0].lower()


@dataclass(frozen=True)
class WorkflowService:
    """A service of a job.

    Attributes:
        image: Its image.
        env: Its variables.
        ports: Its ports, each with the machine's before it where one is said.
    """

    image: str
    env: Texts
    ports: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WorkflowJob:
    """A job.

    Attributes:
        name: Its id.
        uses: The reusable workflow that it calls; empty: it has steps.
        machine: What ``runs-on`` says.
        condition: Its ``if``.
        needs: The jobs that it waits for.
        env: Its variables, over the workflow's and its container's.
        matrix: What ``strategy.matrix`` says.
        container: The image that it runs in; empty: none.
        services: Its services, by their names.
        deploys: Whether it has an environment, to which GitHub counts it as a deployment.
        writes: The permissions to write that it is given, such as ``contents``.
        may_fail: Whether the workflow passes without it.
        minutes: How long it may take, in minutes; None: nothing is said.
        steps: Its steps.
    """

    name: str
    uses: str
    machine: object
    condition: str
    needs: tuple[str, ...]
    env: Texts
    matrix: object
    container: str
    services: Mapping[str, WorkflowService]
    deploys: bool
    writes: tuple[str, ...]
    may_fail: bool
    minutes: float | None
    steps: tuple[WorkflowStep, ...]


@dataclass(frozen=True)
class Workflow:
    """A workflow.

    Attributes:
        triggers: What ``on`` says, by the event's name.
        env: Its variables.
        jobs: Its jobs, in the file's order.
    """

    triggers: Mapping[str, object]
    env: Texts
    jobs: tuple[WorkflowJob, ...]


def read_workflow(file: Path) -> Workflow:
    """Read a workflow file.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or is no workflow with jobs.
    """
    try:
        content = parsed(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise ConfigurationError(message) from error
    except UnicodeDecodeError as error:
        message = f"{file} is not YAML: {error}"
        raise ConfigurationError(message) from error
    jobs = table(content, "jobs")
    if not jobs:
        message = f"{file}: it has no jobs: expected a workflow of GitHub Actions"
        raise ConfigurationError(message)
    problems = [
        f"{file}: jobs.{name}: {problem}"
        for name, job in jobs.items()
        if (problem := _problem(job))
    ]
    if problems:
        raise ConfigurationError(*problems)
    return Workflow(
        triggers=_triggers(content.get("on")),
        env=texts(content.get("env")),
        jobs=tuple(_job(str(name), table(jobs, name), content) for name in jobs),
    )


def _problem(job: object) -> str:
    if not isinstance(job, Mapping):
        return "expected a mapping"
    steps = job.get("steps")
    if "uses" in job or (isinstance(steps, list) and all(isinstance(s, Mapping) for s in steps)):
        return ""
    return "expected `steps`, a list of mappings, or `uses`"


def texts(value: object) -> Texts:
    """Return a mapping with its values as GitHub turns them into text."""
    items = value.items() if isinstance(value, Mapping) else ()
    return {str(key): as_text(each) for key, each in items}


def as_text(value: object) -> str:
    """Return a value as GitHub turns it into text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _triggers(on: object) -> Mapping[str, object]:
    if isinstance(on, Mapping):
        return {str(event): filters for event, filters in on.items()}
    return dict.fromkeys(strings(on))


def _job(name: str, job: Mapping[str, object], workflow: Mapping[str, object]) -> WorkflowJob:
    container = job.get("container")
    permissions = job.get("permissions", workflow.get("permissions"))
    run = {**table(workflow, "defaults", "run"), **table(job, "defaults", "run")}
    steps, services = job.get("steps"), table(job, "services")
    return WorkflowJob(
        name=name,
        uses=as_text(job.get("uses")),
        machine=job.get("runs-on"),
        condition=as_text(job.get("if")),
        needs=strings(job.get("needs")),
        env={
            **texts(table(job, "container").get("env")),
            **texts(workflow.get("env")),
            **texts(job.get("env")),
        },
        matrix=table(job, "strategy").get("matrix"),
        container=as_text(container.get("image") if isinstance(container, Mapping) else container),
        services={str(name): _service(table(services, name)) for name in services},
        deploys="environment" in job,
        writes=tuple(_writes(permissions)),
        may_fail=as_text(job.get("continue-on-error")) not in {"", "false"},
        minutes=_minutes(job),
        steps=tuple(_step(step, run) for step in steps) if isinstance(steps, list) else (),
    )


def _service(service: Mapping[str, object]) -> WorkflowService:
    ports = service.get("ports")
    return WorkflowService(
        image=as_text(service.get("image")),
        env=texts(service.get("env")),
        ports=tuple(map(as_text, ports)) if isinstance(ports, list) else (),
    )


def _writes(permissions: object) -> Iterable[str]:
    if permissions == "write-all":
        return ("everything",)
    given = texts(permissions)
    return (name for name, level in given.items() if level == "write")


def _minutes(said: Mapping[str, object]) -> float | None:
    minutes = said.get("timeout-minutes")
    return minutes if isinstance(minutes, int | float) and minutes > 0 else None


def _step(step: Mapping[str, object], defaults: Mapping[str, object]) -> WorkflowStep:
    uses, run = as_text(step.get("uses")), as_text(step.get("run"))
    first = next(iter(run.strip().splitlines()), "")
    title = as_text(step.get("name")) or uses.partition("@")[0] or first or "an empty step"
    return WorkflowStep(
        title=title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…",
        uses=uses,
        run=run,
        shell_name=as_text(step.get("shell", defaults.get("shell"))),
        folder=as_text(step.get("working-directory", defaults.get("working-directory"))),
        condition=as_text(step.get("if")),
        env=texts(step.get("env")),
        inputs=texts(step.get("with")),
        may_fail=as_text(step.get("continue-on-error")) not in {"", "false"},
        minutes=_minutes(step),
    )
