"""The configuration's own language: what is accepted, and how mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from conftest import NOXFILE, Project
from pushgate import cli
from pushgate.gates import audit
from pushgate.gates.own import OwnOptions
from pushgate.gates.registry import BUILT_IN
from pushgate.gates.test import Options as SuiteOptions
from pushgate.model.event import Event
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project

HEAD = '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=@PYTHON@,<4"\n'

EVENTS = "push, push:BRANCH, pull_request, pull_request:BRANCH, tag, tag:NAME, schedule or all"
KEYS = "branches, ci, default-python, gates, python, services, sources, tests, verify-records"
DATE = "a date without quotes, such as 2027-01-31"
NO_SHELL = (
    "expected a command without && | ; > and the like, for no shell runs it: give each "
    "command an entry of its own, quote what is meant so, or write \"sh -c '…'\""
)
NO_RETRIES = (
    "a session of the project's own is Nox's to carry out, here and in CI: let it try again itself"
)
UNAUDITED = "{ package = 'a', reason = 'b', until = 2027-01-31T10:00:00 }"
NAME = "a name of a-z, 0-9, - and _, a letter first"

MANY_MISTAKES = """
[dependency-groups]
dev = [{ include-group = "tests" }]
tests = [{ include-group = "gone" }]
round = [{ include-group = "Round" }]
[tool.pushgate]
branchs = ["main"]
python = ["3.12", "two", 3]
default-python = "3.1"
sources = ["nowhere", ".."]
tests = "tests"
[tool.pushgate.gate.lint]
enabled = true
[tool.pushgate.gates.lnt]
enabled = true
[tool.pushgate.gates.lint]
enabled = "no"
on = ["push:main", "merge"]
after = ["test-3.12"]
[tool.pushgate.gates.test]
shards = 0
workers = "many"
shard = 2
[tool.pushgate.gates.coverage]
fail-under = true
[tool.pushgate.gates.audit]
when-unavailable = "pass"
ignore = [{ id = "CVE-1", reason = "why" }, { id = "CVE-2", reson = "x", until = 2027-01-31 }]
[tool.pushgate.gates.Web]
run = ["npm test"]
[tool.pushgate.gates.docs]
run = "mkdocs build"
needs = ["biuld"]
"""
MANY_MISTAKES_TOLD = [
    "tool.pushgate: unknown key 'branchs': did you mean 'branches'?",
    "tool.pushgate.python[1] = 'two': expected a version such as '3.12'",
    "tool.pushgate.python[2] = 3: expected a string",
    "tool.pushgate.sources[0] = 'nowhere': expected a file or folder of the project",
    "tool.pushgate.sources[1] = '..': expected a file or folder of the project",
    "tool.pushgate.tests = 'tests': expected an array, each a string",
    "tool.pushgate: unknown key 'gate': did you mean 'gates'?",
    "tool.pushgate.gates: unknown gate 'lnt': did you mean 'lint'?",
    "tool.pushgate.gates.lint.enabled = 'no': expected true or false",
    f"tool.pushgate.gates.lint.on[1] = 'merge': expected {EVENTS}",
    "tool.pushgate.gates.lint.after: unknown gate 'test-3.12': did you mean 'test'?",
    "tool.pushgate.gates.test.shards = 0: expected a whole number of at least 1",
    "tool.pushgate.gates.test.workers = 'many': expected a whole number or 'auto'",
    "tool.pushgate.gates.test: unknown key 'shard': did you mean 'shards'?",
    "tool.pushgate.gates.coverage.fail-under = true: expected a whole number or a number",
    "tool.pushgate.gates.audit.when-unavailable = 'pass': expected 'fail' or 'defer'",
    f"tool.pushgate.gates.audit.ignore[0]: 'until' is missing: expected {DATE}",
    "tool.pushgate.gates.audit.ignore[1]: unknown key 'reson': did you mean 'reason'?",
    "tool.pushgate.gates.audit.ignore[1]: 'reason' is missing: expected a string",
    f"tool.pushgate.gates.Web = 'Web': expected {NAME}",
    "tool.pushgate.gates.docs.run = 'mkdocs build': expected an array, each a string",
    "tool.pushgate.gates.docs.needs: unknown gate 'biuld': did you mean 'build'?",
    "dependency-groups: group 'gone' of tests is missing",
    "dependency-groups: group 'round' includes itself",
]


def _problems(project: Project) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as failure:
        of_project(project.root)
    return failure.value.problems


def test_all_mistakes_are_told_at_once(
    make_project: Callable[..., Project],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each mistake has a line with file, key, value and what was expected; the status is 2."""
    project = make_project({"pyproject.toml": HEAD + MANY_MISTAKES})
    monkeypatch.chdir(project.root)
    assert cli.main(["plan"]) == 2
    output = capsys.readouterr()
    told = [f"pushgate: pyproject.toml: {line}" for line in MANY_MISTAKES_TOLD]
    assert (output.out, sorted(output.err.splitlines())) == ("", sorted(told))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[tool]\npushgate = 3", "tool.pushgate = 3: expected a table"),
        ("[tool.pushgate]\ngates = []", "tool.pushgate.gates = []: expected a table"),
        ("[tool.pushgate]\ngates.lint = 1", "tool.pushgate.gates.lint = 1: expected a table"),
        ("[tool.pushgate]\nbranches = []", "tool.pushgate.branches = []: expected at least one"),
        ("[tool.pushgate]\npython = []", "tool.pushgate.python = []: expected at least one"),
        (
            "[tool.pushgate]\nzzz = 1",
            f"tool.pushgate: unknown key 'zzz': there are {KEYS}",
        ),
        (
            '[tool.pushgate]\npython = ["3.12", "3.9"]\ndefault-python = "3.11"',
            "tool.pushgate.default-python = '3.11': expected one of 3.9, 3.12",
        ),
        (
            "[tool.pushgate.gates.lint]\non = 'push'",
            f"tool.pushgate.gates.lint.on = 'push': expected an array, each {EVENTS}",
        ),
        (
            "[tool.pushgate.gates.coverage]\nfail-under = nan",
            (
                "tool.pushgate.gates.coverage.fail-under = nan: expected a number of at least 0 "
                "and at most 100"
            ),
        ),
        (
            "[tool.pushgate]\nverify-records = 5",
            "tool.pushgate.verify-records = 5: expected a number of at least 0 and at most 1",
        ),
        (
            "[tool.pushgate.gates.frontend]\nruns = ['npm test']",
            (
                "tool.pushgate.gates: unknown gate 'frontend': there are "
                f"{', '.join(sorted(BUILT_IN))}; one of your own has `run` or `session`"
            ),
        ),
        (
            "[tool.pushgate.gates.coverage]\nfail-under = -1",
            (
                "tool.pushgate.gates.coverage.fail-under = -1: expected a whole number of at least "
                "0 and at most 100"
            ),
        ),
        (
            f"[tool.pushgate.gates.audit]\nunaudited = [{UNAUDITED}]",
            f"tool.pushgate.gates.audit.unaudited[0].until = 2027-01-31T10:00:00: expected {DATE}",
        ),
        (
            "[tool.pushgate.gates.audit]\nignore = ['CVE-3']",
            "tool.pushgate.gates.audit.ignore[0] = 'CVE-3': expected a table",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = []",
            "tool.pushgate.gates.web.run = []: expected at least one",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = ['echo \"open']",
            "tool.pushgate.gates.web.run[0] = 'echo \"open': expected a command, its quotes closed",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = ['echo \"a \\\" && b\"', 'npm ci && npm test']",
            f"tool.pushgate.gates.web.run[1] = 'npm ci && npm test': {NO_SHELL}",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = ['ls>listing']",
            f"tool.pushgate.gates.web.run[0] = 'ls>listing': {NO_SHELL}",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = [' ']",
            "tool.pushgate.gates.web.run[0] = ' ': expected a command, its quotes closed",
        ),
        (
            "[tool.pushgate.gates.web]\nrun = ['true']\nsession = 'web'",
            "tool.pushgate.gates.web: expected run or session, not both",
        ),
        (
            "[tool.pushgate.gates.web]\nsession = 'web'\nretries = 1",
            f"tool.pushgate.gates.web.retries: {NO_RETRIES}",
        ),
        (
            "[tool.pushgate.gates.lint]\ntimeout = 0",
            "tool.pushgate.gates.lint.timeout = 0: expected a number of at least 0.1",
        ),
    ],
)
def test_a_mistake_is_told(make_project: Callable[..., Project], table: str, told: str) -> None:
    """A mistake is told by one line, and no other line follows from it."""
    project = make_project({"pyproject.toml": f"{HEAD}{table}\n"})
    assert _problems(project) == (f"pyproject.toml: {told}",)


def test_one_mistake_does_not_hide_or_cause_another(make_project: Callable[..., Project]) -> None:
    """What stands beside a mistake is read as it is: no line about Python, which is there."""
    project = make_project(
        {
            "pyproject.toml": '[tool.pushgate]\nbranchs = []\npython = ["3.12"]\n'
            "[tool.pushgate.gates]\nweb.run = 3\nlint.after = ['web', 'Pages']\n"
            "Pages.run = ['true']\n"
        }
    )
    assert _problems(project) == (
        "pyproject.toml: tool.pushgate: unknown key 'branchs': did you mean 'branches'?",
        "pyproject.toml: tool.pushgate.gates.web.run = 3: expected an array, each a string",
        f"pyproject.toml: tool.pushgate.gates.Pages = 'Pages': expected {NAME}",
    )


def test_mistakes_of_the_noxfile_name_the_noxfile(make_project: Callable[..., Project]) -> None:
    """What a noxfile's gate says wrongly is told as the noxfile's, beside pyproject's mistakes."""
    gates = (
        "import pushgate\n"
        '@pushgate.gate(name="test-3.12", after=["lnit"])\ndef one(gate): ...\n'
        '@pushgate.gate(needs=["bild"], after=["types"])\ndef two(gate): ...\n'
    )
    configured = '[tool.pushgate.gates]\ntwo.after = ["tips"]\ntow.enabled = false\n'
    project = make_project(
        {"noxfile.py": gates + "pushgate.register()\n", "pyproject.toml": HEAD + configured}
    )
    assert _problems(project) == (
        "pyproject.toml: tool.pushgate.gates: unknown gate 'tow': did you mean 'two'?",
        "pyproject.toml: tool.pushgate.gates.two.after: unknown gate 'tips': did you mean 'types'?",
        f"noxfile.py: gate = 'test-3.12': expected {NAME}",
        "noxfile.py: gate 'test-3.12': after: unknown gate 'lnit': did you mean 'lint'?",
        "noxfile.py: gate 'two': needs: unknown gate 'bild': did you mean 'build'?",
    )


@pytest.mark.parametrize(
    ("declaration", "told"),
    [
        ("@pushgate.gate(on=['merge'])", f"gate 'a-b': on: 'merge' is no event: expected {EVENTS}"),
        ("@pushgate.gate()\ndef a_b(gate): ...\n@pushgate.gate()", "two gates are called 'a-b'"),
        (
            "@pushgate.gate(inputs='web/**')",
            "gate 'a-b': inputs = 'web/**': expected a list, ['web/**']",
        ),
        ("@pushgate.gate(timeout='5m')", "gate 'a-b': timeout: expected a number of at least 0.1"),
        ("@pushgate.gate(retries=1.5)", "gate 'a-b': retries: expected a number of at least 0"),
        ("@pushgate.gate(fresh_for=-1)", "gate 'a-b': fresh_for: expected a number of at least 0"),
        ("@pushgate.gate(env='CI')", "gate 'a-b': env = 'CI': expected a list, ['CI']"),
        ("@pushgate.gate(images='a:1')", "gate 'a-b': images = 'a:1': expected a list, ['a:1']"),
        ("@pushgate.gate(extras='a')", "gate 'a-b': extras = 'a': expected a list, ['a']"),
        ("@pushgate.gate(groups='a')", "gate 'a-b': groups = 'a': expected a list, ['a']"),
        ("@pushgate.gate(cores=0)", "gate 'a-b': cores: expected a number of at least 1"),
    ],
)
def test_a_declaration_that_cannot_be_used(
    make_project: Callable[..., Project], declaration: str, told: str
) -> None:
    """An event that is none and a name that is taken are told with the gate."""
    noxfile = f"import pushgate\n{declaration}\ndef a_b(gate): ...\npushgate.register()\n"
    project = make_project({"noxfile.py": noxfile, "pyproject.toml": HEAD})
    assert _problems(project) == (f"noxfile.py: {told}",)


def test_a_gate_below_the_registration(make_project: Callable[..., Project]) -> None:
    """Nox refuses a gate that is declared after the registration and would never run."""
    late = "@pushgate.gate()\ndef late(gate): ...\n"
    project = make_project({"noxfile.py": NOXFILE + late, "pyproject.toml": HEAD})
    answer = project.nox("-l")
    assert answer.returncode != 0
    assert "gate 'late' is declared below pushgate.register(): move it above" in answer.stdout


def test_every_kind_of_value_is_read(make_project: Callable[..., Project]) -> None:
    """Tables over defaults, events, dates, unions and tables in arrays arrive as objects."""
    options = """
[tool.pushgate.gates.test]
workers = "auto"
groups = ["tests"]
on = ["pull-request", "push:release/*"]
[tool.pushgate.gates.coverage]
fail-under = 87.5
[tool.pushgate.gates.audit]
ignore = [{ id = "CVE-1", reason = "why", until = 2027-01-31 }]
[tool.pushgate.gates.web]
run = ["npm ci", "npm test"]
environment = false
"""
    gates = of_project(make_project({"pyproject.toml": HEAD + options}).root).settings.gates
    assert gates["test"] == SuiteOptions(
        workers="auto", groups=("tests",), on=(Event("pull_request"), Event("push", "release/*"))
    )
    assert getattr(gates["coverage"], "fail_under", None) == 87.5
    ignore = audit.Ignore(id="CVE-1", reason="why", until=date(2027, 1, 31))
    assert gates["audit"] == audit.Options(ignore=(ignore,))
    assert gates["web"] == OwnOptions(run=("npm ci", "npm test"), environment=False)
