"""What `pushgate init` finds in a project's files, and how it tells it: without Nox or uv."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pushgate.adopt import noxfile
from pushgate.adopt.evidence import Evidence


def evidence(root: Path, files: Mapping[str, str]) -> Evidence:
    """Return a project of these files, all tracked."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Evidence(root, root, tuple(files))


FUTURE = "from __future__ import annotations"
REQUIRED = f"required-imports = ['from typing import Any', '{FUTURE}', 'import os', 'import six']\n"


@pytest.mark.parametrize(
    ("file", "table"), [("pyproject.toml", "tool.ruff.lint"), ("ruff.toml", "lint")]
)
def test_a_new_noxfile_has_the_required_imports(tmp_path: Path, file: str, table: str) -> None:
    """The project's ruff finds nothing in it; what Nox could not import is left out."""
    text = f"[{table}]\nselect = ['I']\n[{table}.isort]\n"
    found = evidence(tmp_path, {file: text + REQUIRED.replace(", 'import six'", "")})
    (tmp_path / "noxfile.py").write_text(
        noxfile.extended("", imports=noxfile.required_imports(found)), encoding="utf-8"
    )
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "noxfile.py"]
    answer = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
    others = evidence(tmp_path, {file: text + REQUIRED})
    assert noxfile.required_imports(others) == noxfile.required_imports(found)


def test_what_isort_adds_is_in_a_new_noxfile(tmp_path: Path) -> None:
    """Isort would find its absence, too; a noxfile that is there is left as it is."""
    found = evidence(tmp_path, {"pyproject.toml": f"[tool.isort]\nadd_imports = ['{FUTURE}']\n"})
    imports = noxfile.required_imports(found)
    assert f'lists them."""\n\n{FUTURE}\n\nimport pushgate\n' in noxfile.extended(
        "", imports=imports
    )
    assert FUTURE not in noxfile.extended("import nox\n", imports=imports)
