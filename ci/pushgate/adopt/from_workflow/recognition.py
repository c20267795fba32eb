"""What a command does, by the program that it calls: one recogniser a tool."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pushgate.adopt.from_workflow import environment_runners
from pushgate.adopt.from_workflow.calls import Call
from pushgate.adopt.from_workflow.environment_runners import split, test_findings
from pushgate.adopt.from_workflow.findings import Finding, values
from pushgate.adopt.from_workflow.options import options
from pushgate.adopt.from_workflow.pytest_calls import coverage_finding, percentage, pytest_findings

Recogniser = Callable[[Call, str], tuple[Finding, ...]]
"""Takes the call and the Python (``X.Y``) that it runs on, empty if none is said."""

_RUFF_HARMLESS: Final = frozenset(
    {
        *("--check", "--diff", "--no-fix", "--no-cache", "--show-fixes", "-q", "--quiet"),
        *("-v", "--verbose", "-n", "."),
    }
)

_LOOKING: Final = frozenset({"--check", "--check-only", "-c", "--diff"})


_COVERAGE_HARMLESS: Final = frozenset({"-p", "--parallel-mode", "-a", "--append"})
_ALEMBIC_WITH_VALUE: Final = frozenset({"-c", "--config", "-n", "--name", "-x"})
_ALEMBIC_KEYS: Final = {"-c": "config", "--config": "config", "-n": "section", "--name": "section"}
_ALEMBIC_TRYING: Final = frozenset(
    {"upgrade", "downgrade", "check", "heads", "branches", "current", "history"}
)
_ITS_SETTINGS: Final = "the gate measures what the project's coverage settings say"


def _pytest(call: Call, _python: str) -> tuple[Finding, ...]:
    return pytest_findings(call.arguments)


def _coverage(call: Call, _python: str) -> tuple[Finding, ...]:
    match call.arguments:
        case ("run", *rest):
            words = list(rest)
            left = []
            while words and words[0] not in {"-m", "--module"} and words[0].startswith("-"):
                left.append(words.pop(0))
            if words[:2] not in (["-m", "pytest"], ["--module", "pytest"]):
                return ()
            told = _left([word for word in left if word not in _COVERAGE_HARMLESS], _ITS_SETTINGS)
            return (*pytest_findings(words[2:]), Finding("coverage", {}, told))
        case (
            "combine" | "report" | "html" | "xml" | "json" | "lcov" | "erase" | "annotate",
            *rest,
        ):
            if any(word.startswith(("--include", "--omit", "--contexts")) for word in rest):
                return (Finding("coverage", {}, _left(rest, _ITS_SETTINGS)),)
            under = values(rest, {"--fail-under"})
            return (coverage_finding(percentage(under[0]) if under else None),)
        case _:
            return ()


def _ruff(call: Call, _python: str) -> tuple[Finding, ...]:
    match call.arguments:
        case ("format", *rest):
            return (Finding("lint", {"format": True}, _whole_project(rest)),)
        case ("check", *rest) | ("--fix", *rest):
            return (Finding("lint", {}, _whole_project(rest)),)
        case _:
            return ()


def _whole_project(arguments: Sequence[str]) -> str:
    left = [
        word
        for word in arguments
        if word not in _RUFF_HARMLESS and not word.startswith("--output-format")
    ]
    return _left(left, "the gate looks at the whole project, as `[tool.ruff]` says")


def _left(words: Sequence[str], instead: str) -> str:
    return f"not carried over: `{shlex.join(words)}`; {instead}" if words else ""


def _types(tool: str, *subcommand: str) -> Recogniser:
    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        arguments = call.arguments
        if arguments[: len(subcommand)] != subcommand:
            return ()
        rest = arguments[len(subcommand) :]
        left = [word for word in rest if word not in {".", "--pretty", "--no-error-summary"}]
        where = f"the gate runs {tool} as [tool.{tool}] says, else on the project's sources"
        return (Finding("types", {"tool": tool}, _left(left, where)),)

    return recognise


def _gate(name: str, instead: str, harmless: Sequence[str] = ()) -> Recogniser:
    """Make the recogniser of a tool that a built-in gate runs in its own way."""

    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        left = [word for word in call.arguments if word not in harmless]
        return (Finding(name, {}, _left(left, instead)),)

    return recognise


def _building(*subcommand: str) -> Recogniser:
    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        if call.arguments[: len(subcommand)] != subcommand:
            return ()
        return (Finding("build", {}, "sdist and wheel, checked, the wheel installed alone"),)

    return recognise


def _formatter(name: str) -> Recogniser:
    """Make the recogniser of a tool that changes files unless it is told only to look."""

    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        looks = _LOOKING.intersection(word.partition("=")[0] for word in call.arguments)
        told = "" if looks else "without `--check` it changes your files as well"
        return (Finding(name, {}, told, own=True),)

    return recognise


def _own(name: str, *subcommands: str, detail: str = "") -> Recogniser:
    """Make the recogniser of a tool that becomes a gate of its own."""

    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        if subcommands and not (call.arguments and call.arguments[0] in subcommands):
            return ()
        return (Finding(name, {}, detail, own=True),)

    return recognise


def _alembic(call: Call, _python: str) -> tuple[Finding, ...]:
    words: list[str] = []
    x: list[str] = []
    settings: dict[str, object] = {}
    for option in options(call.arguments, _ALEMBIC_WITH_VALUE):
        if key := _ALEMBIC_KEYS.get(option.name):
            settings[key] = option.value
        elif option.name == "-x" and "=" in option.value and "://" not in option.value:
            x.append(option.value.replace("{", "{{").replace("}", "}}"))
        elif not option.name:
            words.append(option.value)
    settings |= {"x": x} if x else {}
    if not _ALEMBIC_TRYING.issuperset(words[:1]):
        return (Finding("alembic", {}, "it needs the database that its settings name", own=True),)
    return (Finding("migrations", settings, "each migration, on a throw-away PostgreSQL"),)


def _hatch(call: Call, _python: str) -> tuple[Finding, ...]:
    match call.arguments:
        case ("build", *_):
            return _building("build")(call, _python)
        case ("test", *rest):
            arguments, posargs = split(tuple(rest))
            paths = [word for word in arguments if not word.startswith("-")]
            return test_findings((*paths, *posargs), "hatch's matrix and scripts are not")
        case ("fmt", *rest):
            return (Finding("lint", {"format": True}, _whole_project(rest)),)
        case _:
            return ()


RECOGNISERS: Final[Mapping[str, Recogniser]] = {
    "pytest": _pytest,
    "py.test": _pytest,
    "coverage": _coverage,
    "ruff": _ruff,
    "mypy": _types("mypy"),
    "pyright": _types("pyright"),
    "ty": _types("ty", "check"),
    "lint-imports": _gate("imports", "import-linter's own settings hold"),
    "bandit": _gate(
        "security", "medium severity and above, in the sources; `[tool.bandit]` holds", ("-r", "-q")
    ),
    "pip-audit": _gate("audit", "every version in the lock is audited; see gates.audit.ignore"),
    "safety": _gate("audit", "pip-audit asks PyPI's advisories, not Safety's database"),
    "build": _building(),
    "twine": _building("check"),
    "flit": _building("build"),
    "poetry": _building("build"),
    "pdm": _building("build"),
    "uv": _building("build"),
    "tox": environment_runners.tox,
    "nox": environment_runners.nox,
    "hatch": _hatch,
    "black": _formatter("black"),
    "isort": _formatter("isort"),
    "flake8": _own("flake8"),
    "pylint": _own("pylint"),
    "codespell": _own("codespell"),
    "interrogate": _own("interrogate"),
    "vulture": _own("vulture"),
    "deptry": _own("deptry"),
    "pydocstyle": _own("pydocstyle"),
    "pyupgrade": _own("pyupgrade"),
    "check-manifest": _own("check-manifest"),
    "zizmor": _own("zizmor"),
    "pre-commit": _own("pre-commit", "run"),
    "prek": _own("pre-commit", "run"),
    "mkdocs": _own("docs", "build"),
    "sphinx-build": _own("docs"),
    "alembic": _alembic,
    "docker": _own("docker", "build", "buildx"),
}
"""By program; a module that Python runs counts as a program of its name."""


def recognised(call: Call, python: str) -> tuple[Finding, ...]:
    """Tell what a command is; empty: none of the known tools, or a use of one that is unknown."""
    if findings := environment_runners.scripts(call):
        return findings
    if recogniser := RECOGNISERS.get(call.program):
        return recogniser(call, python)
    return ()
