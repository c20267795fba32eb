"""`pushgate init --from-workflow`: a GitHub workflow, taken over into a first definition."""

from __future__ import annotations

import pytest

from conftest import PYTHON, Project
from test_init import CODE, PROJECT, Make, init, make, settings

pytestmark = pytest.mark.slow

__all__ = ["make"]

WORKFLOW = f"""\
name: Tests
on:
  push: {{branches: [main]}}
  pull_request:
jobs:
  tests:
    runs-on: ubuntu-latest
    strategy:
      matrix: {{python: ["{PYTHON}"]}}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "${{{{ matrix.python }}}}"}}
      - run: pip install black
      - run: black --check .
      - run: pytest --maxfail=3
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: twine upload dist/*
"""


def test_a_workflow_is_taken_over(make: Make) -> None:
    """What it says comes first; the rest is found as ever, and each step is accounted for."""
    old = ".github/workflows/tests.yml"
    pyproject = PROJECT.replace("classifiers", "keywords")
    project = make({**CODE, "pyproject.toml": pyproject, old: WORKFLOW})
    told = init(project, "--from-workflow", old)
    found = settings(project)
    assert found["python"] == [PYTHON]
    assert found["gates"]["test"] == {"args": ["--maxfail=3"], "shards": 1}
    assert found["gates"]["types"] == {"enabled": False}
    [gate] = [keys["run"] for keys in found["gates"].values() if "run" in keys]
    assert ["black" in command for command in gate] == [True]
    assert "twine upload" in told
    assert "left in CI" in told
    assert (project.root / old).read_text(encoding="utf-8") == WORKFLOW
    project.commit()
    assert "nothing to write" in init(project, "--from-workflow", old)


def test_a_gate_that_only_the_workflow_asks_for_is_on(make: Make) -> None:
    """Its step became the gate; of one that is off all the same, the row says why."""
    old = "ci/old.yml"
    steps = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: astral-sh/ruff-action@v3
      - {uses: astral-sh/ruff-action@v3, with: {args: format --check}}
      - run: pytest
      - {name: arrows, run: lint-imports}
      - run: coverage report --fail-under 87.5
"""
    code = {"src/sample/__init__.py": '"""\n>>> 1\n1\n"""\n'}
    project = make({**code, "pyproject.toml": PROJECT, old: steps})
    told = init(project, "--from-workflow", old, "--provider", "none")
    found = settings(project)["gates"]
    assert {"lint", "test"}.isdisjoint(found)
    assert found["coverage"] == {"fail-under": 87.5}
    [row] = [line for line in told.splitlines() if "arrows" in line]
    assert "off: no contract" in " ".join(row.split())


def test_settings_that_are_there_stay_and_what_a_workflow_says_else_is_told(make: Make) -> None:
    """Of a gate, the project's own table says all."""
    old = ".github/workflows/old.yml"
    steps = "[{run: pytest -k foo}, {run: mypy}, {name: t, run: ./t}]"
    text = f"on: push\njobs: {{a: {{runs-on: ubuntu-latest, steps: {steps}}}}}\n"
    own = "\n[tool.pushgate.gates.test]\nargs = ['-x']\n"
    project = make({**CODE, "pyproject.toml": PROJECT + own, old: text})
    told = init(project, "--from-workflow", old, "--provider", "none")
    assert settings(project)["gates"]["test"] == {"args": ["-x"]}
    assert settings(project)["gates"]["types"] == {"tool": "mypy"}
    assert 'not gates.test.args = ["-k", "foo"]: what [tool.pushgate] says of it stays' in told


def test_a_python_that_is_not_here(make: Make) -> None:
    """Most gates get one of the workflow's that is; what the other's absence means is told."""
    old = ".github/workflows/old.yml"
    text = f"""
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    strategy: {{matrix: {{python: ['{PYTHON}', '3.99']}}}}
    steps:
      - {{uses: actions/setup-python@v6, with: {{python-version: '${{{{ matrix.python }}}}'}}}}
      - run: pytest
"""
    project = make({**CODE, "pyproject.toml": PROJECT, old: text})
    told = init(project, "--from-workflow", old)
    found = settings(project)
    assert (found["python"], found["default-python"]) == ([PYTHON, "3.99"], PYTHON)
    assert "not on this machine: Python 3.99: " in told


def test_a_report_that_no_gate_makes(make: Make) -> None:
    """The upload to Codecov is left out where coverage is off, and that is told."""
    old = ".github/workflows/old.yml"
    steps = "[{run: pytest}, {uses: codecov/codecov-action@v7}]"
    text = f"on: push\njobs: {{a: {{runs-on: ubuntu-latest, steps: {steps}}}}}\n"
    off = "\n[tool.pushgate.gates.coverage]\nenabled = false\n"
    project = make({**CODE, "pyproject.toml": PROJECT + off, old: text})
    told = init(project, "--from-workflow", old)
    assert "not ci.codecov: gate coverage is off (enabled = false)" in told
    assert "ci" not in settings(project)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.yml", "none.yml: cannot be read: No such file or directory"),
        ("src", "src: cannot be read: Is a directory"),
        ("", ".: cannot be read: Is a directory"),
        ("twice.yml", 'twice.yml is not YAML: line 2: found duplicate key "on" with value'),
        ("open.yml", "open.yml is not YAML: line 2: "),
        ("pyproject.toml", "pyproject.toml is not YAML: "),
    ],
)
def test_what_is_no_workflow(make: Make, name: str, told: str) -> None:
    """It is refused in one line which names the file as the user did, and nothing is written."""
    files = {"twice.yml": "on: push\non: push\n", "open.yml": "jobs: [\n"}
    project = make({**CODE, "pyproject.toml": PROJECT, **files})
    answer = project.pushgate("init", "--from-workflow", name)
    assert (answer.returncode, len(answer.stdout.splitlines())) == (2, 1), answer.stdout
    assert answer.stdout.startswith(f"pushgate: {told}")
    assert project.git("status", "--porcelain") == ""


def test_what_was_written_by_hand_is_told_before_it_goes(make: Make) -> None:
    """A second init that writes the workflow anew says what of it is no longer there."""
    project: Project = make({**CODE, "pyproject.toml": PROJECT})
    init(project)
    file = project.root / ".github" / "workflows" / "ci.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\n  mine:\n    runs-on: x\n", encoding="utf-8")
    told = init(project, "--dry-run")
    assert (
        ".github/workflows/ci.yml said something else, which goes:\n  job mine: is not of" in told
    )
    assert file.read_text(encoding="utf-8").endswith("runs-on: x\n")
    assert init(project).count("job mine: ") == 1
    assert file.read_text(encoding="utf-8") == text


def test_the_pythons_of_the_workflow_are_told(make: Make) -> None:
    """The summary says what is written, and not what the classifiers would have made of it."""
    old = ".github/workflows/tests.yml"
    told = init(make({**CODE, "pyproject.toml": PROJECT, old: WORKFLOW}), "--from-workflow", old)
    [row] = [line for line in told.splitlines() if line.split()[:1] == ["pythons"]]
    assert row.split(maxsplit=1)[1] == f"{PYTHON}, from the workflow"


def test_a_gate_that_the_workflow_makes_is_not_offered(make: Make) -> None:
    """What is offered can be pasted beneath what was written."""
    old = ".github/workflows/old.yml"
    text = "on: push\njobs: {docs: {runs-on: ubuntu-latest, steps: [{run: ./build-docs}]}}\n"
    files = {**CODE, "pyproject.toml": PROJECT, "mkdocs.yml": "site_name: Sample\n", old: text}
    told = init(make(files), "--from-workflow", old)
    assert "[tool.pushgate.gates.docs]" not in told
