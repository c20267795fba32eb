"""What only the user has never lets a push through, and nothing of it is touched."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gated import BAD, GOOD, WORKS, Gated, MakeProject

pytestmark = pytest.mark.slow


@pytest.fixture
def gated(make_project: MakeProject) -> Gated:
    """A good project with the hook and an empty remote."""
    return Gated.of(make_project(WORKS))


TRICKS = {
    "edit": "",
    "staged": "git add part.py",
    "stash": "git stash --quiet && git stash apply --quiet",
    "assumed unchanged": "git update-index --assume-unchanged part.py",
    "skipped": "git update-index --skip-worktree part.py",
}


def _refused_commit(gated: Gated) -> None:
    """Check that the run on the files passes, and the push is refused with all that helps."""
    project = gated.project
    assert project.pushgate("run").returncode == 0
    before = gated.digest()
    told = gated.is_refused("main")
    assert gated.digest() == before
    assert gated.left() == []
    assert "works failed: `" in told
    assert "main.py` ended with 1" in told
    commands = re.findall(r"^  again: (.*?)(?:  \(on exactly this commit\))?$", told, re.MULTILINE)
    commit = gated.id("HEAD")[:12]
    assert commands == ["nox -s works", f"pushgate run --commit {commit} works"]
    repeated = project.pushgate(*shlex.split(commands[1])[1:])
    assert repeated.returncode == 1, repeated.stdout
    project.run("git", "stash", "--all", "--quiet")
    assert project.nox(*shlex.split(commands[0])[1:]).returncode == 1


@pytest.mark.parametrize("trick", TRICKS)
def test_a_fix_that_is_not_committed(gated: Gated, trick: str) -> None:
    """A fix that is nowhere but here does not count, however git was told about it."""
    gated.commit({"part.py": BAD})
    gated.project.write({"part.py": GOOD})
    assert gated.project.run("sh", "-c", TRICKS[trick]).returncode == 0
    if trick in {"assumed unchanged", "skipped"}:
        assert gated.project.pushgate("run").returncode == 0
        before = gated.digest()
        assert "the value is wrong" in gated.is_refused("main")
        assert gated.digest() == before
    else:
        _refused_commit(gated)


@pytest.mark.parametrize("kind", ["untracked", "ignored"])
def test_a_module_that_is_not_tracked(gated: Gated, kind: str) -> None:
    """A module that only this machine has does not count; `run` names it."""
    if kind == "ignored":
        gated.project.write({".gitignore": ".nox/\n.pushgate/\n__pycache__/\npart.py\n"})
    gated.project.git("rm", "--quiet", "--cached", "part.py")
    gated.project.git("commit", "--quiet", "--all", "--message", "gone")
    note = f"note: CI will not have what is {kind} here: part.py\n"
    assert note in gated.project.pushgate("run").stdout
    _refused_commit(gated)


def test_what_is_broken_only_here(gated: Gated) -> None:
    """A push of a good commit passes whatever the user has begun meanwhile."""
    gated.project.write(
        {
            "part.py": BAD,
            "pyproject.toml": "[tool.push",
            "noxfile.py": "raise SystemExit(7)\n",
            "nose.py": "",
        }
    )
    gated.project.git("add", "nose.py", "part.py")
    gated.project.git("stash", "--quiet", "--include-untracked")
    gated.project.git("stash", "apply", "--quiet")
    gated.project.git("config", "pull.rebase", "true")
    before = gated.digest()
    gated.passes("main", "HEAD:refs/heads/other")
    ref = ".git/refs/remotes/origin"
    after = {name: is_ for name, is_ in gated.digest().items() if not _is_of_push(name, ref)}
    assert after == {name: is_ for name, is_ in before.items() if not _is_of_push(name, ref)}
    assert gated.refs()["refs/heads/main"] == gated.id("HEAD")
    assert gated.left() == []


def _is_of_push(name: str, ref: str) -> bool:
    """Tell what git itself writes when a push went through."""
    logs = ref.replace(".git/", ".git/logs/")
    return name.startswith((ref, logs)) or name in {".git/refs/remotes", ".git/logs/refs/remotes"}


WAITS = """
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "60"])
mark = pathlib.Path(os.environ["STARTED"])
mark.with_name("part").write_text(f"{os.getpid()} {child.pid}")
mark.with_name("part").rename(mark)
time.sleep(60)
"""


def _started(gated: Gated, tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Push a commit whose gate waits; return the push and the process ids of the gate."""
    gated.commit({"main.py": WAITS})
    gated.project.write({"part.py": BAD, "new.py": ""})
    gated.project.git("add", "part.py")
    mark = tmp_path / "started"
    push = subprocess.Popen(
        ["git", "push", "origin", "main"],
        cwd=gated.project.root,
        env={**os.environ, "STARTED": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not mark.exists():
        assert push.poll() is None, push.communicate()[0]
        time.sleep(0.05)
    return push, [int(number) for number in mark.read_text(encoding="utf-8").split()]


def _is_alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return (
        status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    )


def _hook_above(process: int) -> int:
    """Return the process that git started as its hook, above a gate's."""
    for _ in range(10):
        fields = (
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
        parent = int(fields[1])
        above = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
        if b"pre-push" in above:
            return parent
        process = parent
    pytest.fail("the gate is not below the hook")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt(gated: Gated, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, which all processes of the push get, ends the push and all of the hook."""
    push, gate = _started(gated, tmp_path)
    before = gated.digest()
    os.killpg(push.pid, number)
    told = push.communicate(timeout=60)[0]
    assert push.returncode != 0
    assert told.splitlines()[-1] == "the push is refused: interrupted"
    assert not any(map(_is_alive, gate))
    assert gated.digest() == before
    assert gated.left() == []
    assert gated.refs() == {}


def test_a_hook_that_is_killed(gated: Gated, tmp_path: Path) -> None:
    """Where the hook is killed nothing goes out, and the next push finds no trace of it."""
    push, gate = _started(gated, tmp_path)
    before = gated.digest()
    os.kill(_hook_above(gate[0]), signal.SIGKILL)
    push.communicate(timeout=60)
    assert push.returncode == 1
    assert gated.digest() == before
    assert gated.refs() == {}
    gated.passes("HEAD~1:refs/heads/main")
    assert not any(map(_is_alive, gate))
    assert gated.left() == []
