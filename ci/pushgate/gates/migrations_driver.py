"""The programs in ``migrations_driver/``, which go through migrations in an environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pushgate.gates.base import Context
from pushgate.gates.environments import Environment
from pushgate.model.outcome import JobFailed, JobUnavailable
from pushgate.tools import process

STEPS: Final = "steps.jsonl"
"""In the outputs: what each step told (`migrations_driver/pushgate_report.py`)."""

_DRIVER: Final = Path(__file__).parents[1] / "migrations_driver" / "pushgate_entry.py"
_REQUEST_VARIABLE: Final = "PUSHGATE_MIGRATIONS"


def go(context: Context[Any], environment: Environment, request: Mapping[str, object]) -> None:
    """Take the steps of a request; the user sees each with its time.

    Args:
        context: The job, in the folder of the project whose migrations they are.
        environment: That project's.
        request: What the program is told, but for the places.

    Raises:
        JobFailed: A step has found something, or not all were taken.
        JobUnavailable: The database was gone, or had no room.
    """
    context.outputs.mkdir(parents=True, exist_ok=True)
    places = {"root": str(context.settings.root), "outputs": str(context.outputs)}
    told = json.dumps({**request, **places})
    code = process.run(
        [environment.program("python"), str(_DRIVER), str(os.getpid())],
        cwd=context.settings.root,
        # Not as an argument: other users can read those, and there is a password in it.
        env=context.environment({**environment.variables, _REQUEST_VARIABLE: told}),
        output=context.output,
    ).returncode
    _judge(context.outputs / STEPS, code)


def _judge(file: Path, code: int) -> None:
    """Believe in a pass only where every step that was begun has passed, to the last one."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    events = [json.loads(line) for line in lines]
    failed = [event for event in events if event["event"] == "failed"]
    lost = any(event["disconnected"] for event in failed)  # the last one, then
    reasons = [f"{event['step']}: {event['headline']}" for event in failed]
    if lost:
        reasons[-1] = f"the database was lost: {reasons[-1]}"
    if failed:
        # What was found before stays true.
        raise (JobUnavailable if lost and len(failed) == 1 else JobFailed)("; ".join(reasons))
    last = events[-1] if events else {"event": "", "step": "the start"}
    if code or last["event"] != "finished":
        message = f"the migrations ended with {code} in {last['step'] or 'the end'} (see above)"
        raise JobFailed(message)
