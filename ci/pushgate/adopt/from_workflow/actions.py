"""What GitHub's actions are in Pushgate's words: a table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.from_workflow.findings import Finding
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.workflow_reading import Texts


@dataclass(frozen=True)
class Meaning:
    """What a step that uses an action is.

    Attributes:
        findings: The gates that do it.
        command: What a gate of its own runs instead, in the words of a shell's command.
        installed: What it installs; None: it is no installation.
        left: Why it is left in CI; empty: it is not.
        detail: What is to be known.
    """

    findings: tuple[Finding, ...] = ()
    command: str = ""
    installed: Installed | None = None
    left: str = ""
    detail: str = ""


def _installs(*packages: str, detail: str = "") -> Meaning:
    return Meaning(installed=Installed(packages=packages), detail=detail)


def _machine(what: str) -> Meaning:
    reason = (
        f"it prepares the machine ({what}): keep it in a `# pushgate: keep` block of the jobs "
        "that need it"
    )
    return Meaning(left=reason)


_OUTPUTS: Final = _installs(detail="what a gate hands on is uploaded and downloaded by its job")
_PAGES: Final = Meaning(
    left="it publishes a site: `ci.pages` does that for the gate that builds it"
)
_CODEQL: Final = Meaning(left="CodeQL is GitHub's own analysis: keep its workflow")
_PUBLISHES: Final = Meaning(left="it publishes")
_COVERAGE_ELSEWHERE: Final = Meaning(left="it sends the coverage elsewhere")

_TABLE: Final[Mapping[str, Meaning]] = {
    "actions/checkout": _installs(),
    "actions/setup-python": _installs(),
    "astral-sh/setup-uv": _installs(),
    "hynek/setup-cached-uv": _installs(),
    "yezz123/setup-uv": _installs(),
    "actions/cache": _installs(),
    "actions/cache/restore": _installs(),
    "actions/cache/save": _installs(),
    "actions/upload-artifact": _OUTPUTS,
    "actions/upload-artifact/merge": _OUTPUTS,
    "actions/download-artifact": _OUTPUTS,
    "snok/install-poetry": _installs("poetry"),
    "abatilo/actions-poetry": _installs("poetry"),
    "pdm-project/setup-pdm": _installs("pdm"),
    "pypa/hatch": _installs("hatch"),
    "wntrblm/nox": _installs("nox"),
    "excitedleigh/setup-nox": _installs("nox"),
    "re-actors/alls-green": _installs(detail="`passed` is the one required check"),
    "hynek/build-and-inspect-python-package": Meaning((Finding("build"),)),
    "jakebailey/pyright-action": Meaning((Finding("types", {"tool": "pyright"}),)),
    "pypa/gh-action-pip-audit": Meaning((Finding("audit"),)),
    "codecov/codecov-action": Meaning((Finding("ci.codecov"),)),
    "pypa/gh-action-pypi-publish": _PUBLISHES,
    "softprops/action-gh-release": _PUBLISHES,
    "docker/login-action": _PUBLISHES,
    "peaceiris/actions-gh-pages": _PAGES,
    "actions/configure-pages": _PAGES,
    "actions/upload-pages-artifact": _PAGES,
    "actions/deploy-pages": _PAGES,
    "coverallsapp/github-action": _COVERAGE_ELSEWHERE,
    "andremiras/coveralls-python-action": _COVERAGE_ELSEWHERE,
    "github/codeql-action/init": _CODEQL,
    "github/codeql-action/autobuild": _CODEQL,
    "github/codeql-action/analyze": _CODEQL,
    "actions/setup-node": _machine("Node"),
    "actions/setup-go": _machine("Go"),
    "actions/setup-java": _machine("Java"),
    "dtolnay/rust-toolchain": _machine("Rust"),
    "docker/setup-buildx-action": _machine("Docker's builder"),
    "docker/setup-qemu-action": _machine("QEMU"),
    "conda-incubator/setup-miniconda": _machine("conda"),
    "mamba-org/setup-micromamba": _machine("micromamba"),
}


def _ruff(inputs: Texts) -> Meaning:
    words = inputs.get("args", "check").split()
    settings: dict[str, object] = {"format": True} if words[:1] == ["format"] else {}
    return Meaning((Finding("lint", settings, "the gate looks at the whole project"),))


def _pre_commit(inputs: Texts) -> Meaning:
    extra = inputs.get("extra_args", "--all-files")
    command = f"uvx pre-commit run --show-diff-on-failure --color=always {extra}"
    return Meaning((Finding("pre-commit", own=True),), command)


def _black(inputs: Texts) -> Meaning:
    options, source = inputs.get("options", "--check --diff"), inputs.get("src", ".")
    return Meaning((Finding("black", own=True),), f"uvx black {options} {source}")


def _docker(inputs: Texts) -> Meaning:
    if inputs.get("push", "false") != "false" or "push=true" in inputs.get("outputs", ""):
        return _PUBLISHES
    words = ["docker", "build"]
    for key, option in {"file": "--file", "target": "--target", "platforms": "--platform"}.items():
        if value := inputs.get(key):
            words += [option, value]
    for key, option in {"tags": "--tag", "build-args": "--build-arg"}.items():
        for value in inputs.get(key, "").replace(",", "\n").split():
            words += [option, value]
    words.append(inputs.get("context", "."))
    return Meaning((Finding("docker", own=True),), shlex.join(words))


def _tool(name: str, command: str) -> Callable[[Texts], Meaning]:
    return lambda _inputs: Meaning((Finding(name, own=True),), command)


_WITH_INPUTS: Final[Mapping[str, Callable[[Texts], Meaning]]] = {
    "astral-sh/ruff-action": _ruff,
    "chartboost/ruff-action": _ruff,
    "pre-commit/action": _pre_commit,
    "psf/black": _black,
    "docker/build-push-action": _docker,
    "isort/isort-action": _tool("isort", "uvx isort --check-only --diff ."),
    "py-actions/flake8": _tool("flake8", "uvx flake8"),
    "codespell-project/actions-codespell": _tool("codespell", "uvx codespell"),
    "crate-ci/typos": _tool("typos", "uvx typos"),
}


def meaning(action: str, inputs: Texts) -> Meaning:
    """Tell what an action is.

    Args:
        action: Its name in lower case, without a version.
        inputs: What it is given, expressions replaced by their values.
    """
    if action in _WITH_INPUTS:
        return _WITH_INPUTS[action](inputs)
    if action in _TABLE:
        return _TABLE[action]
    if action.startswith("github/codeql-action/"):
        return _CODEQL
    if action.startswith("./"):
        return Meaning(left="an action of the repository's own is no command that a gate can run")
    return Meaning(left=f"the action {action} is no command that a gate can run")
