"""pip-audit: known vulnerabilities in what the project depends on."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, NoReturn

from packaging.utils import canonicalize_name

from pushgate.gates import base
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import interpreter, tool
from pushgate.model.job import Job
from pushgate.model.outcome import JobDeferred, JobFailed, JobUnavailable
from pushgate.model.settings import GateOptions, Settings
from pushgate.tools import process
from pushgate.tools.listing import some

name: Final = "audit"
PIP_AUDIT: Final = "pip-audit==2.10.1"
TOOLS: Final = (PIP_AUDIT,)

_SERVICE_DROPPED: Final = "WARNING:pip_audit._service"
"""How pip-audit's log starts a line about an answer that it could not use."""

_TELLING: Final = re.compile(r"\w[\w.]*: *\S")
"""How a line starts that says what went wrong, such as ``requests.HTTPError: 500 …``."""


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """A vulnerability that the project lives with for a while.

    Attributes:
        id: The vulnerability, by any of its names (PYSEC, CVE, GHSA).
        reason: Why it is acceptable.
        until: The last day on which it is.
    """

    id: str
    reason: str
    until: date


@dataclass(frozen=True, kw_only=True)
class Unaudited:
    """A package that no service knows, such as one of the project's own index.

    Attributes:
        package: Its name.
        reason: Why it need not be audited.
        until: The last day on which it need not.
    """

    package: str
    reason: str
    until: date


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.audit]``.

    Attributes:
        osv_url: The OSV server's query address to ask instead of PyPI's service.
        when_unavailable: ``fail``, or ``defer``: a local run that cannot look says so
            and leaves it to CI, where it is always a failure.
        ignore: Vulnerabilities that are accepted, each with a reason and a date.
        unaudited: Packages that cannot be audited, each with a reason and a date.
    """

    # The vulnerabilities that become known meanwhile change no file.
    fresh_for: float | None = field(default=43200, metadata={"minimum": 0})
    osv_url: str | None = None
    when_unavailable: Literal["fail", "defer"] = "fail"
    ignore: tuple[Ignore, ...] = ()
    unaudited: tuple[Unaudited, ...] = ()


Package = tuple[str, str]
"""Canonical name and version."""


def applies(settings: Settings) -> Applies:
    """On where the project has requirements of any kind."""
    dependencies = settings.dependencies
    if dependencies.lock:
        return Applies(on=True, reason="uv.lock says what the project depends on")
    if dependencies.runtime or dependencies.extras or dependencies.groups:
        return Applies(on=True, reason="pyproject.toml says what the project depends on")
    if dependencies.requirements:
        return Applies(on=True, reason=f"there is {dependencies.requirements[0]}")
    return Applies(on=False, reason="the project depends on nothing")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job."""
    return base.one_job(name, settings, "pip-audit: vulnerabilities of all dependencies")


def run(context: Context[Options]) -> None:
    """Audit every version that the lock holds, for every platform, and fail closed."""
    _refuse_expired(context.options)
    with TemporaryDirectory(prefix="pushgate-audit-") as folder:
        lock = Path(folder, "pylock.toml")
        _write_lock(context, lock)
        shutil.copy(lock, context.outputs)
        expected = set(_packages(lock))
        if not expected:
            context.log("the project depends on nothing: nothing to audit")
            return
        context.log(f"{len(expected)} packages")
        report = _audit(context, lock.parent)
    findings = list(_findings(report, context.options))
    for finding in findings:
        context.log(finding)
    if findings:
        more = f" (and {len(findings) - 1} more)" if findings[1:] else ""
        message = f"known vulnerability: {findings[0]}{more}"
        raise JobFailed(message)
    _refuse_gaps(context, expected, report)


def _refuse_expired(options: Options) -> None:
    today = datetime.now(UTC).date()
    named = [(ignore.id, ignore.until) for ignore in options.ignore]
    named += [(unaudited.package, unaudited.until) for unaudited in options.unaudited]
    if expired := [f"{what} (until {until})" for what, until in named if until < today]:
        message = f"no longer to be ignored: {', '.join(expired)}"
        raise JobFailed(message)


def _write_lock(context: Context[Options], lock: Path) -> None:
    # A pylock.toml (PEP 751) and not a requirements file: pip-audit leaves out lines whose
    # marker is false on this machine, and refuses two versions of one package.
    settings = context.settings
    dependencies = settings.dependencies
    output = ("--quiet", "--format", "pylock.toml", "--output-file", str(lock))
    python = str(interpreter(settings.default_python).path)
    if dependencies.lock:
        which = ("--locked", "--all-groups", "--all-extras", "--all-packages", "--no-emit-local")
        command = ("uv", "export", *which, "--python", python)
    else:
        sources = ("pyproject.toml",) if dependencies.installable else ()
        groups = [f"--group={group}" for group in dependencies.groups]
        extras = ["--all-extras"] if dependencies.extras else []
        command = (
            *("uv", "pip", "compile", "--universal", "--no-header", *extras, *groups),
            *("--python", python, *(sources or ()), *dependencies.requirements),
        )
    try:
        process.capture([*command, *output], cwd=settings.root, env=context.environment())
    except process.CommandError as error:
        said = error.completed.stderr.strip()
        message = f"the dependencies cannot be listed: {said or error}"
        raise JobFailed(message) from error


def _packages(lock: Path) -> Iterator[Package]:
    for package in tomllib.loads(lock.read_text(encoding="utf-8")).get("packages", []):
        yield canonicalize_name(package["name"]), package.get("version", "")


def _audit(context: Context[Options], folder: Path) -> Mapping[str, Any]:
    options = context.options
    service = ["-s", "osv", "--osv-url", options.osv_url] if options.osv_url else []
    ignored = [f"--ignore-vuln={ignore.id}" for ignore in options.ignore]
    command = [
        tool(context, PIP_AUDIT),
        *("--locked", str(folder), "--format", "json", "--progress-spinner", "off"),
        *(*service, *ignored, *context.arguments),
    ]
    environment = {
        key: value
        for key, value in context.environment().items()
        if not key.startswith("PIP_AUDIT_")
    }
    answer = process.capture(command, cwd=context.settings.root, env=environment, check=False)
    try:
        report: Mapping[str, Any] = json.loads(answer.stdout)
        (context.outputs / "pip-audit.json").write_text(answer.stdout, encoding="utf-8")
    except ValueError:
        # Status 1 is a finding, an unreachable service or a crash; only a finding has a report.
        said = _last_words(answer.stderr)
        _unavailable(context, f"pip-audit could not look (status {answer.returncode}): {said}")
    if dropped := [
        line for line in answer.stderr.splitlines() if line.startswith(_SERVICE_DROPPED)
    ]:
        _unavailable(context, f"pip-audit could not use an answer: {dropped[0]}")
    return report


def _last_words(stderr: str) -> str:
    # The last line of a traceback of pip-audit's may be no more than the error's name.
    lines = stderr.strip().splitlines()
    telling = [line for line in lines if _TELLING.match(line)]
    return (telling or lines or ["it said nothing"])[-1]


def _findings(report: Mapping[str, Any], options: Options) -> Iterator[str]:
    accepted = {ignore.id for ignore in options.ignore}
    for package in report["dependencies"]:
        told: set[str] = set()
        for vulnerability in package.get("vulns", ()):
            names = {vulnerability["id"], *vulnerability["aliases"]}
            # Two databases describe one vulnerability under each other's names.
            if names & (accepted | told):
                continue
            told |= names
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            aliases = ", ".join(sorted(vulnerability["aliases"]))
            yield (
                f"{package['name']} {package['version']}: {vulnerability['id']} ({aliases}), "
                f"fixed in {fixed}"
            )


def _refuse_gaps(
    context: Context[Options], expected: Iterable[Package], report: Mapping[str, Any]
) -> None:
    excepted = {canonicalize_name(one.package) for one in context.options.unaudited}
    audited = {
        (canonicalize_name(package["name"]), package["version"])
        for package in report["dependencies"]
        if "skip_reason" not in package
    }
    reasons: dict[str, str] = {
        canonicalize_name(package["name"]): package["skip_reason"]
        for package in report["dependencies"]
        if "skip_reason" in package
    }
    gaps = sorted(package for package in set(expected) - audited if package[0] not in excepted)
    for package, version in gaps:
        context.log(
            f"not audited: {package} {version}: {reasons.get(package, 'not in the report')}"
        )
    if gaps:
        _unavailable(
            context,
            f"{len(gaps)} packages could not be audited: {some([gap[0] for gap in gaps])}",
        )


def _unavailable(context: Context[Options], reason: str) -> NoReturn:
    if context.options.when_unavailable == "defer" and not os.environ.get("CI"):
        message = f"deferred to CI: {reason}"
        raise JobDeferred(message)
    raise JobUnavailable(reason)
