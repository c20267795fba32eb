"""Where a workflow file of GitHub means something else than the definition says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from conftest import Project
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import Definition, of_project
from pushgate.providers import workflow

MakeProject = Callable[..., Project]

FILE: Final = ".github/workflows/ci.yml"

PROJECT: Final = {
    "pyproject.toml": """
[project]
name = "demo"
version = "1"
[tool.pushgate]
branches = ["main", "dev"]
python = ["3.12", "3.13"]
[tool.pushgate.ci]
schedule = ["17 3 * * 1", "1 2 3 4 5"]
[tool.pushgate.gates]
docs = { run = ["true"], on = ["push:main", "schedule"] }
web = { run = ["true"], inputs = ["demo.py"] }
""",
    "demo.py": "",
}

CHANGES: Final = {
    "a removed job": (
        (r"  lint:\n(?:    .*\n)*\n", ""),
        ["job lint: is missing"],
    ),
    "an added job": (
        (r"jobs:\n", "jobs:\n  mine:\n    runs-on: x\n"),
        [
            (
                "job mine: is not of the definition: put it between `# pushgate: keep` and "
                "`# pushgate: end`, or remove it"
            )
        ],
    ),
    "another command": (
        (r"nox --no-dependencies -s lint", "nox -s lint || true"),
        [
            (
                'job lint: steps[2].run: the file has "uv run --no-project --with pushgate==0.1.0 nox -s '
                'lint || true", the definition "uv run --no-project --with pushgate==0.1.0 nox '
                '--no-dependencies -s lint"'
            )
        ],
    ),
    "an added step": (
        (r"( {6}- run: .* -s lint\n)", r"      - run: |\n          curl\n\1"),
        [
            (
                "job lint: step 'curl' is not of the definition: put it between `# pushgate: keep` and "
                "`# pushgate: end`, or remove it"
            )
        ],
    ),
    "a removed step": (
        (r" {6}- run: .* -s lint\n", ""),
        [
            (
                "job lint: step 'uv run --no-project --with pushgate==0.1.0 nox --no-dependencies -s "
                "lint' is missing"
            )
        ],
    ),
    "another action": (
        (r"actions/checkout@", "evil/checkout@"),
        [
            (
                'job plan: steps[0].uses: the file has "evil/checkout", the definition '
                '"actions/checkout"'
            )
        ],
    ),
    "an option of an action": (
        (r"persist-credentials: false", "persist-credentials: true"),
        ["job plan: steps[0].with.persist-credentials: the file has true, the definition false"],
    ),
    "the matrix": (
        (r"session: \[.*\]", "session: [test-3.12]"),
        [
            (
                'job test: strategy.matrix.session: the file has ["test-3.12"], the definition '
                '["test-3.12", "test-3.13"]'
            )
        ],
    ),
    "what of the matrix stops it": (
        (r"fail-fast: false", "fail-fast: true"),
        ["job test: strategy.fail-fast: the file has true, the definition false"],
    ),
    "what a job needs": (
        (r"needs: \[lint, types, build\]", "needs: [lint]"),
        ['job test: needs: the file has ["lint"], the definition ["build", "lint", "types"]'],
    ),
    "what a job needs, all of it": (
        (r" {4}needs: \[lint, types, build\]\n", ""),
        ['job test: needs: is missing: the definition says ["lint", "types", "build"]'],
    ),
    "a trigger's branches": (
        (r"branches: \[main, dev\]", "branches: [main]"),
        ['on.push.branches: the file has ["main"], the definition ["dev", "main"]'],
    ),
    "a removed trigger": (
        (r"  merge_group:\n", ""),
        ["on.merge_group: is missing: the definition says null"],
    ),
    "an added trigger": (
        (r"  merge_group:\n", "  merge_group:\n  pull_request_target:\n"),
        [
            (
                "on.pull_request_target: null is not of the definition: put it between `# pushgate: "
                "keep` and `# pushgate: end`, or remove it"
            )
        ],
    ),
    "the schedule": (
        (r"17 3 \* \* 1", "18 3 * * 1"),
        [
            (
                'on.schedule: the file has [{"cron": "1 2 3 4 5"}, {"cron": "18 3 * * 1"}], the '
                'definition [{"cron": "1 2 3 4 5"}, {"cron": "17 3 * * 1"}]'
            )
        ],
    ),
    "a permission": (
        (r"contents: read", "contents: write"),
        ['job plan: permissions.contents: the file has "write", the definition "read"'],
    ),
    "an added permission": (
        (r"( +)contents: read\n", r"\1contents: read\n\1packages: write\n"),
        [
            (
                'job plan: permissions.packages: "write" is not of the definition: put it between '
                "`# pushgate: keep` and `# pushgate: end`, or remove it"
            )
        ],
    ),
    "the permissions of all jobs": (
        (r"\npermissions: \{\}", "\npermissions: write-all"),
        ['permissions: the file has "write-all", the definition {}'],
    ),
    "a condition": (
        (r"if: always\(\)", "if: success()"),
        ['job passed: if: the file has "success()", the definition "always()"'],
    ),
    "a removed condition": (
        (r" +if: contains.*\n", ""),
        [
            (
                "job web: if: is missing: the definition says "
                "\"contains(fromJSON(needs.plan.outputs.gates), 'web')\""
            )
        ],
    ),
    "a time limit": (
        (r"timeout-minutes: 30", "timeout-minutes: 300"),
        ["job lint: timeout-minutes: the file has 300, the definition 30"],
    ),
    "for how long an artifact is kept": (
        (r"retention-days: 7", "retention-days: 90"),
        ["job build: steps[3].with.retention-days: the file has 90, the definition 7"],
    ),
    "what an artifact is": (
        (r"path: .pushgate/out/build", "path: ."),
        [('job build: steps[3].with.path: the file has ".", the definition ".pushgate/out/build"')],
    ),
    "what ends superseded runs": (
        (r"cancel-in-progress: true", "cancel-in-progress: false"),
        ["concurrency.cancel-in-progress: the file has false, the definition true"],
    ),
    "a removed section": (
        (r"concurrency:\n(?:  .*\n)+", ""),
        [
            (
                'concurrency: is missing: the definition says {"group": "${{ github.workflow }}-${{ '
                'github.event.pull_request.number || github.run_id }}", "cancel-in-progress": true}'
            )
        ],
    ),
    "the machine": (
        (r"runs-on: ubuntu-24.04", "runs-on: self-hosted"),
        ['job plan: runs-on: the file has "self-hosted", the definition "ubuntu-24.04"'],
    ),
    "a text in place of a number": (
        (r"shard: \[1, 2, 3, 4\]", 'shard: ["1", 2, 3, 4]'),
        [
            (
                'job test: strategy.matrix.shard: the file has ["1", 2, 3, 4], the definition '
                "[1, 2, 3, 4]"
            )
        ],
    ),
}
"""What is replaced by what, where it comes first, and all that is told of it."""

SAME: Final = {
    "a pin": (r"(actions/checkout)@\w+ # v\S+", r"\1@" + "a" * 40 + " # v99"),
    "a pin by a tag": (r"(actions/checkout)@\w+ # v\S+", r"\1@v99"),
    "comments": (r"\n  (\w+):\n", r"\n\n  # about it\n  \1: # this\n"),
    "no comments": (r" *#.*", ""),
    "empty lines": (r"\n\n", "\n"),
    "the order of needs": (r"\[lint, types, build\]", "[build, lint, types]"),
    "the order of branches": (r"\[main, dev\]", "[dev, main]"),
    "the order of the matrix": (r"\[1, 2, 3, 4\]", "[4, 1, 2, 3]"),
    "the order of keys": (r"( +runs-on: .*\n)( +timeout-minutes: .*\n)", r"\2\1"),
    "the order of times": (r"(    - cron: .*\n)(    - cron: .*\n)", r"\2\1"),
    "lists over several lines": (r"needs: \[test\]", "needs:\n      - test"),
    "a list of one": (r"needs: \[test\]", "needs: test"),
    "quotes": (r"name: lint\n", "name: 'lint'\n"),
    "a block's style": (r"- run: (.* -s lint)\n", r"- run: |\n          \1\n"),
    "a kept block": (
        r"jobs:\n",
        "jobs:\n  # pushgate: keep\n  mine:\n    runs-on: x\n  # pushgate: end\n",
    ),
}
"""What is replaced by what, everywhere, without a change of meaning."""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project with its workflow."""
    project = make_project(PROJECT)
    assert list(workflow.write(of_project(project.root), [])) == [f"wrote {FILE}"]
    return project


def _told(definition: Definition) -> list[str]:
    return [
        line.removeprefix(f"{FILE}: ")
        for line in workflow.check(definition, workflow.chosen(definition, "github"))
    ]


def _changed(project: Project, pattern: str, text: str, count: int) -> list[str]:
    file = project.root / FILE
    before = file.read_text(encoding="utf-8")
    after = re.sub(pattern, text, before[80:], count=count)
    assert after != before[80:]
    file.write_text(before[:80] + after, encoding="utf-8")
    return _told(of_project(project.root))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(project: Project, change: str) -> None:
    """Each change of what the file means is told in one line, which names the job."""
    (pattern, text), expected = CHANGES[change]
    assert _changed(project, pattern, text, 1) == expected


@pytest.mark.parametrize("change", SAME)
def test_what_changes_no_meaning_is_none(project: Project, change: str) -> None:
    """A pin, a comment, an order, a way of writing or a kept block is no drift."""
    assert _changed(project, *SAME[change], 0) == []


def test_all_jobs_are_compared_in_any_order(project: Project) -> None:
    """The order of the jobs means nothing; a drift in each of two is told."""
    file = project.root / FILE
    head, _, jobs = file.read_text(encoding="utf-8").partition("jobs:\n")
    turned = "\n".join(reversed(re.split(r"\n(?=  \w+:\n)", jobs)))
    turned = turned.replace("name: lint", "name: x").replace("name: types", "name: y")
    file.write_text(f"{head}jobs:\n{turned}", encoding="utf-8")
    assert _told(of_project(project.root)) == [
        'job lint: name: the file has "x", the definition "lint"',
        'job types: name: the file has "y", the definition "types"',
    ]


def test_a_change_of_the_definition_is_told(project: Project) -> None:
    """What changes in the definition is a drift of the file, until it is written anew."""
    file = project.root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"3.13"]', '"3.13", "3.14"]'), encoding="utf-8")
    definition = of_project(project.root)
    assert _told(definition) == [
        (
            'job test: strategy.matrix.session: the file has ["test-3.12", "test-3.13"], the '
            'definition ["test-3.12", "test-3.13", "test-3.14"]'
        )
    ]
    assert list(workflow.write(definition, [])) == [f"changed {FILE}"]
    assert _told(definition) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jobs:\n  a: 1\n  a: 2\n", "is not YAML: .*duplicate key"),
        ("jobs: [\n", "is not YAML: "),
        ("- a\n", "holds no mapping"),
        ("", "holds no mapping"),
    ],
)
def test_a_file_that_cannot_be_read(project: Project, text: str, problem: str) -> None:
    """What is no YAML, or no mapping, is an error and no drift."""
    file = project.root / FILE
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    file.write_text(f"{first}\n{text}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=problem):
        _told(of_project(project.root))


@pytest.mark.parametrize("jobs", ["", "jobs:\n", "jobs: text\n", "jobs: [lint]\n"])
def test_a_file_without_jobs(project: Project, jobs: str) -> None:
    """Where there are no jobs at all, each is missing."""
    file = project.root / FILE
    head = file.read_text(encoding="utf-8").partition("jobs:\n")[0]
    file.write_text(head + jobs, encoding="utf-8")
    assert {"job lint: is missing", "job passed: is missing"} <= set(
        _told(of_project(project.root))
    )
