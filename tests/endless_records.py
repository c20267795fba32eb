"""Processes that keep records, or put them back, until they are killed.

Run with what to do, the state folder and a project's folder. Each line of standard input is a
life, in seconds: so long a fork does it, then it is killed, which is told in a line. Without
an end (``inf``) there is no fork.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kept_records import Left, fingerprint
from pushgate.model.outcome import Outcome, Result
from pushgate.run.records import Records
from pushgate.run.store import Store

JOBS: Final = tuple(f"job-{number}" for number in range(5))


def keep(store: Store, left: Left, numbers: Iterable[int]) -> None:
    """Keep records of a few jobs: each tells in four places what it is."""
    with Records.open(store) as records:
        for number in numbers:
            job = JOBS[number % len(JOBS)]
            one, other = f"{os.getpid()} {number} ".encode() * 2000, os.urandom(50_000)
            told = hashlib.sha256(one + other).hexdigest()
            left.write({"one": one, "deep/other": other, "sum": told.encode()})
            left.log.write_text(told, encoding="utf-8")
            left.keep(records, Outcome(job=job, result=Result.PASSED, reason=told))
            if number % 5 == 0:
                records.prune(limit=1_000_000)
            assert records.note == "", records.note


def put_back(store: Store, left: Left) -> None:
    """Put back the same record, over outputs that are not its own."""
    with Records.open(store) as records:
        found = records.find(fingerprint())
        assert found is not None
        while True:
            left.write({"half": b"of before"})
            assert records.put_back(found, left.outputs, left.log)


def _live(what: str, store: Store, left: Left) -> None:
    try:
        if what == "keep":
            keep(store, left, itertools.count(os.getpid()))
        put_back(store, left)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(1)


def main(what: str, state: str, project: str) -> None:
    store, left = Store(Path(state)), Left.make(Path(project))
    for line in sys.stdin:
        life = float(line)
        child = 0 if life == math.inf else os.fork()
        if not child:
            _live(what, store, left)
        time.sleep(life)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "died", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
