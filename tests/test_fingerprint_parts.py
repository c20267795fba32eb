"""Fingerprints: each thing that a job reads makes another one, and nothing else does."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from conftest import PYTHON, Project
from fingerprinting import Make, Patch, named, take_of, with_reader
from pushgate.run import premises
from pushgate.tools import interpreters


@pytest.fixture
def project(make_project: Make, tmp_path: Path, monkeypatch: Patch) -> Project:
    """A project with a lock, gates of its own, a link, and a program on PATH."""
    return with_reader(make_project, tmp_path, monkeypatch)


def _edit(name: str, old: str, new: str) -> Callable[[Project, Patch], None]:
    def change(project: Project, _: Patch) -> None:
        text = (project.root / name).read_text(encoding="utf-8")
        assert old in text
        project.write({name: text.replace(old, new)})

    return change


def _write(name: str) -> Callable[[Project, Patch], None]:
    return lambda project, _: project.write({name: "new\n"})


def _mode(project: Project, _: Patch) -> None:
    (project.root / "a.txt").chmod(0o755)


def _link(project: Project, _: Patch) -> None:
    (project.root / "link").unlink()
    (project.root / "link").symlink_to("b.txt")


def _variable(name: str, value: str) -> Callable[[Project, Patch], None]:
    return lambda _, monkeypatch: monkeypatch.setenv(name, value)


def _program(project: Project, _: Patch) -> None:
    (project.root.parent / "bin" / "reader").write_text("#!/bin/sh\necho\n", encoding="utf-8")


def _uv(project: Project, monkeypatch: Patch) -> None:
    other = project.root.parent / "uv"
    other.write_text("#!/bin/sh\n", encoding="utf-8")
    monkeypatch.setenv("UV", str(other))


def _running(**other: str) -> Callable[[Project, Patch], None]:
    fake_running = replace(interpreters.running(), **other)  # type: ignore[arg-type]
    return lambda _, monkeypatch: monkeypatch.setattr(interpreters, "running", lambda: fake_running)


def _version_of(name: str) -> Callable[[Project, Patch], None]:
    """Have another version of a distribution, which no second environment here has."""
    known = importlib.metadata.version
    fake_version = {name: "99"}
    return lambda _, monkeypatch: monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda wanted: fake_version.get(wanted) or known(wanted),
    )


def _code(_: Project, monkeypatch: Patch) -> None:
    monkeypatch.setattr(premises, "pushgate_code", lambda: "fake code")


CHANGES: Final[Mapping[str, tuple[str, Callable[[Project, Patch], None], set[str]]]] = {
    "a file": ("read", _edit("a.txt", "1", "2"), {"files: a.txt"}),
    "an untracked file": (
        "read",
        _write("src/new.py"),
        {"files: src/new.py", "only here: src/new.py"},
    ),
    "a mode": ("read", _mode, {"files: a.txt"}),
    "a link": ("read", _link, {"files: link"}),
    "the lock": ("read", _edit("uv.lock", "0.1.0", "0.2.0"), {"files: uv.lock"}),
    "the noxfile": ("read", _edit("noxfile.py", "true", "false"), {"files: noxfile.py"}),
    "setup.cfg": ("read", _write("setup.cfg"), {"files: setup.cfg", "only here: setup.cfg"}),
    "other tables": (
        "read",
        _edit("pyproject.toml", "key = 1", "key=1"),
        {"files: pyproject.toml"},
    ),
    "a command": (
        "read",
        _edit("pyproject.toml", "reader a.txt", "reader b.txt"),
        {"definition: read.run"},
    ),
    "a gate's option": (
        "lint",
        _edit("pyproject.toml", "read = ", "lint = { format = false }\nread = "),
        {"definition: lint.format"},
    ),
    "the sources": (
        "security",
        _edit("pyproject.toml", "# What", "sources = ['src', 'tests']\n# What"),
        {"definition: sources"},
    ),
    "pytest's options": (
        "test-@PYTHON@(1of4)",
        _edit(
            "pyproject.toml",
            "[tool.other]",
            "[tool.pytest.ini_options]\naddopts = '-x'\n[tool.other]",
        ),
        {"definition: pytest options", "files: pyproject.toml"},
    ),
    "what a function may see": (
        "function",
        _edit("pyproject.toml", "# What", "branches = ['trunk']\n# What"),
        {"definition: tool.pushgate"},
    ),
    "what a session may see": (
        "session",
        _edit("pyproject.toml", "# What", "branches = ['trunk']\n# What"),
        {"definition: tool.pushgate"},
    ),
    "a tool's version": (
        "lint",
        _edit("uv.lock", "0.1.0", "0.2.0"),
        {"tools: ruff", "files: uv.lock"},
    ),
    "a program": ("read", _program, {"tools: program reader"}),
    "uv": ("read", _uv, {"tools: uv"}),
    "Nox": ("read", _version_of("nox"), {"tools: nox"}),
    "a declared variable": ("read", _variable("SHOP", "open"), {"environment: SHOP"}),
    "one that a function declares": (
        "function",
        _variable("SHOP", "open"),
        {"environment: SHOP"},
    ),
    "an empty variable": ("read", _variable("SHOP", ""), {"environment: SHOP"}),
    "a common variable": ("lint", _variable("TZ", "Asia/Tokyo"), {"environment: TZ"}),
    "the server that is used": (
        "lint",
        _variable("PUSHGATE_POSTGRES_URL", "postgresql://me:secret@db"),
        {"environment: PUSHGATE_POSTGRES_URL"},
    ),
    "an ignored file": ("lint", _write(".env"), {"only here: .env"}),
    "one in an ignored folder": ("lint", _write("ignored/a/b"), {"only here: ignored/a/b"}),
    "what it needs": ("next", _edit("a.txt", "1", "2"), {"needs: read"}),
    "the version of Python": ("read", _running(version="3.0.0"), {"interpreters: Pushgate's"}),
    "the implementation": ("read", _running(implementation="x"), {"interpreters: Pushgate's"}),
    "the platform": ("read", _running(platform="x"), {"interpreters: Pushgate's"}),
    "Pushgate's version": ("read", _version_of("pushgate"), {"pushgate: version"}),
    "Pushgate's code": ("read", _code, {"pushgate: code"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_thing_alone_makes_another_fingerprint(
    project: Project, monkeypatch: Patch, what: str
) -> None:
    """Whatever a job reads, changed alone, changes its digest, and is named."""
    name, change, parts = CHANGES[what]
    job = name.replace("@PYTHON@", PYTHON)
    before = take_of(project.root).of[job]
    change(project, monkeypatch)
    now = take_of(project.root).of[job]
    assert now.digest != before.digest
    assert named(now, before) == parts


SAME: Final = {
    "a file that it does not read": _edit("b.txt", "1", "2"),
    "another gate's option": _edit(
        "pyproject.toml", "read = ", "lint = { format = false }\nread = "
    ),
    "a comment": _edit("pyproject.toml", "# What", "# So this is what"),
    "white space": _edit("pyproject.toml", "read = {", "\n\n  read   =   {"),
    "a header's white space": _edit(
        "pyproject.toml", "[tool.pushgate.gates]", "[ tool. pushgate.gates ]"
    ),
    "a table for a key": _edit(
        "pyproject.toml", "audit = { fresh-for = 60 }\n", "audit.fresh-for = 60 # a minute\n"
    ),
    "when it runs": _edit(
        "pyproject.toml",
        "read = {",
        "read = { timeout = 9, on = ['push:main'], cores = 2, fresh-for = 5, after = ['lint'],",
    ),
    "an undeclared variable": _variable("OTHER", "1"),
    "a variable that no job is given": _variable("PYTHONPATH", "/nowhere"),
    "a cache": _write("src/__pycache__/a.pyc"),
}


@pytest.mark.parametrize("what", SAME)
def test_what_a_job_does_not_read(project: Project, monkeypatch: Patch, what: str) -> None:
    """What a job does not read changes nothing, and no more does how its table is written."""
    before = take_of(project.root).of["read"]
    SAME[what](project, monkeypatch)
    now = take_of(project.root).of["read"]
    assert named(now, before) == set()
    assert now.digest == before.digest


ODDLY: Final = {
    "in a string": ('[tool.x]\ntext = """\n[tool.pushgate]\na\n"""\n', "\na\n", "\nb\n"),
    "a key of another table": ("[tool]\npushgate.branches = ['main'] \n", "] \n", "]\n"),
    "quoted": ('[tool."pushgate"]\nbranches = ["main"] \n', "] \n", "]\n"),
    "a neighbour": ("[tool.pushgates]\nx = 1\n", "x = 1", "x = 2"),
    "below others": ("[tool.pushgate]\n[a]\nx = 1 \n", "x = 1 ", "x = 1"),
}


@pytest.mark.parametrize("how", ODDLY)
def test_whatever_is_not_surely_pushgates_counts(make_project: Make, how: str) -> None:
    """Of a ``pyproject.toml`` that is written oddly every character counts."""
    text, old, new = ODDLY[how]
    head = f'[project]\nname = "a"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\n'
    project = make_project({"pyproject.toml": head + text, "a.py": ""})
    before = take_of(project.root).of["lint"]
    project.write({"pyproject.toml": head + text.replace(old, new)})
    assert named(take_of(project.root).of["lint"], before) == {"files: pyproject.toml"}
