"""Fingerprints: all that a job reads, and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from conftest import NOXFILE, PYTHON, Project, lacks
from pushgate.model.fingerprint import Fingerprint
from pushgate.plan.definition import of_project
from pushgate.run import premises
from pushgate.run.checkout import clean_checkout
from pushgate.run.fingerprints import Fingerprints, take
from pushgate.run.store import Store
from pushgate.tools import docker, interpreters

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


def _take(root: Path, commit: str | None = None) -> Fingerprints:
    return take(of_project(root), commit)


def _digests(taken: Fingerprints) -> Mapping[str, str]:
    assert taken.without == {}
    return {name: fingerprint.digest for name, fingerprint in taken.of.items()}


def _parts(now: Fingerprint, before: Fingerprint) -> set[str]:
    return {f"{one.part}: {one.name}" for one in now.differences(before)}


@pytest.fixture
def project(make_project: Make, tmp_path: Path, monkeypatch: Patch) -> Project:
    """A project with a lock, gates of its own, a link, and a program on PATH."""
    project = make_project(FILES)
    (project.root / "link").symlink_to("a.txt")
    project.commit()
    reader = tmp_path / "bin" / "reader"
    reader.parent.mkdir()
    reader.write_text("#!/bin/sh\n", encoding="utf-8")
    reader.chmod(0o755)
    monkeypatch.setenv("PATH", f"{reader.parent}{os.pathsep}{os.environ['PATH']}")
    return project


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
    "an untracked file": ("read", _write("src/new.py"), {"files: src/new.py"}),
    "a mode": ("read", _mode, {"files: a.txt"}),
    "a link": ("read", _link, {"files: link"}),
    "the lock": ("read", _edit("uv.lock", "0.1.0", "0.2.0"), {"files: uv.lock"}),
    "the noxfile": ("read", _edit("noxfile.py", "true", "false"), {"files: noxfile.py"}),
    "setup.cfg": ("read", _write("setup.cfg"), {"files: setup.cfg"}),
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
    "an ignored file": ("read", _write(".env"), {"only here: .env"}),
    "one in an ignored folder": ("read", _write("ignored/a/b"), {"only here: ignored/a/b"}),
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
    before = _take(project.root).of[job]
    change(project, monkeypatch)
    now = _take(project.root).of[job]
    assert now.digest != before.digest
    assert _parts(now, before) == parts


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
    before = _take(project.root).of["read"]
    SAME[what](project, monkeypatch)
    now = _take(project.root).of["read"]
    assert _parts(now, before) == set()
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
    before = _take(project.root).of["lint"]
    project.write({"pyproject.toml": head + text.replace(old, new)})
    assert _parts(_take(project.root).of["lint"], before) == {"files: pyproject.toml"}


def _in_folder(make_project: Make) -> Project:
    return make_project(
        {f"backend/{name}": text for name, text in FILES.items()} | {"above.txt": "1"}
    )


def _oddly_named(make_project: Make) -> Project:
    names = ("src/it's", "src/new\nline", "src/ünï", ' "', "src/tab\t")
    project = make_project(FILES | dict.fromkeys(names, "1"))
    (project.root / "link").symlink_to("src")
    (project.root / "src" / "it's").chmod(0o755)
    return project


def _with_crlf(make_project: Make) -> Project:
    return make_project(FILES | {".gitattributes": "*.txt text eol=crlf\n"})


def _sha256(make_project: Make) -> Project:
    project = make_project(FILES)
    subprocess.run(["rm", "-r", project.root / ".git"], check=True)
    project.git("init", "--quiet", "--object-format=sha256")
    return project


def _in_worktree(make_project: Make) -> Project:
    project = make_project(FILES)
    project.git("worktree", "add", "--quiet", "../linked")
    return Project(project.root.parent / "linked")


@pytest.mark.parametrize(
    "make",
    [_in_folder, _oddly_named, _with_crlf, _sha256, _in_worktree],
    ids=lambda make: make.__name__,
)
def test_a_clean_tree_and_its_commit(
    make_project: Make, make: Callable[[Make], Project], tmp_path: Path
) -> None:
    """A clean working tree, its commit, and a clean checkout of it have the same fingerprints."""
    project = make(make_project)
    if make is _in_folder:
        (project.root / "noxfile.py").unlink()
    project.commit()
    project.git("checkout-index", "--all", "--force")
    folder = "backend" if make is _in_folder else ""
    commit = project.git("rev-parse", "HEAD").strip()
    files = _digests(_take(project.root / folder))
    assert {"lint", "read", "next", "session", "function"} < files.keys()
    assert files == _digests(_take(project.root / folder, commit))
    with clean_checkout(project.root, Store(tmp_path / "state"), commit) as top:
        assert files == _digests(_take(top / folder, commit))


def test_jobs_with_the_same_inputs_share_their_files(project: Project) -> None:
    """What many jobs read is put together once."""
    of = _take(project.root).of
    assert of["lint"].files is of["types"].files
    assert of["next"].files is of["session"].files
    assert set(of["next"].files.entries) == {"b.txt", "noxfile.py", "pyproject.toml", "uv.lock"}


def test_nothing_is_written(project: Project) -> None:
    """The repository's objects and its index are as they were."""
    project.write({"a.txt": "2\n", "new.txt": "1\n"})
    git = project.root / ".git"

    def look() -> dict[str, bytes]:
        files = [*git.joinpath("objects").rglob("*"), git / "index"]
        return {str(file): file.read_bytes() for file in files if file.is_file()}

    before = look()
    _take(project.root)
    assert look() == before


def test_how_long_passes_count(project: Project) -> None:
    """What an index or a service answers counts for a while only, and so does what needs it."""
    fresh = {name: taken.fresh_for for name, taken in _take(project.root).of.items()}
    day = 86400
    assert {name: limit for name, limit in fresh.items() if limit is not None} == {
        "audit": 60,
        "build": day,
        "session": day,
        "function": 9,
    }
    (project.root / "uv.lock").unlink()
    changed = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    project.write({"pyproject.toml": changed.replace('env = ["SHOP"]', "fresh-for = 5")})
    fresh = {name: taken.fresh_for for name, taken in _take(project.root).of.items()}
    assert (fresh["lint"], fresh["coverage"], fresh["function"]) == (day, day, 9)
    assert (fresh["read"], fresh["next"]) == (5, 5)


def test_the_audits_own_limit(make_project: Make) -> None:
    """An audit counts for half a day unless the project says otherwise."""
    pyproject = PYPROJECT.replace("audit = { fresh-for = 60 }\n", "")
    project = make_project({**FILES, "pyproject.toml": pyproject})
    assert _take(project.root).of["audit"].fresh_for == 43200


def test_changes_that_cannot_be_seen(project: Project) -> None:
    """Where git is told to overlook changes no job has a fingerprint; its commit's have."""
    project.git("update-index", "--assume-unchanged", "a.txt")
    taken = _take(project.root)
    assert taken.of == {}
    assert taken.without["lint"].startswith("'a.txt': git is told to overlook its changes")
    assert _take(project.root, project.git("rev-parse", "HEAD").strip()).without == {}


def test_too_many_ignored_files(project: Project) -> None:
    """A huge ignored folder that may matter leaves no fingerprint."""
    (project.root / "ignored").mkdir()
    for number in range(1001):
        (project.root / "ignored" / str(number)).touch()
    taken = _take(project.root)
    assert set(taken.without.values()) == {
        "'ignored/' is ignored by git and holds too many files to look at"
    }
    assert taken.of == {}


def test_a_missing_interpreter(project: Project) -> None:
    """A job without its interpreter has no fingerprint, nor has what needs it; others have."""
    changed = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    versions = f'["3.77", "{PYTHON}"]\ndefault-python = "{PYTHON}"'
    project.write({"pyproject.toml": changed.replace(f'["{PYTHON}"]', versions)})
    taken = _take(project.root)
    assert taken.without["test-3.77(1of4)"].startswith("no Python 3.77 here: looked for")
    assert taken.without["coverage"] == "it needs test-3.77(1of4), which has no fingerprint"
    assert {"lint", "read", f"test-{PYTHON}(1of4)"} <= taken.of.keys()
    assert not taken.of.keys() & taken.without.keys()
    assert taken.of["lint"].parts["interpreters"]["3.77"] == "missing"
    assert not taken.premises.lasting


def test_an_image_that_is_missing(make_project: Make) -> None:
    """A job whose image nobody has, or without an engine, has no fingerprint."""
    own = "[tool.pushgate.gates.up]\nrun = ['true']\nimages = ['no-such-image:1']\n"
    project = make_project({**FILES, "pyproject.toml": PYPROJECT + own})
    taken = _take(project.root)
    assert list(taken.without) == ["up"]
    assert taken.without["up"].startswith("no Docker engine here has the image no-such-image:1")
    assert not taken.premises.lasting
    assert not taken.premises.hold()


@pytest.fixture
def image() -> Iterator[str]:
    """An image with nothing in it, under a name of its own."""
    if docker.engine_version() is None:
        lacks("docker", "no Docker engine answers")
    name = f"pushgate-tests:{uuid.uuid4()}"
    _import_image(name, "first")
    yield name
    subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)


def _import_image(name: str, label: str) -> None:
    empty = b"\0" * 1024  # as tar writes an archive of nothing
    command = ["docker", "import", "--change", f"LABEL pushgate.tests={label}", "-", name]
    subprocess.run(command, check=True, capture_output=True, input=empty)


@pytest.mark.docker
def test_an_image(make_project: Make, image: str) -> None:
    """Another image under the same name is another fingerprint."""
    own = f"[tool.pushgate.gates.up]\nrun = ['true']\nimages = ['{image}']\n"
    project = make_project({**FILES, "pyproject.toml": PYPROJECT + own})
    before = _take(project.root).of["up"]
    assert before.parts["images"][image].startswith("sha256:")
    subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)
    _import_image(image, "second")
    now = _take(project.root).of["up"]
    assert _parts(now, before) == {f"images: {image}"}
    assert now.digest != before.digest


def test_values_of_variables_are_not_told(project: Project, monkeypatch: Patch) -> None:
    """A variable may be a secret: neither fingerprint nor premises hold its value."""
    monkeypatch.setenv("SHOP", "hunter2")
    taken = _take(project.root)
    assert "hunter2" not in taken.of["read"].document
    assert "hunter2" not in str(taken.premises.as_json())
    assert taken.of["read"].parts["environment"]["SHOP"].startswith("set, ")


def test_a_variable_that_jobs_are_not_given(make_project: Make, monkeypatch: Patch) -> None:
    """A variable that Pushgate takes away makes no difference, declared or not."""
    pyproject = PYPROJECT.replace('"SHOP"', '"PYTHONPATH"')
    project = make_project({**FILES, "pyproject.toml": pyproject})
    before = _take(project.root)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    now = _take(project.root)
    assert now.of["read"].digest == before.of["read"].digest
    assert now.premises.hold()


def test_an_interpreter_that_answered_is_known(
    make_project: Make, tmp_path: Path, monkeypatch: Patch
) -> None:
    """An interpreter is asked once, and again when it is another file."""
    fake_python = tmp_path / "bin" / "python3.77"
    fake_python.parent.mkdir()

    def install(version: str) -> None:
        told = f"{version} {fake_python}\nfake-{version}\nfake-platform"
        fake_python.write_text(f"#!/bin/sh\necho x >>{tmp_path}/asked\necho '{told}'\n")
        fake_python.chmod(0o755)
        interpreters._found.cache_clear()  # noqa: SLF001  # as a new process has it

    install("3.77.1")
    monkeypatch.setenv("PATH", f"{fake_python.parent}{os.pathsep}{os.environ['PATH']}")
    project = make_project(
        {
            "pyproject.toml": '[project]\nname = "a"\n[tool.pushgate]\npython = ["3.77"]\n',
            "a.py": "",
            "noxfile.py": NOXFILE,
        }
    )
    first = _take(project.root).of["lint"]
    interpreters._found.cache_clear()  # noqa: SLF001
    assert _take(project.root).of["lint"].digest == first.digest
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "x\n"
    install("3.77.10")
    now = _take(project.root).of["lint"]
    assert _parts(now, first) == {"interpreters: 3.77"}
    kept = project.root / ".git" / "pushgate" / "pythons.json"
    for damaged in ("{", "[]", '{"3.77": 1}', '{"3.77": ["a"]}'):
        kept.write_text(damaged, encoding="utf-8")
        interpreters._found.cache_clear()  # noqa: SLF001
        assert _take(project.root).of["lint"].digest == now.digest
    interpreters._found.cache_clear()  # noqa: SLF001
