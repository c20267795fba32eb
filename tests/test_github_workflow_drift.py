"""Where a workflow file of GitHub means something else than the definition says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from conftest import NOXFILE, Project
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.providers import github, pipeline, workflow
from pushgate.providers.pipeline import Pipeline

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
    "noxfile.py": NOXFILE,
}
NOX: Final = f"uv run --no-project --with pushgate=={version('pushgate')} nox"

ADDED: Final = (
    "is not of the definition: put it between `# pushgate: keep` and `# pushgate: end`, "
    "or remove it"
)

CHANGES: Final = {
    "a removed job": (
        r"  lint:\n(?:    .*\n)*\n",
        "",
        "job lint: is missing",
    ),
    "an added job": (
        r"jobs:\n",
        "jobs:\n  mine:\n    runs-on: x\n",
        f"job mine: {ADDED}",
    ),
    "another command": (
        r"nox --no-dependencies -s lint",
        "nox -s lint || true",
        (
            f'job lint: steps[2].run: the file has "{NOX} -s lint || true", the definition '
            f'"{NOX} --no-dependencies -s lint"'
        ),
    ),
    "an added step": (
        r"( {6}- run: .* -s lint\n)",
        r"      - run: |\n          curl\n\1",
        f"job lint: step 'curl' {ADDED}",
    ),
    "a removed step": (
        r" {6}- run: .* -s lint\n",
        "",
        f"job lint: step '{NOX} --no-dependencies -s lint' is missing",
    ),
    "another action": (
        r"actions/checkout@",
        "evil/checkout@",
        (
            'job plan: steps[0].uses: the file has "evil/checkout", the definition '
            '"actions/checkout"'
        ),
    ),
    "an option of an action": (
        r"persist-credentials: false",
        "persist-credentials: true",
        (
            'job plan: steps[0].with.persist-credentials: the file has "true", '
            'the definition "false"'
        ),
    ),
    "the matrix": (
        r"session: \[.*\]",
        "session: [test-3.12]",
        (
            'job test: strategy.matrix.session: the file has ["test-3.12"], the '
            'definition ["test-3.12", "test-3.13"]'
        ),
    ),
    "what of the matrix stops it": (
        r"fail-fast: false",
        "fail-fast: true",
        "job test: strategy.fail-fast: the file has true, the definition false",
    ),
    "what a job needs": (
        r"needs: \[lint, types, build\]",
        "needs: [lint]",
        ('job test: needs: the file has ["lint"], the definition ["build", "lint", "types"]'),
    ),
    "what a job needs, all of it": (
        r" {4}needs: \[lint, types, build\]\n",
        "",
        ('job test: needs: is missing: the definition says ["lint", "types", "build"]'),
    ),
    "a trigger's branches": (
        r"branches: \[main, dev\]",
        "branches: [main]",
        'on.push.branches: the file has ["main"], the definition ["dev", "main"]',
    ),
    "what of a pull request triggers": (
        r", edited\]",
        "]",
        (
            'on.pull_request.types: the file has ["opened", "reopened", "synchronize"], the '
            'definition ["edited", "opened", "reopened", "synchronize"]'
        ),
    ),
    "a removed trigger": (
        r"  merge_group:\n",
        "",
        "on.merge_group: is missing: the definition says null",
    ),
    "an added trigger": (
        r"  merge_group:\n",
        "  merge_group:\n  pull_request_target:\n",
        f"on.pull_request_target: null {ADDED}",
    ),
    "the schedule": (
        r"17 3 \* \* 1",
        "18 3 * * 1",
        (
            'on.schedule: the file has [{"cron": "1 2 3 4 5"}, {"cron": "18 3 * * 1"}], '
            'the definition [{"cron": "1 2 3 4 5"}, {"cron": "17 3 * * 1"}]'
        ),
    ),
    "a permission": (
        r"contents: read",
        "contents: write",
        ('job plan: permissions.contents: the file has "write", the definition "read"'),
    ),
    "an added permission": (
        r"( +)contents: read\n",
        r"\1contents: read\n\1packages: write\n",
        f'job plan: permissions.packages: "write" {ADDED}',
    ),
    "the permissions of all jobs": (
        r"\npermissions: \{\}",
        "\npermissions: write-all",
        'permissions: the file has "write-all", the definition {}',
    ),
    "a condition": (
        r"if: always\(\)",
        "if: success()",
        'job passed: if: the file has "success()", the definition "always()"',
    ),
    "a removed condition": (
        r" +if: contains.*\n",
        "",
        (
            "job web: if: is missing: the definition says "
            "\"contains(fromJSON(needs.plan.outputs.gates || '[]'), 'web')\""
        ),
    ),
    "a time limit": (
        r"timeout-minutes: 30",
        "timeout-minutes: 300",
        "job lint: timeout-minutes: the file has 300, the definition 30",
    ),
    "for how long an artifact is kept": (
        r"retention-days: 7",
        "retention-days: 90",
        'job build: steps[3].with.retention-days: the file has "90", the definition "7"',
    ),
    "what an artifact is": (
        r"path: .pushgate/out/build",
        "path: .",
        ('job build: steps[3].with.path: the file has ".", the definition ".pushgate/out/build"'),
    ),
    "what ends superseded runs": (
        r"cancel-in-progress: true",
        "cancel-in-progress: false",
        "concurrency.cancel-in-progress: the file has false, the definition true",
    ),
    "a removed section": (
        r"concurrency:\n(?:  .*\n)+",
        "",
        (
            'concurrency: is missing: the definition says {"group": "pushgate-${{ '
            "github.workflow }}-${{ github.event.pull_request.number || github.run_id "
            '}}", "cancel-in-progres…'
        ),
    ),
    "the machine": (
        r"runs-on: ubuntu-24.04",
        "runs-on: self-hosted",
        ('job plan: runs-on: the file has "self-hosted", the definition "ubuntu-24.04"'),
    ),
    "a text in place of a number": (
        r"shard: \[1, 2, 3, 4\]",
        'shard: ["1", 2, 3, 4]',
        (
            'job test: strategy.matrix.shard: the file has ["1", 2, 3, 4], the '
            "definition [1, 2, 3, 4]"
        ),
    ),
}
"""What is replaced by what, where it comes first, and what is told of it."""

SAME: Final = {
    "a pin": (r"(actions/checkout)@\w+ # v\S+", r"\1@" + "a" * 40 + " # v99"),
    "a pin by a tag": (r"(actions/checkout)@\w+ # v\S+", r"\1@v99"),
    "comments": (r"\n  (\w+):\n", r"\n\n  # about it\n  \1: # this\n"),
    "no comments": (r" *#.*", ""),
    "empty lines": (r"\n\n", "\n"),
    "the order of needs": (r"\[lint, types, build\]", "[build, lint, types]"),
    "the order of branches": (r"\[main, dev\]", "[dev, main]"),
    "the order of types": (r"\[opened, synchronize", "[synchronize, opened"),
    "the order of the matrix": (r"\[1, 2, 3, 4\]", "[4, 1, 2, 3]"),
    "the order of keys": (r"( +runs-on: .*\n)( +timeout-minutes: .*\n)", r"\2\1"),
    "the order of times": (r"(    - cron: .*\n)(    - cron: .*\n)", r"\2\1"),
    "lists over several lines": (r"needs: \[test\]", "needs:\n      - test"),
    "a list of one": (r"needs: \[test\]", "needs: test"),
    "quotes": (r"name: lint\n", "name: 'lint'\n"),
    "quotes around an action's input": (r"retention-days: (\d+)", r'retention-days: "\1"'),
    "an event's empty mapping": (r"merge_group:\n", "merge_group: {}\n"),
    "the braces of a condition": (r"if: failure\(\)", "if: ${{ failure() }}"),
    "a block's style": (r"- run: (.* -s lint)\n", r"- run: |\n          \1\n"),
    "a kept block": (
        r"jobs:\n",
        "jobs:\n  # pushgate: keep\n  mine:\n    runs-on: x\n  # pushgate: end\n",
    ),
}
"""What is replaced by what, everywhere, without a change of meaning."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, which no test changes."""
    project = Project(tmp_path_factory.mktemp("drift"))
    project.write(PROJECT)
    project.git("init", "--quiet")
    project.git("add", "--all")
    return project.root


@pytest.fixture(scope="module")
def content(root: Path) -> Pipeline:
    """What its workflow has to say."""
    return pipeline.of(of_project(root))


@pytest.fixture(scope="module")
def file(content: Pipeline) -> str:
    """Its workflow file."""
    return github.written(content, "")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(content: Pipeline, file: str, change: str) -> None:
    """Each change of what the file means is told in one line, which names the job."""
    pattern, text, line = CHANGES[change]
    changed = re.sub(pattern, text, file, count=1)
    assert changed != file
    assert workflow.differences(github, content, changed) == [line]


@pytest.mark.parametrize("change", SAME)
def test_what_changes_no_meaning_is_none(content: Pipeline, file: str, change: str) -> None:
    """A pin, a comment, an order, a way of writing or a kept block is no drift."""
    pattern, text = SAME[change]
    changed = re.sub(pattern, text, file)
    assert changed != file
    assert workflow.differences(github, content, changed) == []


BLOCKS: Final = {
    "a key once more": (
        "    timeout-minutes: 30\n",
        "    timeout-minutes: 60\n",
        r"with its kept blocks, is not YAML: .*duplicate key",
    ),
    "a job once more": (
        "jobs:\n",
        "  lint:\n    runs-on: x\n",
        r"with its kept blocks, is not YAML: .*duplicate key",
    ),
    "an open text": ("jobs:\n", '  mine: "open\n', r"is not YAML: "),
    "a job that takes what comes after it": (
        "    name: lint\n",
        "  mine:\n    name: mine\n",
        r"job lint: runs-on: \S+ is changed by a kept block: it may only add",
    ),
    "a step within a step": (
        "      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n",
        "      - run: mine\n",
        r"job plan: steps\[0\]: .* is changed by a kept block: it may only add",
    ),
    "failures that do not count": (
        "    name: lint\n",
        "    continue-on-error: true\n",
        r"job lint: continue-on-error: a kept block must not decide whether what is ours counts",
    ),
}
"""After which line a block stands, its content, and what is told."""


def _told(ask: Callable[[], Sequence[str]]) -> Sequence[str]:
    try:
        return ask()
    except ConfigurationError as error:
        return error.problems


@pytest.mark.parametrize("change", BLOCKS)
def test_a_kept_block_only_adds(content: Pipeline, file: str, change: str) -> None:
    """What a block makes of the rest of the file is told, and is not written."""
    after, block, told = BLOCKS[change]
    marked = f"{after}    # pushgate: keep\n{block}    # pushgate: end\n"
    changed = file.replace(after, marked, 1)
    assert changed != file
    lines = _told(lambda: workflow.differences(github, content, changed))
    assert any(re.search(told, line) for line in lines), lines
    # Between what is ours it may find a better place; else it is told again.
    again = _told(
        lambda: workflow.differences(github, content, workflow.rendered(github, content, changed))
    )
    assert not again or re.search(told, again[0])


def test_a_kept_block_adds_whatever_it_likes(content: Pipeline, file: str) -> None:
    """A job, a step, an event and a key beside ours are no drift, and stay."""
    added = file
    for after, block in (
        ("jobs:\n", "  mine:\n    if: always()\n    runs-on: x\n"),
        ("  merge_group:\n", "  repository_dispatch:\n"),
        ("    name: lint\n", "    services:\n      db:\n        image: x\n"),
        ("    steps:\n", "      - run: mine\n        continue-on-error: true\n"),
    ):
        marked = f"{after}    # pushgate: keep\n{block}    # pushgate: end\n"
        added = added.replace(after, marked, 1)
    assert workflow.differences(github, content, added) == []
    assert workflow.rendered(github, content, added) == added


def test_all_jobs_are_compared_in_any_order(content: Pipeline, file: str) -> None:
    """The order of the jobs means nothing; a drift in each of two is told."""
    head, _, jobs = file.partition("jobs:\n")
    turned = "\n".join(reversed(re.split(r"\n(?=  \w+:\n)", jobs)))
    turned = turned.replace("name: lint", "name: x").replace("name: types", "name: y")
    assert workflow.differences(github, content, f"{head}jobs:\n{turned}") == [
        'job lint: name: the file has "x", the definition "lint"',
        'job types: name: the file has "y", the definition "types"',
    ]


def test_a_change_of_the_definition_is_told(make_project: MakeProject) -> None:
    """What changes in the definition is a drift of the file, until it is written anew."""
    project = make_project(PROJECT)
    assert list(workflow.write(of_project(project.root), [])) == [f"wrote {FILE}"]
    file = project.root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"3.13"]', '"3.13", "3.14"]'), encoding="utf-8")
    definition = of_project(project.root)
    providers = workflow.chosen(definition, None)
    assert list(workflow.check(definition, providers)) == [
        (
            f'{FILE}: job test: strategy.matrix.session: the file has ["test-3.12", "test-3.13"], '
            'the definition ["test-3.12", "test-3.13", "test-3.14"]'
        )
    ]
    first, line, last = workflow.write(definition, providers)
    assert (first, last) == (f"{FILE} said something else, which goes:", f"changed {FILE}")
    assert line.startswith("  job test: strategy.matrix.session: the file has ")
    assert list(workflow.check(definition, providers)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jobs:\n  a: 1\n  a: 2\n", "is not YAML: .*duplicate key"),
        ("jobs: [\n", "is not YAML: "),
        ("- a\n", "holds no mapping"),
        ("", "holds no mapping"),
        ("# pushgate: keep\n", "a kept block does not end"),
        ("#pushgate:keep\n", "'#pushgate:keep' is no mark: `# pushgate: keep` and"),
        ("# pushgate: keep my jobs\n", "'# pushgate: keep my jobs' is no mark"),
    ],
)
def test_a_file_that_cannot_be_read(content: Pipeline, text: str, problem: str) -> None:
    """What is no YAML, or no mapping, is an error and no drift."""
    with pytest.raises(ConfigurationError, match=problem):
        workflow.differences(github, content, text)


@pytest.mark.parametrize("jobs", ["", "jobs:\n", "jobs: text\n", "jobs: [lint]\n"])
def test_a_file_without_jobs(content: Pipeline, file: str, jobs: str) -> None:
    """Where there are no jobs at all, each is missing."""
    head = file.partition("jobs:\n")[0]
    missing = {"job lint: is missing", "job passed: is missing"}
    assert missing <= set(workflow.differences(github, content, head + jobs))
