"""What GitHub's actions are in Pushgate's words: a table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pushgate.adopt.from_workflow.calls import Call
from pushgate.adopt.from_workflow.expressions import Unknown
from pushgate.adopt.from_workflow.findings import Finding
from pushgate.adopt.from_workflow.installs import Installed
from pushgate.adopt.from_workflow.recognition import recognised

Inputs = Mapping[str, str | Unknown]
"""What an action is given, by name."""


@dataclass(frozen=True)
class Meaning:
    """What a step that uses an action is.

    Attributes:
        findings: The gates that do it.
        command: What a gate of its own runs instead, in the words of a shell's command.
        installed: What it installs; None: it is no installation.
        left: Why it is left in CI; empty: it is not.
        detail: What is to be known.
        uses: The inputs that this takes into account, or that change no verdict.
    """

    findings: tuple[Finding, ...] = ()
    command: str = ""
    installed: Installed | None = None
    left: str = ""
    detail: str = ""
    uses: frozenset[str] = frozenset()


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
    "codecov/codecov-action": Meaning((Finding("ci.codecov"),), uses=frozenset({"token"})),
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


def _checkout(inputs: Inputs) -> Meaning:
    if {"repository", "path"} & inputs.keys():
        return Meaning(left="no gate has another repository, or this one in another folder")
    left = _not_used(inputs, _CHECKOUT_HARMLESS)
    return Meaning(installed=Installed(), detail=left)


def _ruff(inputs: Inputs) -> Meaning:
    words = shlex.split(_said(inputs, "args", "check"))
    found = recognised(Call("ruff", tuple(words), ("ruff", *words)), "")
    left = "" if found else f"`ruff {shlex.join(words)}` is no check"
    return Meaning(found, left=left, uses=frozenset({"args"}))


def _pre_commit(inputs: Inputs) -> Meaning:
    extra = _said(inputs, "extra_args", "--all-files")
    command = f"uvx pre-commit run --show-diff-on-failure --color=always {extra}"
    return Meaning((Finding("pre-commit", own=True),), command, uses=frozenset({"extra_args"}))


def _black(inputs: Inputs) -> Meaning:
    options, source = _said(inputs, "options", "--check --diff"), _said(inputs, "src", ".")
    used = frozenset({"options", "src"})
    return Meaning((Finding("black", own=True),), f"uvx black {options} {source}", uses=used)


def _docker(inputs: Inputs) -> Meaning:
    if _said(inputs, "push", "false") != "false" or "push=true" in _said(inputs, "outputs", ""):
        return _PUBLISHES
    words = ["docker", "build"]
    for key, option in _DOCKER_OPTIONS.items():
        if value := _said(inputs, key, ""):
            words += [option, value]
    tags = inputs.get("tags", "")
    for value in tags.replace(",", "\n").split() if isinstance(tags, str) else ():
        words += ["--tag", value]
    for value in filter(None, map(str.strip, _said(inputs, "build-args", "").splitlines())):
        words += ["--build-arg", value]
    words.append(_said(inputs, "context", "."))
    used = frozenset({*_DOCKER_OPTIONS, *_DOCKER_HARMLESS, "tags", "build-args", "context", "push"})
    return Meaning((Finding("docker", own=True),), shlex.join(words), uses=used)


def _tool(name: str, command: str) -> Callable[[Inputs], Meaning]:
    return lambda _inputs: Meaning((Finding(name, own=True),), command)


_CHECKOUT_HARMLESS: Final = frozenset(
    {
        *("fetch-depth", "fetch-tags", "filter", "persist-credentials", "token", "ssh-key"),
        *("clean", "show-progress", "set-safe-directory"),
    }
)
_DOCKER_OPTIONS: Final = {"file": "--file", "target": "--target", "platforms": "--platform"}
# Whatever tags an image has that nobody pushes: a name that only GitHub knows is no loss.
_DOCKER_HARMLESS: Final = frozenset(
    {"cache-from", "cache-to", "load", "provenance", "sbom", "labels", "annotations", "builder"}
)

_WITH_INPUTS: Final[Mapping[str, Callable[[Inputs], Meaning]]] = {
    "actions/checkout": _checkout,
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


class _OnlyGitHubKnowsError(Exception):
    """An input that counts has a value that only GitHub knows."""


def _said(inputs: Inputs, name: str, default: str) -> str:
    value = inputs.get(name, default)
    if isinstance(value, Unknown):
        message = f"its `{name}` is `{value.what}`, which only GitHub knows"
        raise _OnlyGitHubKnowsError(message)
    return value


def _not_used(inputs: Inputs, used: frozenset[str]) -> str:
    """Name the inputs that nothing was made of; empty: there is none."""
    left = [
        f"{name}: {value.what if isinstance(value, Unknown) else value}"
        for name, value in inputs.items()
        if name not in used and value
    ]
    return f"not carried over: `{', '.join(left)}`" if left else ""


def meaning(action: str, inputs: Inputs) -> Meaning:
    """Tell what an action is, and what of its inputs is not carried over.

    Args:
        action: Its name in lower case, without a version.
        inputs: What it is given, expressions replaced by their values.
    """
    try:
        means = _meaning(action, inputs)
    except (_OnlyGitHubKnowsError, ValueError) as error:
        return Meaning(left=str(error))
    if not means.findings:
        return means
    return replace(means, detail=_not_used(inputs, means.uses))


def _meaning(action: str, inputs: Inputs) -> Meaning:
    if action in _WITH_INPUTS:
        return _WITH_INPUTS[action](inputs)
    if action in _TABLE:
        return _TABLE[action]
    if action.startswith("github/codeql-action/"):
        return _CODEQL
    if action.startswith("./"):
        return Meaning(left="an action of the repository's own is no command that a gate can run")
    return Meaning(left=f"the action {action} is no command that a gate can run")
