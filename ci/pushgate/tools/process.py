"""Child processes: the only user of ``subprocess``."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pushgate.tools import interrupts

NOWHERE: Final = Path(Path.cwd().anchor)
"""A folder for commands that are about no project: nothing there or above says anything."""

GRACE_SECONDS: Final = 3.0
"""How long a child may take to end after each signal, before the next, harder one."""

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""What a child is sent that is to end, each ``GRACE_SECONDS`` after the one before."""

COLLECTION_VARIABLE: Final = "PUSHGATE_COLLECTION"
"""Tells a job of a run where a collection is that it may share; for its gate only."""

SERVERS_VARIABLE: Final = "PUSHGATE_SERVERS"
"""Tells a job of a run where it is lent parts of servers; for its gate only."""

_FOREIGN: Final = (
    COLLECTION_VARIABLE,
    SERVERS_VARIABLE,
    # An environment that happens to be active here and is not in CI.
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    # Options from the shell that change what a green means.
    "PYTHONOPTIMIZE",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "MYPYPATH",
    "UV_PYTHON",
    # What pre-commit and prek tell a hook about a push.
    "PRE_COMMIT",
    "PRE_COMMIT_FROM_REF",
    "PRE_COMMIT_TO_REF",
    "PRE_COMMIT_LOCAL_BRANCH",
    "PRE_COMMIT_REMOTE_BRANCH",
    "PRE_COMMIT_REMOTE_NAME",
    "PRE_COMMIT_REMOTE_URL",
)
_FOREIGN_PREFIXES: Final = (
    "COVERAGE_",
    "COV_CORE_",
    "PYTEST_XDIST_",
    "UV_PROJECT",
    "UV_RUN_",
)
_GIT_LOCAL: Final = (
    # `git rev-parse --local-env-vars`, git 2.39; set inside a hook.
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX",
)


@dataclass(frozen=True)
class Completed:
    """A command that has ended.

    Attributes:
        command: What was run.
        returncode: Its exit status; negative: ended by that signal.
        stdout: What it wrote there, as far as it was captured.
        stderr: Likewise.
    """

    command: tuple[str, ...]
    returncode: int
    stdout: str = ""
    stderr: str = ""


Child = subprocess.Popen[bytes]
"""A process that runs beside this one."""


class CommandError(Exception):
    """A command could not be started, or ended with a status that its caller cannot use.

    Attributes:
        completed: The command with its status and both outputs.
    """

    def __init__(self, completed: Completed, message: str = "") -> None:
        said = completed.stderr.strip() or completed.stdout.strip()
        super().__init__(
            message
            or f"`{shlex.join(completed.command)}` ended with {completed.returncode}"
            + (f": {said}" if said else "")
        )
        self.completed = completed


class CommandMissingError(CommandError):
    """A command could not even be started."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a gate's commands: this one, less what CI would not have.

    Left out are git's repository variables (a hook has them), an active virtual
    environment, ``PYTHONPATH``, and options for pytest, mypy, coverage and uv
    that come from the shell.

    Args:
        extra: Variables to add.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {*_GIT_LOCAL, *_FOREIGN} and not name.startswith(_FOREIGN_PREFIXES)
    }
    return environment | dict(extra or {})


def start(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Path,
    descriptors: Sequence[int] = (),
    user: str | None = None,
    first: Callable[[], None] | None = None,
) -> Child:
    """Start a command beside this process; the caller ends it and waits for it.

    It is in a session of its own: what a terminal sends to this process does not reach it.

    Args:
        command: The program and its arguments.
        cwd: The folder to run it in.
        env: Its whole environment.
        output: The file that both of its outputs are added to.
        descriptors: File descriptors that it inherits under the same numbers.
        user: The user that it runs as, with no other group than that user's own; this
            process's user unless given.
        first: Is called in the new process before it becomes the program; only a process
            without other threads may say it.

    Raises:
        CommandMissingError: The program cannot be started.
    """
    try:
        with output.open("ab") as stream:
            return subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                user=user,
                group=user and pwd.getpwnam(user).pw_gid,
                extra_groups=[] if user else None,
                preexec_fn=first,  # noqa: PLW1509  # as told above
                start_new_session=True,
            )
    except OSError as error:
        message = f"`{command[0]}` cannot be started: {error.strerror or error}"
        raise CommandMissingError(Completed(tuple(command), 127), message) from error


def stop(child: Child, number: signal.Signals, seconds: float) -> None:
    """End a child that ``start`` has started, and wait for it.

    Args:
        child: The child, which may have ended.
        number: The signal that it is sent.
        seconds: How long it may take before it is killed.
    """
    try:
        child.send_signal(number)
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        child.kill()
        child.wait()


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
) -> Completed:
    """Run a command to its end and let its output through.

    A ``KeyboardInterrupt`` while it runs ends the child first (SIGINT, SIGTERM,
    SIGKILL, each ``GRACE_SECONDS`` apart) and is then raised again.

    Args:
        command: The program and its arguments.
        cwd: The folder to run it in.
        env: Its whole environment; ``clean_environment()`` unless given.
        output: A file for both of its outputs; this process's own unless given.

    Raises:
        CommandMissingError: The program cannot be started.
    """
    sys.stdout.flush()
    with _started(command, cwd, env, stdout=output, stderr=output and subprocess.STDOUT) as child:
        return Completed(tuple(command), child.wait())


def capture(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    seconds: float | None = None,
) -> Completed:
    """Run a command and keep its output.

    Args:
        command: The program and its arguments.
        cwd: The folder to run it in.
        env: Its whole environment; ``clean_environment()`` unless given.
        check: Whether a status other than 0 is an error.
        seconds: How long it may take; as long as it likes unless given.

    Raises:
        CommandMissingError: The program cannot be started.
        CommandError: ``check``, and a status other than 0; or its time was over.
    """
    pipe = subprocess.PIPE
    try:
        with _started(command, cwd, env, stdout=pipe, stderr=pipe) as child:
            stdout, stderr = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        message = f"`{command[0]}` did not end within {error.timeout:g} s"
        raise CommandError(Completed(tuple(command), 124), message) from error
    completed = Completed(
        tuple(command),
        child.returncode,
        stdout.decode(errors="replace"),
        stderr.decode(errors="replace"),
    )
    if check and completed.returncode != 0:
        raise CommandError(completed)
    return completed


@contextmanager
def _started(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str] | None,
    *,
    stdout: IO[bytes] | int | None,
    stderr: IO[bytes] | int | None,
) -> Iterator[subprocess.Popen[bytes]]:
    interrupts.hold.begin()
    try:
        child = subprocess.Popen(
            command,
            executable=_executable(command[0]),
            cwd=cwd,
            env=clean_environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    except OSError as error:
        interrupts.hold.end()
        why = _reason(error) if cwd.is_dir() else f"no folder {cwd}"
        message = f"`{command[0]}` cannot be started: {why}"
        raise CommandMissingError(Completed(tuple(command), 127), message) from error
    except BaseException:
        interrupts.hold.end()
        raise
    with child:
        _live.add(child)
        try:
            interrupts.hold.end()
            yield child
        except BaseException:
            _end(child)
            raise
        finally:
            _live.discard(child)
    if child in _ended:
        _ended.discard(child)
        raise KeyboardInterrupt


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return "it is no program, and has no `#!` line: call it by its shell, as in `sh FILE`"
    return error.strerror or str(error)


def _executable(program: str) -> str | None:
    # `uv run` tells where uv is: a shim before it on PATH can cost 100 ms a call.
    told = os.environ.get("UV", "") if program == "uv" else ""
    return told if Path(told).is_file() else None


_live: set[subprocess.Popen[bytes]] = set()
_ended: set[subprocess.Popen[bytes]] = set()
"""Children that ``end_all`` has ended, until the thread that waits for them knows."""


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        for number in ENDING_SIGNALS:
            child.send_signal(number)
            try:
                child.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return
    except BaseException:
        # A second Ctrl-C: no more patience, but nothing is left behind.
        child.kill()
        raise


def end_all() -> None:
    """End every child of this process, whichever thread started it.

    For a thread that waits for one of them it is a ``KeyboardInterrupt``.
    """
    children = list(_live)
    _ended.update(children)
    enders = [threading.Thread(target=_end, args=(child,)) for child in children]
    try:
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
    except BaseException:
        for child in children:
            child.kill()
        raise
