"""However a run is interrupted, nothing of it stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from conftest import NOXFILE, Project
from pushgate import cli
from pushgate.tools import interrupts, strays

CLOSING = r"interrupted: 2 aborted \(2 jobs in [\d.]+ s\)"

FILES = {
    "pyproject.toml": """
[tool.pushgate]
python = ["@PYTHON@"]
[tool.pushgate.gates]
waiting = { run = ["sh waiting.sh waiting"], environment = false }
stubborn = { run = ["sh stubborn.sh"], environment = false }
sending = { run = ["sh sending.sh"], environment = false }
""",
    # Each leaves its own process id and that of the Nox session above it.
    "waiting.sh": 'echo "$$ $PPID" > $1.part; mv $1.part $1.pid; exec sleep 60\n',
    "stubborn.sh": 'trap "" INT TERM; echo "$$ $PPID" > stubborn.pid; while :; do sleep 1; done\n',
    "sending.sh": 'if [ -n "$IGNORE" ]; then trap "" $IGNORE; fi\n'
    "for name in $AWAIT; do until [ -s $name.pid ]; do sleep 0.05; done; done\n"
    'for number in $SEND; do kill -s $number -- "$TARGET"; sent=x$sent; : > $sent.sent\n'
    "sleep 0.2; done\n"
    "sh waiting.sh sending\n",
}
"""The gate `sending` waits for the others, then sends signals to the run that it is part of."""


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project whose gates wait, and send signals."""
    return make_project(FILES)


def _interrupted(
    project: Project,
    send: str,
    *gates: str,
    before: str = ":",
    target: str = "$$",
    ignore: str = "",
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("sh", "-c", f'{before}; TARGET={target} exec "$@"', "sh"),
            *(sys.executable, "-m", "pushgate", "run", "-j", "3", "sending", *gates),
        ],
        cwd=project.root,
        env={**os.environ, "SEND": send, "AWAIT": " ".join(gates), "IGNORE": ignore},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        timeout=50,
        check=False,
    )


def _alive(project: Project) -> list[str]:
    """Return what is left of the gates and of the sessions that ran them."""
    left = []
    for file in sorted(project.root.glob("*.pid")):
        for process in file.read_text(encoding="utf-8").split():
            state = project.run("ps", "-o", "stat=,args=", "-p", process).stdout
            if state and not state.startswith("Z"):
                left.append(f"{file.stem}: {state}")
    return left


@pytest.mark.parametrize(
    ("send", "before", "target"),
    [
        ("INT", ":", "$$"),
        ("TERM", ":", "$$"),
        ("HUP", ":", "$$"),
        ("INT", ":", "-$$"),
        ("TERM", ":", "-$$"),
        ("INT", 'trap "" INT', "$$"),
    ],
    ids=[
        "ctrl-c",
        "term",
        "hup",
        "ctrl-c-group",
        "term-group",
        "int-in-the-background-of-a-script",
    ],
)
def test_a_signal_ends_all_of_a_run(project: Project, send: str, before: str, target: str) -> None:
    """A signal to the run, or to all of its process group, ends every gate; the status is 130."""
    ended = _interrupted(project, send, "waiting", before=before, target=target)
    assert (ended.returncode, _alive(project)) == (130, [])
    assert re.fullmatch(CLOSING, ended.stdout.splitlines()[-1]), ended.stdout
    assert (project.root / "waiting.pid").is_file()


def test_impatience_leaves_nothing(project: Project) -> None:
    """Who presses Ctrl-C again and again leaves no gate either, not even one that ignores it."""
    ended = _interrupted(project, "INT TERM INT", "waiting", "stubborn", ignore="INT TERM")
    assert (ended.returncode, _alive(project)) == (130, [])
    assert len(list(project.root.glob("*.sent"))) > 1


def test_impatience_at_the_very_end(project: Project) -> None:
    """A Ctrl-C that comes after the run has ended changes neither its status nor its output."""
    late = (
        "import atexit, os, signal, sys; from pushgate.__main__ import main; "
        "atexit.register(os.kill, os.getpid(), signal.SIGINT); "
        "sys.argv = ['pushgate', 'run', 'sending']; sys.exit(main())"
    )
    run = subprocess.run(
        ["sh", "-c", 'TARGET=$$ exec "$@"', "sh", sys.executable, "-c", late],
        cwd=project.root,
        env={**os.environ, "SEND": "INT", "AWAIT": "", "IGNORE": ""},
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=50,
        check=False,
    )
    assert (run.returncode, "KeyboardInterrupt" in run.stderr) == (130, False)


SWALLOWED = """
import signal
import weakref


class Thing:
    pass


thing = Thing()
watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
del thing
"""
"""A noxfile during which a Ctrl-C comes, at a moment when Python only prints it."""


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (NOXFILE, r"interrupted: 1 aborted \(1 job in [\d.]+ s\)"),
        ("import no_such_module\n", "pushgate: interrupted"),
    ],
    ids=["nothing-else-ends-it", "something-ends-with-it"],
)
def test_an_interrupt_that_python_swallows(project: Project, then: str, told: str) -> None:
    """It ends the run all the same, and what it has broken is no mistake of the user's."""
    project.write({"noxfile.py": SWALLOWED + then})
    ended = project.pushgate("run", "waiting")
    assert ended.returncode == 130
    assert re.fullmatch(told, ended.stdout.splitlines()[-1]), ended.stdout


def test_an_interrupt_in_the_middle_of_an_import(project: Project) -> None:
    """It counts as soon as the command is imported, and nothing of the import is shown."""
    early = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'pushgate.commands.run': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from pushgate.__main__ import main\n"
        "sys.argv = ['pushgate', 'run', 'waiting']; sys.exit(main())"
    )
    run = project.run(sys.executable, "-c", early)
    assert (run.returncode, run.stdout) == (130, "pushgate: interrupted\n")


def _ends(project: Project, ending: str) -> subprocess.CompletedProcess[str]:
    """Return how the command ends whose execution is replaced by some lines."""
    program = (
        "import os, pty, signal, sys\n"
        "from pushgate.__main__ import main\n"
        "from pushgate.commands import run\n"
        "master, terminal = pty.openpty()\n"
        f"def execute(_):\n{textwrap.indent(ending, '    ')}\n"
        "run.execute = execute\n"
        "sys.argv = ['pushgate', 'run']; sys.exit(main())"
    )
    return project.run(sys.executable, "-c", program)


def test_an_interrupt_that_becomes_another_error(project: Project) -> None:
    """It is told as the interrupt that it was: before 3.12, a class body may make one of it."""
    ended = _ends(
        project,
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt as error: raise RuntimeError('__set_name__') from error",
    )
    assert (ended.returncode, ended.stdout) == (130, "pushgate: interrupted\n")


def test_an_error_without_an_interrupt_is_shown_whole(project: Project) -> None:
    """A mistake of Pushgate's own is no interrupt: its traceback is there to be reported."""
    ended = _ends(project, "raise RuntimeError('ours')")
    assert ended.returncode == 1
    assert ended.stdout.endswith("RuntimeError: ours\n")


def test_an_interrupt_whose_terminal_is_gone(project: Project) -> None:
    """Nobody can be told any more; the status says it all the same."""
    ended = _ends(
        project,
        "for number in (1, 2): os.dup2(terminal, number)\n"
        "os.close(master)\n"
        "signal.raise_signal(signal.SIGHUP)",
    )
    assert ended.returncode == 130


def test_a_run_outlives_its_terminal_under_nohup(project: Project) -> None:
    """A run that was told to ignore the terminal's end is not ended by it."""
    project.write({"waiting.sh": "true\n"})
    ended = _interrupted(project, "HUP", before='trap "" HUP')
    assert (ended.returncode, "all selected jobs passed" in ended.stdout) == (0, True)


@pytest.mark.parametrize("send", ["INT", "TERM"])
def test_the_command_line_answers_an_interrupt(
    project: Project, monkeypatch: pytest.MonkeyPatch, send: str
) -> None:
    """The command line returns 130 for a signal, and handles signals afterwards as before."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("SEND", send)
    monkeypatch.setenv("TARGET", str(os.getpid()))
    monkeypatch.setattr(interrupts.hold, "came", False)  # this process goes on
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert cli.main(["run", "sending"]) == 130
    assert _alive(project) == []
    assert project.outcome("sending")["result"] == "aborted"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_strays_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever carries the mark ends, in order or killed; another process lives on."""
    monkeypatch.setattr(strays, "PATIENCE_SECONDS", 0.5)
    codes = {
        "obedient": "import time; print(1, flush=True); time.sleep(60)",
        "stubborn": "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(1, flush=True); time.sleep(60)",
        "other": "import time; print(1, flush=True); time.sleep(60)",
    }
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PUSHGATE_RUN": "other" if name == "other" else "mark"},
            stdout=subprocess.PIPE,
        )
        for name, code in codes.items()
    }
    try:
        for child in children.values():
            assert child.stdout is not None
            assert child.stdout.readline() == b"1\n"
        strays.end("PUSHGATE_RUN", "mark")
        assert children["other"].poll() is None
        assert children["obedient"].wait(10) == -signal.SIGTERM
        assert children["stubborn"].wait(10) == -signal.SIGKILL
    finally:
        for child in children.values():
            child.kill()
            child.communicate()
