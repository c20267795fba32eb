"""The evaluator of GitHub's expressions says what GitHub's documentation says."""

from __future__ import annotations

import pytest

from github_expressions import Status, condition, evaluate, interpolated
from github_values import ExpressionError

FRUITS = [{"name": "apple", "quantity": 1}, {"name": "pear", "quantity": 2}, {"colour": "red"}]
CONTEXTS = {
    "github": {"event_name": "push", "ref": "refs/heads/main", "sha": "", "run": 7},
    "fruits": FRUITS,
    "needs": {
        "lint": {"result": "success", "outputs": {}},
        "test-it": {"result": "skipped", "outputs": {"gates": '["docs","web"]'}},
    },
    "numbers": [1, 2, 3],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # Literals
        ("null", None),
        ("false", False),
        ("711", 711),
        ("-9.2", -9.2),
        ("0xff", 255),
        ("-2.99e-2", -0.0299),
        ("'It''s open source!'", "It's open source!"),
        # Operators: loose equality, strings in any case, NaN in no order, values of && and ||
        ("'Main' == 'mAIN'", True),
        ("'a' < 'B'", True),
        ("null == 0", True),
        ("true == 1", True),
        ("'' == 0", True),
        ("'0x10' == 16", True),
        ("'1e1' == 10", True),
        ("'true' == true", False),
        ("'x' == 0", False),
        ("'x' < 0 || 'x' >= 0", False),
        ("'x' != 0", True),
        ("fruits == fruits", True),
        ("fromJSON('[]') == fromJSON('[]')", False),
        ("github.sha || 'none'", "none"),
        ("github.ref && 'some'", "some"),
        ("github.sha && 'some'", ""),
        ("true || fromJSON('')", True),
        ("1 < 2 == true", True),
        ("true || true && false", True),
        ("(true || true) && false", False),
        ("!true || true", True),
        ("!(true || true)", False),
        ("!'' && !0 && !-0 && !null", True),
        # Contexts
        ("github['ref']", "refs/heads/main"),
        ("github.nothing.at.all", None),
        ("needs.test-it.result", "skipped"),
        ("needs['test-it']['outputs'].gates", '["docs","web"]'),
        ("numbers[1]", 2),
        ("numbers[3]", None),
        # Functions
        ("contains('Hello world', 'LLO')", True),
        ('contains(fromJSON(\'["push", "pull_request"]\'), github.event_name)', True),
        ("contains(fromJSON('[\"pushed\"]'), github.event_name)", False),
        ("contains(fromJSON(needs.test-it.outputs.gates), 'docs')", True),
        ("startsWith('Hello world', 'he')", True),
        ("startsWith(github.ref, 'refs/tags/')", False),
        ("endsWith('Hello world', 'LD')", True),
        ("format('Hello {0} {1} {0}', 'Mona', 1)", "Hello Mona 1 Mona"),
        ("format('{{Hello {0}!}}', true)", "{Hello true!}"),
        ("join(fruits.*.name, ', ')", "apple, pear"),
        ("join('one')", "one"),
        ("join(numbers)", "1,2,3"),
        ("toJSON(needs.lint)", '{\n  "result": "success",\n  "outputs": {}\n}'),
        ("fromJSON('{\"a\": [1, null]}').a[0]", 1),
        ("case(false, 1, github.ref == 'refs/heads/main', 2, 3)", 2),
        ("case(false, 1, 3)", 3),
        # Object filters
        ("fruits.*.name", ["apple", "pear"]),
        ("needs.*.result", ["success", "skipped"]),
        ("contains(needs.*.result, 'failure')", False),
        ("needs[*].outputs.gates", ['["docs","web"]']),
    ],
)
def test_values(expression: str, value: object) -> None:
    """Each kind of literal, operator, access and function has the documented value."""
    found = evaluate(expression, CONTEXTS)
    assert (found, isinstance(found, bool)) == (value, isinstance(value, bool))


@pytest.mark.parametrize(
    "expression",
    [
        '"double"', "a b", "'open", "(1", "1 +", "", "github.", "github.*.", "1.2.3",
        "unknown.thing", "matrix", "hashFiles('x')", "success()", "fromJSON('')",
        "fromJSON(github.sha)", "format('{1}', 1)", "format('{', 1)", "join(fruits)",
        "contains('a')", "startsWith(fruits, 'a')", "github.ref == `x`", "a-", "${{ 1 }}",
    ],
)  # fmt: skip
def test_errors(expression: str) -> None:
    """What GitHub refuses, or cannot evaluate, is an error."""
    with pytest.raises(ExpressionError):
        evaluate(expression, CONTEXTS)


def test_texts() -> None:
    """Expressions in a text are replaced; a brace within a string ends none."""
    assert interpolated("on ${{ github.ref }}/${{ github.run }}!", CONTEXTS) == (
        "on refs/heads/main/7!"
    )
    assert interpolated("${{ 'a}}b' }}$'${{ '${{ x }}' }}$'{{", CONTEXTS) == "a}}b$'${{ x }}$'{{"
    for text in ("${{ github.ref }", "a ${{"):
        with pytest.raises(ExpressionError, match="not closed"):
            interpolated(text, CONTEXTS)


FAILED = Status(success=False, failure=True)
SKIPPED = Status(success=False)
CANCELLED = Status(success=False, cancelled=True)


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        # After a success, a failure, a skipped job, a cancelled workflow.
        (None, (True, False, False, False)),
        ("true", (True, False, False, False)),
        (True, (True, False, False, False)),
        ("github.event_name == 'push'", (True, False, False, False)),
        ("${{ github.event_name == 'push' }}", (True, False, False, False)),
        ("always()", (True, True, True, True)),
        ("${{ failure() }}", (False, True, False, False)),
        ("failure() && github.event_name == 'pull'", (False, False, False, False)),
        ("!cancelled()", (True, True, True, False)),
        ("!cancelled() && !failure()", (True, False, True, False)),
        ("cancelled()", (False, False, False, True)),
        ("(false || success()) || failure()", (True, True, False, False)),
        ("!contains('a', 'b')", (True, False, False, False)),
        ("'false'", (True, False, False, False)),
        ("false", (False, False, False, False)),
        ("github.sha", (False, False, False, False)),
    ],
)
def test_conditions(said: object, holds: tuple[bool, ...]) -> None:
    """A condition without a status function asks for success, too."""
    statuses = (Status(), FAILED, SKIPPED, CANCELLED)
    assert tuple(condition(said, CONTEXTS, status) for status in statuses) == holds


@pytest.mark.parametrize("said", ["${{ false }} || false", "${{ false }} ", "x ${{ true }}"])
def test_conditions_of_text(said: str) -> None:
    """Text around an expression would make the condition true: that is a mistake."""
    if said.strip() == "${{ false }}":
        assert not condition(said, CONTEXTS, Status())
    else:
        with pytest.raises(ExpressionError, match="always true"):
            condition(said, CONTEXTS, Status())
