"""`pushgate init`: which folder it takes, and in which state of the repository."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Project
from pushgate.adopt import place, staging
from pushgate.adopt.staging import Change
from pushgate.model.settings import ConfigurationError
from test_init import CODE, PROJECT, Make, init, make, settings

__all__ = ["make"]

pytestmark = pytest.mark.slow


def below(folder: str) -> dict[str, str]:
    """Return a project's files in a subfolder."""
    return {f"{folder}/{name}": text for name, text in {**CODE, "pyproject.toml": PROJECT}.items()}


def test_the_only_project_below_is_taken(make: Make) -> None:
    """A repository with one project in a subfolder: it is the one; material is none."""
    project = make({**below("back end"), "tests/sample/pyproject.toml": ""})
    told = init(project)
    assert (project.root / "back end" / "noxfile.py").is_file()
    assert not (project.root / "noxfile.py").exists()
    assert "'back end/noxfile.py'" in told.rpartition("next: ")[2]
    assert (project.root / ".github/workflows/ci-back-end.yml").is_file()


def test_several_projects_are_listed(make: Make) -> None:
    """Which one is meant is for the user to say; then that one is written."""
    project = make({**below("one"), **below("two")})
    answer = project.pushgate("init")
    assert answer.returncode == 2
    assert "pushgate init one" in answer.stdout
    assert "pushgate init two" in answer.stdout
    init(project, "two")
    assert project.git("status", "--porcelain", "--untracked-files=all").count("two/") == 2


@pytest.mark.parametrize("name", ["it's $HOME", "ünï çode", "-n", "a;b&c", "{x}"])
def test_strange_folder_names(make: Make, name: str) -> None:
    """The repository's folder may be called anything."""
    project = make({**CODE, "pyproject.toml": PROJECT}, name=name)
    init(project)
    assert "nothing to write" in init(project)


def test_from_a_folder_below(make: Make) -> None:
    """Anywhere in a project, the project is meant."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    answer = project.pushgate("init", "--no-hook", cwd=project.root / "src" / "sample")
    assert answer.returncode == 0, answer.stdout
    assert (project.root / "noxfile.py").is_file()


def test_no_repository(tmp_path: Path) -> None:
    """Without git it says what to do, and writes nothing."""
    project = Project(tmp_path)
    project.write({**CODE, "pyproject.toml": PROJECT})
    answer = project.pushgate("init")
    assert answer.returncode == 2
    assert "`git init` makes a repository" in answer.stdout
    assert not (tmp_path / "noxfile.py").exists()


def test_a_repository_of_another_user(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git does not trust the repository, its own advice is told."""
    project = make_project({"README": ""})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    said = "detected dubious ownership .*`git config --global --add safe.directory "
    with pytest.raises(ConfigurationError, match=said) as raised:
        place.find(project.root, named=False)
    assert "git init" not in str(raised.value)


def test_no_project(make_project: Make) -> None:
    """A repository without Python has nothing to be checked."""
    project = make_project({"README": ""})
    (project.root / "noxfile.py").unlink()
    project.commit()
    with pytest.raises(ConfigurationError, match="there is no Python project"):
        place.find(project.root, named=False)


def test_nothing_is_committed_yet(tmp_path: Path) -> None:
    """In a new repository, files that git does not track yet count."""
    project = Project(tmp_path / "new")
    project.write({**CODE, "pyproject.toml": PROJECT})
    project.git("init", "--quiet")
    told = init(project)
    assert "its code in src" in told
    assert "nothing to write" in init(project)
    assert project.git("diff", "--cached", "--name-only") == ""


def test_a_dirty_tree_is_fine(make: Make) -> None:
    """Changes that are not committed count, and stay."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    edited = PROJECT + "\n[tool.mypy]\nstrict = true\n"
    project.write({"pyproject.toml": edited, "scratch.py": "x = 1\n"})
    init(project)
    text = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    assert text.startswith(edited)
    assert "types" not in settings(project)["gates"]
    assert (project.root / "scratch.py").read_text(encoding="utf-8") == "x = 1\n"


def test_a_file_that_changed_meanwhile(tmp_path: Path) -> None:
    """What the user saved since the look is not overwritten, and nothing else is written."""
    (tmp_path / "b").write_text("new", encoding="utf-8")
    changes = [Change(Path("a"), None, b"x"), Change(Path("b"), b"old", b"y")]
    with pytest.raises(ConfigurationError, match="b was changed meanwhile"):
        staging.write(tmp_path, changes)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_text(encoding="utf-8") == "new"


def test_all_or_nothing(tmp_path: Path) -> None:
    """Where one file cannot be written, the others are as they were."""
    (tmp_path / "a").write_text("old", encoding="utf-8")
    (tmp_path / "b").mkdir()
    changes = [
        Change(Path("a"), b"old", b"x"),
        Change(Path("new"), None, b"x"),
        Change(Path("b"), None, b"y"),
    ]
    with pytest.raises(ConfigurationError, match=r"^b cannot be written: Is a directory; nothing"):
        staging.write(tmp_path, changes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_text(encoding="utf-8") == "old"


def test_a_file_where_a_folder_has_to_be(tmp_path: Path) -> None:
    """What cannot be written is named as the user knows it, with the system's reason."""
    (tmp_path / ".github").write_text("", encoding="utf-8")
    changes = [Change(Path("new"), None, b"x"), Change(Path(".github/ci.yml"), None, b"x")]
    with pytest.raises(ConfigurationError) as caught:
        staging.write(tmp_path, changes)
    assert str(caught.value) == ".github/ci.yml cannot be written: File exists; nothing was written"
    assert [path.name for path in tmp_path.iterdir()] == [".github"]


def test_links_and_modes_stay(tmp_path: Path) -> None:
    """A linked file is written where the link leads; an executable one stays executable."""
    (tmp_path / "target").write_text("old", encoding="utf-8")
    (tmp_path / "target").chmod(0o755)
    (tmp_path / "link").symlink_to("target")
    staging.write(tmp_path, [Change(Path("link"), b"old", b"new")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o755


def test_interrupted(make: Make, tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves the repository as it was, and no copy of it behind."""
    project = make(
        {**CODE, "pyproject.toml": PROJECT, "noxfile.py": "import time\ntime.sleep(60)\n"}
    )
    copies = tmp_path / "copies"
    copies.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "pushgate", "init"],
        cwd=project.root,
        env={**os.environ, "TMPDIR": str(copies)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    while not list(copies.glob("*/project/noxfile.py")):
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=60) == 130
    assert child.stdout is not None
    child.stdout.close()
    assert list(copies.iterdir()) == []
    assert project.git("status", "--porcelain", "--untracked-files=all") == ""


def test_gitlab_where_the_repository_says_so(make: Make) -> None:
    """The workflow is written for whoever runs the CI; --provider says otherwise."""
    project = make({**CODE, "pyproject.toml": PROJECT})
    project.git("remote", "add", "origin", "git@gitlab.example.org:us/sample.git")
    assert "+++ b/.gitlab-ci.yml" in init(project, "--dry-run")
    assert "+++ b/.github/workflows/ci.yml" in init(project, "--dry-run", "--provider", "github")
    assert "workflows" not in init(project, "--dry-run", "--provider", "none").partition("---")[2]
