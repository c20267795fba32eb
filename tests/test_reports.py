"""What is shown: tables and lines as they are meant, formats for programs."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from conftest import Project
from pushgate.model.event import Event
from pushgate.model.job import Job, Shard
from pushgate.model.plan import GateOff, Plan, PlannedJob
from pushgate.plan.definition import of_project
from pushgate.plan.planner import plan
from pushgate.reports import plan_formats, terminal
from pushgate.run.doctor import Finding
from pushgate.run.measured import Merged
from pushgate.shards.durations import Balance

# Beside pytest's own cache, so that no other folder appears in the repository.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")

MARKED_UP: Final = "[bold]x[/] [/] :warning: a\\ \\[b] \x1b[31mred\x1b[0m \x1b]8;;u\x07l\r\x00 é🚀"
"""Markup, an emoji's name, a backslash, and what would steer a terminal."""

LITERAL: Final = "[bold]x[/] [/] :warning: a\\ \\[b] red l é🚀"

NO_SPLIT: Final = "no split can help; make it shorter or use fewer shards"

TEST: Final = Job(
    name="test-3.12(1of2)",
    gate="test",
    session="test-3.12",
    summary="pytest",
    python="3.12",
    shard=Shard(1, 2),
    after=("lint", MARKED_UP),
    on=(Event("push", "main"),),
)
COVERAGE: Final = Job(
    name="coverage",
    gate="coverage",
    session="coverage",
    summary="sum",
    needs=("test-3.12(1of2)", "test-3.12(2of2)", "test-3.13"),
    after=("test-3.12(1of2)",),
)
PLAN: Final = Plan(
    Event("push", "[main]"),
    (PlannedJob(TEST, selected=True, reason=MARKED_UP), PlannedJob(COVERAGE, False, "only on x")),  # noqa: FBT003
    (GateOff("imports", f"no contract {MARKED_UP}"),),
    since=f"main {MARKED_UP}",
)


def test_a_plan_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan in a pipe is plain lines: nothing steers a terminal, no line ends with a blank."""
    terminal.show_plan(PLAN)
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 jobs for push:[main]",
        f"{'job':15}  {'needs':20}  {'after':{len(LITERAL) + 7}}".rstrip(),
        f"{'test-3.12(1of2)':15}  {'':20}  lint, {LITERAL}  {LITERAL}",
        f"{'coverage':15}  test-3.12, test-3.13  {'test-3.12':{len(LITERAL) + 7}}  out: only on x",
        f"{'imports':15}  {'':20}  {'':{len(LITERAL) + 7}}  off: no contract {LITERAL}",
    ]


def test_what_the_machine_offers(capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is told with what follows, what is there without."""
    terminal.show_findings(
        [
            Finding("git", "2.39", "never shown"),
            Finding("Python 3.12", "", MARKED_UP),
            Finding("Docker", "", "no engine", required=False),
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "             found",
        "git          2.39",
        f"Python 3.12  missing  {LITERAL}",
        "Docker       missing  no engine",
    ]


@pytest.mark.parametrize(
    ("missing", "balance", "told"),
    [
        ((), Balance(1, 9.0, 9.0, "a", 9.0), []),
        (
            ("test-3.12(1of2)", "[x]"),
            Balance(2, 4.0, 5.0, "a", 1.0),
            [
                "no measurements of test-3.12(1of2), [x]: tests that only they run are dropped",
                "the next split into 2: 4.0 s a shard, the longest 5.0 s (1.25 of the mean)",
            ],
        ),
        (
            (),
            Balance(2, 4.0, 6.0, f"t.py::{MARKED_UP}", 6.0),
            [
                "the next split into 2: 4.0 s a shard, the longest 6.0 s (1.50 of the mean)",
                f"t.py::{LITERAL} alone takes 6.0 s, longer than a fair shard: {NO_SPLIT}",
            ],
        ),
    ],
)
def test_the_next_split(
    capsys: pytest.CaptureFixture[str], missing: tuple[str, ...], balance: Balance, told: list[str]
) -> None:
    """Merged durations tell how even the next split will be, and which test prevents it."""
    merged = Merged(("test-3.12",), missing, tests=7, added=2, dropped=1, balance=balance)
    terminal.show_durations(merged, "[f]")
    first = "[f]: 7 tests from 1 jobs (2 new, 1 gone)"
    assert capsys.readouterr().out.splitlines() == [first, *told]


def test_a_terminal_gets_colours_of_ours_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal what is missing is coloured; what others say still steers nothing."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.show_findings([Finding("Docker", "", MARKED_UP)])
    terminal.show_problem(MARKED_UP)
    output, error = capsys.readouterr()
    assert f"Docker  \x1b[1;31mmissing\x1b[0m  {LITERAL}" in output
    assert error == f"\x1b[1;31mpushgate: \x1b[0m{LITERAL}\n"


@settings(derandomize=True, database=None, deadline=None)
@given(problem=st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n")))
def test_a_problem_is_shown_as_it_is(problem: str) -> None:
    """Any text that is told as a problem is shown letter by letter, less blanks at a line's end."""
    with contextlib.redirect_stderr(io.StringIO()) as error:
        terminal.show_problem(problem)
    expected = [line.rstrip() for line in f"pushgate: {problem}".split("\n")]
    assert error.getvalue().rstrip("\n") == "\n".join(expected).rstrip("\n")


def test_a_plan_as_json() -> None:
    """A program reads every field of the plan, the calls as words, with nothing marked up."""
    content = json.loads(plan_formats.to_json(PLAN))
    test, coverage = content.pop("jobs")
    assert content == {
        "event": "push:[main]",
        "since": f"main {MARKED_UP}",
        "off": [{"gate": "imports", "reason": f"no contract {MARKED_UP}"}],
    }
    assert test == {
        "name": "test-3.12(1of2)",
        "gate": "test",
        "python": "3.12",
        "shard": "1/2",
        "call": ["nox", "-s", "test-3.12", "--", "--shard", "1/2"],
        "needs": [],
        "after": ["lint", MARKED_UP],
        "inputs": ["**"],
        "on": ["push:main"],
        "selected": True,
        "reason": MARKED_UP,
    }
    assert (coverage["shard"], coverage["python"], coverage["selected"]) == (None, None, False)
    assert coverage["call"] == ["nox", "-s", "coverage"]


def test_a_plan_as_a_flowchart(make_project: Callable[..., Project]) -> None:
    """Selected jobs are boxes; needs are arrows, after is dotted, both together only an arrow."""
    gates = """[tool.pushgate]
python = ["3.12"]
gates.one.run = ["true"]
gates.two = { run = ["true"], needs = ["one"], after = ["one", "late"] }
gates.three = { run = ["true"], after = ["two", "late"] }
gates.late = { run = ["true"], on = ["tag"] }
"""
    definition = of_project(make_project({"pyproject.toml": gates}).root)
    assert plan_formats.to_mermaid(plan(definition, Event("push", "main"))).splitlines() == [
        "flowchart LR",
        '  job0["one"]',
        '  job1["two"]',
        '  job2["three"]',
        "  job0 --> job1",
        "  job1 -.-> job2",
    ]
    alone = Plan(Event("all"), (PlannedJob(COVERAGE, selected=True, reason="asked for"),), ())
    assert plan_formats.to_mermaid(alone) == 'flowchart LR\n  job0["coverage"]'
