"""What the steps tell: lines for the user, and JSON lines for the gate.

What the project's own code prints meanwhile goes into a file of its own, which is shown
where a step fails.
"""

import json
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass

EVENTS = "steps.jsonl"
LOG = "alembic.log"

_SHOWN_LINES = 12
_NAME_WIDTH = 14


@dataclass
class Failure:
    """Why a step did not pass.

    ``error`` is what happened; ``revision``, ``direction``, ``file`` and ``line`` say where,
    ``sql`` what the database refused, ``hint`` what to do. ``disconnected``: the database
    was gone, or had no room.
    """

    error: str
    revision: str = ""
    direction: str = ""
    file: str = ""
    line: int = 0
    sql: str = ""
    hint: str = ""
    disconnected: bool = False

    @property
    def place(self):
        file = f"{self.file}:{self.line}" if self.line else self.file
        if self.revision:
            return f"{self.direction} of revision {self.revision}" + (f" ({file})" if file else "")
        return file

    @property
    def headline(self):
        first, *more = self.error.splitlines()
        if more and first.endswith(":"):
            first = f"{first} {more[0].strip()}"
        return f"{self.place}: {first}" if self.place else first


class LostError(Exception):
    """A step has lost the database: no other needs to be tried."""


class Step:
    """A step that runs; ``told`` is what there is to say about it when it has passed."""

    def __init__(self):
        self.told = ""
        self.passed = False


class Report:
    """Where the steps of one run are told."""

    def __init__(self, outputs, explain):
        """``explain`` turns an exception into a Failure."""
        self._explain = explain
        self._events = (outputs / EVENTS).open("w", encoding="utf-8")
        self._user = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        self._log = (outputs / LOG).open("w+b")
        sys.stdout.flush()
        os.dup2(self._log.fileno(), 1)
        os.dup2(self._log.fileno(), 2)
        self.failed = False

    @contextmanager
    def step(self, name):
        self._event("started", name)
        self.say(f"{name:<{_NAME_WIDTH}} ", end="")
        start, printed, step = time.perf_counter(), self._log_size(), Step()
        try:
            yield step
        except (Exception, SystemExit) as error:  # env.py may raise anything
            failure = self._explain(error)
            seconds = time.perf_counter() - start
            self.failed = True
            self.say(f"{seconds:6.2f} s  {'LOST' if failure.disconnected else 'FAILED'}")
            self._show(failure, printed)
            told = {**asdict(failure), "headline": failure.headline}
            self._event("failed", name, seconds=seconds, **told)
            if failure.disconnected:
                raise LostError from error
        except KeyboardInterrupt:
            self.say("interrupted")
            raise
        else:
            seconds = time.perf_counter() - start
            step.passed = True
            self.say(f"{seconds:6.2f} s  {step.told}")
            self._event("passed", name, seconds=seconds, told=step.told)

    def left_out(self, name, why):
        self.say(f"{name:<{_NAME_WIDTH}}     -    left out: {why}")
        self._event("left out", name, told=why)

    def finished(self):
        # Without this line nobody believes that all steps were gone through.
        self._event("finished", "")

    def _show(self, failure, printed):
        lines = [failure.place] if failure.place else []
        lines += failure.error.splitlines()
        if failure.sql:
            lines += ["SQL:", *(f"  {line}" for line in failure.sql.strip().splitlines())]
        if failure.hint:
            lines += [f"-> {line}" for line in failure.hint.splitlines()]
        if said := self._printed_since(printed):
            lines += [f"printed meanwhile ({LOG} has all):", *(f"  {line}" for line in said)]
        for line in lines:
            self.say(f"  {line}")

    def _log_size(self):
        sys.stdout.flush()
        sys.stderr.flush()
        return os.fstat(self._log.fileno()).st_size

    def _printed_since(self, start):
        size = self._log_size()
        return (
            os.pread(self._log.fileno(), size - start, start)
            .decode(errors="replace")
            .splitlines()[-_SHOWN_LINES:]
        )

    def say(self, text, end="\n"):
        print(text, end=end, file=self._user, flush=True)

    def _event(self, event, step, **more):
        print(json.dumps({"event": event, "step": step, **more}), file=self._events, flush=True)
