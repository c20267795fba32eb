"""A supervisor leaves nothing of its job alive, however the job ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from living import Living, below, until
from pushgate.run import supervisor

SERVER: Final = """
import os, shlex, signal, sys, time
from pathlib import Path
from pushgate.run import supervisor

supervisor.ASKING_SECONDS = supervisor.GRACE_SECONDS = 1.0
job = compile(Path("job.py").read_text(), "job.py", "exec")

def lead():
    names = {}
    exec(job, names)
    return names.get("code", 0)

signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.SIGNALS)
parent = os.getpid()
process = os.fork()
if not process:
    time.sleep(float(sys.argv[1]))
    supervisor.supervise(lead, parent)
signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.SIGNALS)
if "leave" in sys.argv:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
"""Does for one job what the fork server does for many."""

ASKED: Final = """
try:
    open("ready", "w").close()
    time.sleep(60)
except KeyboardInterrupt:
    os.system("sleep 0.2; ps -wweo args= | grep -q '[a]live.py near' && echo near lives")
code = 9
"""


@contextmanager
def _supervised(
    folder: Path, job: str, *words: str, delay: float = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a job under a supervisor; its output goes to the file ``log``."""
    (folder / "job.py").write_text(job, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(delay), *words],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def _starting(*commands: str) -> str:
    """Return a job that starts commands."""
    starts = (f"subprocess.Popen({command!r}, shell=True)\n" for command in commands)
    return f"import os, signal, subprocess, sys, time\n{''.join(starts)}"


def _waiting_for(living: Living, *names: str) -> str:
    """Return the part of a job that waits until processes live."""
    paths = [str(living.folder / "alive" / name) for name in names]
    return f"while not all(map(os.path.exists, {paths})): time.sleep(0.01)\n"


def _lasting(living: Living, *names: str) -> str:
    """Return the end of a job that makes the file ``ready``, then lives on."""
    lasts = "open('ready', 'w').close()\nwhile True: time.sleep(0.1)\n"
    return _waiting_for(living, *names) + lasts


def _deaf(*names: str) -> str:
    return "".join(f"signal.signal(signal.{name}, signal.SIG_IGN)\n" for name in names)


def _supervisor(server: subprocess.Popen[bytes]) -> psutil.Process:
    (process,) = below(server.pid)
    return process


def _is_open(path: Path) -> bool:
    """Tell whether a process has a file open."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(file.samefile(path) for file in Path(f"/proc/{process.pid}/fd").iterdir()):
                return True
    return False


@pytest.mark.parametrize(
    "words", [(), ("daemon",), ("deaf",), ("daemon", "deaf"), ("parent", "deaf"), ("chain", "deaf")]
)
def test_what_outlives_a_job_is_ended(
    tmp_path: Path, living: Living, words: tuple[str, ...]
) -> None:
    """Whatever a job leaves is found, ended and named; the job's exit status stays its own."""
    job = _starting(living.command("it", *words)) + _waiting_for(living, "it") + "code = 7\n"
    with _supervised(tmp_path, job) as server:
        assert server.wait(30) == 7
    assert living.names() == []
    told = (tmp_path / "log").read_text(encoding="utf-8")
    assert re.fullmatch(r"pushgate > ended what outlived the job: \S+ \(\d+\).*\n", told)


def test_what_ends_by_itself_is_no_stray(tmp_path: Path) -> None:
    """What ends just after its job is not named: it was about to end."""
    with _supervised(tmp_path, _starting("sleep 0.1; echo late")) as server:
        assert server.wait(30) == 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == "late\n"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("code = 0", 0),
        ("code = 77", 77),
        ("sys.exit(5)", 1),
        ("raise KeyboardInterrupt", 130),
        ("os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
        ("os.abort()", 128 + signal.SIGABRT),
        ("os.close(1); os.close(2); code = 4", 4),
    ],
)
def test_a_status_passes_through(tmp_path: Path, end: str, status: int) -> None:
    """A supervisor ends with the status of its job, as a shell tells it of a signal."""
    with _supervised(tmp_path, _starting() + end) as server:
        assert server.wait(30) == status


@pytest.mark.parametrize(
    ("deaf", "sent", "status"),
    [
        ((), (supervisor.ASK,), 130),
        (("SIGINT",), (supervisor.ASK,), 128 + signal.SIGTERM),
        (("SIGINT", "SIGTERM"), (supervisor.ASK,), 128 + signal.SIGKILL),
        (("SIGINT",), (supervisor.TERMINATE,), 128 + signal.SIGTERM),
        (("SIGINT", "SIGTERM"), (supervisor.TERMINATE,), 128 + signal.SIGKILL),
        ((), (supervisor.KILL,), 128 + signal.SIGKILL),
        (("SIGINT", "SIGTERM"), (supervisor.ASK, supervisor.KILL), 128 + signal.SIGKILL),
    ],
)
def test_a_job_is_asked_then_terminated_then_killed(
    tmp_path: Path,
    living: Living,
    deaf: tuple[str, ...],
    sent: tuple[signal.Signals, ...],
    status: int,
) -> None:
    """A job that does not end is ended harder, without being told again; what it started, too."""
    job = _starting(living.command("near"), living.command("far", "daemon", "deaf"))
    with _supervised(tmp_path, job + _deaf(*deaf) + _lasting(living, "near", "far")) as server:
        until((tmp_path / "ready").exists)
        for number in sent:
            _supervisor(server).send_signal(number)
        assert server.wait(30) == status
    assert living.names() == []
    assert "outlived" not in (tmp_path / "log").read_text(encoding="utf-8")


def test_to_be_told_again_puts_nothing_off(tmp_path: Path, living: Living) -> None:
    """Who tells a supervisor over and over does not keep it from the next, harder step."""
    job = _starting(living.command("near", "deaf")) + _deaf("SIGTERM") + _lasting(living, "near")
    with _supervised(tmp_path, job) as server:
        until((tmp_path / "ready").exists)
        process = _supervisor(server)

        def told() -> bool:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(supervisor.TERMINATE)
            return server.poll() is not None

        until(told)
    assert server.returncode == 128 + signal.SIGKILL


def test_only_the_leader_is_asked(tmp_path: Path, living: Living) -> None:
    """A job that is asked to end does so in its own order: its processes are not told first."""
    job = _starting(living.command("near")) + _waiting_for(living, "near") + ASKED
    with _supervised(tmp_path, job) as server:
        until((tmp_path / "ready").exists)
        _supervisor(server).send_signal(supervisor.ASK)
        assert server.wait(30) == 9
    assert (tmp_path / "log").read_text(encoding="utf-8") == "near lives\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_ends_with_the_one_above_its_supervisor(
    tmp_path: Path, living: Living, number: signal.Signals
) -> None:
    """Where the parent of a supervisor is gone, the job is ended."""
    job = _starting(living.command("near"), living.command("far", "daemon", "deaf"))
    with _supervised(tmp_path, job + _lasting(living, "near", "far")) as server:
        until((tmp_path / "ready").exists)
        server.send_signal(number)
        assert server.wait(30) == -number
        until(lambda: living.names() == [])


def test_a_parent_that_is_gone_too_early(tmp_path: Path, living: Living) -> None:
    """Where the parent is gone before the supervisor could ask about it, the job is ended, too."""
    job = _starting(living.command("near")) + _lasting(living, "near")
    with _supervised(tmp_path, job, "leave", delay=0.3) as server:
        assert server.wait(30) == 0
        until(lambda: not _is_open(tmp_path / "log"))
    assert living.names() == []
