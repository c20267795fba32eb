"""Clean checkouts: exactly the commit, whatever was there, and nothing of the user's changed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.run.checkout import CheckoutError, clean_checkout
from pushgate.run.store import Store
from pushgate.tools import commits, git

Make = Callable[..., Project]

FILES: Final = {
    "src/pkg/__init__.py": "",
    "src/pkg/core.py": "VALUE = 1\n",
    "odd/ünïcödé 'name'": "1",
    "script": "#!/bin/sh\n",
}


@pytest.fixture
def project(make_project: Make) -> Project:
    """A repository with two commits, a stash, and every kind of uncommitted change."""
    project = make_project(FILES)
    (project.root / "script").chmod(0o755)
    (project.root / "link").symlink_to("script")
    project.commit("second")
    _disturb(project)
    return project


def _disturb(project: Project) -> None:
    project.git("tag", "--annotate", "--message", "v1", "v1")
    project.write({"src/pkg/core.py": "VALUE = 2\n"})
    project.git("stash", "--quiet")
    project.write(
        {
            "src/pkg/core.py": "VALUE = 3\n",
            "staged.py": "1",
            "untracked.py": "1",
            ".nox/user/file": "1",
        }
    )
    project.git("add", "staged.py")


def _digest(root: Path) -> dict[str, str]:
    """Take down every file of a user's working tree and of the repository.

    Left out are objects, and what belongs to the checkouts.
    """
    common = git.common_folder(root)
    state = {}
    for top in {root, common}:
        for parent, folders, files in os.walk(top):
            inside = Path(parent)
            if inside == common:
                folders[:] = [name for name in folders if name not in {"pushgate", "objects"}]
            if inside == common / "worktrees":
                folders[:] = [name for name in folders if not _is_checkout(inside / name)]
            links = [name for name in folders if (inside / name).is_symlink()]
            for path in (inside / name for name in (*files, *links)):
                holds = bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
                mode = path.lstat().st_mode
                state[str(path)] = f"{mode:o} {hashlib.sha256(holds).hexdigest()}"
    return state


def _is_checkout(git_folder: Path) -> bool:
    return "/pushgate/checkouts/" in (git_folder / "gitdir").read_text(encoding="utf-8")


def _content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Map every file below a folder, apart from git's own, to its mode and what it holds."""
    content = {}
    for path in folder.rglob("*"):
        if path.name == ".git" or ".git" in path.relative_to(folder).parts:
            continue
        name = str(path.relative_to(folder))
        if path.is_symlink():
            content[name] = (0, bytes(path.readlink()))
        else:
            content[name] = (path.stat().st_mode, b"" if path.is_dir() else path.read_bytes())
    return content


def _cloned(root: Path, commit: str, to: Path) -> dict[str, tuple[int, bytes]]:
    """Return what a fresh clone of a commit holds: CI's view."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", root, to], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=to, check=True)
    return _content(to)


def _checked_out(root: Path, commit: str) -> dict[str, tuple[int, bytes]]:
    with clean_checkout(root, Store.of(root), commit) as folder:
        return _content(folder)


def _slot(project: Project, number: int = 1) -> Path:
    return Store.of(project.root).checkouts / str(number)


def _commits(project: Project) -> tuple[str, str]:
    return commits.named(project.root, "HEAD~1"), commits.named(project.root, "HEAD")


def test_it_holds_exactly_the_commit(project: Project, tmp_path: Path) -> None:
    """Each commit is as in a fresh clone, in one folder, and nothing of the user's changes."""
    first, second = _commits(project)
    common = git.common_folder(project.root)
    before = _digest(project.root)
    store = Store.of(project.root)
    for number, commit in enumerate((first, second, first, second, second)):
        with clean_checkout(project.root, store, commit) as folder:
            assert folder == common / "pushgate" / "checkouts" / "1"
            assert git.head(folder) == commit
            assert _content(folder) == _cloned(project.root, commit, tmp_path / str(number))
    assert _digest(project.root) == before
    assert not list(common.rglob("*.in-use"))


def _plain(source: Project, tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", source.root, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


def _no_remote(source: Project, _tmp_path: Path) -> Path:
    return source.root


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


def _own_submodule(source: Project, tmp_path: Path) -> Path:
    outer = Project(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "--quiet")
    outer.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(str(source.root), "inner"),
    )
    return outer.root / "inner"


def _odd_name(source: Project, tmp_path: Path) -> Path:
    odd = tmp_path / 'it\'s a "ünïcödé" : $HOME\n'
    source.root.rename(odd)
    return odd


LAYOUTS: Final = (
    *(_plain, _no_remote, _linked, _bare, _shallow, _sparse, _own_submodule, _odd_name),
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(
    project: Project, tmp_path: Path, layout: Callable[[Project, Path], Path]
) -> None:
    """It is exact, warm and leaves the user's files alone in every layout of a repository."""
    root = layout(project, tmp_path)
    commit = commits.named(root, "HEAD")
    before = _digest(root)
    expected = _cloned(root, commit, tmp_path / "expected")
    assert "src/pkg/core.py" in expected
    assert _checked_out(root, commit) == expected
    slot = Store.of(root).checkouts / "1"
    (slot / "script").unlink()
    (slot / "src" / "pkg" / "core.py").write_text("broken", encoding="utf-8")
    assert _checked_out(root, commit) == expected
    assert _digest(root) == before


def test_nothing_of_an_earlier_run_stays_but_environments(project: Project) -> None:
    """Files, folders, repositories and caches go, ignored or not; environments stay."""
    first, second = _commits(project)
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
        expected = set(_content(folder))
        slot.write(dict.fromkeys((*kept, *gone), "*\n"))
        (folder / "empty").mkdir()
        slot.git("init", "--quiet", "nested")
        slot.git("rm", "--quiet", "script")
    after = {
        name for name, (_, holds) in _checked_out(project.root, first).items() if holds or name
    }
    files = {name for name in after - expected if (_slot(project) / name).is_file()}
    assert files == set(kept)
    assert not {"empty", "nested", "src/new", ".pushgate/out"} & after
    assert set(kept) <= set(_checked_out(project.root, second))


def test_environments_are_made_anew_without_their_compiled_modules(project: Project) -> None:
    """Stamps go when a compiled module is cleaned away, and only then."""
    first, second = _commits(project)
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
    first, second = _commits(project)
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
    _, second = _commits(project)
    expected = _checked_out(project.root, second)
    store = Store.of(project.root)
    with clean_checkout(project.root, store, second) as folder:
        slot = Project(folder)
        slot.git("update-index", "--assume-unchanged", "script")
        slot.git("update-index", "--skip-worktree", "src/pkg/core.py", "src/pkg/__init__.py")
        slot.write({"script": "changed", "src/pkg/core.py": "changed"})
        (folder / "src" / "pkg" / "__init__.py").unlink()
    assert _checked_out(project.root, second) == expected
    with clean_checkout(project.root, store, second) as folder:
        Project(folder).git("sparse-checkout", "set", "--cone", "odd")
        assert not (folder / "src").exists()
    assert _checked_out(project.root, second) == expected


def _no_link(slot: Path, _git_folder: Path) -> None:
    (slot / ".git").unlink()


def _foreign_link(slot: Path, _git_folder: Path) -> None:
    (slot / ".git").write_text("gitdir: /nowhere/.git/worktrees/1\n", encoding="utf-8")


def _no_git_folder(_slot: Path, git_folder: Path) -> None:
    shutil.rmtree(git_folder)


def _no_folder(slot: Path, _git_folder: Path) -> None:
    shutil.rmtree(slot)


def _half_made(slot: Path, git_folder: Path) -> None:
    (git_folder / "locked").write_text("initializing", encoding="utf-8")
    (git_folder / "commondir").unlink()
    shutil.rmtree(slot)
    slot.mkdir()


def _git_locks(_slot: Path, git_folder: Path) -> None:
    for name in ("index.lock", "HEAD.lock"):
        (git_folder / name).touch()


def _no_head(_slot: Path, git_folder: Path) -> None:
    (git_folder / "HEAD").write_text("", encoding="utf-8")


def _broken_index(_slot: Path, git_folder: Path) -> None:
    (git_folder / "index").write_bytes(b"DIRC")


def _a_file_instead(slot: Path, _git_folder: Path) -> None:
    shutil.rmtree(slot)
    slot.touch()


DAMAGES: Final = (
    *(_no_link, _foreign_link, _no_git_folder, _no_folder, _half_made, _git_locks),
    *(_no_head, _broken_index, _a_file_instead),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkout_is_repaired(
    project: Project, damage: Callable[[Path, Path], None]
) -> None:
    """Whatever is missing or left half-made of a checkout, the next one is right."""
    _, second = _commits(project)
    common = git.common_folder(project.root)
    expected = _checked_out(project.root, second)
    before = _digest(project.root)
    damage(_slot(project), common / "worktrees" / "1")
    assert _checked_out(project.root, second) == expected
    assert _digest(project.root) == before
    assert [path.name for path in (common / "worktrees").iterdir()] == ["1"]
    assert not list((common / "worktrees").rglob("*.lock"))


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_repository_that_moved(project: Project, tmp_path: Path, how: str) -> None:
    """In a repository that was moved or copied the checkout is its own again."""
    _, second = _commits(project)
    expected = _checked_out(project.root, second)
    other = Project(tmp_path / "other")
    if how == "moved":
        project.root.rename(other.root)
        git.common_folder.cache_clear()
    else:
        shutil.copytree(project.root, other.root, symlinks=True)
        before = _digest(project.root)
    with clean_checkout(other.root, Store.of(other.root), second) as folder:
        assert _content(folder) == expected
        assert folder == other.root / ".git" / "pushgate" / "checkouts" / "1"
        assert Project(folder).git("rev-parse", "--git-dir").strip() == str(
            other.root / ".git" / "worktrees" / "1"
        )
    if how == "copied":
        assert _digest(project.root) == before


def test_five_at_once_get_a_folder_each(project: Project) -> None:
    """Processes that start at once get a folder each, the lowest that are free."""
    _, second = _commits(project)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from pushgate.run.checkout import clean_checkout\nfrom pushgate.run.store import Store\n"
        "root = Path(sys.argv[1])\n"
        "with clean_checkout(root, Store.of(root), sys.argv[2]) as folder:\n"
        "    print(folder.name, flush=True)\n    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, project.root, second], stdin=pipe, stdout=pipe, text=True
        )
        for _ in range(5)
    ]
    names = [run.stdout.readline().strip() for run in runs if run.stdout]
    for run in runs:
        run.communicate()
    assert sorted(names) == ["1", "2", "3", "4", "5"]
    assert [run.returncode for run in runs] == [0] * 5
    with clean_checkout(project.root, Store.of(project.root), second) as folder:
        assert folder.name == "1"


def test_no_hook_and_no_daemon_of_the_user_runs(project: Project, tmp_path: Path) -> None:
    """The user's hooks, file system monitor, filters and line endings play no part."""
    first, second = _commits(project)
    expected = _cloned(project.root, second, tmp_path / "expected")
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        path = project.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran-{hook}'\n", encoding="utf-8")
        path.chmod(0o755)
    project.git("config", "core.fsmonitor", f"touch '{tmp_path}/ran-monitor'")
    project.git("config", "core.autocrlf", "true")
    _checked_out(project.root, first)
    assert _checked_out(project.root, second) == expected
    assert not list(tmp_path.glob("ran-*"))


def test_in_a_hook(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git sets for a hook leads nowhere else."""
    _, second = _commits(project)
    before = _digest(project.root)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", str(project.root / ".git" / "index"))
    assert "src/pkg/core.py" in _checked_out(project.root, second)
    monkeypatch.undo()
    assert _digest(project.root) == before


def test_what_cannot_be_checked_out_is_told(project: Project) -> None:
    """A commit that is not here is named, in one line."""
    with pytest.raises(CheckoutError, match=r"^1234567890ab cannot be checked out: [^\n]+$"):
        _checked_out(project.root, "1234567890abcdef" * 2 + "12345678")
    first, second = _commits(project)
    _checked_out(project.root, first)
    with pytest.raises(CheckoutError, match="give the full id"):
        _checked_out(project.root, second[:10])


def test_files_that_a_filter_changes_are_told(project: Project) -> None:
    """A file that differs from the commit as soon as it is checked out is named."""
    project.git("config", "filter.odd.clean", "cat")
    project.git("config", "filter.odd.smudge", "tr 3 4")
    project.write({".gitattributes": "src/pkg/core.py filter=odd\n"})
    project.commit()
    commit = commits.named(project.root, "HEAD")
    with pytest.raises(CheckoutError, match=r"^src/pkg/core\.py is not what [0-9a-f]{12} holds"):
        _checked_out(project.root, commit)


def test_lfs_pointers_are_told(project: Project) -> None:
    """Files of which only Git LFS's pointer is here are counted, and what to do is said."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
    project.write({"assets/.gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    project.write({"assets/a.bin": pointer, "assets/b.bin": pointer, "assets/c.bin": "content"})
    project.commit()
    commit = commits.named(project.root, "HEAD")
    with pytest.raises(CheckoutError, match=r"^assets/a\.bin and 1 more are only .*git lfs fetch"):
        _checked_out(project.root, commit)


@pytest.fixture
def with_submodules(
    make_project: Make, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A repository with a submodule that has one itself."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    inner = make_project({"inner": "1"}, name="inner")
    middle = make_project({"middle": "1"}, name="middle")
    middle.git("submodule", "--quiet", "add", str(inner.root), "deep")
    middle.commit()
    project.git("stash", "--quiet", "--include-untracked")
    project.git("submodule", "--quiet", "add", "../middle", "libs/middle")
    project.git("config", "remote.origin.url", str(project.root))
    project.commit("submodule")
    return project


def test_submodules(with_submodules: Project) -> None:
    """Submodules are checked out and cleaned as well; the user's configuration stays as it is."""
    project = with_submodules
    project.git("submodule", "deinit", "--quiet", "--all", "--force")
    before = _digest(project.root)
    first, second = _commits(project)
    expected = _checked_out(project.root, second)
    assert expected["libs/middle/middle"][1] == b"1"
    assert expected["libs/middle/deep/inner"][1] == b"1"
    submodule = Project(_slot(project) / "libs" / "middle")
    submodule.write({"middle": "2", "untracked": "1", "deep/inner": "2", "deep/.nox/x": "1"})
    assert _checked_out(project.root, second) == expected
    assert "libs" not in _checked_out(project.root, first)
    assert _checked_out(project.root, second) == expected
    assert _digest(project.root) == before


def test_a_submodule_that_cannot_be_had(with_submodules: Project, tmp_path: Path) -> None:
    """A submodule's commit that is nowhere to be fetched is told with git's words."""
    _, second = _commits(with_submodules)
    (tmp_path / "middle").rename(tmp_path / "gone")
    with pytest.raises(CheckoutError, match=r"^a submodule of .* does not exist.*: push its"):
        _checked_out(with_submodules.root, second)
    (tmp_path / "gone").rename(tmp_path / "middle")
    assert "libs/middle/middle" in _checked_out(with_submodules.root, second)


_LOOP: Final = """
import shutil, sys
from pathlib import Path
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store

root = Path(sys.argv[1])
store = Store.of(root)
print("ready", flush=True)
for turn in range(10**6):
    if turn % 3 == 0:
        shutil.rmtree(store.checkouts / "1", ignore_errors=True)
    with clean_checkout(root, store, sys.argv[2 + turn % 2]) as folder:
        (folder / "left.py").touch()
        (folder / "script").unlink()
"""


def test_killed_at_any_moment(project: Project, tmp_path: Path) -> None:
    """After a kill -9 at any moment the next checkout is right, and the user's files are."""
    commits = _commits(project)
    for number in range(200):
        project.write({f"many/{number}": str(number)})
    common = git.common_folder(project.root)
    before = _digest(project.root)
    expected = {commit: _cloned(project.root, commit, tmp_path / commit) for commit in commits}
    moments = random.Random(7)  # noqa: S311
    for turn in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", _LOOP, project.root, *commits], stdout=subprocess.PIPE
        ) as loop:
            assert loop.stdout
            loop.stdout.readline()
            time.sleep(moments.uniform(0.01, 0.25))
            loop.send_signal(signal.SIGKILL)
        for commit in (commits[turn % 2], commits[1 - turn % 2]):
            assert _checked_out(project.root, commit) == expected[commit]
    assert _digest(project.root) == before
    # A child that had not quite started yet held the first one's lock for a moment.
    assert {path.name for path in Store.of(project.root).checkouts.iterdir()} <= {"1", "2"}
    assert not list((common / "worktrees").rglob("*.lock"))
