"""Clean checkouts: exactly the commit, and nothing of the user's changed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from checkouts import (
    Make,
    checked_out,
    cloned,
    commits_of,
    content,
    digest,
    disturbed,
    no_remote,
    own_submodule,
    slot_of,
)
from conftest import Project
from pushgate.run.checkout import CheckoutError, clean_checkout
from pushgate.run.store import Store
from pushgate.tools import commits, git


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with two commits, a stash, and every kind of uncommitted change."""
    return disturbed(make_project)


def test_it_holds_exactly_the_commit(project: Project, tmp_path: Path) -> None:
    """Each commit is as in a fresh clone, in one folder, and nothing of the user's changes."""
    first, second = commits_of(project)
    common = git.common_folder(project.root)
    before = digest(project.root)
    store = Store.of(project.root)
    for number, commit in enumerate((first, second, first, second, second)):
        with clean_checkout(project.root, store, commit) as folder:
            assert folder == store.checkouts / "1"
            # No tool that looks for its settings above may find the user's.
            assert not folder.is_relative_to(project.root)
            assert git.head(folder) == commit
            assert content(folder) == cloned(project.root, commit, tmp_path / str(number))
    assert digest(project.root) == before
    assert not list(common.rglob("*.in-use"))


def _plain(source: Project, tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", source.root, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


def _linked(source: Project, tmp_path: Path) -> Path:
    source.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "1"))
    return tmp_path / "1"


def _bare(source: Project, tmp_path: Path) -> Path:
    top = tmp_path / "bare"
    subprocess.run(["git", "clone", "--quiet", "--bare", source.root, top / ".bare"], check=True)
    subprocess.run(
        ["git", "worktree", "add", "--quiet", "../main", "main"], cwd=top / ".bare", check=True
    )
    return top / "main"


def _shallow(source: Project, tmp_path: Path) -> Path:
    url = source.root.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", url, tmp_path / "shallow"], check=True)
    return tmp_path / "shallow"


def _sparse(source: Project, tmp_path: Path) -> Path:
    clone = Project(_plain(source, tmp_path))
    clone.git("sparse-checkout", "set", "--cone", "--sparse-index", "odd")
    assert not (clone.root / "src").exists()
    return clone.root


def _odd_name(source: Project, tmp_path: Path) -> Path:
    odd = tmp_path / 'it\'s a "ünïcödé" : $HOME\n'
    source.root.rename(odd)
    return odd


LAYOUTS: Final = (
    *(_plain, no_remote, _linked, _bare, _shallow, _sparse, own_submodule, _odd_name),
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(
    project: Project, tmp_path: Path, layout: Callable[[Project, Path], Path]
) -> None:
    """It is exact, warm and leaves the user's files alone in every layout of a repository."""
    root = layout(project, tmp_path)
    commit = commits.named(root, "HEAD")
    before = digest(root)
    expected = cloned(root, commit, tmp_path / "expected")
    assert "src/pkg/core.py" in expected
    assert checked_out(root, commit) == expected
    slot = Store.of(root).checkouts / "1"
    (slot / "script").unlink()
    (slot / "src" / "pkg" / "core.py").write_text("broken", encoding="utf-8")
    assert checked_out(root, commit) == expected
    assert digest(root) == before


def test_nothing_of_an_earlier_run_stays_but_environments(project: Project) -> None:
    """Files, folders, repositories and caches go, ignored or not; environments stay."""
    first, second = commits_of(project)
    kept = (
        *(".nox/test/bin/python", "sub/.nox/test/pushgate.json", ".mypy_cache/x", ".ruff_cache/x"),
        *(".pushgate/locks/test.lock", "sub/.pushgate/locks/x.lock", ".pushgate/.gitignore"),
    )
    gone = (
        *(".pushgate/out/test/outcome.json", "src/pkg/__pycache__/core.pyc", ".pytest_cache/x"),
        *("untracked", "src/new/module.py", ".venv/pyvenv.cfg", ".gitignore.local", "nox/x"),
    )
    store = Store.of(project.root)
    with clean_checkout(project.root, store, first) as folder:
        slot = Project(folder)
        expected = set(content(folder))
        slot.write(dict.fromkeys((*kept, *gone), "*\n"))
        (folder / "empty").mkdir()
        slot.git("init", "--quiet", "nested")
        slot.git("rm", "--quiet", "script")
    after = {name for name, (_, holds) in checked_out(project.root, first).items() if holds or name}
    files = {name for name in after - expected if (slot_of(project) / name).is_file()}
    assert files == set(kept)
    assert not {"empty", "nested", "src/new", ".pushgate/out"} & after
    assert set(kept) <= set(checked_out(project.root, second))


def test_environments_are_made_anew_without_their_compiled_modules(project: Project) -> None:
    """Stamps go when a compiled module is cleaned away, and only then."""
    first, second = commits_of(project)
    stamps = (".nox/test-3.12/pushgate.json", "src/.nox/test/pushgate.json")
    inside = ".nox/test-3.12/lib/module.so"
    store = Store.of(project.root)
    with clean_checkout(project.root, store, first) as folder:
        Project(folder).write(dict.fromkeys((*stamps, inside, "src/pkg/x.py"), "{}"))
    with clean_checkout(project.root, store, second) as folder:
        assert all((folder / name).is_file() for name in (*stamps, inside))
        Project(folder).write({"src/new/_fast.cpython-312-x86_64-linux-gnu.so": ""})
    with clean_checkout(project.root, store, second) as folder:
        assert not any((folder / name).exists() for name in (*stamps, "src/new"))
        assert (folder / inside).is_file()


def test_a_branch_of_the_user_does_not_move(project: Project) -> None:
    """A checkout in which a gate has switched to a branch is detached, not the branch reset."""
    first, second = commits_of(project)
    project.git("branch", "side", second)
    store = Store.of(project.root)
    with clean_checkout(project.root, store, first) as folder:
        Project(folder).git("checkout", "--quiet", "side")
    with clean_checkout(project.root, store, first) as folder:
        assert git.head(folder) == first
        assert Project(folder).run("git", "symbolic-ref", "-q", "HEAD").returncode == 1
    assert commits.named(project.root, "side") == second


def test_a_change_that_git_was_told_to_overlook(project: Project) -> None:
    """A file is as in the commit again even where a gate told git not to look at it."""
    _, second = commits_of(project)
    expected = checked_out(project.root, second)
    store = Store.of(project.root)
    with clean_checkout(project.root, store, second) as folder:
        slot = Project(folder)
        slot.git("update-index", "--assume-unchanged", "script")
        slot.git("update-index", "--skip-worktree", "src/pkg/core.py", "src/pkg/__init__.py")
        slot.write({"script": "changed", "src/pkg/core.py": "changed"})
        (folder / "src" / "pkg" / "__init__.py").unlink()
    assert checked_out(project.root, second) == expected
    with clean_checkout(project.root, store, second) as folder:
        Project(folder).git("sparse-checkout", "set", "--cone", "odd")
        assert not (folder / "src").exists()
    assert checked_out(project.root, second) == expected


def test_no_hook_and_no_daemon_of_the_user_runs(project: Project, tmp_path: Path) -> None:
    """The user's hooks, file system monitor, filters and line endings play no part."""
    first, second = commits_of(project)
    expected = cloned(project.root, second, tmp_path / "expected")
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        path = project.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran-{hook}'\n", encoding="utf-8")
        path.chmod(0o755)
    project.git("config", "core.fsmonitor", f"touch '{tmp_path}/ran-monitor'")
    project.git("config", "core.autocrlf", "true")
    checked_out(project.root, first)
    assert checked_out(project.root, second) == expected
    assert not list(tmp_path.glob("ran-*"))


def test_in_a_hook(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git sets for a hook leads nowhere else."""
    _, second = commits_of(project)
    before = digest(project.root)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", str(project.root / ".git" / "index"))
    assert "src/pkg/core.py" in checked_out(project.root, second)
    monkeypatch.undo()
    assert digest(project.root) == before


def test_what_cannot_be_checked_out_is_told(project: Project) -> None:
    """A commit that is not here is named, in one line."""
    with pytest.raises(CheckoutError, match=r"^1234567890ab cannot be checked out: [^\n]+$"):
        checked_out(project.root, "1234567890abcdef" * 2 + "12345678")
    first, second = commits_of(project)
    checked_out(project.root, first)
    with pytest.raises(CheckoutError, match="give the full id"):
        checked_out(project.root, second[:10])


def test_files_that_a_filter_changes_are_told(project: Project) -> None:
    """A file that differs from the commit as soon as it is checked out is named."""
    project.git("config", "filter.odd.clean", "cat")
    project.git("config", "filter.odd.smudge", "tr 3 4")
    # Git looks twice at a file that is of the same second as its index; this one is older.
    project.git("config", "filter.slow.smudge", "sleep 1.1; cat")
    project.write({".gitattributes": "src/pkg/core.py filter=odd\nz filter=slow\n", "z": "1"})
    project.commit()
    commit = commits.named(project.root, "HEAD")
    with pytest.raises(CheckoutError, match=r"^src/pkg/core\.py is not what [0-9a-f]{12} holds"):
        checked_out(project.root, commit)


def test_lfs_pointers_are_told(project: Project) -> None:
    """Files of which only Git LFS's pointer is here are counted, and what to do is said."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
    project.write({"assets/.gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    project.write({"assets/a.bin": pointer, "assets/b.bin": pointer, "assets/c.bin": "content"})
    project.commit()
    commit = commits.named(project.root, "HEAD")
    with pytest.raises(CheckoutError, match=r"^assets/a\.bin and 1 more are only .*git lfs fetch"):
        checked_out(project.root, commit)
