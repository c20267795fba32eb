"""Pushes from where they come: many at once, programs, other hook frameworks, real suites."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from carrying_out import CODE, suite
from conftest import NOXFILE
from conftest import PYTHON as VERSION
from gated import BAD, GOOD, REFUSED, WORKS, Gated, MakeProject, gates, headlines
from pushing import FRAMEWORKS, add_remote, leave_frameworks

pytestmark = pytest.mark.slow

_TERMINALS: Final = 5
_PUSHES: Final = 4

_OTHERS: Final = ("lint", "types", "imports", "security", "coverage", "build", "audit")


@pytest.fixture
def gated(make_project: MakeProject) -> Gated:
    """A good project with the hook and an empty remote."""
    return Gated.of(make_project(WORKS))


def test_many_at_once(gated: Gated, tmp_path: Path) -> None:
    """Pushes of one repository and of its worktrees do not disturb each other's judgement."""
    good, bad = gated.id("HEAD"), gated.commit({"part.py": BAD})
    gated.project.write({"part.py": GOOD, "new.py": ""})
    before = gated.digest()
    folders = [gated.project.root, gated.project.root]
    for number in range(2, _TERMINALS):
        folder = tmp_path / f"linked{number}"
        gated.project.git("worktree", "add", "--quiet", "--detach", str(folder))
        folders.append(folder)

    def work(terminal: int) -> list[bool]:
        ends = []
        for number in range(_PUSHES):
            commit = bad if (terminal + number) % 2 else good
            ref = f"{commit}:refs/heads/t{terminal}-{number}"
            pushed = gated.push(ref, cwd=folders[terminal])
            refused = pushed.returncode == 1
            assert refused == (REFUSED in pushed.stdout), pushed.stdout
            assert refused == ("the value is wrong" in pushed.stdout), pushed.stdout
            ends.append(refused)
        return ends

    with ThreadPoolExecutor(_TERMINALS) as pool:
        ends = list(pool.map(work, range(_TERMINALS)))
    assert ends == [
        [bool((terminal + number) % 2) for number in range(_PUSHES)]
        for terminal in range(_TERMINALS)
    ]
    assert set(gated.refs().values()) == {good}
    assert len(gated.refs()) == sum(not refused for row in ends for refused in row)
    assert gated.left() == []
    assert _without_refs(gated.digest()) == _without_refs(before)
    gated.project.git("fsck", "--strict")


def _without_refs(digest: dict[str, str]) -> dict[str, str]:
    git = (".git/refs/remotes", ".git/logs/refs/remotes", ".git/objects")
    return {name: found for name, found in digest.items() if not name.startswith(git)}


def test_without_a_terminal(gated: Gated, tmp_path: Path) -> None:
    """A graphical client, which sets next to nothing, gets plain lines on standard error."""
    noisy = "import os\nprint('noise')\nos.system('echo noise')\n"
    gated.commit({"noxfile.py": f"{noisy}{NOXFILE}"})
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(os.environ["GIT_CONFIG_GLOBAL"], home / ".gitconfig")
    command = ("env", "-i", f"HOME={home}", "PATH=/usr/bin:/bin", "git", "push", "--porcelain")

    def push(target: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", 'exec "$@" <&-', "sh", *command, "origin", target],
            cwd=gated.project.root,
            check=False,
            capture_output=True,
            text=True,
        )

    passed = push("main")
    assert passed.returncode == 0, passed.stderr
    assert headlines(passed.stderr) == ["1 job for push:main on commit ID, pushed to main"]
    assert "\x1b" not in passed.stderr
    assert [line[0] for line in passed.stdout.splitlines()] == ["T", "*", "D"]
    gated.commit({"part.py": BAD})
    refused = push("main")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"\n{REFUSED}\nerror: " in refused.stderr


LOOKS: Final = """
import os, pathlib, subprocess
here = str(pathlib.Path.cwd())
git = lambda *words: subprocess.check_output(["git", *words], text=True).strip()
found = [name for name in os.environ if name.startswith("GIT_") and name not in {known}]
assert not found, found
assert git("rev-parse", "--show-toplevel") == here, here
assert pathlib.Path(here).name == "1", here
above = [folder for folder in pathlib.Path(here).parents if (folder / ".env").exists()]
assert not above, str(above)
assert git("-C", ".", "status", "--porcelain", "--ignored", "--", ":!.nox", ":!.pushgate") == ""
"""


def test_what_a_job_sees(make_project: MakeProject, tmp_path: Path) -> None:
    """Nothing of the hook's git reaches a job: for it, the clean checkout is the repository."""
    known = sorted(name for name in os.environ if name.startswith("GIT_"))
    looks = LOOKS.format(known=set(known) | {"GIT_EXEC_PATH"})
    files = {"pyproject.toml": gates(looks=f"{sys.executable} -B looks.py"), "looks.py": looks}
    gated = Gated.of(make_project(files))
    gated.project.write({"new.py": "", ".env": "", "looks.py": "raise SystemExit(1)\n"})
    gated.passes("main")
    linked = tmp_path / "linked"
    gated.project.git("worktree", "add", "--quiet", "-b", "topic", str(linked))
    gated.passes("topic", cwd=linked)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_through_a_framework(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str
) -> None:
    """With the entry that `pushgate install` prints, pre-commit and prek judge as the hook does."""
    leave_frameworks(monkeypatch, tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    project = make_project(WORKS)
    gated = Gated(project, add_remote(project))
    install = (*FRAMEWORKS[framework], "install", "--hook-type", "pre-push")
    project.write({".pre-commit-config.yaml": "repos: []\n"})
    assert project.run(*install).returncode == 0
    printed = project.pushgate("install").stdout
    entry = re.findall(r"^  - repo: local\n(?:    .*\n)+", printed, re.MULTILINE)[0]
    gated.commit({".pre-commit-config.yaml": f"repos:\n{entry}", "docs/a": ""})
    told = gated.passes("main", cwd=project.root / "docs")
    assert headlines(told) == ["1 job for push:main on commit ID, pushed to main"]
    gated.commit({"part.py": BAD})
    project.write({"part.py": GOOD})
    pushed = gated.push("main")
    assert pushed.returncode == 1
    assert "the value is wrong" in pushed.stdout
    assert REFUSED in pushed.stdout
    assert gated.refs()["refs/heads/main"] == gated.id("HEAD~1")
    assert (project.root / "part.py").read_text(encoding="utf-8") == GOOD


def test_real_shards(make_project: MakeProject) -> None:
    """The project's own tests decide, in their shards, with the environment of the commit."""
    more = "".join(f"[tool.pushgate.gates.{gate}]\nenabled = false\n" for gate in _OTHERS)
    project = make_project({**suite(shards=2, more=more)})
    project.lock()
    project.commit("lock")
    gated = Gated.of(project)
    told = gated.passes("main")
    assert f"2 jobs for push:main on commit {gated.id('HEAD')[:12]}, pushed to main" in told
    gated.commit({"signs/__init__.py": CODE.replace("'+'", "'plus'")})
    gated.project.write({"signs/__init__.py": CODE})
    told = gated.is_refused("main")
    assert re.search(rf"^test-{re.escape(VERSION)}\([12]of2\) +failed ", told, re.MULTILINE)
    assert "AssertionError: assert 'plus' == '+'" in told
