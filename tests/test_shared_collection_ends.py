"""However shards that share a collection end, nothing of them or of it stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psutil
import pytest

from conftest import PYTHON, Project
from living import Living, until
from watched_run import Watched, watch

MakeProject = Callable[..., Project]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="collections are shared on Linux")

SETTINGS: Final = """
[dependency-groups]
test = ["pytest"]

[tool.pushgate]
python = ["@PYTHON@"]

[tool.pushgate.gates.test]
shards = 2
args = ["-o", "junit_logging=all"]
"""

TESTS: Final = """import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

if Path("what").read_text() == "hanging":
    time.sleep(60)


@pytest.mark.parametrize("name", ["one", "two"])
def test_ends(name):
    what = Path("what").read_text()
    if what == "stray" and name == "one":
        subprocess.Popen(shlex.split({stray!r}))
        until = time.monotonic() + 20
        while not Path({alive!r}, "stray").exists() and time.monotonic() < until:
            time.sleep(0.01)
    if what == "killed" and name == "one":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "printing":
        os.write(1, f"printed by {name}".encode())
        Path({alive!r}, name + ".printed").touch()
        other = Path({alive!r}, ("two" if name == "one" else "one") + ".printed")
        until = time.monotonic() + 20
        while not other.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert not other.exists()
    if what == "waiting":
        subprocess.Popen(shlex.split({stray!r}))
        subprocess.run(shlex.split({near!r}.replace("near", name)), check=True)
    if what == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path({alive!r}, name + ".deaf").touch()
        subprocess.run(shlex.split({near!r}.replace("near", name) + " deaf"), check=True)
"""


@pytest.fixture
def project(make_project: MakeProject, living: Living) -> Iterator[Project]:
    """A project of two tests, which do what the file ``what`` says; its environment is warm."""
    words = {
        "stray": living.command("stray", "daemon", "deaf"),
        "near": living.command("near"),
        "alive": str(living.folder / "alive"),
    }
    tests = TESTS
    for name, value in words.items():
        tests = tests.replace(f"{{{name}!r}}", repr(value))
    files = {"pyproject.toml": SETTINGS, "tests/test_ends.py": tests, "module.py": "", "what": ""}
    project = make_project(files)
    yield project
    assert _processes(project) == []


def _processes(project: Project) -> list[list[str]]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words: list[str] = process.info["cmdline"] or []
        if any(str(project.root) in word for word in words):
            found.append(words)
    return found


@contextmanager
def _running(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", "run", "--json", "-j", "2", "test"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def _reasons(run: Watched) -> dict[str, tuple[str, str]]:
    return {job.removeprefix(f"test-{PYTHON}"): told for job, told in run.outcomes.items()}


@pytest.mark.slow
def test_strays_and_deaths(project: Project) -> None:
    """What a shard leaves is ended and told; one that is killed fails alone; slow ones end."""
    project.write({"what": "stray"})
    run = watch(project, "-j", "2", "test")
    assert _reasons(run) == {"(1of2)": ("passed", ""), "(2of2)": ("passed", "")}
    log = run.log(f"test-{PYTHON}(1of2)")
    assert b"> shared collection: " in log
    assert b"pushgate > ended what outlived the job: " in log
    project.write({"what": "killed"})
    run = watch(project, "-j", "2", "test")
    assert _reasons(run) == {
        "(1of2)": ("failed", f"pytest ended with -9; again: `nox -s test-{PYTHON} -- --shard 1/2`"),
        "(2of2)": ("passed", ""),
    }
    slow = ("aborted", "timed out: its limit is 5 s (timeout)")
    for what in ("waiting", "hanging"):
        project.write({"what": what, "pyproject.toml": f"{SETTINGS}timeout = 5\n"})
        run = watch(project, "-j", "2", "test")
        assert _reasons(run) == {"(1of2)": slow, "(2of2)": slow}


def test_what_is_captured(project: Project) -> None:
    """What shards print at the same time is kept apart."""
    project.write({"what": "printing"})
    watch(project, "-j", "2", "test")
    for index, (own, other) in enumerate([("one", "two"), ("two", "one")], start=1):
        folder = project.outputs(f"test-{PYTHON}({index}of2)")
        report = (folder / "junit.xml").read_text(encoding="utf-8")
        assert f"printed by {own}" in report
        assert f"printed by {other}" not in report


@pytest.mark.slow
def test_interrupts(project: Project, living: Living) -> None:
    """One Ctrl-C ends the shards in order, three kill them; a killed run takes all along."""
    project.write({"what": "waiting"})
    with _running(project) as run:
        until(lambda: {"one", "two"} <= {*living.names()})
        run.send_signal(signal.SIGINT)
        assert run.wait(40) == 130
    assert (living.names(), _processes(project)) == ([], [])
    living.forget()
    project.write({"what": "deaf"})
    with _running(project) as run:
        until(lambda: {"one", "two"} <= {*living.names()})
        for _ in range(3):
            run.send_signal(signal.SIGINT)
            signal.sigtimedwait((), 0.3)
        assert run.wait(20) == 130
    assert (living.names(), _processes(project)) == ([], [])
    living.forget()
    with _running(project) as run:
        until(lambda: {"one", "two"} <= {*living.names()})
        run.kill()
        until(lambda: not living.names() and not _processes(project))
