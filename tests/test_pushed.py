"""Reading what is pushed: real pushes through git, pre-commit and prek."""

from __future__ import annotations

import io
import os
import pty
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from conftest import Project
from pushgate.hooks.pushed import NotJudged, Pushed, PushError, read
from pushgate.model.event import Event
from pushgate.tools import git, process
from pushing import FRAMEWORKS, SETTINGS, Recorder, add_remote, leave_frameworks, push

Make = Callable[..., Project]


@dataclass(frozen=True)
class Clone:
    """A clone whose pushes are taken down."""

    project: Project
    recorder: Recorder

    def commit(self, message: str = "change") -> str:
        """Commit, and return the commit's id."""
        self.project.commit(message)
        return self.id("HEAD")

    def id(self, revision: str) -> str:
        """Return the id of a revision."""
        return self.project.git("rev-parse", revision).strip()

    def push(self, *arguments: str) -> tuple[tuple[Pushed, ...], tuple[NotJudged, ...]]:
        """Push, and read what the hook was told, which was called once."""
        before = len(self.recorder.calls)
        answer = push(self.project, *arguments)
        assert answer.returncode == 0, answer.stdout
        [call] = self.recorder.calls[before:]
        return call.read()


@pytest.fixture(autouse=True)
def _no_framework(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside of a framework's hook."""
    leave_frameworks(monkeypatch, tmp_path)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A recorder."""
    return Recorder.make(tmp_path / "recorder")


def _native(make_project: Make, recorder: Recorder) -> Clone:
    project = make_project()
    add_remote(project)
    hook = project.root / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.symlink_to(recorder.program)
    return Clone(project, recorder)


@pytest.fixture
def clone(make_project: Make, recorder: Recorder) -> Clone:
    """A clone with a hook of git's own, and an empty remote."""
    return _native(make_project, recorder)


@pytest.fixture(params=["sha1", "sha256"])
def either_clone(
    make_project: Make,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Clone:
    """Such a clone, with both kinds of object ids."""
    monkeypatch.setenv("GIT_DEFAULT_HASH", request.param)
    return _native(make_project, recorder)


@pytest.fixture(params=list(FRAMEWORKS))
def framework_clone(
    make_project: Make, recorder: Recorder, request: pytest.FixtureRequest
) -> Clone:
    """A clone whose hook is pre-commit's or prek's."""
    entry = SETTINGS.format(entry=shlex.quote(str(recorder.program)))
    project = make_project({".pre-commit-config.yaml": entry})
    add_remote(project)
    answer = project.run(*FRAMEWORKS[request.param], "install", "--hook-type", "pre-push")
    assert answer.returncode == 0, answer.stdout
    return Clone(project, recorder)


def test_a_branch(either_clone: Clone) -> None:
    """A new branch has nothing before it, not even a root; an update has the remote's commit."""
    clone = either_clone
    first = clone.id("HEAD")
    ref = {"local_ref": "refs/heads/main", "remote_ref": "refs/heads/main"}
    assert clone.push("main") == ((Pushed(**ref, commit=first, before=""),), ())
    second = clone.commit()
    assert clone.push("main") == ((Pushed(**ref, commit=second, before=first),), ())


def test_several_refs(either_clone: Clone) -> None:
    """Every branch and tag of a push is read, tags as their commits; the rest has a reason."""
    clone = either_clone
    first = clone.id("HEAD")
    clone.push("main", "main:gone")
    second = clone.commit()
    clone.project.git("tag", "light")
    clone.project.git("tag", "--annotate", "-m", "first", "v1", first)
    clone.project.git("tag", "--annotate", "-m", "tag of a tag", "v2", "v1")
    refspecs = ("main", "main:feature/x", "light", "v1", "v2", ":gone", "main:refs/notes/n")
    judged, others = clone.push(*refspecs, "main^{tree}:refs/tags/tree")
    assert {ref.remote_ref: (ref.commit, ref.before) for ref in judged} == {
        "refs/heads/main": (second, first),
        "refs/heads/feature/x": (second, ""),
        "refs/tags/light": (second, ""),
        "refs/tags/v1": (first, ""),
        "refs/tags/v2": (first, ""),
    }
    assert {ref.remote_ref: ref.reason.partition(":")[0] for ref in others} == {
        "refs/heads/gone": "it is deleted",
        "refs/notes/n": "it is neither a branch nor a tag",
        "refs/tags/tree": "it names no commit",
    }


def test_a_forced_push(either_clone: Clone, tmp_path: Path) -> None:
    """The commit that is replaced is told although this clone never had it."""
    clone = either_clone
    clone.push("main")
    other = Project(tmp_path / "other")
    url = clone.project.git("remote", "get-url", "origin").strip()
    clone.project.git("clone", "--quiet", url, str(other.root))
    other.commit("theirs")
    assert push(other, "main").returncode == 0
    theirs = git.head(other.root)
    mine = clone.commit("mine")
    judged, _ = clone.push("--force", "main")
    assert [(ref.commit, ref.before) for ref in judged] == [(mine, theirs)]


def test_revisions(clone: Clone) -> None:
    """What is pushed need not be a ref: HEAD, an id, a name with spaces."""
    clone.commit("a second one")
    clone.commit("third")
    revisions = {"head": "HEAD", "id": clone.id("HEAD~2"), "words": "HEAD^{/a second one}"}
    judged, _ = clone.push(*(f"{what}:refs/heads/{name}" for name, what in revisions.items()))
    read_back = {ref.remote_ref.removeprefix("refs/heads/"): ref for ref in judged}
    assert {name: ref.local_ref for name, ref in read_back.items()} == revisions
    assert all(ref.commit == clone.id(revisions[name]) for name, ref in read_back.items())


def test_a_linked_worktree(clone: Clone, tmp_path: Path) -> None:
    """A push from a linked worktree without a branch is of its commit, not the main one's."""
    tree = Project(tmp_path / "tree")
    clone.project.git("worktree", "add", "--quiet", "--detach", str(tree.root))
    tree.commit("theirs")
    clone.project.commit("main's")
    judged, _ = Clone(tree, clone.recorder).push("HEAD:refs/heads/side")
    assert clone.recorder.calls[-1].folder == str(tree.root)
    assert [ref.commit for ref in judged] == [git.head(tree.root)]
    assert git.head(tree.root) != git.head(clone.project.root)


def test_a_name_in_no_encoding(clone: Clone) -> None:
    """A branch whose name is no UTF-8 and holds an odd space is read like any other."""
    name = os.fsdecode(b"odd\xff") + "\u00a0space"
    [judged], _ = clone.push(f"main:refs/heads/{name}")
    assert judged.remote_ref == f"refs/heads/{name}"


def test_nothing_to_push(clone: Clone) -> None:
    """Where the remote is up to date, nothing is to be judged."""
    clone.push("main")
    assert clone.push("main") == ((), ())


def test_frameworks_tell_a_branch(framework_clone: Clone) -> None:
    """Through a framework, a first push, an update and a forced one are read as their commits."""
    clone = framework_clone
    ref = {"local_ref": "refs/heads/main", "remote_ref": "refs/heads/main"}
    first = clone.id("HEAD")
    assert clone.push("main") == ((Pushed(**ref, commit=first, before=""),), ())
    second = clone.commit("second")
    assert clone.push("main") == ((Pushed(**ref, commit=second, before=first),), ())
    clone.project.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "another")
    [forced], _ = clone.push("--force", "main")
    assert forced.commit == clone.id("HEAD")
    # prek compares with what is common, pre-commit with what is replaced.
    assert forced.before in {first, second}


def test_frameworks_tell_other_refs(framework_clone: Clone) -> None:
    """Through a framework, a new branch, HEAD, a tag and another root are read too."""
    clone = framework_clone
    first = clone.id("HEAD")
    clone.push("main")
    second = clone.commit("second")
    [branch], _ = clone.push("HEAD:refs/heads/new")
    assert (branch.local_ref, branch.commit, branch.before) == ("HEAD", second, first)
    third = clone.commit("third")
    clone.project.git("tag", "--annotate", "-m", "v1", "v1")
    [tag], _ = clone.push("v1")
    assert (tag.remote_ref, tag.commit) == ("refs/tags/v1", third)
    clone.project.git("checkout", "--quiet", "--orphan", "orphan")
    root = clone.commit("another root")
    [orphan], _ = clone.push("HEAD:refs/heads/orphan")
    assert (orphan.local_ref, orphan.commit, orphan.before) == ("HEAD", root, "")


def test_frameworks_tell_one_ref_only(framework_clone: Clone) -> None:
    """What `pushgate install` says of the frameworks holds: one ref, no tag of a known commit."""
    clone = framework_clone
    clone.push("main")
    second = clone.commit("second")
    clone.project.git("branch", "side")
    clone.project.commit("third")
    [judged], others = clone.push("main", "side")
    assert (judged.remote_ref, others) == ("refs/heads/main", ())
    assert second != judged.commit
    clone.project.git("tag", "v1")
    before = len(clone.recorder.calls)
    assert push(clone.project, "v1").returncode == 0
    assert len(clone.recorder.calls) == before


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_without_a_push(make_project: Make, recorder: Recorder, framework: str) -> None:
    """A framework that runs the hook without a push is told, since nothing would be judged."""
    entry = SETTINGS.format(entry=shlex.quote(str(recorder.program)))
    project = make_project({".pre-commit-config.yaml": entry})
    command = FRAMEWORKS[framework]
    answer = project.run(*command, "run", "--hook-stage", "pre-push", "--all-files")
    assert answer.returncode == 0, answer.stdout
    [call] = recorder.calls
    with pytest.raises(PushError, match="without a push: `pushgate run` runs the gates now"):
        call.read()


def test_a_framework_that_names_no_full_ref(clone: Clone) -> None:
    """A branch that was named by hand, not in full, is not let through as something else."""
    environment = {
        "PRE_COMMIT": "1",
        "PRE_COMMIT_LOCAL_BRANCH": "main",
        "PRE_COMMIT_REMOTE_BRANCH": "main",
    }
    with pytest.raises(PushError, match="without a push"):
        read(io.BytesIO(), environment, clone.project.root)


def test_standard_input_wins(clone: Clone) -> None:
    """What git says counts, also where an outer framework has left its variables."""
    clone.push("main")
    clone.commit()
    outer = {"PRE_COMMIT": "1", "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/outer"}
    assert push(clone.project, "main", env=outer).returncode == 0
    [judged], _ = clone.recorder.calls[-1].read()
    assert judged.remote_ref == "refs/heads/main"


@pytest.fixture
def terminal() -> Iterator[IO[bytes]]:
    """A terminal, on which nobody types."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "rb", buffering=0) as terminal:
        yield terminal


def test_a_terminal(clone: Clone, terminal: IO[bytes]) -> None:
    """Who types the command is told how to use it; a framework's terminal is not waited for."""
    root = clone.project.root
    with pytest.raises(PushError, match="`pushgate install` installs it"):
        read(terminal, {}, root)
    environment = {
        "PRE_COMMIT": "1",
        "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main",
        "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/main",
    }
    [judged], _ = read(terminal, environment, root)
    assert judged.commit == clone.id("main")


ID = "1" * 40


@pytest.mark.parametrize(
    "line",
    [
        "words",
        f"refs/heads/main {ID} refs/heads/main",
        f"refs/heads/main {ID} refs/heads/main {ID} more",
        f"refs/heads/main {ID[1:]} refs/heads/main {ID}",
        f"refs/heads/main {ID.replace('1', 'g')} refs/heads/main {ID}",
        f" {ID} refs/heads/main {ID}",
    ],
)
def test_malformed_input(clone: Clone, line: str) -> None:
    """Input of another form than git's is told, also after a line that is right."""
    right = f"refs/heads/main {clone.id('HEAD')} refs/heads/main {'0' * 40}\n"
    root = clone.project.root
    assert read(io.BytesIO(right.encode()), {}, root)[0]
    with pytest.raises(PushError, match="expected what git tells a pre-push hook"):
        read(io.BytesIO(f"{right}{line}\n".encode()), {}, root)


def test_a_commit_that_is_not_there(clone: Clone) -> None:
    """An object that is missing is an error, not a ref without a commit."""
    line = f"refs/tags/v1 {ID} refs/tags/v1 {'0' * 40}\n"
    with pytest.raises(process.CommandError):
        read(io.BytesIO(line.encode()), {}, clone.project.root)


@pytest.mark.parametrize(
    ("remote_ref", "event"),
    [
        ("refs/heads/main", "push:main"),
        ("refs/heads/dev", "push:dev"),
        ("refs/heads/feature/main", "pull_request:main"),
        ("refs/heads/refs/tags/v1", "pull_request:main"),
        ("refs/tags/v1", "tag:v1"),
        ("refs/tags/main", "tag:main"),
    ],
)
def test_the_event(remote_ref: str, event: str) -> None:
    """A long-lived branch is a push, any other a pull request to the main one, a tag a tag."""
    ref = Pushed(local_ref="HEAD", commit=ID, remote_ref=remote_ref, before="")
    assert ref.event(["main", "dev"]) == Event.parse(event)
