"""Which jobs an event selects, and why."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from pushgate.model.event import Event
from pushgate.model.job import Job
from pushgate.model.plan import Plan, PlannedJob
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition


def plan(definition: Definition, event: Event, wanted: Collection[str] = ()) -> Plan:
    """Select the jobs of an event.

    Args:
        definition: The project's definition.
        event: What CI would see.
        wanted: Only these: names of jobs, sessions or gates; all that the event selects
            unless given. What they need comes with them.

    Raises:
        ConfigurationError: A name in ``wanted`` is none.
    """
    _refuse_unknown(definition, wanted)
    chosen = {job.name: _decision(job, event, wanted) for job in definition.jobs}
    # Backwards, each job before what it needs: one pass reaches all that is needed.
    for job in reversed(definition.jobs):
        for need in job.needs:
            if chosen[job.name][0] and not chosen[need][0]:
                chosen[need] = (True, f"{job.name} needs it")
    jobs = tuple(PlannedJob(job, *chosen[job.name]) for job in definition.jobs)
    return Plan(event, jobs, definition.off)


def _decision(job: Job, event: Event, wanted: Collection[str]) -> tuple[bool, str]:
    if wanted:
        asked = bool({job.name, job.session, job.gate} & set(wanted))
        return asked, "asked for" if asked else "not asked for"
    if not job.on:
        return True, "every event selects it"
    patterns = ", ".join(map(str, job.on))
    if any(pattern.matches(event) for pattern in job.on):
        return True, f"{event} is one of its events: {patterns}"
    return False, f"only on {patterns}, and this is {event}"


def _refuse_unknown(definition: Definition, wanted: Collection[str]) -> None:
    known = {name for job in definition.jobs for name in (job.name, job.session, job.gate)}
    off = {gate.gate: gate.reason for gate in definition.off}
    problems = []
    for name in sorted(set(wanted) - known):
        near = difflib.get_close_matches(name, known, n=1)
        if name in off:
            problems.append(f"gate {name} is off: {off[name]}")
        else:
            hint = f"did you mean {near[0]!r}?" if near else "`pushgate plan` lists them"
            problems.append(f"no job, session or gate is called {name!r}: {hint}")
    if problems:
        raise ConfigurationError(*problems)
