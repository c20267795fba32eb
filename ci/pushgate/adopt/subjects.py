"""The rest of what a repository holds: tests, documentation, images, migrations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from pushgate.adopt import requirements, tox
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

_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def look(evidence: Evidence) -> Iterator[Found]:
    """Find what the gates can look at, and what no gate looks at yet."""
    yield _tests(evidence)
    yield from _documentation(evidence)
    yield from _no_gate(evidence)
    yield from _tox(evidence)
    yield from _workflows(evidence)


def _tests(evidence: Evidence) -> Found:
    folders = layout.tests(evidence.root, evidence.pyproject, evidence.tracked)
    files = [
        path
        for path in evidence.tracked
        if _TEST_FILE.search(path)
        or (path.endswith(".py") and any(PurePosixPath(path).is_relative_to(at) for at in folders))
    ]
    count = sum(len(_TEST.findall(evidence.text(path))) for path in files)
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
    config = next((path for path in ("docs/conf.py", "doc/conf.py") if evidence.has(path)), "")
    if evidence.has("mkdocs.yml", "mkdocs.yaml"):
        tool, command = "mkdocs", "mkdocs build --strict --site-dir .pushgate/site"
    elif config:
        folder = config.partition("/")[0]
        tool, command = "sphinx", f"sphinx-build -W -b dirhtml {folder} .pushgate/site"
    else:
        return
    groups = requirements.native(evidence).groups
    holding = (name for name, lines in groups.items() if tool in requirement_names(lines))
    group = "docs" if "docs" in groups else next(holding, "")
    lines = ["[tool.pushgate.gates.docs]", f'run = ["{command}"]']
    if group:
        lines.append(f'groups = ["{group}"]')
    name = "MkDocs" if tool == "mkdocs" else "Sphinx"
    yield Found("docs", f"{name}: no gate builds them; this one would", offered=tuple(lines))


def _no_gate(evidence: Evidence) -> Iterator[Found]:
    if any(path.endswith("alembic.ini") for path in evidence.tracked):
        yield Found("migrations", "Alembic: no gate looks at them yet")
    if any(PurePosixPath(path).name == "Dockerfile" for path in evidence.tracked):
        yield Found("image", "Dockerfile: no gate builds it yet")
    if file := evidence.has(*_COMPOSE):
        yield Found("services", f"{file}: no gate starts them; tests that need them will fail")
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
    said = f"{', '.join(map(str, files))}: stay until you delete them"
    if files[0].parent.name == "workflows":
        said += f"; `pushgate init --from-workflow {files[0]}` takes over what one says"
    yield Found("workflows", said)
