"""Marked blocks of the user's in a workflow file: they stay where they are."""

from __future__ import annotations

from typing import Final

import pytest

from pushgate.model.settings import ConfigurationError
from pushgate.providers import kept_blocks

FILE: Final = """\
# written
name: CI

on:
  push:
    branches: [main]

jobs:
  lint:
    name: lint
    steps:
      - uses: a/checkout@1 # v1
        with:
          depth: 0
      - uses: a/upload@1
        with:
          depth: 0
      - run: lint
      - run: told

  # about the tests
  test:
    name: test
    needs: [lint]
    if: >-
      a ||
      b
    steps:
      - uses: a/checkout@1 # v1
      - run: test
"""

KEPT: Final = "# pushgate: keep"
END: Final = "# pushgate: end"


def _with(block: str, after: str, text: str = FILE, occurrence: int = 1) -> str:
    """Return a file with a block after the first line that is of a text, or a later one."""
    lines = text.splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if line.strip() == after][occurrence - 1]
    return "".join([*lines[: at + 1], block, *lines[at + 1 :]])


def _marked(content: str, indent: int = 0) -> str:
    space = " " * indent
    return f"{space}{KEPT}\n{content}\n{space}{END}\n"


def _again(text: str, rendered: str = FILE) -> str:
    bare, blocks = kept_blocks.separated(text)
    assert bare == FILE
    return kept_blocks.restored(rendered, blocks)


PLACES: Final = {
    "a job, after one": ("- run: told", 1, "\n" + _marked("  own:\n    steps: []", 2)),
    "the last job": ("- run: test", 1, "\n" + _marked("  own:\n    steps: []", 2)),
    "the first job": ("jobs:", 1, _marked("  own:\n    steps: []\n", 2)),
    "a key of a job": ("name: lint", 1, _marked("    services:\n      db: {}")),
    "a key of another job": ("name: test", 1, _marked("    services:\n      db: {}", 4)),
    "after a folded text": ("b", 1, _marked("    services: {}", 4)),
    "the first step": ("steps:", 2, _marked("      - run: first", 6)),
    "a step": ("depth: 0", 1, _marked("      - run: between", 6)),
    "a step, after one like it": ("depth: 0", 2, _marked("      - run: between", 6)),
    "the last step": ("- run: told", 1, _marked("      - run: last", 6)),
    "an option of a step": ("depth: 0", 2, _marked("          more: 1", 10)),
    "an event": ("branches: [main]", 1, _marked("  repository_dispatch:", 2)),
    "at the top": ("name: CI", 1, "\n" + _marked("env:\n  A: b")),
    "before everything": ("# written", 1, _marked("run-name: mine")),
    "only comments": ("name: lint", 1, _marked("    # why", 4)),
    "what looks like a step of ours": ("- run: lint", 1, _marked("      - run: told", 6)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_block_stays(place: str) -> None:
    """A block is where it was, byte for byte, whatever kind of place that is."""
    after, occurrence, block = PLACES[place]
    text = _with(block, after, occurrence=occurrence)
    assert _again(text) == text


def test_blocks_stay_in_their_order() -> None:
    """Two blocks at one place, and others elsewhere, all stay where they are."""
    text = FILE
    for content in ("      - run: second", "      - run: first"):
        text = _with(_marked(content, 6), "- run: lint", text)
    text = _with(_marked("    timeout: 1", 4), "name: test", text)
    assert _again(text) == text


def test_a_block_stays_where_other_lines_change() -> None:
    """Changed values, pins and comments, and new jobs and steps, do not move a block."""
    changed = (
        FILE.replace("@1 # v1", "@2 # v2")
        .replace("run: lint", "run: lint --fast")
        .replace("name: lint", "name: lint!")
        .replace("  # about the tests\n", "  new:\n    name: new\n")
        .replace("      - run: told\n", "      - uses: a/cache@1\n      - run: told\n")
    )
    for after, content in (("- run: lint", "      - run: mine"), ("name: lint", "    env: {}")):
        text = _with(_marked(content), after)
        assert _again(text, changed) == _with(
            _marked(content), f"{after}{' --fast' if after == '- run: lint' else '!'}", changed
        )


def test_a_block_follows_what_is_left_before_it() -> None:
    """Where the step or job just before a block is gone, it comes after the one before that."""
    step = _with(_marked("      - run: mine"), "- run: told")
    assert _again(step, FILE.replace("      - run: told\n", "")) == _with(
        _marked("      - run: mine"), "- run: lint", FILE.replace("      - run: told\n", "")
    )
    first = FILE.replace(FILE[FILE.index("  lint:") : FILE.index("  # about")], "")
    job = _with(_marked("  own:\n    steps: []"), "- run: told")
    assert _again(job, first) == _with(_marked("  own:\n    steps: []"), "jobs:", first)


def test_a_block_without_its_job_is_shown() -> None:
    """Where the job that a block is in is gone, the error shows the block: nothing is lost."""
    text = _with(_marked("      - run: 'mine'", 6), "- run: test")
    without = FILE[: FILE.index("  # about")]
    with pytest.raises(ConfigurationError) as error:
        _again(text, without)
    assert str(error.value) == (
        "a kept block has lost its place, 'jobs: test: steps:': move it to another one, or remove "
        "it:\n      # pushgate: keep\n      - run: 'mine'\n      # pushgate: end"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"a: 1\n{KEPT}\nb: 2\n", "a kept block does not end: add `# pushgate: end` below it"),
        (f"a: 1\n{END}\n", "line 2: a kept block ends here, and none has begun"),
        (f"{KEPT}\n{KEPT}\n{END}\n", "line 2: a kept block begins here, and another has not ended"),
    ],
)
def test_a_mark_needs_the_other(text: str, problem: str) -> None:
    """A mark without its other one is an error that names the line."""
    with pytest.raises(ConfigurationError) as error:
        kept_blocks.separated(text)
    assert str(error.value) == problem
