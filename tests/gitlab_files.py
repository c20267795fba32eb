"""Projects with a ``.gitlab-ci.yml``, and its scripts carried out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from conftest import Project
from pushgate.config.yaml_text import parsed
from pushgate.plan.definition import of_project
from pushgate.providers import gitlab, workflow

FILE: Final = ".gitlab-ci.yml"
PYTHONS: Final = "[tool.pushgate]\npython = ['3.12', '3.13']\n"
LOCK: Final = "version = 1\nrequires-python = '>=3.12'\n"
CODE: Final = {
    "src/demo/__init__.py": "",
    "tests/test_demo.py": "",
    "web/index.html": "",
    "docs/index.md": "",
    "no": "",
}
PROJECT: Final = "[project]\nname = 'demo'\nversion = '1'\n"
SERVICES: Final = f"{PROJECT}{PYTHONS}gates.test.services = ['postgres']\n"
"""Of a project whose tests use a PostgreSQL."""


def write(project: Project, folder: str = "") -> dict[str, Any]:
    """Write the file of a project, and return what it says."""
    list(workflow.write(of_project(project.root / folder), [gitlab]))
    return parsed((project.root / FILE).read_text(encoding="utf-8"), FILE)


def carried_out(project: Project, script: list[str], variables: Mapping[str, str]) -> list[str]:
    """Run a job's script with a uv that tells where it is and what it was given."""
    programs = project.root.parent / "programs"
    programs.mkdir(exist_ok=True)
    uv = programs / "uv"
    uv.write_text('#!/bin/sh\npwd\nfor word; do printf "%s\\n" "$word"; done\n', encoding="utf-8")
    uv.chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    answer = project.run("sh", "-ec", "\n".join(script), env={**variables, "PATH": path})
    assert answer.returncode == 0, answer.stdout
    return answer.stdout.splitlines()
