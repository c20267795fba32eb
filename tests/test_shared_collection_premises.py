"""Where a fork could be told from a process of its own, no collection is shared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pushgate.shards import collection, shared
from pushgate.tools import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="collections are shared on Linux")

FOLDER: Final = "made while collecting, and still there: "

REFUSED: Final = {
    "a thread": ("import threading\nthreading.Timer(3, print).start()", "2 threads run after"),
    "a child": (
        "import subprocess\nCHILD = subprocess.Popen(['sleep', '3'])",
        "a child process was started and not waited for",
    ),
    "a socket": ("import socket\nS = socket.socket()", "open after collecting: socket:["),
    "a loop": ("import asyncio\nL = asyncio.new_event_loop()", "open after collecting: "),
    "a pipe": ("import os\nP = os.pipe()", "open after collecting: pipe:["),
    "a file that is written": ("F = open('written', 'w')", "open after collecting: /"),
    "a file that is read": ("F = open(__file__)", "open after collecting: /"),
    "a database": ("import sqlite3\nD = sqlite3.connect('d.db')", "open after collecting: /"),
    "a file without a name": (
        "import tempfile\nF = tempfile.TemporaryFile()",
        "open after collecting: /",
    ),
    "a temporary file": ("import tempfile\nF = tempfile.mkstemp(dir='.')[1]", "open after"),
    "a temporary folder": ("import tempfile\nF = tempfile.TemporaryDirectory()", FOLDER),
    "shared memory": (
        "import mmap\nM = mmap.mmap(-1, 4096)",
        "memory is shared: ",
    ),
    "random numbers": ("import random\nR = random.random()", "random numbers were drawn"),
    "a folder": ("import os\nos.mkdir('made')", FOLDER),
    "an id": ("import uuid\nRUN = uuid.uuid4()", "random bytes were drawn while collecting in: /"),
    "a secret": ("import secrets\nKEY = secrets.token_hex()", "random bytes were drawn"),
    "the process id in a name": (
        "import os\nNAME = f'worker-{os.getpid()}'",
        "the process id is remembered in: test_it",
    ),
    "a timer": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 90)", "a timer is set"),
    "the process id": ("import os\nOWN = os.getpid()", "the process id is remembered in: test_it"),
    "a tracer": ("import sys\nsys.setprofile(lambda *_: None)", "something else traces"),
    "gevent": ("import sys\nsys.modules['gevent'] = sys", "imported: gevent"),
}


def _collect(
    folder: Path, code: str, *options: str, run: str = "", group: int = 1
) -> subprocess.CompletedProcess[str]:
    """Collect a test in a process that would serve; it ends where it refuses to."""
    outputs = folder / "outputs"
    outputs.mkdir()
    (folder / "test_it.py").write_text(f"{code}\n\ndef test_it():\n    pass\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    rcfile = outputs / "coveragerc"
    rcfile.write_text(f"[run]\ndata_file = {outputs / 'coverage'}\nparallel = true\n{run}")
    words = ["-m", shared.MODULE, f"pushgate-test-{os.getpid()}-{id(folder)}", str(rcfile)]
    pytest_options = ["--splits", "2", "--group", str(group), "-p", collection.PLUGIN, *options]
    with (folder / "printed").open("w+") as printed:
        ended = subprocess.run(
            [sys.executable, *words, *pytest_options],
            cwd=folder,
            env={
                # Nothing but the collection itself measures it.
                **process.clean_environment(),
                "PYTHONPATH": str(collection.PLUGIN_FOLDER),
                collection.OUTPUT_VARIABLE: str(outputs),
            },
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
            text=True,
        )
        printed.seek(0)
        ended.stdout = printed.read()
    return ended


def _refusal(folder: Path) -> str:
    return (folder / "outputs" / "refused").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_module_has_done(tmp_path: Path, what: str) -> None:
    """What was done while collecting, and a fork would share or lack, is found."""
    code, reason = REFUSED[what]
    ended = _collect(tmp_path, code)
    assert (ended.returncode, reason in _refusal(tmp_path)) == (0, True), ended.stdout


@pytest.mark.parametrize(
    "name",
    ["os.getpid()", "time.time()", "datetime.now(UTC)", "datetime.now().astimezone()", "object()"],
)
def test_names_that_pass(tmp_path: Path, name: str) -> None:
    """What the shards of CI, each of them alone, would call otherwise is not split by a fork."""
    code = "import os, time, pytest\nfrom datetime import UTC, datetime\n\n"
    case = f"@pytest.mark.parametrize('at', [{name}], ids=str)\ndef test_at(at):\n    pass"
    _collect(tmp_path, code + case)
    said = "named after this process or this minute: test_it.py::test_at["
    assert _refusal(tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("concurrency = multiprocessing\n", "another concurrency than threads"),
        ("patch = _exit\n", "patches more than subprocesses"),
        ("dynamic_context = test_function\n", "coverage is told a dynamic_context"),
        ("sigterm = true\n", "coverage is told a sigterm"),
    ],
)
def test_settings_of_coverage(tmp_path: Path, run: str, reason: str) -> None:
    """What coverage does besides measuring is not done twice."""
    _collect(tmp_path, "", run=run)
    assert reason in _refusal(tmp_path)


def test_another_that_chooses(tmp_path: Path) -> None:
    """Where another plug-in takes tests out after pytest-split, there is nothing to share."""
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n\nclass Last:\n    @pytest.hookimpl(trylast=True)\n"
        "    def pytest_collection_modifyitems(self, items):\n        pass\n\n\n"
        "def pytest_sessionstart(session):\n"
        "    session.config.pluginmanager.register(Last())\n"
    )
    _collect(tmp_path, "")
    assert _refusal(tmp_path) == "the last to choose tests is not pytest-split: Last"


@pytest.mark.parametrize("hook", ["pytest_sessionfinish", "pytest_unconfigure"])
def test_what_is_undone_at_the_end(tmp_path: Path, hook: str) -> None:
    """What was done once for all must not be undone by each shard."""
    (tmp_path / "conftest.py").write_text(f"def {hook}():\n    pass\n")
    _collect(tmp_path, "")
    assert _refusal(tmp_path) == f"each shard would call: {hook} of conftest.py"


@pytest.mark.slow
def test_workers(tmp_path: Path) -> None:
    """With workers of pytest-xdist, each collects by itself; nothing is served."""
    ended = _collect(tmp_path, "", "-n", "1")
    assert "1 passed" in ended.stdout or "no tests ran" in ended.stdout, ended.stdout
