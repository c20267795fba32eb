"""The command line: parse, build, execute."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from pushgate import arguments as words
from pushgate.config.load import find_project
from pushgate.hooks import install, pre_push, pushed
from pushgate.model.event import Event
from pushgate.model.outcome import ExitCode
from pushgate.model.plan import Plan
from pushgate.model.run_event import Consumer, as_json
from pushgate.model.settings import ConfigurationError
from pushgate.plan import changes
from pushgate.plan.definition import Definition, of_project
from pushgate.plan.planner import plan
from pushgate.providers import github_event, workflow
from pushgate.providers.registry import PROVIDERS
from pushgate.reports import (
    history_report,
    import_report,
    plan_formats,
    run_report,
    terminal,
    why_report,
)
from pushgate.reports.lasting import lasting
from pushgate.run import cleaning, doctor, failed, fingerprints, launch, measured, target, why
from pushgate.run.checkout import CheckoutError
from pushgate.run.history import History
from pushgate.run.launch import Pace, Request
from pushgate.run.local_files import only_here
from pushgate.run.recall import Trust
from pushgate.run.records import Records
from pushgate.run.schedule import Policy
from pushgate.run.store import Store
from pushgate.run.target import Target
from pushgate.shards import durations
from pushgate.tools import commits, git, interrupts, process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

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
        with interrupts.terminable():
            code = _COMMANDS[parsed.command](parsed)
            sys.stdout.flush()
            return code
    except ConfigurationError as error:
        for problem in error.problems:
            terminal.show_problem(problem)
        return ExitCode.USAGE
    except (
        process.CommandError,
        git.NoRepositoryError,
        commits.UnknownRevisionError,
        commits.MergeError,
        pushed.PushError,
        CheckoutError,
    ) as error:
        terminal.show_problem(str(error))
        return ExitCode.USAGE
    except BrokenPipeError:
        # Who reads has seen enough; what is still buffered must not be a second error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except OSError as error:
        # A full disk, or what belongs to another user since a `sudo git push`.
        terminal.show_problem(str(error))
        return ExitCode.USAGE
    except KeyboardInterrupt:
        terminal.show_problem("interrupted")
        return ExitCode.INTERRUPTED


def _definition() -> Definition:
    return of_project(find_project(Path.cwd()))


def _run(parsed: argparse.Namespace) -> ExitCode:
    project = find_project(Path.cwd())
    store = Store.of(git.toplevel(project))
    chosen = _target(parsed, project)
    launch.sweep(store)  # what a killed run has left may still write to the checkout
    with target.checked_out(chosen, project, store) as root:
        definition = of_project(root)
        planned = _planned(parsed, definition, chosen, project)
        request = Request(
            jobs=planned.selected,
            event=str(planned.event),
            target=chosen,
            project=project,
            notes=() if chosen.clean else only_here(definition.settings).notes,
            trust=_trust(parsed, definition),
        )
        with launch.opened(store) as run, _reporter(parsed, sys.stdout) as report:
            return launch.launch(definition, request, run, _pace(parsed), report)


def _target(parsed: argparse.Namespace, project: Path) -> Target:
    repository = git.toplevel(project)
    if parsed.commit is not None:
        return target.commit(repository, parsed.commit)
    if parsed.merge:
        definition = of_project(project)
        return target.merge(repository, _event(parsed, definition).ref or _main(definition))
    return target.files(repository)


def _main(definition: Definition) -> str:
    return definition.settings.branches[0]


def _event(parsed: argparse.Namespace, definition: Definition) -> Event:
    if parsed.all:
        return Event("all")
    chosen: Event | None = parsed.event
    return chosen or Event("pull_request", _main(definition))


def _planned(
    parsed: argparse.Namespace, definition: Definition, chosen: Target, project: Path
) -> Plan:
    event, wanted = _event(parsed, definition), parsed.jobs
    head = chosen.commit if chosen.clean else None
    if parsed.failed:
        if wanted:
            message = f"--failed chooses the jobs: leave {', '.join(wanted)} out"
            raise ConfigurationError(message)
        with History.open(Store.of(git.toplevel(project)).database) as history:
            wanted = failed.names(history, definition, project)
    return plan(definition, event, wanted, changes.of(definition.settings, event, head=head))


def _trust(parsed: argparse.Namespace, definition: Definition) -> Trust:
    share = definition.settings.verify_records
    return Trust(take=not parsed.no_cache, verify=1.0 if parsed.verify_records else share)


def _pace(parsed: argparse.Namespace) -> Pace:
    stops = Policy.FAIL_FAST if parsed.fail_fast else Policy.AFTER
    policy = Policy.KEEP_GOING if parsed.keep_going else stops
    return Pace(cores=parsed.parallel, policy=policy)


@contextmanager
def _reporter(parsed: argparse.Namespace, stream: TextIO) -> Iterator[Consumer]:
    if parsed.json:
        lasts = lasting(stream)
        yield lambda event: print(json.dumps(as_json(event)), file=lasts, flush=True)
        return
    with run_report.reporter(stream, verbose=parsed.verbose) as report:
        yield report


def _plan(parsed: argparse.Namespace) -> ExitCode:
    definition = _definition()
    if parsed.ci:
        event, changed = github_event.seen(definition.settings, os.environ)
    else:
        event = _event(parsed, definition)
        changed = changes.of(definition.settings, event, head=None)
    planned = plan(definition, event, parsed.jobs, changed)
    if parsed.ci:
        github_event.hand_on(planned, os.environ)
    if parsed.json:
        print(plan_formats.to_json(planned))
    elif parsed.mermaid:
        print(plan_formats.to_mermaid(planned))
    elif parsed.ci:
        # Standard output is what a workflow may read.
        terminal.show_plan(planned, sys.stderr)
    else:
        terminal.show_plan(planned)
    return ExitCode.PASSED


def _install(_parsed: argparse.Namespace) -> ExitCode:
    installed = install.install(Path.cwd())
    terminal.show_lines(installed.lines)
    return installed.status


def _init(parsed: argparse.Namespace) -> ExitCode:
    # What only this command needs, tomlkit for one, is none of a run's.
    from pushgate.adopt import hosting, imported, init, place, staging, telling  # noqa: PLC0415

    project = place.find(Path(parsed.folder or "."), named=parsed.folder is not None)
    provider = parsed.provider or hosting.provider(git.toplevel(project))
    taken = None
    if parsed.from_workflow:
        folder = project.relative_to(git.toplevel(project)).as_posix().removeprefix(".")
        taken = imported.read(Path(parsed.from_workflow), folder)
    prepared = init.prepare(project, _workflow_writer(provider), taken.tables if taken else {})
    if taken:
        import_report.show(taken.account, taken.notes)
    terminal.show_lines(telling.findings(prepared))
    if parsed.dry_run:
        terminal.show_lines(telling.diffs(prepared))
        return ExitCode.PASSED
    staging.write(prepared.repository, prepared.changes)
    hook = None if parsed.no_hook else install.install(prepared.repository)
    terminal.show_lines(telling.done(prepared, hook.lines if hook else ()))
    return ExitCode.PASSED


def _workflow_writer(provider: str) -> Callable[[Definition], Sequence[Path]]:
    providers = [each for each in PROVIDERS.values() if each.name == provider]

    def write(definition: Definition) -> Sequence[Path]:
        files = workflow.planned(definition, providers) if providers else []
        for file in files:
            path = definition.settings.repository / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.after, encoding="utf-8")
        return [Path(file.path) for file in files]

    return write


def _pre_push(parsed: argparse.Namespace) -> ExitCode:
    # Git starts a hook at the top; the user's shell finds the paths that are told from here.
    with suppress(OSError):
        os.chdir(os.environ.get("GIT_PREFIX") or ".")
    # What git shows of a hook is on standard error: standard output may be a program's.
    with run_report.reporter(sys.stderr, verbose=parsed.verbose) as report:
        push = pushed.read(sys.stdin.buffer, os.environ, Path.cwd())
        return pre_push.judge(Path.cwd(), push, _pace(parsed), report)


def _why(parsed: argparse.Namespace) -> ExitCode:
    project = find_project(Path.cwd())
    repository = git.toplevel(project)
    store = Store.of(repository)
    chosen = target.files(repository)
    if parsed.commit is not None:
        chosen = target.commit(repository, parsed.commit)
    with target.checked_out(chosen, project, store) as root, Records.open(store) as records:
        definition = of_project(root)
        plan(definition, Event("all"), [parsed.job])  # it refuses a name that is none
        taken = fingerprints.take(definition, chosen.commit if chosen.clean else None)
        asked = [job for job in definition.jobs if parsed.job in {job.name, job.session, job.gate}]
        explained = [why.explain(job.name, taken, records) for job in asked]
    if parsed.json:
        print(why_report.to_json(explained))
    else:
        why_report.show(explained)
    return ExitCode.PASSED


def _clean(parsed: argparse.Namespace) -> ExitCode:
    store = Store.of(git.toplevel(Path.cwd()))
    lines = list(cleaning.clean(store, dry_run=parsed.dry_run))
    terminal.show_lines(lines or ["there is nothing to remove"])
    return ExitCode.PASSED


def _report(parsed: argparse.Namespace) -> ExitCode:
    store = Store.of(git.toplevel(Path.cwd()))
    with History.open(store.database) as history:
        if parsed.run:
            run = history_report.find_run(history, store.runs, parsed.run)
            jobs = history.jobs(run.summary.name)
            if parsed.json:
                print(history_report.run_to_json(run, jobs))
            else:
                terminal.show_run(run, jobs)
        else:
            runs = history_report.last_runs(history, store.runs, parsed.n)
            if parsed.json:
                print(history_report.runs_to_json(runs))
            else:
                terminal.show_runs(runs)
    return ExitCode.PASSED


def _workflow(parsed: argparse.Namespace) -> ExitCode:
    definition = _definition()
    providers = workflow.chosen(definition, parsed.provider)
    if parsed.check:
        drifts = list(workflow.check(definition, providers))
        right = "the workflow says what the definition says"
        wrong = "`pushgate workflow` writes what the definition says (--dry-run shows it)"
        terminal.show_lines([*drifts, wrong] if drifts else [right])
        return ExitCode.FAILED if drifts else ExitCode.PASSED
    if parsed.dry_run:
        changes = [line for file in workflow.planned(definition, providers) for line in file.diff]
        terminal.show_lines(changes or ["nothing would be changed"])
    else:
        terminal.show_lines(workflow.write(definition, providers))
    return ExitCode.PASSED


def _durations(_parsed: argparse.Namespace) -> ExitCode:
    terminal.show_durations(measured.merge(_definition()), durations.FILE)
    return ExitCode.PASSED


def _doctor(parsed: argparse.Namespace) -> ExitCode:
    findings = list(doctor.examine(_definition().settings))
    if parsed.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        terminal.show_findings(findings)
    missing = any(finding.required and not finding.found for finding in findings)
    return ExitCode.INCOMPLETE if missing else ExitCode.PASSED


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], ExitCode]]] = {
    "run": _run,
    "plan": _plan,
    "why": _why,
    "clean": _clean,
    "init": _init,
    "install": _install,
    "pre-push": _pre_push,
    "workflow": _workflow,
    "report": _report,
    "durations": _durations,
    "doctor": _doctor,
}
