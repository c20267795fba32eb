"""A plan for programs (JSON) and for pages (Mermaid)."""

from __future__ import annotations

import json

from pushgate.model.job import Job
from pushgate.model.plan import Plan


def to_json(plan: Plan) -> str:
    """Return a plan as a JSON object: ``event``, ``since``, ``jobs`` and ``off``."""
    jobs = [
        {
            "name": planned.job.name,
            "gate": planned.job.gate,
            "python": planned.job.python,
            "shard": str(planned.job.shard) if planned.job.shard else None,
            "call": list(planned.job.call),
            "needs": list(planned.job.needs),
            "after": list(planned.job.after),
            "inputs": list(planned.job.inputs),
            "on": [str(event) for event in planned.job.on],
            "selected": planned.selected,
            "reason": planned.reason,
        }
        for planned in plan.jobs
    ]
    off = [{"gate": gate.gate, "reason": gate.reason} for gate in plan.off]
    content = {"event": str(plan.event), "since": plan.since, "jobs": jobs, "off": off}
    return json.dumps(content, indent=2)


def to_mermaid(plan: Plan) -> str:
    """Return the selected jobs as a Mermaid flowchart: needs as arrows, after as dotted ones."""
    ids = {job.name: f"job{number}" for number, job in enumerate(plan.selected)}
    lines = ["flowchart LR"]
    lines += [f'  {ids[job.name]}["{job.name}"]' for job in plan.selected]
    for job in plan.selected:
        lines += [f"  {ids[need]} --> {ids[job.name]}" for need in job.needs if need in ids]
        lines += [
            f"  {ids[first]} -.-> {ids[job.name]}" for first in _only_after(job) if first in ids
        ]
    return "\n".join(lines)


def _only_after(job: Job) -> list[str]:
    return [first for first in job.after if first not in job.needs]
