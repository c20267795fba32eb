"""Which files CI would call changed, in real histories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from pushgate.model.event import Event
from pushgate.plan import changes
from pushgate.plan.changes import Changes
from pushgate.plan.definition import of_project

Make = Callable[..., Project]

PYPROJECT = "[tool.pushgate]\npython = ['3.12']\nbranches = ['main', 'dev']\n"
PULL_REQUEST = Event("pull_request", "main")
ODD_NAMES = ("with space", 'quote"', "new\nline", "ünïcödé", "-dash", "*")
ZEROS = "0" * 40


def _of(
    project: Project,
    event: Event = PULL_REQUEST,
    *,
    head: str | None = None,
    before: str | None = None,
) -> Changes:
    return changes.of(of_project(project.root).settings, event, head=head, before=before)


def _files(project: Project, event: Event = PULL_REQUEST, **commits: str) -> set[str]:
    return set(_of(project, event, **commits).files or ())


def _commit(project: Project, *names: str) -> str:
    """Write files that differ from every earlier state, commit, and return the id."""
    count = project.git("rev-list", "--all", "--count")
    project.write({name: f"{count} {name}" for name in names})
    project.commit()
    return _id(project, "HEAD")


def _id(project: Project, name: str) -> str:
    return project.git("rev-parse", name).strip()


@pytest.fixture
def project(make_project: Make) -> Project:
    """A project on a branch ``side`` that has no commit of its own yet."""
    project = make_project({"pyproject.toml": PYPROJECT, "one": "1\n" * 9, "two": "", "three": ""})
    project.git("checkout", "--quiet", "-b", "side")
    return project


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Project:
    """A clone of a project, on its main branch."""
    project.git("checkout", "--quiet", "main")
    project.git("config", "receive.denyCurrentBranch", "ignore")
    return _clone(project, tmp_path / "clone")


def _clone(project: Project, folder: Path, *options: str) -> Project:
    subprocess.run(
        ["git", "clone", "--quiet", *options, project.root.as_uri(), str(folder)], check=True
    )
    return Project(folder)


def test_a_pull_request(project: Project) -> None:
    """All since the branches parted counts, renamed files twice; what main did since does not."""
    base = _id(project, "main")
    _commit(project, "new")
    project.git("mv", "one", "moved")
    project.git("rm", "--quiet", "two")
    project.commit()
    head = _id(project, "side")
    project.git("checkout", "--quiet", "main")
    _commit(project, "three", "elsewhere")
    project.git("checkout", "--quiet", "side")
    project.write({"three": "not committed"})
    since = f"main (merge base {base[:7]})"
    assert _of(project, head=head) == Changes(frozenset({"new", "one", "moved", "two"}), since)
    assert _of(project, Event("pull_request"), head=head) == _of(project, head=head)
    project.git("merge", "--quiet", "--no-edit", "main~0", "--strategy=ours")
    merged = _of(project, head=_id(project, "side"))
    assert merged.since == f"main (merge base {_id(project, 'main')[:7]})"


def test_the_working_tree(project: Project) -> None:
    """Tracked files count as they are, staged or not, with what is committed; others do not."""
    _commit(project, "committed")
    project.write({"one": "2", "two": "2", "new": "1", "untracked": "1", "undone": "1"})
    project.git("add", "two", "new", "undone")
    project.git("rm", "--quiet", "--cached", "undone")
    (project.root / "three").unlink()
    assert _files(project) == {"committed", "one", "two", "new", "three"}
    assert _files(project, head=_id(project, "HEAD")) == {"committed"}


def test_odd_names(project: Project) -> None:
    """A file counts under its own name, whatever that is and whatever git is set to."""
    project.git("config", "core.quotePath", "true")
    project.git("config", "diff.relative", "true")
    project.git("config", "diff.renames", "copies")
    _commit(project, *(f"odd/{name}" for name in ODD_NAMES))
    assert _files(project) == {f"odd/{name}" for name in ODD_NAMES}


def test_nothing_changed(project: Project) -> None:
    """Where nothing differs, everything counts: there is no such pull request."""
    project.write({"untracked": ""})
    expected = Changes(None, "nothing differs from main")
    assert _of(project) == _of(project, head=_id(project, "HEAD")) == expected
    assert str(expected) == "everything counts as changed: nothing differs from main"
    project.write({"one": "2"})
    assert str(_of(project)) == f"main (merge base {_id(project, 'main')[:7]})"


def test_the_remote_branch_is_the_base(clone: Project) -> None:
    """What the remote has decides; a branch of the same name here does so only without it."""
    _commit(clone, "one")
    assert _files(clone) == {"one"}
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    assert _of(clone).since == "nothing differs from main"
    missing = _of(clone, Event("pull_request", "release"))
    assert missing == Changes(None, "there is no branch release here")


@pytest.mark.parametrize("event", [Event("tag", "v1"), Event("schedule"), Event("all")])
def test_events_that_look_at_everything(project: Project, event: Event) -> None:
    """A tag, a schedule and `all` have nothing to be compared with."""
    _commit(project, "one")
    assert _of(project, event) == Changes(None, f"this is {event}")


def test_a_push(clone: Project) -> None:
    """A push is compared with what the branch was at, even where that is no ancestor."""
    old = _id(clone, "main")
    pushed = _commit(clone, "one")
    clone.git("push", "--quiet")
    forced = _commit(clone, "two")
    push = Event("push", "main")
    expected = Changes(frozenset({"two"}), f"origin/main ({pushed[:7]})")
    assert _of(clone, push) == _of(clone, push, head=forced) == expected
    assert _of(clone, push, head=forced, before=pushed) == expected
    assert _files(clone, push, head=forced, before=old) == {"one", "two"}
    clone.git("reset", "--quiet", "--hard", old)
    assert _files(clone, push, head=_commit(clone, "three")) == {"one", "three"}
    assert _of(clone, push, head=pushed).since == "nothing differs from origin/main"


def test_a_push_over_what_is_not_here(clone: Project) -> None:
    """Where nobody has fetched what a push replaces, everything counts."""
    head = _commit(clone, "one")
    unknown = "1a2b3c4d" * 5
    told = "1a2b3c4, which origin/main was at, is not here"
    assert _of(clone, Event("push", "main"), head=head, before=unknown) == Changes(None, told)


def test_a_push_of_a_new_branch(clone: Project) -> None:
    """A branch that the remote does not have is compared with where it left the main branch."""
    clone.git("checkout", "--quiet", "-b", "topic")
    head = _commit(clone, "one")
    base = _id(clone, "main")
    expected = Changes(frozenset({"one"}), f"main (merge base {base[:7]})")
    push = Event("push", "topic")
    assert _of(clone, push) == _of(clone, push, head=head) == _of(clone, Event("push")) == expected
    clone.git("push", "--quiet", "origin", "topic")
    assert _of(clone, push, head=head, before=ZEROS) == expected
    assert _of(clone, push, head=head).since == "nothing differs from origin/topic"


def test_histories_without_a_merge_base(project: Project, tmp_path: Path) -> None:
    """Unrelated, cut off or not begun: everything counts, and why is told."""
    project.git("checkout", "--quiet", "--orphan", "other")
    assert _of(project) == Changes(None, "there is no commit yet")
    root = _commit(project, "one")
    assert _of(project, head=root) == Changes(None, "no merge base with main")
    project.git("checkout", "--quiet", "-f", "side")
    _commit(project, "one")
    project.git("checkout", "--quiet", "main")
    _commit(project, "two")
    shallow = _clone(project, tmp_path / "shallow", "--depth=1", "--no-single-branch")
    shallow.git("checkout", "--quiet", "side")
    assert _of(shallow) == Changes(None, "no merge base with main: the history is cut off")
    assert _files(shallow, Event("push", "main")) == {"one", "two"}


def test_the_first_commit(make_project: Make) -> None:
    """A first commit alone is compared with nothing: everything counts."""
    project = make_project({"pyproject.toml": PYPROJECT})
    assert _of(project, head=_id(project, "HEAD")).since == "nothing differs from main"
    project.git("branch", "--quiet", "-m", "trunk")
    assert _of(project).since == "there is no branch main here"


def test_a_project_in_a_subfolder(make_project: Make) -> None:
    """Changed files are named from the top of the repository, those outside included."""
    project = make_project({"backend/pyproject.toml": PYPROJECT})
    project.git("checkout", "--quiet", "-b", "side")
    _commit(project, "backend/app.py", "web/app.js")
    settings = of_project(project.root / "backend").settings
    found = changes.of(settings, PULL_REQUEST, head=None)
    assert set(found.files or ()) == {"backend/app.py", "web/app.js"}


def test_a_submodule(project: Project, make_project: Make) -> None:
    """Another commit of a submodule is a change; what lies uncommitted in it is none for CI."""
    library = make_project({"file": "1"}, name="library")
    project.git("config", "diff.ignoreSubmodules", "all")
    project.git("checkout", "--quiet", "main")
    project.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(library.root.as_uri(), "vendor"),
    )
    project.commit()
    project.git("checkout", "--quiet", "-B", "side")
    vendor = Project(project.root / "vendor")
    vendor.write({"file": "2"})
    assert _of(project).files is None
    vendor.commit()
    assert _files(project) == {"vendor"}
