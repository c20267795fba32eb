"""Detection: what a repository says already is not asked for again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import Project
from pushgate.config.load import find_project
from pushgate.model.settings import ConfigurationError, Dependencies, Settings
from pushgate.plan.definition import of_project

HEAD = '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=@PYTHON@,<4"\n'

Files = Mapping[str, str]


def _settings(make_project: Callable[..., Project], files: Files, table: str = "") -> Settings:
    return of_project(make_project({"pyproject.toml": HEAD + table, **files}).root).settings


def _empty(*paths: str) -> dict[str, str]:
    return dict.fromkeys(paths, "")


@pytest.mark.parametrize(
    ("paths", "sources"),
    [
        (["src/demo/__init__.py", "demo/__init__.py", "web/x.py"], ("src",)),
        (["demo/__init__.py", "web/x.py", "docs/conf.py"], ("demo",)),
        (["demo.py", "web/x.py"], ("demo.py",)),
        (["demo/__init__.pyi", "web/x.txt"], ("demo",)),
        (
            ["app/x.py", "main.py", "setup.py", "test_it.py", "_x.py", ".x/y.py", "Tests/x.py"],
            ("app", "main.py"),
        ),
        (["src/readme.txt", "app/x.py"], ("app",)),
        (["docs/conf.py", "tests/test_it.py", "readme.md"], ()),
    ],
)
def test_the_layout_tells_the_code(
    make_project: Callable[..., Project], paths: list[str], sources: tuple[str, ...]
) -> None:
    """The code is in src, else in what is called as the project, else in what is nothing else."""
    assert _settings(make_project, _empty(*paths)).sources == sources


@pytest.mark.parametrize(
    ("table", "sources"),
    [
        ("[tool.hatch.build.targets.wheel]\npackages = ['lib/core', 'gone']", ("lib/core",)),
        ("[tool.hatch.build.targets.wheel]\npackages = ['gone']", ("demo",)),
        ("[tool.setuptools.packages.find]\nwhere = ['lib']", ("lib",)),
        ("[tool.setuptools.packages.find]\nwhere = ['.']", ("demo",)),
        ("[tool.setuptools]\npackage-dir = {'' = 'lib'}", ("lib",)),
        ("[tool.setuptools]\npackages = ['core', 'core.deep']", ("core",)),
        ("[tool.setuptools]\npy-modules = ['single']", ("single.py",)),
        ("[tool.uv.build-backend]\nmodule-root = 'lib'\nmodule-name = 'core'", ("lib",)),
        (
            "[tool.uv.build-backend]\nmodule-root = ''\nmodule-name = ['core.x', 'single']",
            ("core", "single.py"),
        ),
        ("[tool.flit.module]\nname = 'core'", ("core",)),
        (
            "[tool.poetry]\npackages = [{include = 'core'}, {include = 'core', from = 'lib'}, 3]",
            ("core", "lib/core"),
        ),
        ("[tool]\nhatch = 1\nuv = []\npoetry = {packages = 1}\nflit = {module = 1}", ("demo",)),
        ("[tool.pushgate]\nsources = ['single.py', 'lib']", ("single.py", "lib")),
    ],
)
def test_the_build_back_end_tells_the_code(
    make_project: Callable[..., Project], table: str, sources: tuple[str, ...]
) -> None:
    """What the configuration or the build back end names is the code, where it exists."""
    files = _empty("demo/__init__.py", "core/x.py", "lib/core/x.py", "single.py")
    assert _settings(make_project, files, table).sources == sources


def test_untracked_files_are_no_code(make_project: Callable[..., Project]) -> None:
    """What CI will not have is not looked at."""
    project = make_project({"pyproject.toml": HEAD, "app/x.py": "", "gone.py": ""})
    project.write(_empty("demo/__init__.py", "tests/test_it.py"))
    (project.root / "gone.py").unlink()
    settings = of_project(project.root).settings
    assert (settings.sources, settings.tests) == (("app",), ())


@pytest.mark.parametrize(
    ("files", "table", "tests"),
    [
        ({}, "", ("tests", "test")),
        ({}, "[tool.pytest.ini_options]\ntestpaths = ['checks', 'gone']", ("checks",)),
        ({}, "[tool.pytest.ini_options]\ntestpaths = 'checks'", ("checks",)),
        ({}, "[tool.pytest]\ntestpaths = ['checks', 3]", ("checks",)),
        ({}, "[tool.pushgate]\ntests = ['checks/deep']", ("checks/deep",)),
        ({"pytest.ini": "[pytest]\ntestpaths = checks test\n"}, "", ("checks", "test")),
        ({"tox.ini": "[pytest]\ntestpaths =\n  checks\n  %(x)s\n"}, "", ("checks",)),
        ({"setup.cfg": "[tool:pytest]\ntestpaths = checks\n"}, "", ("checks",)),
        ({"pytest.ini": "no section\n", "tox.ini": "[tox]\n"}, "", ("tests", "test")),
    ],
)
def test_pytest_settings_tell_the_tests(
    make_project: Callable[..., Project], files: Files, table: str, tests: tuple[str, ...]
) -> None:
    """The tests are where pytest is told to look, else in the usual folders."""
    there = _empty("tests/test_it.py", "test/test_it.py", "checks/deep/test_it.py", "demo.py")
    assert _settings(make_project, {**there, **files}, table).tests == tests


@pytest.mark.parametrize(
    ("project_table", "python"),
    [
        ("requires-python = '>=3.12,<3.14'", ("3.12", "3.13")),
        ("requires-python = '>=3.12.4,<3.14'", ("3.12", "3.13")),
        ("requires-python = '~=3.9, <3.13'", ("3.9", "3.10", "3.11", "3.12")),
        ("requires-python = '==3.12.*'", ("3.12",)),
        ("requires-python = '>=3.10'\nclassifiers = [C13, C9, C10]", ("3.10", "3.13")),
        ("requires-python = '3.12'\nclassifiers = [C13, C9]", ("3.9", "3.13")),
        ("classifiers = ['Programming Language :: Python :: 3', C10, C9]", ("3.9", "3.10")),
    ],
)
def test_the_metadata_tells_the_pythons(
    make_project: Callable[..., Project], project_table: str, python: tuple[str, ...]
) -> None:
    """Classifiers name the Pythons and requires-python bounds them; without, it names them."""
    for minor in ("9", "10", "13"):
        classifier = f"'Programming Language :: Python :: 3.{minor}'"
        project_table = project_table.replace(f"C{minor}", classifier)
    pyproject = f"[project]\nname = 'demo'\nversion = '1'\n{project_table}\n"
    settings = of_project(make_project({"pyproject.toml": pyproject}).root).settings
    assert (settings.python, settings.default_python) == (python, python[-1])


@pytest.mark.parametrize("project_table", ["", "requires-python = '>=2.7,<3'", "classifiers = 1"])
def test_missing_pythons_are_asked_for(
    make_project: Callable[..., Project], project_table: str
) -> None:
    """A project that nowhere says its Pythons is asked for them."""
    pyproject = f"[project]\nname = 'demo'\nversion = '1'\n{project_table}\n"
    with pytest.raises(ConfigurationError, match=r"tool\.pushgate\.python is missing, and neither"):
        of_project(make_project({"pyproject.toml": pyproject}).root)


@pytest.mark.parametrize(
    ("pinned", "table", "default"),
    [
        ("3.12\n", "", "3.12"),
        ("cpython-3.11.4\n", "", "3.11"),
        ("# ours\npypy3.11\n3.11.4\n3.12.1\n", "", "3.11"),
        ("3.10\n", "", "3.13"),
        ("", "", "3.13"),
        ("3.12\n", "default-python = '3.11'", "3.11"),
    ],
)
def test_the_default_python(
    make_project: Callable[..., Project], pinned: str, table: str, default: str
) -> None:
    """The default Python is the configured one, else that of .python-version, else the newest."""
    files = {
        "pyproject.toml": f"[tool.pushgate]\npython = ['3.13', '3.11', '3.12', '3.11']\n{table}",
        ".python-version": pinned,
    }
    settings = of_project(make_project(files).root).settings
    assert settings.python == ("3.11", "3.12", "3.13")
    assert (settings.default_python, settings.name) == (default, "project")


@pytest.mark.parametrize(
    ("files", "table", "installable"),
    [
        ({}, HEAD, True),
        ({"uv.lock": ""}, HEAD, False),
        ({"uv.lock": ""}, f"{HEAD}[build-system]\nrequires = []", True),
        ({"uv.lock": ""}, f"{HEAD}[tool.uv]\npackage = true", True),
        ({}, "[tool.uv]\npackage = false", False),
        ({}, "", False),
        ({"setup.py": ""}, "", True),
        ({"setup.cfg": "[metadata]\nname = demo\n"}, "", True),
        ({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}, "", False),
    ],
)
def test_what_can_be_installed(
    make_project: Callable[..., Project], files: Files, table: str, *, installable: bool
) -> None:
    """A project is installed where uv or pip would install it."""
    files = {"pyproject.toml": f"{table}\n[tool.pushgate]\npython = ['3.12']", **files}
    dependencies = of_project(make_project(files).root).settings.dependencies
    assert dependencies.installable is installable


def test_groups_and_extras(make_project: Callable[..., Project]) -> None:
    """Groups hold what they include, whatever the spelling; uv's default is the group dev."""
    dependencies = _settings(
        make_project,
        {"requirements.txt": "attrs\n"},
        "dependencies = ['rich']\n[project.optional-dependencies]\ncli = ['click']\n"
        "[dependency-groups]\ndev = [{include-group = 'Test_Deps'}, 'ruff']\n"
        "test-deps = ['pytest', {include-group = 'base'}]\nBase = ['attrs', 3]\n",
    ).dependencies
    assert dependencies == Dependencies(
        installable=True,
        extras={"cli": ("click",)},
        groups={
            "dev": ("pytest", "attrs", "ruff"),
            "test-deps": ("pytest", "attrs"),
            "base": ("attrs",),
        },
        default_groups=("dev",),
        runtime=("rich",),
    )


@pytest.mark.parametrize(
    ("told", "default_groups"),
    [("'all'", ("dev", "my-docs")), ("['My_Docs', 'gone']", ("my-docs",)), ("[]", ())],
)
def test_default_groups(
    make_project: Callable[..., Project], told: str, default_groups: tuple[str, ...]
) -> None:
    """The groups that uv installs unasked are those that its table says."""
    groups = "[dependency-groups]\ndev = ['ruff']\nmy-docs = []\n"
    table = f"{groups}[tool.uv]\ndefault-groups = {told}\n"
    assert _settings(make_project, {}, table).dependencies.default_groups == default_groups


@pytest.mark.parametrize(
    ("files", "table", "expected"),
    [
        (
            ["requirements.txt", "requirements-dev.txt", "requirements/test.txt", "r.txt"],
            "",
            ("requirements.txt", "requirements-dev.txt", "requirements/test.txt"),
        ),
        (["requirements.txt", "uv.lock"], "", ()),
        (["requirements.txt"], "[dependency-groups]\ndev = []", ()),
        (["requirements.txt"], "[project.optional-dependencies]\ncli = []", ()),
    ],
)
def test_requirements_files(
    make_project: Callable[..., Project], files: list[str], table: str, expected: tuple[str, ...]
) -> None:
    """Requirements files count where neither a lock nor a group nor an extra says more."""
    assert _settings(make_project, _empty(*files), table).dependencies.requirements == expected


def test_projects_of_one_repository(make_project: Callable[..., Project]) -> None:
    """Each project of a repository is found from its own folders, with its own code only."""
    python = "[tool.pushgate]\npython = ['3.12']\n"
    repository = make_project(
        {
            "backend/pyproject.toml": f"{python}branches = ['dev']",
            "backend/app/api/x.py": "",
            "backend/tests/test_x.py": "",
            "worker/pyproject.toml": python,
            "worker/jobs.py": "",
            "docs/x.md": "",
        }
    )
    root = repository.root
    assert find_project(root / "backend" / "app" / "api") == root / "backend"
    backend, worker = (of_project(root / name).settings for name in ("backend", "worker"))
    assert (backend.sources, backend.tests, backend.branches) == (("app",), ("tests",), ("dev",))
    assert (worker.sources, worker.tests, worker.branches) == (("jobs.py",), (), ("main",))
    assert {backend.repository, worker.repository} == {root}
    with pytest.raises(ConfigurationError, match=r"docs: no pyproject\.toml here or above, up to"):
        find_project(root / "docs")


@pytest.mark.parametrize(
    ("workspace", "locked"),
    [
        ("[tool.uv.workspace]\nmembers = ['packages/*']", True),
        ("[tool.uv]\nworkspace = {members = ['packages/one', 'x']}", True),
        ("[tool.uv.workspace]\nmembers = ['packages/*']\nexclude = ['packages/one']", False),
        ("[tool.uv.workspace]\nmembers = ['other/*']", False),
        ("[tool.uv.workspace]\nmembers = ['/packages/*']", False),
        ("# [tool.uv.workspace]\n", False),
        ("[tool.uv.workspace", False),
    ],
)
def test_the_lock_of_a_workspace(
    make_project: Callable[..., Project], workspace: str, *, locked: bool
) -> None:
    """A member of a uv workspace is locked by the workspace's lock; another project is not."""
    files = {"pyproject.toml": workspace, "uv.lock": "", "packages/one/pyproject.toml": HEAD}
    root = make_project(files).root
    lock = of_project(root / "packages" / "one").settings.dependencies.lock
    assert lock == (root / "uv.lock" if locked else None)


def test_the_own_lock_comes_first(make_project: Callable[..., Project]) -> None:
    """A project's own lock holds for it, and a folder above without a pyproject.toml does not."""
    pyprojects = {"one/pyproject.toml": HEAD, "two/pyproject.toml": HEAD}
    root = make_project({**pyprojects, **_empty("uv.lock", "one/uv.lock")}).root
    locks = [of_project(root / name).settings.dependencies.lock for name in ("one", "two")]
    assert locks == [root / "one" / "uv.lock", None]


def test_no_repository(tmp_path: Path, make_project: Callable[..., Project]) -> None:
    """Where there is no git repository, that is told, with everything else that is wrong."""
    (tmp_path / "pyproject.toml").write_text("[tool.pushgate]\nbranchs = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"not a git repository .*: Pushgate asks git"):
        find_project(tmp_path)
    with pytest.raises(ConfigurationError, match=r"unknown key 'branchs'.*\n.* git repository"):
        of_project(tmp_path)
    assert find_project(make_project({"pyproject.toml": ""}).root).name == "project"
