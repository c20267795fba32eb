"""What `pushgate init` finds in a project's files, and how it tells it: without Nox or uv."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import Project
from pushgate.adopt import checkers, noxfile, subjects, telling
from pushgate.adopt.evidence import Evidence
from pushgate.adopt.init import Prepared
from pushgate.adopt.staging import Change
from pushgate.config.load import find_project
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project

MakeProject = Callable[..., Project]


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


def prepared(folder: Path, repository: Path, *new: str) -> Prepared:
    """Return what comes of a project with a definition, and of new files."""
    return Prepared(
        project=folder,
        repository=repository,
        found=(),
        changes=tuple(Change(Path(path), None, b"") for path in new),
        definition=of_project(folder),
    )


def test_the_way_to_a_project_below(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next can be pasted where the user is, above the project or in it."""
    project = make_project({"back end/pyproject.toml": "[tool.pushgate]\npython = ['@PYTHON@']\n"})
    folder = project.root / "back end"
    ready = prepared(folder, project.root, "back end/noxfile.py", "ci.yml")
    nexts = {
        project.root: "git add 'back end/noxfile.py' ci.yml && cd 'back end' && ",
        folder: "git add noxfile.py ../ci.yml && ",
    }
    for here, start in nexts.items():
        monkeypatch.chdir(here)
        told = list(telling.done(ready, ()))[-1]
        assert told.startswith(f"next: {start}")
        assert told.endswith("pushgate run")
        assert told.count("cd ") == start.count("cd ")


def test_projects_below_are_named(make_project: MakeProject) -> None:
    """Above all projects, the folders below that hold a definition are told, and no others."""
    files = {
        f"{folder}/{name}": ""
        for folder in ("back end", "tools/web")
        for name in ("pyproject.toml", "noxfile.py")
    }
    project = make_project({**files, "docs/pyproject.toml": "", "more/noxfile.py": ""})
    with pytest.raises(ConfigurationError, match=r"go to a project below, (.*)") as caught:
        find_project(project.root)
    assert str(caught.value).endswith("below, `cd 'back end'` or `cd tools/web`")
    with pytest.raises(ConfigurationError, match="reads the project's definition there"):
        find_project(project.root / "docs" / ".." / "more")


def lint_commands(project: Project, tox: str, environment: str) -> list[str]:
    """Return what the gate lint would run in a project whose tox has this environment."""
    file = "setup.cfg" if ":" in tox else "tox.ini"
    text = f"[{tox}]\nenvlist = lint\n[testenv]\ncommands = pytest\n[testenv:lint]\n{environment}\n"
    project.write({file: text})
    settings = next(checkers.look(Evidence.of(project.root), ())).settings
    [run] = [setting.value for setting in settings if setting.key == ("gates", "lint", "run")]
    assert isinstance(run, tuple)
    return list(run)


FLAKE8 = {"src/sample/__init__.py": "", "pyproject.toml": "[tool.flake8]\n"}
LINT = """\
deps =
  flake8==7.1.1
  flake8-bugbear>=24
  pytest
commands = flake8 --ignore=E501,F403 \\
  --exclude=old.py {posargs} one {toxinidir}/t
"""


@pytest.mark.parametrize("tox", ["tox", "tox:tox"])
def test_flake8_is_the_one_of_tox(make_project: MakeProject, tox: str) -> None:
    """With the options, paths, version and plugins that tox is told, in either file."""
    [command] = lint_commands(make_project(FLAKE8), tox, LINT)
    start = "uvx --with 'flake8-bugbear>=24' flake8==7.1.1"
    assert command == f"{start} --ignore=E501,F403 --exclude=old.py one ./t"


@pytest.mark.parametrize(
    ("lines", "commands"),
    [
        (
            ["py: python -m flake8 {posargs:one}  # all", "flake8 --select='E|W' t"],
            ["uvx flake8 one", "uvx flake8 '--select=E|W' t"],
        ),
        (["flake8 {[vars]code}"], ["uvx flake8 src"]),
        (["flake8 one", "flake8 {env:MORE}"], ["uvx flake8 src"]),
        (["flake8 'one"], ["uvx flake8 src"]),
        (["- flake8 one", "flake8-html ."], ["uvx flake8 src"]),
        (["flake8 .\nchangedir = docs"], ["uvx flake8 src"]),
        (["black -q src", "flake8"], ["uvx black --check -q src", "uvx flake8"]),
        (["isort --check --df ."], ["uvx isort --check --df .", "uvx flake8 src"]),
    ],
)
def test_linters_are_called_as_tox_calls_them(
    make_project: MakeProject, lines: list[str], commands: list[str]
) -> None:
    """Unless only tox understands a call; and they never change a file."""
    environment = "\n  ".join(["commands =", *lines])
    assert lint_commands(make_project(FLAKE8), "tox", environment) == commands


def test_missing_pythons(make_project: MakeProject) -> None:
    """What it means that they are not here is told, and of those that are here nothing."""
    text = "[tool.pushgate]\ndefault-python = '@PYTHON@'\npython = ['@PYTHON@'{}]\n"
    whole = make_project({"pyproject.toml": text.format("")})
    assert not any(
        "not on this machine" in line for line in telling.findings(prepared(whole.root, whole.root))
    )
    whole.write({"pyproject.toml": text.format(", '3.98', '3.99'")})
    last = list(telling.findings(prepared(whole.root, whole.root)))[-1]
    assert last.startswith("not on this machine: Python 3.98, 3.99: ")
    assert "unavailable here and a push is refused: `uv python install 3.98 3.99`, or leave" in last


UVX = "uvx --with-requirements docs/requirements.txt"
MKDOCS = "mkdocs build --strict --site-dir .pushgate/site"
SPHINX = "sphinx-build -W -b dirhtml docs .pushgate/site"
NO_ENVIRONMENT = ["environment = false"]


@pytest.mark.parametrize(
    ("files", "command", "rest"),
    [
        ({"docs/requirements.txt": "mkdocs"}, f"{UVX} {MKDOCS}", NO_ENVIRONMENT),
        ({}, f"uvx {MKDOCS}", NO_ENVIRONMENT),
        (
            {
                "requirements.txt": "mkdocs-material\n-e .[all]",
                "pyproject.toml": "project.optional-dependencies.all = []",
            },
            f"uvx --with-requirements requirements.txt {MKDOCS}",
            NO_ENVIRONMENT,
        ),
        ({"pyproject.toml": "dependency-groups.x = ['MkDocs>1']"}, MKDOCS, ['groups = ["x"]']),
        ({"requirements-dev.txt": "mkdocs", "docs/requirements.txt": ""}, MKDOCS, []),
        ({"pyproject.toml": "project.optional-dependencies.all = ['mkdocs']"}, MKDOCS, []),
    ],
)
def test_documentation_can_be_built(
    make_project: MakeProject, files: dict[str, str], command: str, rest: list[str]
) -> None:
    """The gate that is offered finds MkDocs where the project has it, else fetches it."""
    project = make_project({"mkdocs.yml": "", **files})
    assert offered(project, "docs") == [f'run = ["{command}"]', *rest]


@pytest.mark.parametrize(
    ("conf", "start"),
    [("", UVX), ("extensions = ['sphinx.ext.autodoc']", f"{UVX} --with-editable .")],
)
def test_sphinx_is_fetched(make_project: MakeProject, conf: str, start: str) -> None:
    """With what the documentation requires, and the project where its code is documented."""
    files = {"docs/conf.py": conf, "docs/requirements.txt": "furo", "setup.py": ""}
    run = f'run = ["{start} --from sphinx {SPHINX}"]'
    assert offered(make_project(files), "docs") == [run, *NO_ENVIRONMENT]


def offered(project: Project, topic: str) -> list[str]:
    """Return the lines of the table that is offered."""
    found = {each.topic: each for each in subjects.look(Evidence.of(project.root))}
    return list(found[topic].offered[1:])


@pytest.mark.parametrize(
    ("workflows", "proposed"),
    [
        ({"benchmark": "", "lint": "tox-gh", "unit": "- run: uv run pytest -x", "ci": ""}, "unit"),
        ({"benchmark": "run: pytest b", "tests": "run: |\n  nox -s tests"}, "tests"),
        ({"benchmark": "", "test-all": "", "zoo": ""}, "test-all"),
        ({"benchmark": "", "publish": ""}, "benchmark"),
    ],
)
def test_the_workflow_that_tests_is_proposed(
    make_project: MakeProject, workflows: dict[str, str], proposed: str
) -> None:
    """Of several, the one that calls a test runner, else the one whose name says so."""
    files = {f".github/workflows/{name}.yml": text for name, text in workflows.items()}
    project = make_project(files)
    said = told(project, "workflows")
    assert f"`pushgate init --from-workflow .github/workflows/{proposed}.yml`" in said
    assert ".yml: stay until you delete them; " in said
    assert said.endswith("takes over what that one says")


def test_one_is_no_plural(make_project: MakeProject) -> None:
    """One workflow stays, and one formatter has its gate; GitLab's file is no workflow to take."""
    project = make_project(
        {".github/workflows/a b.yml": "", "pyproject.toml": "[tool.ruff]\n[tool.black]\n"}
    )
    said = told(project, "workflows")
    assert said.startswith(".github/workflows/a b.yml: stays until you delete it; `pushgate init")
    assert said.endswith("--from-workflow '.github/workflows/a b.yml'` takes over what it says")
    lint = next(checkers.look(Evidence.of(project.root), ())).said
    assert lint.endswith("; black: a gate of its own, style")
    (project.root / ".github/workflows/a b.yml").rename(project.root / ".gitlab-ci.yml")
    assert told(project, "workflows") == ".gitlab-ci.yml: stays until you delete it"


def test_a_written_workflow_is_no_other_one(make_project: MakeProject) -> None:
    """Nobody takes over what Pushgate has written, even if the comment at its top is gone."""
    written = (Path(__file__).parents[1] / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    bare = re.sub(r"\A(?:#.*\n|\n)+", "", written)
    assert bare.startswith("name: ")
    files = {f".github/workflows/{name}.yml": bare for name in ("ci", "old")}
    project = make_project({**files, ".github/workflows/release.yml": ""})
    (project.root / ".github/workflows/old.yml").write_text(written, encoding="utf-8")
    assert told(project, "workflows").startswith(".github/workflows/release.yml: stays until")


def told(project: Project, topic: str) -> str:
    """Return what is said about a topic."""
    return {each.topic: each.said for each in subjects.look(Evidence.of(project.root))}[topic]
