"""What files hold, as git names it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.tools import blobs
from pushgate.tools.blobs import HiddenChangesError

Make = Callable[..., Project]

ODD: Final = ("it's", 'say "a"', "new\nline", "tab\t", "ünï/cödé", " spaces ", "-v", "a\\b")
FILES: Final = {"text": "1\n", "deep/script": "#!/bin/sh\n", "target": "2\n"}


def _of_files(project: Project) -> Mapping[str, str]:
    return blobs.of_files(project.root)


def _of_head(project: Project) -> Mapping[str, str]:
    return blobs.of_commit(project.root, project.git("rev-parse", "HEAD").strip())


def _contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with files, a program and a link, all committed."""
    project = make_project(FILES)
    (project.root / "deep" / "script").chmod(0o755)
    (project.root / "link").symlink_to("target")
    project.commit()
    return project


def _modified(root: Path) -> None:
    (root / "text").write_text("other\n", encoding="utf-8")


def _touched(root: Path) -> None:
    os.utime(root / "text", (1, 1))


def _untracked(root: Path) -> None:
    (root / "deep" / "new").mkdir()
    (root / "deep" / "new" / "file").write_text("new\n", encoding="utf-8")
    (root / "deep" / "new" / "program").touch(0o755)
    (root / "deep" / "new" / "link").symlink_to("nowhere")


def _deleted(root: Path) -> None:
    (root / "text").unlink()


def _mode(root: Path) -> None:
    (root / "text").chmod(0o755)


def _other_target(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("text")


def _file_for_link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("target", encoding="utf-8")


def _link_for_file(root: Path) -> None:
    (root / "text").unlink()
    (root / "text").symlink_to("target")


def _folder_for_file(root: Path) -> None:
    (root / "text").unlink()
    (root / "text").mkdir()
    (root / "text" / "file").write_text("1\n", encoding="utf-8")


def _link_for_folder(root: Path) -> None:
    (root / "deep").rename(root / "deeper")
    (root / "deep").symlink_to("deeper")


def _odd(root: Path) -> None:
    for name in ODD:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")


CHANGES: Final = (
    *(_modified, _touched, _untracked, _deleted, _mode, _other_target, _file_for_link),
    *(_link_for_file, _folder_for_file, _link_for_folder, _odd),
)


@pytest.mark.parametrize("staged", ["not staged", "staged", "to be added"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_tree_has_the_names_of_its_commit(
    project: Project, change: Callable[[Path], None], staged: str
) -> None:
    """What is changed, staged or not, is named as it will be once it is committed."""
    before = _of_files(project)
    assert before == _of_head(project)
    change(project.root)
    if staged != "not staged":
        project.git("add", *(["--intent-to-add"] if staged == "to be added" else []), "--all")
    changed = _of_files(project)
    assert (changed == before) == (change is _touched)
    project.commit()
    assert changed == _of_files(project) == _of_head(project)


def test_staged_and_changed_again(project: Project) -> None:
    """The working tree counts, not what is staged."""
    before = _of_files(project)
    _modified(project.root)
    project.git("add", "text")
    staged = _of_files(project)
    project.write({"text": FILES["text"]})
    assert _of_files(project) == before != staged
    project.git("rm", "--quiet", "--force", "--cached", "text")
    assert _of_files(project) == before


def test_a_conflict(project: Project) -> None:
    """In the middle of a merge a file is what it holds, marks and all."""
    project.git("switch", "--quiet", "--create", "other")
    _modified(project.root)
    project.commit()
    project.git("switch", "--quiet", "main")
    project.write({"text": "3\n"})
    project.commit()
    project.run("git", "merge", "other")
    conflict = _of_files(project)
    assert "<<<<<<<" in (project.root / "text").read_text(encoding="utf-8")
    project.commit()
    assert conflict == _of_head(project)


def test_ignored_files_are_left_out(project: Project) -> None:
    """What is ignored is no file of the project's."""
    before = _of_files(project)
    (project.root / ".git" / "info" / "exclude").write_text("ignored\n", encoding="utf-8")
    project.write({"ignored": "", "__pycache__/a.pyc": ""})
    assert _of_files(project) == before


def test_line_endings(project: Project) -> None:
    """A clean tree is its commit, whatever its lines end with; a change is its very bytes."""
    project.write({".gitattributes": "* text=auto eol=crlf\n"})
    (project.root / "text").write_bytes(b"1\r\n2\r\n")
    project.commit()
    project.git("rm", "--quiet", "-r", "--cached", ".")
    project.git("reset", "--quiet", "--hard")
    clean = _of_files(project)
    assert (project.root / "text").read_bytes() == b"1\r\n2\r\n"
    assert clean == _of_head(project)
    (project.root / "text").write_bytes(b"1\r\n3\r\n")
    with_cr = _of_files(project)["text"]
    (project.root / "text").write_bytes(b"1\n3\n")
    assert len({with_cr, _of_files(project)["text"], clean["text"]}) == 3
    (project.root / "text").write_bytes(b"1\r\n3\r\n")
    project.git("add", "text")
    staged = _of_files(project)
    project.commit()
    assert staged == _of_head(project)


def test_sha256(tmp_path: Path) -> None:
    """A repository whose names are SHA-256 has such names for what is changed, too."""
    project = Project(tmp_path / "project")
    project.root.mkdir()
    project.git("init", "--quiet", "--object-format=sha256")
    project.write(FILES)
    assert set(_of_files(project)) == set(FILES)
    project.commit()
    clean = _of_files(project)
    assert clean == _of_head(project)
    assert len(clean["text"].split()[1]) == 64
    for change in (_modified, _untracked):
        change(project.root)
    changed = _of_files(project)
    project.commit()
    assert changed == _of_head(project)


def test_a_linked_worktree(project: Project, tmp_path: Path) -> None:
    """Each working tree is looked at by itself."""
    project.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    _modified(project.root)
    linked = Project(tmp_path / "linked")
    assert _of_files(linked) == _of_head(linked) != _of_files(project)


def test_nothing_is_written(project: Project) -> None:
    """Nothing in the repository's own folder changes: no object, and not the index."""
    for change in (_modified, _untracked, _mode):
        change(project.root)
    _touched(project.root)
    before = _contents(project.root / ".git")
    _of_files(project)
    _of_head(project)
    assert _contents(project.root / ".git") == before


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_git_is_told_to_overlook(project: Project, flag: str) -> None:
    """Where git is told not to look at a file, nothing is said about the tree."""
    project.git("update-index", flag, "text")
    with pytest.raises(HiddenChangesError, match="'text': git is told to overlook its changes"):
        _of_files(project)
    project.git("update-index", flag.replace("--", "--no-"), "text")
    assert _of_files(project) == _of_head(project)


def test_a_sparse_checkout(project: Project) -> None:
    """Where only a part is checked out, nothing is said about the tree."""
    project.git("sparse-checkout", "set", "deep")
    project.write({"deeper/a": "", "deeper/b": "", "deeper/c": "", "deeper/d": ""})
    project.git("add", "--all", "--sparse")
    project.commit()
    project.git("sparse-checkout", "reapply")
    with pytest.raises(HiddenChangesError, match=r"'deeper/a', .* and 1 more: git is told"):
        _of_files(project)


@pytest.fixture
def with_submodule(project: Project, make_project: Make) -> Project:
    """A repository with a submodule, checked out as committed."""
    other = make_project({"part": "1\n"}, name="other")
    allow = ("-c", "protocol.file.allow=always")
    project.git(*allow, "submodule", "--quiet", "add", str(other.root), "sub")
    project.commit()
    return project


def test_a_submodule(with_submodule: Project) -> None:
    """A submodule that is as committed is named by its commit."""
    files = _of_files(with_submodule)
    assert files == _of_head(with_submodule)
    head = with_submodule.git("-C", "sub", "rev-parse", "HEAD").strip()
    assert files["sub"] == f"160000 {head}"


@pytest.mark.parametrize("change", ["modified", "untracked", "committed", "ignored"])
def test_a_submodule_that_is_changed(with_submodule: Project, change: str) -> None:
    """A submodule that holds something else, or that git shall not look at, is refused."""
    sub = Project(with_submodule.root / "sub")
    sub.write({"new" if change == "untracked" else "part": "2\n"})
    if change == "committed":
        sub.commit()
    if change == "ignored":
        with_submodule.git("config", "submodule.sub.ignore", "all")
    with pytest.raises(HiddenChangesError, match="'sub': the submodule is not what the index"):
        _of_files(with_submodule)


def test_a_submodule_that_is_not_checked_out(with_submodule: Project) -> None:
    """An empty folder is not what the commit has there."""
    with_submodule.git("submodule", "--quiet", "deinit", "--force", "sub")
    with pytest.raises(HiddenChangesError, match="'sub': the submodule is not checked out"):
        _of_files(with_submodule)


def test_a_repository_in_the_tree(project: Project) -> None:
    """Into another repository git does not look, but a job may; an ignored one is no matter."""
    project.write({"inner/file": ""})
    project.git("init", "--quiet", "inner")
    with pytest.raises(HiddenChangesError, match="'inner/': a repository of its own"):
        _of_files(project)
    project.write({".gitignore": "inner/\n"})
    assert "inner/file" not in _of_files(project)


def test_names_that_are_not_utf_8(project: Project) -> None:
    """Two names that cannot be told apart are refused, in the tree and in a commit."""
    try:
        Path(os.fsdecode(os.fsencode(project.root) + b"/\xff")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(HiddenChangesError, match="the name is not UTF-8"):
        _of_files(project)
    project.commit()
    for look in (_of_files, _of_head):
        with pytest.raises(HiddenChangesError, match="the name is not UTF-8"):
            look(project)


def test_what_is_no_file(project: Project) -> None:
    """A pipe in the place of a file is not read: that would wait for ever."""
    (project.root / "text").unlink()
    os.mkfifo(project.root / "text")
    with pytest.raises(HiddenChangesError, match="neither a file nor a link"):
        _of_files(project)
