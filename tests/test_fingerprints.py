"""Fingerprints: of trees and of commits, for how long, and why there is none."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import NOXFILE, PYTHON, Project, lacks
from fingerprinting import FILES, PYPROJECT, Make, Patch, digests, named, take_of, with_reader
from pushgate.model.services import URL_VARIABLE
from pushgate.plan.definition import of_project
from pushgate.run.checkout import clean_checkout
from pushgate.run.fingerprints import changed_since, take
from pushgate.run.store import Store
from pushgate.tools import docker, interpreters


@pytest.fixture
def project(make_project: Make, tmp_path: Path, monkeypatch: Patch) -> Project:
    """A project with a lock, gates of its own, a link, and a program on PATH."""
    return with_reader(make_project, tmp_path, monkeypatch)


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
    files = digests(take_of(project.root / folder))
    assert {"lint", "read", "next", "session", "function"} < files.keys()
    assert files == digests(take_of(project.root / folder, commit))
    with clean_checkout(project.root, Store(tmp_path / "state"), commit) as top:
        assert files == digests(take_of(top / folder, commit))


def test_jobs_with_the_same_inputs_share_their_files(project: Project) -> None:
    """What many jobs read is put together once."""
    of = take_of(project.root).of
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
    take_of(project.root)
    assert look() == before


def test_how_long_passes_count(project: Project) -> None:
    """What an index or a service answers counts for a while only, and so does what needs it."""
    fresh = {name: taken.fresh_for for name, taken in take_of(project.root).of.items()}
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
    fresh = {name: taken.fresh_for for name, taken in take_of(project.root).of.items()}
    assert (fresh["lint"], fresh["coverage"], fresh["function"]) == (day, day, 9)
    assert (fresh["read"], fresh["next"]) == (5, 5)


def test_the_audits_own_limit(make_project: Make) -> None:
    """An audit counts for half a day unless the project says otherwise."""
    pyproject = PYPROJECT.replace("audit = { fresh-for = 60 }\n", "")
    project = make_project({**FILES, "pyproject.toml": pyproject})
    assert take_of(project.root).of["audit"].fresh_for == 43200


def test_changes_that_cannot_be_seen(project: Project) -> None:
    """Where git is told to overlook changes no job has a fingerprint; its commit's have."""
    project.git("update-index", "--assume-unchanged", "a.txt")
    taken = take_of(project.root)
    assert taken.of == {}
    assert taken.without["lint"].startswith("'a.txt': git is told to overlook its changes")
    assert take_of(project.root, project.git("rev-parse", "HEAD").strip()).without == {}


@pytest.mark.parametrize(("size", "same"), [(10, True), (100_000, False)])
def test_an_ignored_file_written_again(project: Project, size: int, *, same: bool) -> None:
    """What a build writes each time counts by its content; of a large file, the time counts."""
    file = project.root / "ignored" / "version.py"
    file.parent.mkdir()
    file.write_text("#" * size, encoding="utf-8")
    before = take_of(project.root).of
    os.utime(file, (1, 1))
    assert (take_of(project.root).of == before) is same


def test_too_many_ignored_files(project: Project) -> None:
    """A huge ignored folder that may matter leaves no fingerprint."""
    (project.root / "ignored").mkdir()
    for number in range(1001):
        (project.root / "ignored" / str(number)).touch()
    taken = take_of(project.root)
    assert set(taken.without.values()) == {
        "'ignored/' is ignored by git and holds too many files to look at"
    }
    assert taken.of == {}


def test_what_changed_since(make_project: Make) -> None:
    """Each file is named once, from the top, whether git has it or not."""
    project = _in_folder(make_project)
    definition = of_project(project.root / "backend")
    taken = take(definition, None)
    assert changed_since(definition, taken) == ()
    project.write({"backend/new.txt": "", "above.txt": "2", "backend/data.txt": "changed"})
    changed = ("above.txt", "backend/data.txt", "backend/new.txt")
    assert changed_since(definition, taken) == changed
    project.git("update-index", "--assume-unchanged", "above.txt")
    (told,) = changed_since(definition, taken)
    assert told.startswith("'above.txt': git is told to overlook its changes")
    commit = project.git("rev-parse", "HEAD").strip()
    assert changed_since(definition, take(definition, commit)) == ()


def test_a_missing_interpreter(project: Project) -> None:
    """A job without its interpreter has no fingerprint, nor has what needs it; others have."""
    changed = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    versions = f'["3.77", "{PYTHON}"]\ndefault-python = "{PYTHON}"'
    project.write({"pyproject.toml": changed.replace(f'["{PYTHON}"]', versions)})
    taken = take_of(project.root)
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
    taken = take_of(project.root)
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
    """Another image under the same name is another fingerprint, which is seen at once."""
    own = f"[tool.pushgate.gates.up]\nrun = ['true']\nimages = ['{image}']\n"
    project = make_project({**FILES, "pyproject.toml": PYPROJECT + own})
    taken = take_of(project.root)
    before = taken.of["up"]
    assert before.parts["images"][image].startswith("sha256:")
    assert taken.premises.hold()
    subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)
    assert not taken.premises.hold()
    _import_image(image, "second")
    assert not taken.premises.hold()
    now = take_of(project.root).of["up"]
    assert named(now, before) == {f"images: {image}"}
    assert now.digest != before.digest


def test_values_of_variables_are_not_told(project: Project, monkeypatch: Patch) -> None:
    """A variable may be a secret: neither fingerprint nor premises hold its value."""
    monkeypatch.setenv("SHOP", "hunter2")
    monkeypatch.setenv(URL_VARIABLE, "postgresql://me:hunter2@db")
    taken = take_of(project.root)
    assert "hunter2" not in taken.of["read"].document
    assert "hunter2" not in str(taken.premises.as_json())
    for name in ("SHOP", URL_VARIABLE):
        assert taken.of["read"].parts["environment"][name].startswith("set, ")


def test_a_variable_that_jobs_are_not_given(make_project: Make, monkeypatch: Patch) -> None:
    """A variable that Pushgate takes away makes no difference, declared or not."""
    pyproject = PYPROJECT.replace('"SHOP"', '"PYTHONPATH"')
    project = make_project({**FILES, "pyproject.toml": pyproject})
    before = take_of(project.root)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    now = take_of(project.root)
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
    first = take_of(project.root).of["lint"]
    interpreters._found.cache_clear()  # noqa: SLF001
    assert take_of(project.root).of["lint"].digest == first.digest
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "x\n"
    install("3.77.10")
    now = take_of(project.root).of["lint"]
    assert named(now, first) == {"interpreters: 3.77"}
    kept = project.root / ".git" / "pushgate" / "pythons.json"
    for damaged in ("{", "[]", '{"3.77": 1}', '{"3.77": ["a"]}'):
        kept.write_text(damaged, encoding="utf-8")
        interpreters._found.cache_clear()  # noqa: SLF001
        assert take_of(project.root).of["lint"].digest == now.digest
    interpreters._found.cache_clear()  # noqa: SLF001
