"""What a command does, by the program that it calls: one recogniser a tool."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushgate.adopt.calls import Call
from pushgate.adopt.pytest_calls import percentage, pytest_options


@dataclass(frozen=True)
class Finding:
    """What a command is in Pushgate's words.

    Attributes:
        gate: The gate that does it.
        settings: Keys of the gate's table.
        detail: What is not carried over, or to be known.
        own: Whether it is a gate of its own, which runs the same command.
        instead: Words of the command that the gate has other words for.
    """

    gate: str
    settings: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
    own: bool = False
    instead: Mapping[str, str] = field(default_factory=dict)


Recogniser = Callable[[Call, str], tuple[Finding, ...]]
"""Takes the call and the Python (``X.Y``) that it runs on, empty if none is said."""

_ENV_OPTIONS: Final = frozenset({"-e", "-s", "--env", "--session", "--sessions"})
_PYTHON_FACTOR: Final = re.compile(r"py(?:\d(?:\.?\d+)?t?)?|3\.(?:\d+|\ue000)t?|pypy[\d.]*")
_TEST_FACTORS: Final = frozenset(
    [
        "test",
        "tests",
        "testing",
        "unit",
        "unittest",
        "unittests",
        "pytest",
        "cov",
        "coverage",
        "nocov",
        "ci",
        "all",
    ]
)
_TEST_SCRIPTS: Final = frozenset(
    ["test", "tests", "cov", "test-cov", "cov-test", "coverage", "unit"]
)
_BUILT_IN: Final = frozenset(
    ["lint", "types", "imports", "build", "test", "coverage", "security", "audit", "workflow"]
)


def _pytest(call: Call, _python: str) -> tuple[Finding, ...]:
    options = pytest_options(call.arguments)
    settings: dict[str, object] = {}
    if options.args:
        settings["args"] = list(options.args)
    if options.workers is not None:
        settings["workers"] = options.workers
    if options.shards:
        settings["shards"] = options.shards
    detail = f"its own way of showing: not `{shlex.join(options.left)}`" if options.left else ""
    findings = [Finding("test", settings, detail)]
    if options.covers:
        findings.append(_coverage_of(options.fail_under))
    return tuple(findings)


def _coverage_of(fail_under: float | None) -> Finding:
    return Finding("coverage", {} if fail_under is None else {"fail-under": fail_under})


def _coverage(call: Call, python: str) -> tuple[Finding, ...]:
    match call.arguments:
        case ("run", *rest):
            words = list(rest)
            while words and words[0] not in {"-m", "--module"} and words[0].startswith("-"):
                words.pop(0)
            if words[:2] in (["-m", "pytest"], ["--module", "pytest"]):
                return (*_pytest(Call("pytest", tuple(words[2:]), ()), python), Finding("coverage"))
            return ()
        case (
            "combine" | "report" | "html" | "xml" | "json" | "lcov" | "erase" | "annotate",
            *rest,
        ):
            under = _values(rest, {"--fail-under"})
            return (_coverage_of(percentage(under[0]) if under else None),)
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


_RUFF_HARMLESS: Final = frozenset(
    [
        "--check",
        "--diff",
        "--no-fix",
        "--no-cache",
        "--show-fixes",
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "-n",
        ".",
    ]
)


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


def _own(name: str, *subcommands: str, detail: str = "") -> Recogniser:
    """Make the recogniser of a tool that becomes a gate of its own."""

    def recognise(call: Call, _python: str) -> tuple[Finding, ...]:
        if subcommands and not (call.arguments and call.arguments[0] in subcommands):
            return ()
        return (Finding(name, {}, detail, own=True),)

    return recognise


def _tox(call: Call, _python: str) -> tuple[Finding, ...]:
    arguments, posargs = _split(call.arguments)
    envs = [env for text in _values(arguments, _ENV_OPTIONS) for env in text.split(",") if env]
    chosen_otherwise = {"-f", "-m", "-l", "--listenvs", "list", "l", "config"} & {*arguments}
    variables = (call.variables.get(name, "") for name in ("TOXENV", "TOX_ENV"))
    envs = envs or [env for text in variables for env in text.split(",") if env]
    if not envs and not chosen_otherwise:
        if not _python:
            return (Finding("tox", {}, "all its environments", own=True),)
        return _tests(posargs, "what tox-gh chooses for each Python besides tests is not")
    tests = [env for env in envs if is_test_environment(env)]
    found = _tests(posargs, "commands and deps of tox.ini are not") if tests else ()
    rest = [env for env in envs if env not in tests]
    if rest or chosen_otherwise:
        labels = _values(arguments, {"-f", "-m"}, several=True)
        name = _slug("-".join(["tox", *dict.fromkeys(map(_without_python, rest)), *labels]))
        instead = {",".join(envs): ",".join(rest)} if tests else {}
        found = (*found, Finding(name, own=True, instead=instead))
    return found


def _tests(posargs: tuple[str, ...], not_carried: str) -> tuple[Finding, ...]:
    first, *others = _pytest(Call("pytest", posargs, ()), "")
    told = f"the gate runs pytest itself on each Python; {not_carried} carried over"
    return (Finding("test", first.settings, told), *others)


def is_test_environment(name: str) -> bool:
    """Tell whether an environment of tox is, by its name, the tests on some Python."""
    factors = name.split("-")
    rest = [factor for factor in factors if not _PYTHON_FACTOR.fullmatch(factor)]
    return len(rest) < len(factors) and _TEST_FACTORS.issuperset(rest)


def _without_python(env: str) -> str:
    factors = [factor for factor in env.split("-") if not _PYTHON_FACTOR.fullmatch(factor)]
    return "-".join(factors) or env


def _nox(call: Call, python: str) -> tuple[Finding, ...]:
    arguments, posargs = _split(call.arguments)
    sessions = _values(arguments, _ENV_OPTIONS, several=True)
    told = f"session {{}} of the noxfile{'; not its arguments ' + shlex.join(posargs) if posargs else ''}"
    findings: list[Finding] = []
    for session in sessions:
        # Without its parameters a session is all of them.
        bare = session.partition("(")[0]
        bare = bare.removesuffix(f"-{python}") if python else bare
        name = _slug(bare)
        detail = told.format(bare)
        if name == "tests":
            detail += "; the gate test runs pytest, too: keep one of them"
        findings.append(Finding(name, {"session": bare}, detail))
        if name == "test":
            findings.append(
                Finding("coverage", {"enabled": False}, "the session leaves no data for it")
            )
    return tuple(findings)


def _hatch(call: Call, _python: str) -> tuple[Finding, ...]:
    match call.arguments:
        case ("build", *_):
            return _building("build")(call, _python)
        case ("test", *rest):
            arguments, posargs = _split(tuple(rest))
            paths = [word for word in arguments if not word.startswith("-")]
            return _tests((*paths, *posargs), "hatch's matrix and scripts are not")
        case ("fmt", *rest):
            return (Finding("lint", {"format": True}, _whole_project(rest)),)
        case _:
            return ()


def _values(
    arguments: Sequence[str], names: frozenset[str] | set[str], *, several: bool = False
) -> list[str]:
    """Return what options were given, written as ``-s X``, ``-sX`` or ``--session=X``."""
    found: list[str] = []
    taking = False
    for word in arguments:
        name, equals, value = word.partition("=")
        if taking and not word.startswith("-"):
            found.append(word)
            taking = several
        elif equals and name in names:
            found.append(value)
            taking = False
        elif word[:2] in names and len(word) > 2 and not word.startswith("--"):  # noqa: PLR2004  # -spy
            found.append(word[2:])
            taking = False
        else:
            taking = word in names
    return found


def _split(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if "--" not in arguments:
        return arguments, ()
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    return slug if re.match(r"[a-z]", slug) else f"gate-{slug}".rstrip("-")


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
    "tox": _tox,
    "nox": _nox,
    "hatch": _hatch,
    "black": _own("black"),
    "isort": _own("isort"),
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
    "alembic": _own("alembic", detail="it needs the database that its settings name"),
    "docker": _own("docker", "build", "buildx"),
}
"""By program; a module that Python runs counts as a program of its name."""

_SCRIPTS: Final = frozenset({"hatch", "pdm", "rye", "pixi"})


def recognised(call: Call, python: str) -> tuple[Finding, ...]:
    """Tell what a command is; empty: none of the known tools, or a use of one that is unknown."""
    if recogniser := RECOGNISERS.get(call.program):
        return recogniser(call, python)
    if call.runner in _SCRIPTS and call.program in _TEST_SCRIPTS:
        return _tests((), f"{call.runner}'s script {call.program} is not")
    return ()


_PUBLISHING: Final[Mapping[str, frozenset[str]]] = {
    "twine": frozenset({"upload"}),
    "uv": frozenset({"publish"}),
    "poetry": frozenset({"publish"}),
    "pdm": frozenset({"publish"}),
    "hatch": frozenset({"publish"}),
    "flit": frozenset({"publish"}),
    "mkdocs": frozenset({"gh-deploy"}),
    "mike": frozenset({"deploy", "set-default"}),
    "docker": frozenset({"push", "login"}),
    "git": frozenset({"push", "tag", "commit"}),
    "npm": frozenset({"publish"}),
}
_DEPLOYING: Final = frozenset(
    [
        "gh",
        "aws",
        "gcloud",
        "az",
        "kubectl",
        "helm",
        "terraform",
        "flyctl",
        "heroku",
        "ssh",
        "scp",
        "rsync",
        "ansible-playbook",
    ]
)
_MACHINE: Final = frozenset(
    [
        "sudo",
        "apt",
        "apt-get",
        "apk",
        "yum",
        "dnf",
        "brew",
        "choco",
        "snap",
        "conda",
        "mamba",
        "micromamba",
        "locale-gen",
    ]
)
_SENDING: Final = frozenset({"codecov", "codecovcli", "coveralls", "codeclimate"})


def left_because(call: Call) -> str:
    """Tell why a command is no gate's; empty: it may be one."""
    if call.program in _DEPLOYING:
        return f"`{call.program}` works on what is elsewhere"
    if _PUBLISHING.get(call.program, frozenset()) & {*call.arguments[:1]}:
        return f"`{call.program} {call.arguments[0]}` publishes"
    if call.program in _MACHINE:
        return (
            f"`{call.program}` prepares the machine: keep it in a `# pushgate: keep` block of the "
            "jobs that need it"
        )
    if call.program in _SENDING:
        return f"`{call.program}` sends the coverage elsewhere; `ci.codecov` does it for Codecov"
    if call.program == "nox" and not _nox(call, ""):
        return "which sessions it runs, the noxfile says: name each as a gate with `session = …`"
    return ""


_SHOWS: Final = frozenset(
    [
        "echo",
        "ls",
        "pwd",
        "env",
        "printenv",
        "uname",
        "which",
        "whoami",
        "date",
        "df",
        "free",
        "tree",
    ]
)


def only_shows(call: Call) -> bool:
    """Tell whether a command checks nothing: it shows, or makes a folder to be cached."""
    versions = {"--version", "-V", "version", "-VV"}
    return call.program in _SHOWS or call.arguments[:1] in {(word,) for word in versions}


def gate_name(text: str, taken: Sequence[str] = ()) -> str:
    """Return the name of a gate of its own, made from a text, that no other gate has.

    Args:
        text: What it is about.
        taken: The names that are taken besides those of built-in gates.
    """
    slug = _slug(text)[:40].strip("-_")
    reserved = {*_BUILT_IN, *taken, "plan", "passed", "pages"}
    candidates = [slug, f"ci-{slug}", *(f"{slug}-{number}" for number in range(2, 1000))]
    return next(name for name in candidates if name not in reserved)
