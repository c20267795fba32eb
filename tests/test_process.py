"""Child processes: their output, their environment, their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from pushgate.tools import process

_DRIVER: Final = r"""
import os, signal, sys, threading
from pathlib import Path
from pushgate.tools import interrupts, process

signal.signal(signal.SIGINT, signal.default_int_handler)
process.GRACE_SECONDS = {grace}

def tell(line):
    os.write(1, line.encode() + b"\n")

def child(last_signal):
    command = [sys.executable, "child.py", last_signal]
    return process.run(command, cwd=Path.cwd()).returncode

def child_of_thread(last_signal):
    try:
        child(last_signal)
    except KeyboardInterrupt:
        tell("known")

try:
    {body}
except KeyboardInterrupt as interrupt:
    tell("interrupted " + str(interrupt))
    sys.exit(130)
"""

_CHILD: Final = r"""
import os, signal, sys

def tell(line):
    os.write(1, line.encode() + b"\n")

def told(number, frame):
    tell(signal.Signals(number).name)
    if signal.Signals(number).name == sys.argv[1]:
        sys.exit()

signal.signal(signal.SIGINT, told)
signal.signal(signal.SIGTERM, told)
tell("ready")
while True:
    signal.pause()
"""
"""Says which signals it gets, and ends with the one that it is given."""


@contextmanager
def _driving(folder: Path, body: str, *, grace: float = 1.5) -> Iterator[subprocess.Popen[str]]:
    """Run code that starts children; they share its standard output, which ends with the last."""
    (folder / "child.py").write_text(_CHILD, encoding="utf-8")
    (folder / "driver.py").write_text(_DRIVER.format(grace=grace, body=body), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "driver.py"],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as driver:
        try:
            yield driver
        finally:
            with suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)


def _await(driver: subprocess.Popen[str], line: str) -> None:
    assert driver.stdout is not None
    assert driver.stdout.readline() == f"{line}\n"


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_large_outputs_are_kept_whole(tmp_path: Path) -> None:
    """A command that fills both of its outputs at once ends, and nothing of them is lost."""
    code = "import sys\nfor _ in range(20):\n  sys.stderr.write('e' * 50000)\n  print('o' * 50000)"
    completed = process.capture(_python(code), cwd=tmp_path)
    assert completed.stdout == ("o" * 50_000 + "\n") * 20
    assert completed.stderr == "e" * 1_000_000


def test_a_status_other_than_zero_is_an_error_with_both_outputs(tmp_path: Path) -> None:
    """A failed command is told with its words, its status and what it said."""
    command = _python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    with pytest.raises(process.CommandError, match=r"ended with 3: err$") as failure:
        process.capture(command, cwd=tmp_path)
    expected = process.Completed(tuple(command), 3, "out\n", "err\n")
    assert failure.value.completed == expected
    assert process.capture(command, cwd=tmp_path, check=False) == expected


@pytest.mark.parametrize(("code", "end"), [("print('o')", ": o"), ("0", "")])
def test_an_error_tells_what_there_is(tmp_path: Path, code: str, end: str) -> None:
    """A failed command that left its standard error empty is told with its output, if any."""
    with pytest.raises(process.CommandError, match=f"ended with 1{end}$"):
        process.capture(_python(f"{code}; raise SystemExit(1)"), cwd=tmp_path)


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    """A program that is not there is named, and so is a missing folder, not the program."""
    with pytest.raises(process.CommandMissingError, match="`no-such` cannot be started: No such"):
        process.run(["no-such", "argument"], cwd=tmp_path)
    with pytest.raises(process.CommandMissingError, match=r"started: no folder .*missing$"):
        process.run(_python(""), cwd=tmp_path / "missing")


def test_standard_input(tmp_path: Path) -> None:
    """A command reads nothing of what is typed."""
    read = _python("import sys; print(repr(sys.stdin.read()))")
    with _driving(tmp_path, f"process.run({read}, cwd=Path.cwd())") as driver:
        assert driver.communicate("typed", timeout=30)[0] == "''\n"


def test_output_that_is_no_text_does_no_harm(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are replaced."""
    command = _python("import sys; sys.stdout.buffer.write(b'a\\xffb')")
    assert process.capture(command, cwd=tmp_path).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_output_goes_into_a_file(tmp_path: Path) -> None:
    """Both outputs go into the file that is given, and the end by a signal is told."""
    code = "import os, sys; os.write(1, b'out '); os.write(2, b'err'); os.kill(os.getpid(), 9)"
    with (tmp_path / "output").open("wb") as file:
        completed = process.run(_python(code), cwd=tmp_path, output=file)
    assert completed.returncode == -signal.SIGKILL
    assert (tmp_path / "output").read_bytes() == b"out err"


def test_output_is_let_through_in_order(tmp_path: Path) -> None:
    """What was printed before a command stands before the command's own output."""
    body = "print('before'); process.run([sys.executable, '-c', 'print(1)'], cwd=Path.cwd())"
    with _driving(tmp_path, body) as driver:
        assert driver.communicate(timeout=30)[0] == "before\n1\n"


def test_environment_of_a_hook_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable that git says is about one repository reaches a command."""
    local = subprocess.check_output(["git", "rev-parse", "--local-env-vars"], text=True).split()
    assert "GIT_DIR" in local
    for name in local:
        monkeypatch.setenv(name, "x")
    assert not process.clean_environment().keys() & set(local)


@pytest.mark.parametrize(
    "name",
    [
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTEST_ADDOPTS",
        "MYPYPATH",
        "UV_PYTHON",
        "UV_PROJECT_ENVIRONMENT",
        "UV_RUN_RECURSION_DEPTH",
        "COVERAGE_PROCESS_START",
        "COV_CORE_SOURCE",
        "PYTEST_XDIST_WORKER",
    ],
)
def test_environment_of_the_shell_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What the shell has and CI has not reaches a command only where it is said."""
    monkeypatch.setenv(name, "x")
    monkeypatch.setenv("UV_INDEX_URL", "kept")
    environment = process.clean_environment()
    assert name not in environment
    assert environment["UV_INDEX_URL"] == "kept"
    assert process.clean_environment({name: "said"})[name] == "said"


def test_commands_get_the_clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command gets the clean environment unless it is given a whole one."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    command = _python("import os; print(os.environ.get('PYTEST_ADDOPTS'))")
    assert process.capture(command, cwd=tmp_path).stdout == "None\n"
    assert process.capture(command, cwd=tmp_path, env=os.environ).stdout == "-k nothing\n"


@pytest.mark.parametrize(
    ("sent", "ends_with", "told"),
    [
        (signal.SIGINT, "SIGINT", ["SIGINT", "interrupted "]),
        (signal.SIGTERM, "SIGTERM", ["SIGINT", "SIGTERM", "interrupted SIGTERM"]),
        (signal.SIGHUP, "SIGKILL", ["SIGINT", "SIGTERM", "interrupted SIGHUP"]),
    ],
)
def test_an_interrupt_ends_the_child(
    tmp_path: Path, sent: signal.Signals, ends_with: str, told: list[str]
) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end the child, ever harder, before they are passed on."""
    body = f"interrupts.make_terminable(); child('{ends_with}')"
    with _driving(tmp_path, body) as driver:
        _await(driver, "ready")
        driver.send_signal(sent)
        assert driver.communicate(timeout=30)[0].splitlines() == told
    assert driver.returncode == 130


def test_a_second_interrupt_kills_the_child(tmp_path: Path) -> None:
    """Who presses Ctrl-C again does not wait for a child that takes its time, nor leaves it."""
    with _driving(tmp_path, "child('SIGKILL')", grace=300) as driver:
        _await(driver, "ready")
        driver.send_signal(signal.SIGINT)
        _await(driver, "SIGINT")
        driver.send_signal(signal.SIGINT)
        assert driver.communicate(timeout=30)[0] == "interrupted \n"
    assert driver.returncode == 130


def test_children_of_all_threads_are_ended(tmp_path: Path) -> None:
    """The children of other threads end together, each as hard as it needs, and these know it."""
    body = """
    ends = ["SIGINT", "SIGKILL", "SIGKILL"]
    threads = [threading.Thread(target=child_of_thread, args=[end]) for end in ends]
    [thread.start() for thread in threads]
    sys.stdin.readline()
    process.end_all()
    [thread.join() for thread in threads]
    tell("all")"""
    with _driving(tmp_path, body) as driver:
        for _ in range(3):
            _await(driver, "ready")
        output = driver.communicate("\n", timeout=30)[0].splitlines()
    assert sorted(output[:-1]) == ["SIGINT"] * 3 + ["SIGTERM"] * 2 + ["known"] * 3
    assert output[-1] == "all"


def test_a_second_interrupt_kills_the_children_of_all_threads(tmp_path: Path) -> None:
    """Who presses Ctrl-C again does not wait for the children of other threads either."""
    body = """
    thread = threading.Thread(target=child_of_thread, args=["SIGKILL"])
    thread.start()
    try:
        signal.pause()
    except KeyboardInterrupt:
        process.end_all()"""
    with _driving(tmp_path, body, grace=300) as driver:
        _await(driver, "ready")
        driver.send_signal(signal.SIGINT)
        _await(driver, "SIGINT")
        driver.send_signal(signal.SIGINT)
        output = driver.communicate(timeout=30)[0].splitlines()
    assert sorted(output) == ["interrupted ", "known"]
    assert driver.returncode == 130


def test_in_the_background_of_a_script(tmp_path: Path) -> None:
    """Started with SIGINT ignored, SIGINT still ends it and its child; nohup's SIGHUP does not."""
    body = """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.make_terminable()
    for end in ("until [ -e go ]; do sleep 0.01; done", "exec sleep 300"):
        process.run(["sh", "-c", "echo ready; " + end], cwd=Path.cwd())"""
    with _driving(tmp_path, body, grace=300) as driver:
        _await(driver, "ready")
        driver.send_signal(signal.SIGHUP)
        (tmp_path / "go").touch()
        _await(driver, "ready")
        driver.send_signal(signal.SIGINT)
        assert driver.communicate(timeout=30)[0] == "interrupted \n"
    assert driver.returncode == 130


def test_a_command_whose_time_is_over() -> None:
    """A command that takes longer than it may is ended, and told as an error."""
    command = ["sleep", "60"]
    with pytest.raises(process.CommandError, match=r"^`sleep` did not end within 0.1 s$") as error:
        process.capture(command, cwd=Path.cwd(), check=False, seconds=0.1)
    assert error.value.completed.command == tuple(command)
