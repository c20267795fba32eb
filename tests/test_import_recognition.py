"""What a command of a workflow is: a gate with settings, or a gate of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from importing import gate, gates, imported, step, workflow
from pushgate.model.account import BY_GATES, LEFT_IN_CI, LEFT_OUT


def run(folder: Path, command: str, job: str = "") -> tuple[str, dict[str, object]]:
    """Import a step that runs one command; return what became of it, and the gates."""
    result = imported(folder, workflow(f"- run: |\n    {command}", job))
    return step(result).became, dict(gates(result))


@pytest.mark.parametrize(
    ("command", "became", "tables"),
    [
        ("ruff check", "lint", {"lint": {"format": False}}),
        ("ruff check . && ruff format --check .", "lint", {}),
        ("uvx ruff@0.17.6 format --diff", "lint", {}),
        ("mypy", "types", {"types": {"tool": "mypy"}}),
        ("poetry run mypy src", "types", {"types": {"tool": "mypy"}}),
        ("python -m mypy .", "types", {"types": {"tool": "mypy"}}),
        ("uvx pyright", "types", {"types": {"tool": "pyright"}}),
        ("uv run ty check", "types", {"types": {"tool": "ty"}}),
        ("pytest", "test", {}),
        (".venv/bin/pytest", "test", {}),
        ("python -m pytest", "test", {}),
        ("python3.12 -W error -X dev -m pytest", "test", {}),
        ("uv run --locked --group tests pytest", "test", {}),
        ("pdm run pytest", "test", {}),
        ("hatch run test:pytest", "test", {}),
        ("pipenv run pytest", "test", {}),
        ("hatch test", "test", {}),
        ("hatch run cov", "test", {}),
        ("pytest -n auto", "test", {"test": {"workers": "auto"}}),
        ("pytest -n4", "test", {"test": {"workers": 4}}),
        ("pytest -n=4", "test", {"test": {"workers": 4}}),
        ("pytest --numprocesses=2", "test", {"test": {"workers": 2}}),
        ("pytest -k 'not slow'", "test", {"test": {"args": ["-k", "not slow"]}}),
        ("pytest -m unit tests/a", "test", {"test": {"args": ["-m", "unit", "tests/a"]}}),
        ("pytest --maxfail 5 -x", "test", {"test": {"args": ["--maxfail", "5", "-x"]}}),
        ("pytest -n 0", "test", {"test": {"args": ["-n", "0"]}}),
        ("pytest --no-cov", "test", {}),
        ("pytest --cov=src --no-cov", "test", {}),
        ("pytest --cov=src --no-cov-on-fail", "test, coverage", {}),
        ("pytest --splits 4 --group 1", "test", {"test": {"shards": 4}}),
        ("pytest -v --color=yes --junitxml=out.xml", "test", {}),
        ("pytest --cov=src --cov-report=xml", "test, coverage", {}),
        (
            "pytest --cov --cov-fail-under=90",
            "test, coverage",
            {"coverage": {"fail-under": 90}},
        ),
        ("coverage run -m pytest tests", "test, coverage", {"test": {"args": ["tests"]}}),
        ("coverage combine", "coverage", {}),
        ("coverage report --fail-under=87.5", "coverage", {"coverage": {"fail-under": 87.5}}),
        ("coverage report --fail-under 100", "coverage", {"coverage": {"fail-under": 100}}),
        ("bandit -r src", "security", {}),
        ("pip-audit", "audit", {}),
        ("safety check", "audit", {}),
        ("python -m build", "build", {}),
        ("uv build", "build", {}),
        ("poetry build", "build", {}),
        ("hatch build", "build", {}),
        ("twine check dist/*", "build", {}),
        ("lint-imports", "imports", {}),
        ("tox -e py", "test", {}),
        ("tox run -e py312,py3.13-cov", "test", {}),
        ("TOXENV=py312 tox", "test", {}),
        ("nox -s lint", "lint", {"lint": {"session": "lint"}}),
        ("pipx run nox --session=docs", "docs", {"docs": {"session": "docs"}}),
        (
            "uvx nox -s docs 'check(x=1)'",
            "docs, check",
            {"docs": {"session": "docs"}, "check": {"session": "check"}},
        ),
        (
            "nox -s test",
            "test, coverage",
            {"test": {"session": "test"}, "coverage": {"enabled": False}},
        ),
    ],
)
def test_a_tool_that_a_gate_runs_becomes_that_gate(
    tmp_path: Path, command: str, became: str, tables: dict[str, object]
) -> None:
    """Each tool is known through every runner, and what it is told becomes settings."""
    assert run(tmp_path, command) == (became, tables)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pytest --no-cov", "`--no-cov`"),
        ("uv run --resolution lowest-direct pytest", "`--resolution lowest-direct`"),
        ("uv run --python 3.13 mypy", "`--python 3.13`"),
        ("uv run --no-dev -p 3.13 mypy", "`--no-dev`, `-p 3.13`"),
        ("uv run --with ruff==0.1 ruff check", "`--with ruff==0.1`"),
        ("uvx ruff@0.17.6 check", "`ruff@0.17.6`"),
        ("uvx --with x --from mypy mypy", "`--with x`"),
        ("python -W error -X dev -m pytest", "`-W error`, `-X dev`"),
        ("coverage run --branch -p -m pytest", "`--branch`"),
        ("coverage report --fail-under=9 --include=src/*", "`--fail-under=9 '--include=src/*'`"),
        ("uv run --locked --group tests pytest", ""),
    ],
)
def test_how_a_tool_is_called_is_told_where_its_gate_calls_it_otherwise(
    tmp_path: Path, command: str, told: str
) -> None:
    """An option of what runs it changes what it finds, as its own do."""
    detail = step(imported(tmp_path, workflow(f"- run: {command}"))).detail
    assert told in detail
    assert bool(told) == bool(detail)


def test_a_python_that_the_matrix_says_is_the_gates(tmp_path: Path) -> None:
    """It is no option that gets lost; one that it does not say is."""
    job = "strategy: {matrix: {python: ['3.12', '3.13']}}"
    steps = "- run: uv run --python ${{ matrix.python }} pytest\n- run: uv run -p 3.11 ./check"
    result = imported(tmp_path, workflow(steps, job))
    assert result.account[0].steps[0].detail == ""
    assert gate(result, "check")["run"] == ["uv run -p 3.11 ./check"]


@pytest.mark.parametrize("session", ["pages", "plan", "passed"])
def test_a_session_called_as_a_job_of_the_workflow_has_another_name_as_a_gate(
    tmp_path: Path, session: str
) -> None:
    """Else the workflow could not be written."""
    became, tables = run(tmp_path, f"nox -s {session}")
    assert (became, tables) == (f"ci-{session}", {f"ci-{session}": {"session": session}})


def test_a_second_limit_of_the_coverage_is_told(tmp_path: Path) -> None:
    """The gate has one; a limit for some files only is none for the project."""
    steps = """
    - run: coverage report --fail-under=100 --include=src/*
    - {name: second, run: coverage report --fail-under 80}
    - {name: third, run: coverage report --fail-under 90}
    """
    result = imported(tmp_path, workflow(steps))
    assert gates(result) == {"coverage": {"fail-under": 80}}
    assert step(result, "second").detail == ""
    assert "not carried over: `coverage report --fail-under 90`" in step(result, "third").detail


@pytest.mark.parametrize(
    ("script", "told"), [("./a", True), ("./a\n./b", True), ("./a ${{ matrix.env }}", False)]
)
def test_pythons_that_a_gate_of_its_own_leaves_out_are_told(
    tmp_path: Path, script: str, *, told: bool
) -> None:
    """However many its commands are; not where each Python has its own."""
    job = "strategy: {matrix: {include: [{python: '3.12', env: x}, {python: '3.13', env: y}]}}"
    if "env" not in script:
        job = "strategy: {matrix: {python: ['3.12', '3.13']}}"
    detail = step(imported(tmp_path, workflow(f"- run: {script!r}".replace("'", '"'), job))).detail
    assert ("not on each of its Pythons" in detail) == told


@pytest.mark.parametrize("session", ["lint", "test"])
def test_a_session_and_the_tool_itself_are_two_gates(tmp_path: Path, session: str) -> None:
    """The gate is the session; what else does such work keeps its command."""
    command = {"lint": "ruff check .", "test": "pytest -x"}[session]
    steps = f"- run: nox -s {session}\n- {{name: tool, run: {command}}}"
    result = imported(tmp_path, workflow(steps))
    assert gate(result, session) == {"session": session}
    assert gate(result, step(result, "tool").became)["run"] == [command]
    other = f"- run: {command}\n- {{name: later, run: nox -s {session}}}"
    later = imported(tmp_path, workflow(other))
    assert gate(later, session) == {"session": session}
    assert "takes the place" in step(later, "later").detail


@pytest.mark.parametrize(
    ("command", "name", "table"),
    [
        ("tox -e lint", "tox-lint", {"run": ["tox -e lint"]}),
        ("tox run -f typing", "tox-typing", {"run": ["tox run -f typing"]}),
        ("tox", "tox", {"run": ["tox"]}),
        ("mkdocs build --strict", "docs", {"run": ["mkdocs build --strict"]}),
        ("sphinx-build -W docs out", "docs", {"run": ["sphinx-build -W docs out"]}),
        ("alembic stamp head", "alembic", {"run": ["alembic stamp head"]}),
        ("docker build -t x .", "docker", {"run": ["docker build -t x ."]}),
        (
            "uvx pre-commit run --all-files",
            "pre-commit",
            {"run": ["uvx pre-commit run --all-files"], "environment": False},
        ),
        (
            "uv run --group docs mkdocs build",
            "docs",
            {"run": ["mkdocs build"], "groups": ["docs"]},
        ),
        (
            "hatch run docs:build",
            "check",
            {"run": ["uvx hatch run docs:build"], "environment": False},
        ),
    ],
)
def test_a_known_tool_without_a_gate_becomes_one_with_the_same_command(
    tmp_path: Path, command: str, name: str, table: dict[str, object]
) -> None:
    """Its gate is called after it, and runs what the step ran."""
    became, tables = run(tmp_path, command)
    assert became == name
    assert tables == {name: table}


@pytest.mark.parametrize("tool", ["black", "isort", "flake8"])
def test_where_another_linter_is_at_work_ruff_is_off(tmp_path: Path, tool: str) -> None:
    """A project that ruff never looked at is not failed by it; the notes tell so."""
    result = imported(tmp_path, workflow(f"- run: {tool} --check ."))
    assert gate(result, "lint") == {"enabled": False}
    assert gate(result, tool) == {"run": [f"{tool} --check ."]}
    assert any(tool in note and "lint" in note for note in result.notes)


def test_beside_ruff_black_is_a_gate_and_ruffs_format_is_off(tmp_path: Path) -> None:
    """Two formatters would contradict each other."""
    _, tables = run(tmp_path, "ruff check && black --check .")
    assert tables == {"lint": {"format": False}, "black": {"run": ["black --check ."]}}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("twine upload dist/*", "publishes"),
        ("uv publish", "publishes"),
        ("mkdocs gh-deploy", "publishes"),
        ("gh release create v1", "elsewhere"),
        ("sudo apt-get install -y graphviz", "machine"),
        ("nox", "session"),
        ("codecov", "coverage"),
        ("bash <(curl -s https://codecov.io/bash)", "coverage"),
        ("curl -Os https://uploader.codecov.io/latest/linux/codecov", "coverage"),
        ("./codecov -t x", "coverage"),
        ("git push", "repository"),
        ("git config user.name x", "repository"),
        ("rm -rf src", "files"),
        ("find . -name '*.pyc' -delete", "files"),
        ("./check || true", "hides"),
        ("echo x=1 >> $GITHUB_OUTPUT", "GITHUB_OUTPUT"),
        ("export A=1; pip install x; ./check", "pip install"),
        ("if true; then gh pr comment; fi", "elsewhere"),
    ],
)
def test_what_is_no_gate_stays_in_ci_with_the_reason(
    tmp_path: Path, command: str, reason: str
) -> None:
    """Nothing publishes, prepares a machine or touches the user's files as a gate."""
    result = imported(tmp_path, workflow(f"- run: |\n    {command}"))
    told = step(result)
    assert told.became == LEFT_IN_CI
    assert reason in told.detail
    assert gates(result) == {}


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e .[dev]",
        "python -m pip install --upgrade pip",
        "uv sync --locked --all-groups",
        "uv pip install -r requirements.txt",
        "poetry install --with dev",
        "pdm install",
        "pipx install hatch",
        "python -m venv .venv && source .venv/bin/activate",
        "uv sync --python $(cat .python-version)",
        "curl -sSL https://install.python-poetry.org | python -",
    ],
)
def test_installations_are_the_gates_own_affair(tmp_path: Path, command: str) -> None:
    """A gate makes its environment itself."""
    assert run(tmp_path, command) == (BY_GATES, {})


@pytest.mark.parametrize(
    ("command", "told"), [("black .", True), ("isort --check-only .", False), ("isort .", True)]
)
def test_a_formatter_that_would_change_the_users_files_is_told(
    tmp_path: Path, command: str, *, told: bool
) -> None:
    """In CI it changed a checkout that nobody kept."""
    detail = step(imported(tmp_path, workflow(f"- run: {command}"))).detail
    assert ("changes your files" in detail) == told


@pytest.mark.parametrize("command", ["uv run", "uv run --group docs", "uv", "A=1 env"])
def test_a_runner_without_a_command_is_itself_the_command(tmp_path: Path, command: str) -> None:
    """It is run as it stands, and fails or not as in CI."""
    became, tables = run(tmp_path, f"{command}\n    ./check")
    assert became == "check"
    assert "./check" in str(tables["check"])


@pytest.mark.parametrize(
    "command",
    [
        "echo hello && python --version; ls -la",
        "ls -la $HOME",
        "pytest --version",
        "pytest tests --collect-only",
        "mypy --help",
        "env",
    ],
)
def test_what_only_shows_is_left_out(tmp_path: Path, command: str) -> None:
    """An echo checks nothing, and a tool that only tells of itself is no call of it."""
    assert run(tmp_path, command) == (LEFT_OUT, {})
    assert run(tmp_path, f"{command}\n    pytest tests") == ("test", {"test": {"args": ["tests"]}})


@pytest.mark.parametrize("command", ["env A=1 ./check", "env -i ./check", "poetry version patch"])
def test_what_does_more_than_show_is_run(tmp_path: Path, command: str) -> None:
    """A command whose first word may only show."""
    became, tables = run(tmp_path, command)
    assert became == "check"
    assert len(tables) == 1


def test_a_package_that_the_lock_may_lack_is_told(tmp_path: Path) -> None:
    """What a job installs by hand for its tests is not in a gate's environment."""
    steps = """
    - run: pip install -r tests/requirements.txt pytest pytest-mock
    - run: pytest
    """
    told = step(
        imported(tmp_path, workflow(steps)),
        "pip install -r tests/requirements.txt pytest pytest-mock",
    )
    assert told.became == BY_GATES
    assert "pytest-mock, -r tests/requirements.txt" in told.detail


@pytest.mark.parametrize(
    ("action", "became", "tables"),
    [
        ("actions/checkout@v7", BY_GATES, {}),
        ("actions/setup-python@v7", BY_GATES, {}),
        ("astral-sh/setup-uv@c771a70e", BY_GATES, {}),
        ("actions/cache@v6", BY_GATES, {}),
        ("actions/upload-artifact@v7", BY_GATES, {}),
        ("re-actors/alls-green@release/v1", BY_GATES, {}),
        ("astral-sh/ruff-action@v3", "lint", {"lint": {"format": False}}),
        ("jakebailey/pyright-action@v2", "types", {"types": {"tool": "pyright"}}),
        ("pypa/gh-action-pip-audit@v1", "audit", {}),
        ("hynek/build-and-inspect-python-package@v3", "build", {}),
        (
            "pre-commit/action@v3",
            "pre-commit",
            {
                "pre-commit": {
                    "run": ["uvx pre-commit run --show-diff-on-failure --color=always --all-files"],
                    "environment": False,
                }
            },
        ),
        (
            "docker/build-push-action@v7",
            "docker",
            {"docker": {"run": ["docker build ."], "environment": False}},
        ),
        ("pypa/gh-action-pypi-publish@release/v1", LEFT_IN_CI, {}),
        ("github/codeql-action/init@v4", LEFT_IN_CI, {}),
        ("github/codeql-action/resolve@v4", LEFT_IN_CI, {}),
        ("actions/setup-node@v5", LEFT_IN_CI, {}),
        ("someone/some-action@v1", LEFT_IN_CI, {}),
        ("./.github/actions/setup", LEFT_IN_CI, {}),
    ],
)
def test_an_action_is_told_by_its_name(
    tmp_path: Path, action: str, became: str, tables: dict[str, object]
) -> None:
    """Known actions become gates or nothing; unknown ones stay in CI."""
    result = imported(tmp_path, workflow(f"- uses: {action}"))
    assert (step(result).became, gates(result)) == (became, tables)


def test_the_upload_to_codecov_is_a_setting(tmp_path: Path) -> None:
    """`ci.codecov` sends the coverage there."""
    steps = """
    - run: pytest --cov
    - uses: codecov/codecov-action@v7
      with: {token: "${{ secrets.CODECOV_TOKEN }}"}
    """
    result = imported(tmp_path, workflow(steps))
    assert result.tables == {"ci": {"codecov": True}}
    assert step(result, "codecov/codecov-action").became == "ci.codecov"


@pytest.mark.parametrize(
    ("push", "reason"), [("true", "publishes"), ("${{ github.ref_name == 'x' }}", "`push` is")]
)
def test_a_pushed_image_stays_in_ci(tmp_path: Path, push: str, reason: str) -> None:
    """To build is a gate's, to push is not; nor what only GitHub knows to be one or the other."""
    steps = f'- uses: docker/build-push-action@v7\n  with: {{push: "{push}"}}'
    told = step(imported(tmp_path, workflow(steps)))
    assert (told.became, reason in told.detail) == (LEFT_IN_CI, True)


def test_an_images_build_has_what_its_action_is_given(tmp_path: Path) -> None:
    """Arguments are lines, which may hold spaces and commas; a tag that nobody pushes is none."""
    steps = """
    - uses: docker/build-push-action@v7
      with:
        tags: "${{ steps.meta.outputs.tags }}"
        build-args: |
          A=hello world
          B=1,2
        secrets: TOKEN=${{ secrets.TOKEN }}
    """
    result = imported(tmp_path, workflow(steps))
    assert gate(result, "docker")["run"] == [
        "docker build --build-arg 'A=hello world' --build-arg B=1,2 ."
    ]
    assert "`secrets: secrets.TOKEN`" in step(result).detail


@pytest.mark.parametrize(
    ("action", "inputs", "told"),
    [
        ("actions/checkout", "submodules: true, fetch-depth: 0", "`submodules: true`"),
        ("actions/checkout", "repository: other/x", "another repository"),
        ("py-actions/flake8", "max-line-length: 100", "`max-line-length: 100`"),
        ("isort/isort-action", "configuration: --check", "`configuration: --check`"),
        ("jakebailey/pyright-action", "version: '1.1'", "`version: 1.1`"),
        ("pypa/gh-action-pip-audit", "ignore-vulns: X-1", "`ignore-vulns: X-1`"),
        ("psf/black", "version: '24', src: a", "`version: 24`"),
        ("astral-sh/ruff-action", "args: check --select E, src: a", "`--select E`"),
        ("astral-sh/ruff-action", "args: check, src: a", "`src: a`"),
        ("codecov/codecov-action", "flags: unit, token: x", "`flags: unit`"),
    ],
)
def test_what_an_action_is_given_is_taken_over_or_told(
    tmp_path: Path, action: str, inputs: str, told: str
) -> None:
    """Nothing that changes a verdict goes in silence."""
    result = imported(tmp_path, workflow(f"- uses: {action}@v1\n  with: {{{inputs}}}"))
    assert told in step(result).detail
