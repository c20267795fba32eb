"""The rest of what a repository holds: tests, documentation, images, environments of tox."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from pushgate.adopt import databases, requirements, tox
from pushgate.adopt.evidence import PRE_COMMIT, Evidence
from pushgate.adopt.found import Found, Setting
from pushgate.config import layout
from pushgate.config.requirements import requirement_names

FEW_TESTS: Final = 200
"""Below this many tests, splitting them costs more than it saves."""

_TEST_FILE: Final = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests)\.py$")
_TEST: Final = re.compile(r"^\s*(?:async )?def test", re.MULTILINE)
_COVERED: Final = re.compile(
    "lint.*|style|format|ruff.*|black|isort|flake8|pre-commit|mypy|pyright|typ(?:ing|es)|"
    "typecheck|docs?|build|package|cov.*|.*-update|update-.*"
)
"""Environments of tox whose work a gate does, or that are no check."""

_REQUIREMENTS: Final = re.compile(r"(?:^|/)(?:requirements/.*|[^/]*requirements[^/]*)\.txt$")


def look(evidence: Evidence) -> Iterator[Found]:
    """Find what the gates can look at, and what no gate looks at yet."""
    folders = layout.tests(evidence.root, evidence.pyproject, evidence.tracked)
    files = _test_files(evidence, folders)
    yield _tests(files, folders)
    yield from databases.look(evidence, files)
    yield from _documentation(evidence)
    yield from _no_gate(evidence)
    yield from _tox(evidence)
    yield from _workflows(evidence)


def _test_files(evidence: Evidence, folders: Sequence[str]) -> list[str]:
    """Return the texts of the files that tests are in, and of what lies beside them."""
    return [
        evidence.text(path)
        for path in evidence.tracked
        if _TEST_FILE.search(path)
        or (path.endswith(".py") and any(PurePosixPath(path).is_relative_to(at) for at in folders))
    ]


def _tests(files: Sequence[str], folders: Sequence[str]) -> Found:
    count = sum(len(_TEST.findall(text)) for text in files)
    where = f" in {', '.join(folders)}" if folders else ""
    if not count:
        why = "there are no tests; with the first one, delete this table"
        off = Setting(("gates", "test", "enabled"), value=False, why=why)
        return Found("tests", "there are none: the gates test and coverage are off", (off,))
    if count < FEW_TESTS:
        one = Setting(("gates", "test", "shards"), 1, f"{count} tests: too few to split")
        return Found("tests", f"{count} for pytest{where}, a job for each Python", (one,))
    return Found("tests", f"{count} for pytest{where}, in 4 shards for each Python")


def _documentation(evidence: Evidence) -> Iterator[Found]:
    config = evidence.has("mkdocs.yml", "mkdocs.yaml", "docs/conf.py", "doc/conf.py")
    if config:
        name = "Sphinx" if config.endswith(".py") else "MkDocs"
        lines = tuple(_documentation_gate(evidence, name.lower(), config))
        yield Found("docs", f"{name}: no gate builds them; this one would", offered=lines)


def _documentation_gate(evidence: Evidence, tool: str, config: str) -> Iterator[str]:
    """Yield the gate's lines: in the project's environment where that has the tool, else by uvx."""
    command = "mkdocs build --strict --site-dir .pushgate/site"
    if tool == "sphinx":
        command = f"sphinx-build -W -b dirhtml {config.partition('/')[0]} .pushgate/site"
    known = requirements.native(evidence)
    holding = (name for name, lines in known.groups.items() if tool in requirement_names(lines))
    group = "docs" if "docs" in known.groups else next(holding, "")
    fetched = not group and {tool, "docs"}.isdisjoint(
        {*requirements.installed(evidence), *known.extras}
    )
    if fetched:
        command = f"{_fetching(evidence, tool, config)} {command}"
    yield "[tool.pushgate.gates.docs]"
    yield f'run = ["{command}"]'
    if fetched:
        yield "environment = false"
    elif group:
        yield f'groups = ["{group}"]'


def _fetching(evidence: Evidence, tool: str, config: str) -> str:
    named = re.compile(rf"^{tool}\b", re.MULTILINE | re.IGNORECASE)
    files = [path for path in evidence.tracked if _REQUIREMENTS.search(path)]
    about = [path for path in files if "doc" in path]
    about += [path for path in files if named.search(evidence.text(path))]
    words = ["uvx", *(["--with-requirements", about[0]] if about else [])]
    if tool == "sphinx":
        if "autodoc" in evidence.text(config) and requirements.native(evidence).installable:
            words += ["--with-editable", "."]
        words += ["--from", "sphinx"]
    return shlex.join(words)


def _no_gate(evidence: Evidence) -> Iterator[Found]:
    if any(PurePosixPath(path).name == "Dockerfile" for path in evidence.tracked):
        yield Found("image", "Dockerfile: no gate builds it yet")
    if file := evidence.has(*PRE_COMMIT):
        command = "uvx prek run --all-files" if file == "prek.toml" else "uvx pre-commit run -a"
        lines = ("[tool.pushgate.gates.hooks]", f'run = ["{command}"]', "environment = false")
        yield Found("hooks", f"{file}: it stays as it is; a gate could run it, too", offered=lines)


def _tox(evidence: Evidence) -> Iterator[Found]:
    told = tox.read(evidence)
    if not told.file:
        return
    names = [name for name in told.others if re.fullmatch(r"[a-z][a-z0-9_-]*", name)]
    lines = tuple(
        line
        for name in names
        if not _COVERED.fullmatch(name)
        for line in (
            f"[tool.pushgate.gates.tox-{name}]",
            f'run = ["uvx tox -e {name}"]',
            "environment = false",
        )
    )
    said = f"{told.file} stays; the gate test runs pytest without it"
    yield Found("tox", said + ("; other environments as gates" if lines else ""), offered=lines)


def _workflows(evidence: Evidence) -> Iterator[Found]:
    files = [file.relative_to(evidence.repository) for file in evidence.workflows()]
    if not files:
        return
    stay = "stay until you delete them" if files[1:] else "stays until you delete it"
    said = f"{', '.join(map(str, files))}: {stay}"
    if workflow := evidence.main_workflow():
        call = shlex.join(("pushgate", "init", "--from-workflow", str(workflow)))
        said += f"; `{call}` takes over what {'that one' if files[1:] else 'it'} says"
    yield Found("workflows", said)
