"""The command line: parse, build, execute."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from pushgate.config.load import find_project
from pushgate.model.event import EXPECTED, Event
from pushgate.model.outcome import ExitCode
from pushgate.model.plan import Plan
from pushgate.model.run_event import as_json
from pushgate.model.settings import ConfigurationError
from pushgate.plan import changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan
from pushgate.reports import plan_formats, terminal
from pushgate.run import doctor, launch, measured
from pushgate.run.launch import Request
from pushgate.run.schedule import Policy
from pushgate.run.store import Store
from pushgate.shards import durations
from pushgate.tools import cpu, git, interrupts, process

Command = Callable[[argparse.Namespace, Definition], ExitCode]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the program's name; ``sys.argv``'s unless given.

    Returns:
        The exit status, one of ``ExitCode``.
    """
    parsed = _parser().parse_args(arguments)
    try:
        with interrupts.terminable():
            definition = of_project(find_project(Path.cwd()))
            command: Command = parsed.command
            code = command(parsed, definition)
            sys.stdout.flush()
            return code
    except ConfigurationError as error:
        for problem in error.problems:
            terminal.show_problem(problem)
        return ExitCode.USAGE
    except process.CommandError as error:
        terminal.show_problem(str(error))
        return ExitCode.USAGE
    except BrokenPipeError:
        # Who reads has seen enough; what is still buffered must not be a second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except KeyboardInterrupt:
        terminal.show_problem("interrupted")
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pushgate",
        allow_abbrev=False,
        description="A Python project's CI gates, before the push, with the commands that CI runs.",
        epilog="`pushgate` alone is `pushgate run`. Exit status: 0 all selected jobs passed, "
        "1 a job failed, 2 wrong usage or configuration, 3 nothing failed but something was "
        "unavailable or aborted, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"pushgate {version('pushgate')}")
    parser.set_defaults(
        command=_run,
        jobs=[],
        event=None,
        all=False,
        parallel=None,
        json=False,
        fail_fast=False,
        keep_going=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = _command(commands, "run", _run, "run the gates", 'pushgate run "test-3.12(2of4)" lint')
    _add_selection(run)
    run.add_argument(
        *("-j", "--parallel"),
        type=_positive,
        metavar="N",
        help="sessions at a time, a number or auto (default: as many as there are cores)",
    )
    run.add_argument("--fail-fast", action="store_true")
    run.add_argument("--keep-going", action="store_true")
    run.add_argument("--json", action="store_true", help="print the outcomes as JSON at the end")

    planned = _command(
        commands, "plan", _plan, "show which jobs an event selects, and why",
        "pushgate plan --event push:main --json",
    )  # fmt: skip
    _add_selection(planned)
    formats = planned.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print the plan as JSON")
    formats.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")

    _command(
        commands, "durations", _durations,
        f"merge what the test jobs measured into {durations.FILE}",
        "nox -t test && pushgate durations",
    )  # fmt: skip

    examined = _command(
        commands, "doctor", _doctor, "show what this machine has and lacks for the gates",
        "pushgate doctor",
    )  # fmt: skip
    examined.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example: {example}",
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    return parser


def _add_selection(parser: argparse.ArgumentParser) -> None:
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


def _event(text: str) -> Event:
    try:
        return Event.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    if text == "auto":
        return os.cpu_count() or 1
    if not text.isdecimal() or not int(text):
        message = f"{text!r}: expected a whole number of at least 1, or auto"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _planned(parsed: argparse.Namespace, definition: Definition) -> Plan:
    event = parsed.event or Event("pull_request", definition.settings.branches[0])
    event = Event("all") if parsed.all else event
    return plan(definition, event, parsed.jobs, changes.of(definition.settings, event, head=None))


def _run(parsed: argparse.Namespace, definition: Definition) -> ExitCode:
    if not definition.jobs:
        reasons = (f"gate {gate.gate} is off: {gate.reason}" for gate in definition.off)
        message = "no gate is on: there is nothing to run"
        raise ConfigurationError(message, *reasons)
    planned = _planned(parsed, definition)
    settings = definition.settings
    policy = Policy.FAIL_FAST if parsed.fail_fast else Policy.AFTER
    request = Request(
        jobs=planned.selected,
        event=planned.event,
        target="the files as they are",
        commit=git.head(settings.repository),
        project=settings.root,
        cores=parsed.parallel or cpu.usable(),
        policy=Policy.KEEP_GOING if parsed.keep_going else policy,
    )
    with launch.opened(Store.of(settings.repository)) as run:
        return launch.launch(
            definition, request, run, lambda event: print(json.dumps(as_json(event)), flush=True)
        )


def _plan(parsed: argparse.Namespace, definition: Definition) -> ExitCode:
    planned = _planned(parsed, definition)
    if parsed.json:
        print(plan_formats.to_json(planned))
    elif parsed.mermaid:
        print(plan_formats.to_mermaid(planned))
    else:
        terminal.show_plan(planned)
    return ExitCode.PASSED


def _durations(_parsed: argparse.Namespace, definition: Definition) -> ExitCode:
    terminal.show_durations(measured.merge(definition), durations.FILE)
    return ExitCode.PASSED


def _doctor(parsed: argparse.Namespace, definition: Definition) -> ExitCode:
    findings = list(doctor.examine(definition.settings))
    if parsed.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        terminal.show_findings(findings)
    missing = any(finding.required and not finding.found for finding in findings)
    return ExitCode.INCOMPLETE if missing else ExitCode.PASSED
