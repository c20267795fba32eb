"""At whatever moment a run is ended from outside, nothing of it stays, and the next one passes."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from living import Living, commands_below

MakeProject = Callable[..., Project]

SUITE: Final = """import os
import sys
import time

import pytest

sys.path.insert(0, @FOLDER@)

from alive import show


@pytest.mark.parametrize("number", [1, 2, 3])
def test_waits(number):
    file = show(f"test-{number}")
    time.sleep(60)
"""

ON_TERMINAL: Final = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)

RANDOM_MOMENTS: Final = 5
LONGEST_SECONDS: Final = 1.5


@pytest.fixture
def project(make_project: MakeProject, living: Living) -> Project:
    """A project whose gates are quick, or wait: tests under pytest-xdist, and a daemon."""
    gates = {
        "quick": ["true"],
        "tests": [f"{sys.executable} -m pytest -q -n 2 -p no:cacheprovider tests"],
        "daemon": [living.command("daemon", "daemon"), living.command("foreground")],
    }
    lines = "\n".join(
        f"{name} = {{ run = {json.dumps(commands)}, environment = false, cores = 1 }}"
        for name, commands in gates.items()
    )
    settings = '[tool.pushgate]\npython = ["@PYTHON@"]\n[tool.pushgate.gates]\ntest.enabled = false'
    suite = SUITE.replace("@FOLDER@", repr(str(living.folder)))
    files = {"pyproject.toml": f"{settings}\n{lines}\n", "tests/test_waiting.py": suite}
    return make_project(files)


@dataclass
class _Run:
    """A run, the terminal that it may have, and what it has shown there."""

    process: subprocess.Popen[bytes]
    terminal: int | None
    shown: bytes = b""

    def reads_until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, and read what the run shows."""
        end = time.monotonic() + 60
        while not holds():
            if time.monotonic() > end:
                pytest.fail(f"it took too long: {self.shown!r}")
            self._read()
            time.sleep(0.01)

    def _read(self) -> None:
        while self.terminal is not None and select.select([self.terminal], [], [], 0)[0]:
            try:
                self.shown += os.read(self.terminal, 65536)
            except OSError:
                return

    def handles_signals(self) -> bool:
        """Tell whether it has come so far that it turns SIGTERM into an orderly end."""
        with suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
            return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
        return False

    def end(self, way: str) -> None:
        """End it from outside."""
        if way == "ctrl-c":
            assert self.terminal is not None
            os.write(self.terminal, b"\x03")
        elif way == "closed-terminal":
            self.close()  # a second time says nothing
        elif way == "group":
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.send_signal(signal.Signals[way])

    def close(self) -> None:
        """Close its terminal."""
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None


@contextmanager
def _started(project: Project, *words: str, on_terminal: bool) -> Iterator[_Run]:
    # As users start it: `python -m` ends itself by SIGINT where one came within an `exec`.
    command = [str(Path(sys.executable).with_name("pushgate")), "run", "-j", "3", *words]
    terminal, stream = pty.openpty() if on_terminal else (None, os.open(os.devnull, os.O_RDWR))
    try:
        process = subprocess.Popen(
            [*([sys.executable, "-c", ON_TERMINAL] if on_terminal else []), *command],
            cwd=project.root,
            env={**os.environ, "TERM": "xterm"},
            stdin=stream,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    finally:
        os.close(stream)
    run = _Run(process, terminal)
    try:
        if terminal is not None:
            # Nobody hears what is typed before.
            run.reads_until(lambda: os.tcgetpgrp(terminal) == process.pid)
        yield run
    finally:
        run.close()
        process.kill()
        process.wait()


def _server_starts(run: _Run, _living: Living) -> bool:
    return "pushgate.run.fork_server" in commands_below(run.process.pid)


def _job_lives(_run: _Run, living: Living) -> bool:
    return bool(living.names())


def _all_live(_run: _Run, living: Living) -> bool:
    return {"daemon", "foreground", "test-1"} <= {*living.names()}


Moment = Callable[[_Run, Living], bool]


def _after(seconds: float) -> Moment:
    """Return the moment so many seconds after the run began to handle signals.

    Before that a signal is Python's, or that of what measures coverage.
    """
    end = 0.0

    def passed(run: _Run, _living: Living) -> bool:
        nonlocal end
        if run.handles_signals():
            end = end or time.monotonic() + seconds
        return bool(end) and time.monotonic() > end

    return passed


def _moments(way: str) -> Iterator[tuple[Moment, float | None]]:
    """Yield moments, and how long afterwards it is ended once more."""
    chance = random.Random(way)  # noqa: S311  # the same moments each time
    for _ in range(RANDOM_MOMENTS):
        yield _after(chance.uniform(0.0, LONGEST_SECONDS)), None
    for moment in (_server_starts, _job_lives, _all_live):
        yield moment, None
    for _ in range(2):
        yield _all_live, chance.uniform(0.0, 1.0)


def _locks(project: Project) -> list[Path]:
    git = project.root / ".git"
    # Of Pushgate's own lock files it is not the file that counts, but who holds it.
    locks = [path for path in git.rglob("*.lock") if git / "pushgate" not in path.parents]
    return [*locks, *git.glob("pushgate/runs/*/alive")]


WAYS: Final = ("ctrl-c", "closed-terminal", "group", "SIGTERM", "SIGHUP", "SIGKILL")


def _ended(
    project: Project, living: Living, way: str, moment: Moment, again: float | None, *words: str
) -> _Run:
    """Return a run that is ended at a moment."""
    with _started(project, *words, on_terminal=way in {"ctrl-c", "closed-terminal"}) as run:
        run.reads_until(lambda: moment(run, living))
        if again is not None:
            run.end("SIGINT" if way == "SIGKILL" else way)
            time.sleep(again)
        run.end(way)
        run.reads_until(lambda: run.process.poll() is not None)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_nothing_stays(project: Project, living: Living, way: str) -> None:
    """Nothing of it lives on, the status is 130, no lock is left, and the next run passes."""
    for number, (moment, again) in enumerate(_moments(way)):
        target = ("--commit", "HEAD") if number % 2 else ()
        run = _ended(project, living, way, moment, again, *target)
        expected = -signal.SIGKILL if way == "SIGKILL" else 130
        assert run.process.returncode == expected, (number, run.shown)
        if way == "SIGKILL":
            after = project.pushgate("run", *target, "quick")
            assert after.returncode == 0, after.stdout
        assert (living.names(), _locks(project)) == ([], []), number
        living.forget()
    for target in ((), ("--commit", "HEAD")):
        after = project.pushgate("run", *target, "quick")
        assert after.returncode == 0, after.stdout
    assert project.git("status", "--porcelain") == ""
