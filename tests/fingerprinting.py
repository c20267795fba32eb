"""A project whose fingerprints are taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.model.fingerprint import Fingerprint
from pushgate.plan.definition import of_project
from pushgate.run.fingerprints import Fingerprints, take

Make = Callable[..., Project]
Patch = pytest.MonkeyPatch

OWN: Final = """
[tool.pushgate]
python = ["@PYTHON@"]
# What this project checks.
[tool.pushgate.gates]
audit = { fresh-for = 60 }
read = { run = ["reader a.txt"], inputs = [
  "src/**", "a.txt", "link*",
], environment = false, env = ["SHOP"] }
next = { run = ["./go"], inputs = ["b.txt"], environment = false, needs = ["read"] }
session = { session = "docs", inputs = ["b.txt"] }
"""
PYPROJECT: Final = f"""
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"

[project]
name = "shop"
version = "1"

[tool.ruff]
line-length = 100
{OWN}
[tool.other]
key = 1
"""
LOCK: Final = 'version = 1\n\n[[package]]\nname = "ruff"\nversion = "0.1.0"\n'
FUNCTION: Final = """import pushgate

@pushgate.gate(inputs=["b.txt"], environment=False, env=["SHOP"], fresh_for=9)
def function(gate):
    gate.run("true")

pushgate.register()
"""
FILES: Final = {
    "pyproject.toml": PYPROJECT,
    "noxfile.py": FUNCTION,
    "uv.lock": LOCK,
    ".gitignore": "/.env\n/ignored/\n__pycache__/\n/.nox/\n",
    "a.txt": "1\n",
    "b.txt": "1\n",
    "link.txt": "",
    "src/shop.py": "",
    "tests/test_shop.py": "",
}


def take_of(root: Path, commit: str | None = None) -> Fingerprints:
    return take(of_project(root), commit)


def digests(taken: Fingerprints) -> Mapping[str, str]:
    assert taken.without == {}
    return {name: fingerprint.digest for name, fingerprint in taken.of.items()}


def named(now: Fingerprint, before: Fingerprint) -> set[str]:
    return {f"{one.part}: {one.name}" for one in now.differences(before)}


def with_reader(make_project: Make, folder: Path, monkeypatch: Patch) -> Project:
    """Make a project with a lock, gates of its own, a link, and a program on PATH."""
    project = make_project(FILES)
    (project.root / "link").symlink_to("a.txt")
    project.commit()
    reader = folder / "bin" / "reader"
    reader.parent.mkdir()
    reader.write_text("#!/bin/sh\n", encoding="utf-8")
    reader.chmod(0o755)
    monkeypatch.setenv("PATH", f"{reader.parent}{os.pathsep}{os.environ['PATH']}")
    return project
