"""The command line: parse, build, execute."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from pushgate import arguments as words
from pushgate.hooks import pushed
from pushgate.model.outcome import ExitCode
from pushgate.model.settings import ConfigurationError
from pushgate.reports import terminal
from pushgate.run.checkout import CheckoutError
from pushgate.tools import commits, git, interrupts, process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an interrupt that is held back counts as soon as the command is there.

    Args:
        arguments: The words after the program's name; ``sys.argv``'s unless given.

    Returns:
        The exit status, one of ``ExitCode``.
    """
    parsed = words.parse(arguments)
    code = _executed(parsed)
    if parsed.command == "pre-push" and code is not ExitCode.PASSED:
        terminal.show_refusal("interrupted" if code is ExitCode.INTERRUPTED else "")
    return code


def _executed(parsed: argparse.Namespace) -> ExitCode:
    try:
        return _carried_out(parsed)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # noqa: BLE001  # raised again where it is not known
        if interrupts.hold.came:
            # A Ctrl-C ends git, too, and Python can make another error of it: nothing of that
            # is for the user to mend.
            return _interrupted()
        return _refused(error)


def _refused(error: Exception) -> ExitCode:
    problems: Sequence[str] = (str(error),)
    match error:
        case BrokenPipeError():
            # Who reads has seen enough; what is still buffered must not be a second error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.FAILED
        case ConfigurationError():
            problems = error.problems
        case (
            process.CommandError()
            | git.NoRepositoryError()
            | commits.UnknownRevisionError()
            | commits.MergeError()
            | pushed.PushError()
            | CheckoutError()
            | OSError()  # a full disk, or what belongs to another user since a `sudo git push`
        ):
            pass
        case _:
            raise error
    for problem in problems:
        terminal.show_problem(problem)
    return ExitCode.USAGE


def _interrupted() -> ExitCode:
    terminal.show_problem("interrupted")
    return ExitCode.INTERRUPTED


def _carried_out(parsed: argparse.Namespace) -> ExitCode:
    # What the other commands need is none of this one's time.
    module = importlib.import_module(f"pushgate.commands.{parsed.command.replace('-', '_')}")
    interrupts.hold.end()
    execute: Callable[[argparse.Namespace], ExitCode] = module.execute
    code = execute(parsed)
    sys.stdout.flush()
    return code
