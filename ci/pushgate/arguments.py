"""The words of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from pushgate.model.event import EXPECTED, Event
from pushgate.providers.registry import NAMES
from pushgate.shards import durations
from pushgate.tools import cpu

_Commands = argparse._SubParsersAction  # noqa: SLF001  # argparse gives the type no other name


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; it ends the process where it cannot be used, with status 2.

    Args:
        arguments: The words after the program's name; ``sys.argv``'s unless given.

    Returns:
        The options, with the command's name as ``command``.
    """
    parser = _Parser(
        prog="pushgate",
        allow_abbrev=False,
        description="A Python project's CI gates, before the push, with the commands that CI runs.",
        epilog="`pushgate` alone is `pushgate run`. Exit status: 0 all selected jobs passed, "
        "1 a job failed, 2 wrong usage or configuration, 3 nothing failed but something was "
        "unavailable or aborted, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"pushgate {version('pushgate')}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser
    )
    _add_run(commands, parser)
    _add_plan(commands)
    _add_records(commands)
    _add_init(commands)
    _add_hook(commands)
    _add_workflow(commands)
    _add_others(commands)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        said = sys.argv[1:] if arguments is None else arguments
        chosen = commands.choices[parsed.command] if parsed.command in said else parser
        chosen.error(f"unrecognized arguments: {' '.join(unknown)}")
    return parsed


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(f"{message}; jobs, gates and options come after `pushgate run`")


def _add_run(commands: _Commands[argparse.ArgumentParser], alone: argparse.ArgumentParser) -> None:
    run = _command(commands, "run", "run the gates", 'pushgate run "test-3.12(2of4)" lint')
    _add_selection(run)
    targets = run.add_mutually_exclusive_group()
    targets.add_argument(
        "--commit",
        metavar="REVISION",
        help="look at a commit, in a clean checkout (default: at the files as they are)",
    )
    targets.add_argument(
        "--merge",
        action="store_true",
        help="look at the merge of the last commit with the base branch, in a clean checkout, "
        "as CI tests a pull request",
    )
    run.add_argument(
        "--failed", action="store_true", help="only the jobs that did not pass in the last run"
    )
    records = run.add_mutually_exclusive_group()
    records.add_argument(
        "--no-cache", action="store_true", help="run every job: take no pass from a record"
    )
    records.add_argument(
        "--verify-records",
        action="store_true",
        help="run the jobs that have a record, too, and tell where they end in another way",
    )
    _add_pace(run)
    run.add_argument("--json", action="store_true", help="print what happens as a JSON line each")
    # `pushgate` alone: what `pushgate run` takes where nothing is said.
    alone.set_defaults(**vars(run.parse_args([])))


def _add_plan(commands: _Commands[argparse.ArgumentParser]) -> None:
    planned = _command(
        commands, "plan", "show which jobs an event selects, and why",
        "pushgate plan --event push:main --json",
    )  # fmt: skip
    _add_selection(planned).add_argument(
        "--ci",
        action="store_true",
        help="the event that CI sees: for a step of GitHub Actions, whose output `gates` it sets",
    )
    formats = planned.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print the plan as JSON")
    formats.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")


def _add_records(commands: _Commands[argparse.ArgumentParser]) -> None:
    why = _command(
        commands, "why", "show what a job depends on, and what is different from its last run",
        'pushgate why "test-3.12(2of4)"',
    )  # fmt: skip
    why.add_argument("job", metavar="JOB", help="a job, session or gate")
    why.add_argument(
        "--commit", metavar="REVISION", help="look at a commit (default: at the files as they are)"
    )
    why.add_argument("--json", action="store_true", help="print the fingerprint as JSON")
    clean = _command(
        commands, "clean", "remove records, runs, their history and clean checkouts",
        "pushgate clean --dry-run",
    )  # fmt: skip
    clean.add_argument(
        *("-n", "--dry-run"), action="store_true", help="only show what would be removed"
    )


def _add_init(commands: _Commands[argparse.ArgumentParser]) -> None:
    init = _command(
        commands, "init", "give a project its definition: what it already says, and the rest",
        "pushgate init --dry-run",
    )  # fmt: skip
    init.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="the project's folder (default: it is found)"
    )
    init.add_argument(
        *("-n", "--dry-run"), action="store_true", help="only show what would be written, as a diff"
    )
    init.add_argument("--no-hook", action="store_true", help="leave git's pre-push hook as it is")
    init.add_argument(
        "--provider",
        choices=("github", "gitlab", "none"),
        help="whose workflow file to write (default: as the repository tells, else github)",
    )
    init.add_argument(
        "--from-workflow",
        metavar="FILE",
        help="take over what an existing GitHub workflow says, and tell what became of each step",
    )


def _add_hook(commands: _Commands[argparse.ArgumentParser]) -> None:
    _command(
        commands, "install", "install the pre-push hook, or show the entry for pre-commit and prek",
        "pushgate install",
    )  # fmt: skip
    hook = _command(
        commands, "pre-push", "judge what is pushed: git runs it as its hook",
        "git push",
    )  # fmt: skip
    hook.add_argument("remote", nargs="?", default="", help="the remote's name, as git tells it")
    hook.add_argument("url", nargs="?", default="", help="the remote's URL, as git tells it")
    _add_pace(hook)


def _add_workflow(commands: _Commands[argparse.ArgumentParser]) -> None:
    workflow = _command(
        commands, "workflow", "write CI's workflow files from the definition, or compare them",
        "pushgate workflow github --dry-run",
    )  # fmt: skip
    workflow.add_argument(
        "provider",
        nargs="?",
        choices=NAMES,
        help=f"one of {', '.join(NAMES)} (default: those whose file is there, else {NAMES[0]})",
    )
    ways = workflow.add_mutually_exclusive_group()
    ways.add_argument(
        "--check",
        action="store_true",
        help="only compare: status 1 where a file does not say what the definition says",
    )
    ways.add_argument(
        *("-n", "--dry-run"), action="store_true", help="only show what would be changed"
    )


def _add_others(commands: _Commands[argparse.ArgumentParser]) -> None:
    report = _command(commands, "report", "show the last runs", "pushgate report last")
    report.add_argument(
        "run", nargs="?", default="", help="one run: the beginning of its name, or `last`"
    )
    report.add_argument(
        "-n", type=_positive, default=20, metavar="N", help="how many runs (default: 20)"
    )
    report.add_argument("--json", action="store_true", help="print them as JSON")
    _command(
        commands, "durations", f"merge what the test jobs measured into {durations.FILE}",
        "pushgate run test && pushgate durations",
    )  # fmt: skip
    examined = _command(
        commands, "doctor", "show what this machine has and lacks for the gates",
        "pushgate doctor",
    )  # fmt: skip
    examined.add_argument("--json", action="store_true", help="print the findings as JSON")


def _command(
    commands: _Commands[argparse.ArgumentParser], name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example: {example}",
        allow_abbrev=False,
    )
    parser.set_defaults(command=name)
    return parser


def _add_selection(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    parser.add_argument(
        "jobs",
        nargs="*",
        metavar="JOB",
        help="only these jobs, sessions or gates, with what they need",
    )
    events = parser.add_mutually_exclusive_group()
    events.add_argument(
        "--event",
        type=_event,
        metavar="EVENT",
        help=f"what CI would see: {EXPECTED} (default: a pull request to the main branch)",
    )
    events.add_argument("--all", action="store_true", help="every job of every gate")
    return events


def _add_pace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("-j", "--parallel"),
        type=_cores,
        default="auto",
        metavar="N",
        help="cores to keep busy, a number or auto (default: as many as there are)",
    )
    stops = parser.add_mutually_exclusive_group()
    stops.add_argument(
        *("-x", "--fail-fast"),
        action="store_true",
        help="end every job as soon as one does not pass (default: those that come after it)",
    )
    stops.add_argument(
        "--keep-going", action="store_true", help="end no job because another did not pass"
    )
    parser.add_argument(
        *("-v", "--verbose"), action="store_true", help="print the whole output of every job"
    )


def _event(text: str) -> Event:
    try:
        return Event.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        message = f"{text!r}: expected a whole number of at least 1"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _cores(text: str) -> int:
    if text == "auto":
        return cpu.usable()
    try:
        return _positive(text)
    except argparse.ArgumentTypeError as error:
        message = f"{error}, or auto"
        raise argparse.ArgumentTypeError(message) from error
