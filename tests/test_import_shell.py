"""A step's script, taken apart as bash reads it; and the commands that do the same."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from importing import commands, gate, gates, imported, step, workflow
from pushgate.adopt.from_workflow.shell_lines import lines

SHOW = f"{shlex.quote(sys.executable)} -c 'import json,sys; print(json.dumps(sys.argv[1:]))'"


@pytest.mark.parametrize(
    "words",
    [
        "a b  c",
        "'a b' \"c d\"",
        "a\\ b 'it''s'",
        '"say \\"hi\\"" x\'y\'"z"',
        "$NAME ${NAME}x \"$NAME\" '$NAME'",
        'a=b --option="x y" # a comment',
        "a#b \\\n   c",
        "\"\" ''",
    ],
)
def test_words_are_what_bash_makes_of_them(words: str) -> None:
    """Bash itself is asked."""
    answer = subprocess.run(
        ["bash", "-c", f"NAME=value\n{SHOW} {words}"], capture_output=True, text=True, check=True
    )
    found = lines(f"x {words}", {"NAME": "value"})
    assert found is not None
    [line] = found
    assert line.commands is not None
    assert list(line.commands[0][1:]) == json.loads(answer.stdout)


@pytest.mark.parametrize(
    "script",
    ["a | b", "a > b", "a $(b)", "a `b`", "a $UNKNOWN", "(a)", "a & b", "a || b", 'a "$(b)"'],
)
def test_what_only_a_shell_can_expand_is_left_to_one(script: str) -> None:
    """Nothing is guessed."""
    found = lines(script, {})
    assert found is not None
    assert found[0].commands is None


@pytest.mark.parametrize(
    "script",
    [
        "if a; then\n  b\nfi",
        "for x in a b; do\n  c\ndone",
        "cat <<EOF\na\nEOF",
        "f() {\n  a\n}",
        "echo 'a\nb'",
        "a |\n  b",
    ],
)
def test_lines_that_belong_together_are_not_taken_apart(tmp_path: Path, script: str) -> None:
    """Such a script is one command of its gate, as it stands."""
    assert lines(script, {}) is None
    text = "\n".join(f"    {line}" for line in script.splitlines())
    result = imported(tmp_path, workflow(f"- run: |\n{text}"))
    [command] = commands(result, "check")
    assert shlex.split(command) == ["bash", "-e", "-c", script]


@pytest.mark.parametrize(
    "script", ["cd a\npytest", "export A=1\npytest", "A=1\npytest", "set -e; eval pytest\nx=(a)"]
)
def test_what_changes_the_shell_holds_for_the_lines_after_it(tmp_path: Path, script: str) -> None:
    """A pytest below it is not the gate test: it would be another call."""
    text = "\n".join(f"    {line}" for line in script.splitlines())
    assert set(gates(imported(tmp_path, workflow(f"- run: |\n{text}")))) == {"check"}


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        ("", "bash -e -c"),
        ("shell: bash", "bash --noprofile --norc -eo pipefail -c"),
        ("shell: sh", "sh -e -c"),
        ("shell: python", "python -c"),
    ],
)
def test_a_script_runs_in_the_shell_that_github_starts(
    tmp_path: Path, shell: str, start: str
) -> None:
    """Whether a failure in a pipe counts depends on it."""
    result = imported(tmp_path, workflow(f"- run: ./a | ./b\n  {shell}"))
    assert gate(result, "check")["run"] == [f"{start} './a | ./b'"]


def test_a_failure_amid_a_script_fails_its_gate(tmp_path: Path) -> None:
    """The script ends at the first command that fails, as on GitHub."""
    result = imported(tmp_path, workflow("- run: |\n    echo a | cat\n    test 1 = 2\n    echo no"))
    [command] = commands(result, "check")
    ended = subprocess.run(
        shlex.split(command), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (1, "a\n")


def test_a_table_in_the_summary_does_not_hide_a_command(tmp_path: Path) -> None:
    """What a report writes there is the gate's to write."""
    result = imported(tmp_path, workflow("- run: coverage report >> $GITHUB_STEP_SUMMARY"))
    assert step(result).became == "coverage"
