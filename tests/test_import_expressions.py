"""GitHub's expressions and matrices, as far as they can be told without GitHub."""

from __future__ import annotations

from pathlib import Path

import pytest

from importing import imported, workflow
from pushgate.adopt.from_workflow.expressions import Unknown, evaluate, interpolated
from pushgate.adopt.from_workflow.matrices import cells
from pushgate.adopt.from_workflow.workflow_reading import read_workflow

KNOWN = {"matrix.": None, "matrix.os": "ubuntu-latest", "matrix.n": "3", "env.A": "x"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("matrix.os", "ubuntu-latest"),
        ("matrix['os']", "ubuntu-latest"),
        ("matrix.none", None),
        ("matrix.none || 'else'", "else"),
        ("matrix.os == 'Ubuntu-Latest'", True),
        ("matrix.os != 'x' && 'yes' || 'no'", "yes"),
        ("!(matrix.n == 3)", False),
        ("startsWith(matrix.os, 'UBUNTU')", True),
        ("endsWith(matrix.os, 'latest') && contains(matrix.os, '-')", True),
        ("format('py{0}-{1}', matrix.n, env.A)", "py3-x"),
        ("'it''s'", "it's"),
        ("always() && !failure() && !cancelled()", True),
        ("secrets.X == 'a' && false", False),
        ("secrets.X == 'a' || true", True),
        ("github.repository == 'me/mine'", True),
        ("${{ true }}", True),
    ],
)
def test_an_expression_has_githubs_value(expression: str, value: object) -> None:
    """Texts are compared without regard to case; what decides nothing need not be known."""
    assert evaluate(expression, KNOWN) == value


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("secrets.TOKEN", "secrets.TOKEN"),
        ("github.sha == 'x'", "github.sha"),
        ("github.event.x != github.repository", "github.event.x"),
        ("hashFiles('a')", "hashFiles()"),
        ("fromJSON(needs.a.outputs.b)", "needs.a.outputs.b"),
        ("1 < 2", "1 < 2"),
        ("'open", "'open"),
        ("(a", "(a"),
        ("", ""),
    ],
)
def test_what_only_github_knows_is_unknown(expression: str, what: str) -> None:
    """It is told by what of it is unknown."""
    found = evaluate(expression, KNOWN)
    assert isinstance(found, Unknown)
    assert found.what.lower() == what.lower()


def test_a_text_with_expressions() -> None:
    """Values are put in as GitHub writes them."""
    assert interpolated("a ${{ matrix.n }}-${{ true }}${{ matrix.no }}", KNOWN) == "a 3-true"
    assert interpolated("${{ matrix.n }} ${{ inputs.a }}", KNOWN) == Unknown("inputs.a")


def combinations(folder: Path, matrix: str) -> list[dict[str, object]]:
    """Return the values of a matrix's cells."""
    job = f"strategy:\n  matrix: {matrix}"
    file = folder / "ci.yml"
    file.write_text(workflow("- run: a", job), encoding="utf-8")
    [read] = read_workflow(file).jobs
    return [
        {
            name.removeprefix("matrix."): value
            for name, value in cell.values.items()
            if name.startswith("matrix.") and name != "matrix."
        }
        for cell in cells(read)
    ]


def test_the_cells_of_a_matrix_are_githubs(tmp_path: Path) -> None:
    """The example of GitHub's documentation on `include`."""
    matrix = """
          fruit: [apple, pear]
          animal: [cat, dog]
          include:
            - color: green
            - {color: pink, animal: cat}
            - {fruit: apple, shape: circle}
            - fruit: banana
            - {fruit: banana, animal: cat}"""
    assert combinations(tmp_path, matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_excluded_cells_are_gone(tmp_path: Path) -> None:
    """Where all that an entry of `exclude` says holds."""
    matrix = "{a: [1, 2], b: [x, y], exclude: [{a: 1, b: x}, {b: y, a: 2}]}"
    assert combinations(tmp_path, matrix) == [{"a": "1", "b": "y"}, {"a": "2", "b": "x"}]


def test_a_version_keeps_its_text(tmp_path: Path) -> None:
    """A number of YAML is a text of GitHub's, quoted or not."""
    job = "strategy: {matrix: {python: [3.12, '3.10']}}"
    assert imported(tmp_path, workflow("- run: pytest", job)).tables["python"] == ["3.10", "3.12"]
