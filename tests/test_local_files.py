"""Files that CI will not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conftest import Project
from pushgate.gates.own import Declarations
from pushgate.plan.definition import define
from pushgate.run.local_files import LocalFiles, only_here

Make = Callable[..., Project]

PROJECT: Final = {"pyproject.toml": '[tool.pushgate]\npython = ["@PYTHON@"]\n'}

IGNORE: Final = """
__pycache__/
.env
.venv/
.idea/
venv/
cache/
_version.py
local_*
data/
*.log
build/
dist/
node_modules/
htmlcov/
*.egg-info/
.coverage*
*.swp
.nox/
"""


def _only_here(project: Project, folder: str = ".") -> LocalFiles:
    return only_here(define(project.root / folder, Declarations()).settings)


def test_what_ci_will_not_have(make_project: Make) -> None:
    """Untracked files are named, and ignored ones that could matter; changed ones are not."""
    project = make_project({**PROJECT, ".gitignore": IGNORE, "src/pkg/__init__.py": ""})
    assert _only_here(project) == LocalFiles((), ())
    names = (
        *("new.py", "src/pkg/ünï 'q'.py", "build.py", ".github/workflows/ci.yml", "added.py"),
        *(".env", "src/pkg/_version.py", "local_settings.py", "deep/local_key", "data/1", "x.log"),
    )
    project.write(dict.fromkeys(names, ""))
    project.write({"src/pkg/__init__.py": "changed"})
    project.git("add", "added.py")
    here = _only_here(project)
    assert set(here.untracked) == {
        *("new.py", "src/pkg/ünï 'q'.py", "build.py", ".github/workflows/ci.yml")
    }
    assert set(here.ignored) == {
        *(".env", "src/pkg/_version.py", "local_settings.py", "deep/local_key", "data/", "x.log")
    }


def test_caches_environments_and_results_are_left_out(make_project: Make) -> None:
    """What tools leave by themselves is not worth a word, ignored or not."""
    project = make_project({**PROJECT, ".gitignore": IGNORE})
    names = (
        *("src/old/__pycache__/a.pyc", ".venv/lib/a.py", "venv/pyvenv.cfg", "venv/lib/a.py"),
        *("cache/CACHEDIR.TAG", "cache/x", "build/lib/a.py", "dist/a.whl", "web/node_modules/a/b"),
        *("htmlcov/index.html", "a.egg-info/PKG-INFO", ".coverage", ".coverage.host.1", ".a.swp"),
        *(".nox/test/x", ".idea/x.xml"),
    )
    project.write(dict.fromkeys(names, ""))
    found = _only_here(project)
    assert found.notes == ()
    results = ("build/", "dist/", "htmlcov/", "web/node_modules/")
    assert found == LocalFiles((), (), results)


def test_without_a_gitignore(make_project: Make) -> None:
    """Caches and environments are left out even where nothing ignores them; packages are not."""
    project = make_project({**PROJECT, ".gitignore": ""})
    names = (
        *("a/__pycache__/a.cpython-312.pyc", "env/pyvenv.cfg", "env/lib/a.py", "c/CACHEDIR.TAG"),
        *("c/d/e", "a.egg-info/PKG-INFO", "a.py~"),
    )
    project.write(dict.fromkeys((*names, "src/build/__init__.py", ".env"), ""))
    assert _only_here(project) == LocalFiles((".env", "src/build/__init__.py"), ())


def test_only_below_the_project(make_project: Make) -> None:
    """Of a project in a subfolder only its own files are told, relative to it."""
    project = make_project({"backend/pyproject.toml": PROJECT["pyproject.toml"]})
    project.write({".gitignore": ".env\n", "new.py": "", "backend/new.py": ""})
    project.write({".env": "", "backend/.env": ""})
    assert _only_here(project, "backend") == LocalFiles(("new.py",), (".env",))
