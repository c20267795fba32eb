"""Whole workflows of different styles, and what becomes of each job and step."""

from __future__ import annotations

from pathlib import Path

import pytest

from importing import gate, gates, imported, step, workflow
from pushgate.adopt.from_workflow.imported import read
from pushgate.model.account import BY_GATES, LEFT_IN_CI
from pushgate.model.settings import ConfigurationError


def test_uv_and_ruff_and_a_matrix(tmp_path: Path) -> None:
    """A plain modern workflow becomes settings alone: no gate of its own is needed."""
    result = imported(
        tmp_path,
        """
        on:
          push: {branches: [develop, main]}
          pull_request:
          schedule: [{cron: "17 3 * * 1"}]
        jobs:
          lint:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v7
              - uses: astral-sh/setup-uv@v9
              - run: uv sync --locked
              - run: |
                  uv run ruff check
                  uv run ruff format --check
              - run: uv run mypy
          tests:
            needs: lint
            runs-on: ${{ matrix.os }}
            strategy:
              matrix:
                os: [ubuntu-latest, macos-latest, windows-latest]
                python: ["3.11", "3.13", "3.12.4", "3.14t", "pypy-3.11"]
            steps:
              - uses: actions/checkout@v7
              - uses: actions/setup-python@v7
                with: {python-version: "${{ matrix.python }}"}
              - run: uv run pytest -n auto --cov --cov-fail-under 93
        """,
    )
    assert result.tables == {
        "branches": ["main", "develop"],
        "python": ["3.11", "3.12", "3.13"],
        "ci": {"systems": ["macos-latest"], "schedule": ["17 3 * * 1"]},
        "gates": {
            "types": {"tool": "mypy"},
            "test": {"workers": "auto"},
            "coverage": {"fail-under": 93},
        },
    }
    assert [each.became for each in result.account[0].steps] == [
        *[BY_GATES] * 3,
        "lint",
        "types",
    ]
    assert result.account[1].notes == (
        "on windows-latest: left in CI",
        "on Python 3.14t, pypy-3.11: left in CI",
    )


def test_tox_in_a_matrix_of_environments(tmp_path: Path) -> None:
    """The tests are the gate's; what else tox does there is one gate, for each Python."""
    result = imported(
        tmp_path,
        """
        on: [push, pull_request]
        jobs:
          tests:
            runs-on: ubuntu-latest
            strategy:
              matrix:
                include:
                  - {python-version: "3.12", toxenv: "py312-test,py312-types"}
                  - {python-version: "3.13", toxenv: "py313-test,py313-types"}
            steps:
              - uses: actions/setup-python@v7
                with: {python-version: "${{ matrix.python-version }}"}
              - name: install
                run: |
                  python -m pip install --upgrade pip
                  python -m pip install tox
              - name: tox
                run: tox -e ${{ matrix.toxenv }}
        """,
    )
    assert step(result, "tox").became == "test, tox-types"
    assert "does not vary" not in step(result, "tox").detail
    assert result.tables == {
        "python": ["3.12", "3.13"],
        "gates": {
            "tox-types": {
                "run": ["uvx tox -e py312-types", "uvx tox -e py313-types"],
                "environment": False,
            }
        },
    }


def test_a_tox_environment_in_a_variable(tmp_path: Path) -> None:
    """Tox is told by a variable, whose value is an expression, as well."""
    steps = """
    - run: tox run
      env: {TOXENV: "${{ matrix.tox || format('py{0}', matrix.python) }}"}
    """
    job = "strategy: {matrix: {include: [{python: '3.12'}, {python: '3.13', tox: py3.13-cov}]}}"
    result = imported(tmp_path, workflow(steps, job))
    assert (step(result).became, result.tables["python"]) == ("test", ["3.12", "3.13"])


def test_nox_sessions_become_gates(tmp_path: Path) -> None:
    """A session is a gate; one with a gate's name takes its place."""
    result = imported(
        tmp_path,
        """
        on: [push, pull_request]
        jobs:
          a:
            runs-on: ubuntu-latest
            strategy: {matrix: {python: ["3.12", "3.13"]}}
            steps:
              - run: pipx run nox -s tests-${{ matrix.python }}
          b:
            runs-on: ubuntu-latest
            steps:
              - run: nox -s lint -- --show
        """,
    )
    assert gates(result) == {"tests": {"session": "tests"}, "lint": {"session": "lint"}}
    assert "`--show`" in step(result, "nox -s lint -- --show").detail


def test_poetry_and_a_second_call_of_pytest(tmp_path: Path) -> None:
    """The first call is the gate test; one with other arguments is a gate of its own."""
    steps = """
    - uses: snok/install-poetry@v1
    - run: poetry check --lock
    - run: poetry install
    - run: poetry run pytest -q tests
    - {name: Slow tests, run: poetry run pytest --slow tests/slow}
    """
    result = imported(tmp_path, workflow(steps))
    assert gates(result) == {
        "check": {"run": ["uvx poetry check --lock"], "environment": False},
        "test": {"args": ["tests"]},
        "slow-tests": {"run": ["pytest --slow tests/slow"]},
    }
    assert "`-q`" in step(result, "poetry run pytest -q tests").detail


def test_what_a_job_installs_is_there_for_its_own_gate(tmp_path: Path) -> None:
    """Its commands find the packages that the job put into its environment."""
    steps = """
    - run: pip install 'djlint==1.36' -r docs/requirements.txt
    - run: make docs
    - run: djlint templates
    """
    result = imported(tmp_path, workflow(steps))
    extra = "uv run --no-project --with djlint==1.36 --with-requirements docs/requirements.txt --"
    assert gate(result, "check") == {
        "run": [f"{extra} make docs", f"{extra} djlint templates"],
        "environment": False,
    }


def test_dependency_groups_are_kept(tmp_path: Path) -> None:
    """What a job syncs is in the environment of its gate."""
    steps = "- run: uv sync --group docs --group=lint\n- run: uv run ./check.py"
    assert gate(imported(tmp_path, workflow(steps)), "check") == {
        "run": ["./check.py"],
        "groups": ["docs", "lint"],
    }


def test_the_steps_that_nobody_recognises_stay_in_their_order(tmp_path: Path) -> None:
    """They are one gate a job, for each may need what the one before has made."""
    steps = """
    - run: ./generate
      env: {MODE: "a b", FORCE_COLOR: 1}
    - run: pytest
    - working-directory: web
      run: npm test
      timeout-minutes: 5
    """
    result = imported(tmp_path, workflow(steps, "timeout-minutes: 10"))
    assert gate(result, "check") == {
        "run": ["env 'MODE=a b' ./generate", "bash -e -c 'cd web\nnpm test'"],
        "timeout": 600,
    }


def test_known_tools_stay_with_the_commands_of_their_own_script(tmp_path: Path) -> None:
    """`git diff` after a generator would be green for ever without it."""
    steps = "- run: |\n    tox -e generate\n    git diff --exit-code"
    assert gate(imported(tmp_path, workflow(steps)), "check")["run"] == [
        "tox -e generate",
        "git diff --exit-code",
    ]


def test_two_jobs_with_the_same_commands_do_not_share_what_grows(tmp_path: Path) -> None:
    """A later step of one job is none of the other's."""
    result = imported(
        tmp_path,
        """
        on: [push, pull_request]
        jobs:
          a: {runs-on: ubuntu-latest, steps: [{run: ./first}]}
          b: {runs-on: ubuntu-latest, steps: [{run: ./first}, {run: ./second}]}
        """,
    )
    assert gates(result) == {"a": {"run": ["./first"]}, "b": {"run": ["./first", "./second"]}}


def test_needs_become_after(tmp_path: Path) -> None:
    """A job's gate of its own comes after the gates of the jobs that it needs."""
    result = imported(
        tmp_path,
        """
        on: [push, pull_request]
        jobs:
          lint: {runs-on: ubuntu-latest, steps: [{run: ruff check && ruff format --check}]}
          web: {runs-on: ubuntu-latest, needs: lint, steps: [{run: npm test}]}
        """,
    )
    assert gate(result, "web")["after"] == ["lint"]


@pytest.mark.parametrize(
    ("condition", "on", "told"),
    [
        ("github.event_name == 'push'", ["push", "tag"], ""),
        ("github.ref == 'refs/heads/main'", ["push:main", "schedule"], ""),
        ("github.ref_name == 'dev'", ["push:dev"], ""),
        ("startsWith(github.ref, 'refs/tags/')", ["tag"], ""),
        ("${{ github.event_name == 'schedule' }}", ["schedule"], ""),
        ("github.repository == 'me/project'", [], ""),
        ("always()", [], ""),
        ("matrix.os == 'ubuntu-latest'", [], ""),
        ("github.actor != 'robot'", [], "`if: github.actor != 'robot'` is not carried over"),
    ],
)
def test_a_condition_becomes_the_events_of_its_gate(
    tmp_path: Path, condition: str, on: list[str], told: str
) -> None:
    """What can be evaluated is carried over exactly, the rest is told."""
    text = f"""
    on:
      push: {{branches: [dev, main], tags: ['*']}}
      pull_request:
      schedule: [{{cron: '1 2 * * *'}}]
    jobs:
      check:
        runs-on: ${{{{ matrix.os }}}}
        strategy: {{matrix: {{os: [ubuntu-latest, macos-latest]}}}}
        steps:
          - if: "{condition}"
            run: ./check
    """
    result = imported(tmp_path, text)
    assert gate(result, "check").get("on", []) == on
    assert told in step(result).detail
    assert bool(told) == ("not carried" in step(result).detail)


def test_a_condition_of_a_built_in_gate_is_told(tmp_path: Path) -> None:
    """The gate runs on every event, and whoever wrote the condition is told so."""
    result = imported(
        tmp_path,
        workflow(
            "- run: mypy\n  if: github.event_name == 'push'",
            on="""
  push: {branches: [main]}
  pull_request:""",
        ),
    )
    assert "CI does it on push only" in step(result).detail
    only_pulls = imported(tmp_path, workflow("- run: mypy", on="pull_request"))
    assert "CI does it" not in step(only_pulls).detail
    assert any("on pull_request only" in note for note in only_pulls.notes)


@pytest.mark.parametrize(
    ("on", "events"),
    [("push", []), ("{push: {branches: [main]}}", ["push"]), ("{push: {tags: ['*']}}", ["tag"])],
)
def test_a_push_of_any_branch_is_what_a_pull_request_would_be(
    tmp_path: Path, on: str, events: list[str]
) -> None:
    """Only where the workflow names branches or tags is its gate for these alone."""
    result = imported(tmp_path, workflow("- run: ./check", on=on))
    assert gate(result, "check").get("on", []) == events


def test_what_another_job_hands_on_is_not_there_for_a_gate(tmp_path: Path) -> None:
    """Its commands would find nothing, or something old."""
    steps = "- uses: actions/download-artifact@v8\n- run: ./check dist"
    told = step(imported(tmp_path, workflow(steps)), "./check dist")
    assert (told.became, "download-artifact" in told.detail) == (LEFT_IN_CI, True)


def test_another_project_of_the_repository_is_no_gate_of_this_one(tmp_path: Path) -> None:
    """Its tests run as they did."""
    result = imported(tmp_path, workflow("- run: uv run --directory api pytest"))
    assert gates(result) == {
        "check": {"run": ["uv run --directory api pytest"], "environment": False}
    }


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("failure()", "where something failed"),
        ("matrix.os == 'macos-latest'", "never holds"),
        ("false", "never holds"),
        ("github.event_name == 'issues'", "never holds"),
    ],
)
def test_a_step_that_no_gate_would_run_is_left(tmp_path: Path, condition: str, reason: str) -> None:
    """Its condition is told."""
    job = "strategy: {matrix: {os: [ubuntu-latest]}}"
    result = imported(tmp_path, workflow(f"- run: ./check\n  if: {condition}", job))
    assert step(result).became == LEFT_IN_CI
    assert reason in step(result).detail


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("container: alpine:3", "container alpine"),
        ("environment: production", "deploys"),
        ("permissions: {contents: write}", "write (contents)"),
        ("permissions: write-all", "write (everything)"),
        ("services: {db: {image: 'postgres:16'}}", "db"),
        ("continue-on-error: true", "may fail"),
        ("env: {TOKEN: '${{ secrets.DEPLOY }}'}", "secret DEPLOY"),
        ("if: github.event_name == 'issues'", "never holds"),
        ("defaults: {run: {shell: pwsh}}", "pwsh"),
        ("strategy: {matrix: {python: [pypy-3.11]}}", "pypy-3.11"),
    ],
)
def test_a_job_that_no_gate_can_stand_for_is_left(tmp_path: Path, job: str, reason: str) -> None:
    """With the reason at each of its steps."""
    result = imported(tmp_path, workflow("- run: ./check", job))
    assert step(result).became == LEFT_IN_CI
    assert reason in step(result).detail
    assert gates(result) == {}


def test_another_machine_and_another_workflow_are_left(tmp_path: Path) -> None:
    """A job without steps has a line, too."""
    result = imported(
        tmp_path,
        """
        on: push
        jobs:
          windows: {runs-on: windows-latest, steps: [{run: pytest}]}
          own: {runs-on: [self-hosted, gpu], steps: [{run: pytest}]}
          other: {uses: ./.github/workflows/other.yml}
        """,
    )
    assert [
        (job.job, each.became, each.detail) for job in result.account for each in job.steps
    ] == [
        ("windows", LEFT_IN_CI, "it runs on windows-latest"),
        ("own", LEFT_IN_CI, "it runs on self-hosted, gpu"),
        ("other", LEFT_IN_CI, "it calls another workflow: import that file on its own"),
    ]


def test_services_are_told_where_a_gate_runs_the_tests(tmp_path: Path) -> None:
    """The gate test runs them all the same; the user must know what they need."""
    job = "services: {db: {image: 'mysql:9'}}\nenv: {DATABASE_URL: 'postgres://db'}"
    result = imported(tmp_path, workflow("- run: pytest", job))
    assert step(result).became == "test"
    assert "DATABASE_URL=postgres://db" in step(result).detail
    assert "db" in result.account[0].notes[0]


def test_what_a_gate_of_its_own_took_over_is_not_told_as_lost(tmp_path: Path) -> None:
    """Its variables and its events are in its table."""
    steps = "- {run: mypy, if: github.event_name == 'push'}"
    job = "env: {GLOBAL: g}\ndefaults: {run: {working-directory: web}}"
    result = imported(tmp_path, workflow(steps, job, "{push: {branches: [main]}, pull_request: }"))
    assert gate(result, "mypy") == {
        "run": ["env GLOBAL=g bash -e -c 'cd web\nmypy'"],
        "on": ["push"],
    }
    assert "not carried over" not in step(result).detail
    assert "can say so" not in step(result).detail


def test_time_limits_and_machines_that_the_gates_do_not_have_are_told(tmp_path: Path) -> None:
    """Those of a gate of its own are in its table."""
    steps = "- {name: a, run: mypy, timeout-minutes: 3}\n- run: ./check"
    job = "timeout-minutes: 7\ncontainer: {image: python:3.12, env: {INSIDE: i}}"
    text = workflow(steps, job).replace("ubuntu-latest", "ubuntu-24.04-arm")
    result = imported(tmp_path, text)
    assert "`timeout-minutes: 3`" in step(result, "a").detail
    assert "`INSIDE=i`" in step(result, "a").detail
    assert [note.partition(":")[0] for note in result.account[0].notes] == [
        "it runs in the container python",
        "on ubuntu-24.04-arm",
        "its `timeout-minutes",
    ]
    assert gate(result, "check") == {"run": ["env INSIDE=i ./check"], "timeout": 420}


def test_what_only_github_knows_is_left(tmp_path: Path) -> None:
    """An expression without a value cannot be run; where it does not count, it is no matter."""
    steps = """
    - {name: a, run: "./deploy ${{ inputs.where }}"}
    - {name: b, run: "coverage html --title ${{ github.sha }}"}
    - {name: c, run: "pytest -k ${{ github.ref_name }}"}
    """
    result = imported(tmp_path, workflow(steps))
    assert [step(result, name).became for name in "abc"] == [LEFT_IN_CI, "coverage", LEFT_IN_CI]
    assert "`inputs.where`" in step(result, "a").detail


def test_a_matrix_that_another_job_computes(tmp_path: Path) -> None:
    """The tests are the gate's, on the Pythons that the project says; nothing is guessed."""
    job = "strategy: {matrix: {python-version: '${{ fromJSON(needs.a.outputs.b) }}'}}"
    steps = """
    - run: tox -e ${{ matrix.python-version }}-tests
    - {name: types, run: 'tox -e ${{ matrix.python-version }}-types'}
    """
    result = imported(tmp_path, workflow(steps, job))
    assert [each.became for each in result.account[0].steps] == ["test", LEFT_IN_CI]
    assert "Pythons come from another job" in result.account[0].notes[0]
    assert result.tables == {}


def test_a_matrix_of_other_things_is_one_gate_with_a_command_for_each(tmp_path: Path) -> None:
    """On the newest Python of each, and the rest is told."""
    job = "strategy: {matrix: {python: ['3.12', '3.13'], db: [mysql, sqlite]}}"
    result = imported(
        tmp_path, workflow("- run: ./check ${{ matrix.db }} ${{ matrix.python }}", job)
    )
    assert gate(result, "check")["run"] == ["./check mysql 3.13", "./check sqlite 3.13"]


def test_pushgates_own_workflow_asks_for_nothing_new(tmp_path: Path) -> None:
    """Its calls are its gates; the required check is the one that it writes anyway."""
    result = imported(
        tmp_path,
        """
        on: [push, pull_request]
        env: {COMMIT: "${{ github.sha }}"}
        jobs:
          lint:
            runs-on: ubuntu-24.04
            steps: [{run: uv run --locked --only-group ci nox --no-dependencies -s lint}]
          test:
            runs-on: ubuntu-24.04
            strategy: {matrix: {session: [test-3.12, test-3.13], shard: [1, 2]}}
            env: {SESSION: "${{ matrix.session }}", SHARD: "${{ matrix.shard }}/2"}
            steps: [{run: uv run nox --no-dependencies -s "$SESSION" -- --shard "$SHARD"}]
          passed:
            if: always()
            needs: [lint, test]
            runs-on: ubuntu-24.04
            steps: [{if: needs.lint.result != 'success', run: exit 1}]
        """,
    )
    assert [job.steps[0].became for job in result.account] == ["lint", "test", BY_GATES]
    assert result.tables == {"gates": {"test": {"shards": 2}}}


def test_a_project_in_a_folder(tmp_path: Path) -> None:
    """Steps that run in its folder are its own; those elsewhere change there first."""
    text = workflow("- run: pytest\n- run: ./check", "defaults: {run: {working-directory: ./api}}")
    inside = imported(tmp_path, text, "api")
    assert gates(inside) == {"check": {"run": ["./check"]}}
    assert inside.account[0].steps[0].became == "test"
    outside = imported(tmp_path, text)
    assert gate(outside, "pytest")["run"] == ["bash -e -c 'cd api\npytest'"]
    assert gate(outside, "check")["run"] == ["bash -e -c 'cd api\n./check'"]


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("./", "./check"),
        ("web//x/", "bash -e -c 'cd web/x\n./check'"),
        (".github", "bash -e -c 'cd .github\n./check'"),
        ("a/../b", "bash -e -c 'cd b\n./check'"),
        ("packages/${{ matrix.pkg }}", "bash -e -c 'cd packages/one\n./check'"),
    ],
)
def test_a_step_runs_where_it_ran(tmp_path: Path, folder: str, command: str) -> None:
    """However its folder is written, and in each that the matrix makes of it."""
    job = "strategy: {matrix: {pkg: [one, two]}}"
    text = workflow(f"- run: ./check\n  working-directory: {folder}", job)
    found = gate(imported(tmp_path, text), "check")["run"]
    both = [command, command.replace("one", "two")]
    assert found == (both if "matrix" in folder else [command])


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("../up", "outside"),
        ("/tmp", "outside"),  # noqa: S108  # nothing is written
        ("${{ github.workspace }}/a", "only GitHub knows"),
    ],
)
def test_a_step_outside_of_the_repository_is_left(tmp_path: Path, folder: str, reason: str) -> None:
    """A gate has no such folder."""
    result = imported(tmp_path, workflow(f"- run: ./check\n  working-directory: {folder}"))
    assert step(result).became == LEFT_IN_CI
    assert reason in step(result).detail


def test_pythons_text_in_another_folder_is_left(tmp_path: Path) -> None:
    """No shell is there that could change to it."""
    steps = "- {run: print(1), shell: python, working-directory: web}"
    result = imported(tmp_path, workflow(steps))
    assert step(result).became == LEFT_IN_CI


def test_what_a_cell_of_the_matrix_installs_is_there_for_its_command_alone(
    tmp_path: Path,
) -> None:
    """Two versions of one package are two commands; the gate test names what it does not vary."""
    steps = """
    - run: pip install "django~=${{ matrix.django }}" -r ${{ matrix.req }}.txt
    - run: |
        pip install x
        python runtests.py
    - run: pytest
    """
    job = """
    strategy:
      matrix:
        include: [{django: '4.2', req: min}, {django: '5.0', req: max}]
    """
    result = imported(tmp_path, workflow(steps, job))
    start = "uv run --no-project --with"
    assert gate(result, "check")["run"] == [
        f"{start} 'django~=4.2' --with x --with-requirements min.txt -- python runtests.py",
        f"{start} 'django~=5.0' --with x --with-requirements max.txt -- python runtests.py",
    ]
    assert "does not vary django (4.2, 5.0) and req (min, max)" in step(result, "pytest").detail


@pytest.mark.parametrize(
    ("on", "note"),
    [
        ("{push: {paths: ['src/**']}}", "inputs"),
        ("{push: {branches: [main, '*.x']}}", "*.x"),
        ("{push: {branches-ignore: [wip]}}", "not wip"),
        ("[push, issues]", "issues"),
        ("{pull_request: {types: [labeled]}}", "labeled"),
        ("workflow_call", "other workflows call it"),
    ],
)
def test_what_the_triggers_say_beyond_events_is_told(tmp_path: Path, on: str, note: str) -> None:
    """A filter that is not carried over has a note."""
    result = imported(tmp_path, workflow("- run: pytest", on=on))
    assert any(note in each for each in result.notes)
    assert step(result).became == "test"


@pytest.mark.parametrize("on", ["issues", "workflow_dispatch", "{release: {types: [published]}}"])
def test_a_workflow_that_answers_no_event_of_a_gate_is_left(tmp_path: Path, on: str) -> None:
    """It stays as it is, and sets nothing."""
    result = imported(tmp_path, workflow("- run: pytest", on=on))
    assert (step(result).became, result.tables) == (LEFT_IN_CI, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "ci.yml is not YAML: line 1: "),
        ("- a\n- b", "holds no mapping"),
        ("on: push\njobs: {}", "no jobs"),
        ("on: push\njobs: {a: 3}", "jobs.a: expected a mapping"),
        ("on: push\njobs: {a: {steps: [x]}, b: {}}", "jobs.b: expected `steps`"),
    ],
)
def test_what_is_no_workflow_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """Every problem names the file."""
    with pytest.raises(ConfigurationError) as refused:
        imported(tmp_path, text)
    assert any(problem in line for line in refused.value.problems)
    assert all(line.startswith(str(tmp_path / "ci.yml")) for line in refused.value.problems)


@pytest.mark.parametrize("newest", ["3.x", "3", "3.*"])
def test_the_newest_python_is_that_of_the_gates(tmp_path: Path, newest: str) -> None:
    """A workflow that wants the newest Python names none that a gate could lack."""
    setup = f"- {{uses: actions/setup-python@v6, with: {{python-version: '{newest}'}}}}"
    result = imported(tmp_path, workflow(f"{setup}\n- run: mypy"))
    assert step(result, "mypy").became == "types"
    assert "python" not in result.tables


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigurationError, match=r"none\.yml"):
        read(tmp_path / "none.yml")


_THREE_PYTHONS = "strategy: {matrix: {py: ['3.11', '3.12', '3.13']}}"


@pytest.mark.parametrize(
    ("before", "after"), [("- run: make test", ""), ("", "- run: pytest -x"), ("", "- run: tox")]
)
def test_tests_on_one_python_are_not_the_gate_test(tmp_path: Path, before: str, after: str) -> None:
    """They are a gate of their own, and the Pythons are the job's; their condition is told."""
    slow = "- {name: Slow, if: matrix.py == '3.13', run: python -m pytest --cov=a tests/slow}"
    result = imported(tmp_path, workflow(f"{before}\n{slow}\n{after}", _THREE_PYTHONS))
    assert gate(result, "slow") == {"run": ["python -m pytest --cov=a tests/slow"]}
    assert "args" not in gates(result).get("test", {}) or "-x" in after
    assert "coverage" not in result.gates
    assert result.tables["python"] == ["3.11", "3.12", "3.13"]
    told = step(result, "Slow")
    assert told.became == "slow"
    assert "its `if: matrix.py == '3.13'` is not carried over" in told.detail


def test_tests_of_a_schedule_are_not_the_gate_test(tmp_path: Path) -> None:
    """The gate is for changes; what runs at night alone says nothing of it."""
    steps = "- {name: slow, if: github.event_name == 'schedule', run: pytest tests/slow}"
    on = "{push: , schedule: [{cron: '1 2 * * *'}]}"
    result = imported(tmp_path, workflow(steps, on=on))
    assert gates(result) == {"slow": {"run": ["pytest tests/slow"], "on": ["schedule"]}}


def test_steps_that_divide_the_pythons_are_the_gate_test(tmp_path: Path) -> None:
    """One of them measures coverage as well."""
    steps = """
    - {if: matrix.py != '3.13', run: pytest -x}
    - {if: matrix.py == '3.13', run: pytest -x --cov}
    """
    result = imported(tmp_path, workflow(steps, _THREE_PYTHONS))
    assert (gates(result), result.gates) == ({"test": {"args": ["-x"]}}, ("test", "coverage"))
    assert result.tables["python"] == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("before", ["", "- run: pytest tests"])
def test_tests_that_need_a_secret_stay_in_ci(tmp_path: Path, before: str) -> None:
    """No gate has it, whichever step comes before."""
    steps = "- {name: live, run: pytest live --cov, env: {KEY: '${{ secrets.KEY }}'}}"
    told = step(imported(tmp_path, workflow(f"{before}\n{steps}")), "live")
    assert (told.became, told.detail) == (LEFT_IN_CI, "it needs the secret KEY")


def test_pinned_tools_of_the_gates_are_told(tmp_path: Path) -> None:
    """A gate has another version, unless the project requires that one."""
    steps = """
    - {name: tools, run: "pip install ruff==0.5.0 'mypy[d]==1.10' bandit tox==4.1 && echo it"}
    - run: ruff check && ruff format --check
    """
    told = step(imported(tmp_path, workflow(steps)), "tools")
    assert told.became == BY_GATES
    assert "not carried over: ruff==0.5.0, mypy[d]==1.10; a gate has" in told.detail
    assert "tox" not in told.detail


def test_the_python_of_a_container(tmp_path: Path) -> None:
    """Its image says it; that no gate runs in it is told."""
    steps = "- run: pytest"
    result = imported(tmp_path, workflow(steps, "container: ghcr.io/library/python:3.12-slim"))
    assert result.tables == {"python": ["3.12"]}
    [note] = result.account[0].notes
    assert note == "it runs in the container ghcr.io/library/python:3.12-slim: no gate does"
    assert imported(tmp_path, workflow(steps, "container: python:3-slim")).tables == {}


def test_an_axis_of_a_gate_of_its_own(tmp_path: Path) -> None:
    """It runs once where its command is the same for all values, and that is told."""
    job = "strategy: {matrix: {node: [18, 20]}}"
    steps = "- run: npm test\n- run: ./check ${{ matrix.node }}"
    result = imported(tmp_path, workflow(steps, job))
    assert "it does not vary node (18, 20)" in step(result, "npm test").detail
    assert "vary" not in step(result, "./check ${{ matrix.node }}").detail


def test_what_a_person_says_who_starts_a_workflow(tmp_path: Path) -> None:
    """No gate is given it."""
    on = "{push: , workflow_dispatch: {inputs: {level: {type: string}, dry: {type: boolean}}}}"
    notes = imported(tmp_path, workflow("- run: mypy", on=on)).notes
    assert "`on.workflow_dispatch.inputs: level, dry`: no gate is given them" in notes


@pytest.mark.parametrize(
    ("services", "named"),
    [("postgres: {image: postgres}, redis: {image: redis}", "redis"), ("a: {image: x}", "a")],
)
def test_services_that_pushgate_does_not_start(tmp_path: Path, services: str, named: str) -> None:
    """The reason names no PostgreSQL, which Pushgate has."""
    told = step(imported(tmp_path, workflow("- run: ./check", f"services: {{{services}}}")))
    assert told.detail == f"it may need {named}, which Pushgate does not start"
