"""Projects whose pushes Pushgate judges: with its real hook, and a real remote."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conftest import Project
from pushgate.gates.registry import BUILT_IN
from pushing import add_remote

MakeProject = Callable[..., Project]

GOOD: Final = "VALUE = 1\n"
BAD: Final = "VALUE = 2\n"

_BUILT_IN: Final = "".join(f"{gate} = {{ enabled = false }}\n" for gate in BUILT_IN)


def gates(**commands: str) -> str:
    """Return a ``pyproject.toml`` with gates of these names only, each with its one command."""
    own = (
        f"{name} = {{ run = [{json.dumps(command)}], environment = false }}\n"
        for name, command in commands.items()
    )
    table = "[tool.pushgate]\npython = ['@PYTHON@']\n[tool.pushgate.gates]\n"
    return table + _BUILT_IN + "".join(own)


PYTHON: Final = f"{sys.executable} -B"

WORKS: Final = {
    "pyproject.toml": gates(works=f"{PYTHON} main.py"),
    "main.py": "from part import VALUE\n\nassert VALUE == 1, 'the value is wrong'\n",
    "part.py": GOOD,
}
"""A project with one gate, which passes if ``part.py`` is there and good."""

REFUSED: Final = "the push is refused"


@dataclass(frozen=True)
class Gated:
    """A project with Pushgate's hook.

    Attributes:
        project: The project.
        remote: The bare repository that it pushes to.
    """

    project: Project
    remote: Path

    @classmethod
    def of(cls, project: Project) -> Gated:
        """Give a project a remote and the hook."""
        remote = add_remote(project)
        installed = project.pushgate("install")
        assert installed.returncode == 0, installed.stdout
        return cls(project, remote)

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        """Write files, commit everything, and return the commit's id."""
        self.project.write(files)
        self.project.commit(message)
        return self.id("HEAD")

    def id(self, revision: str) -> str:
        """Return the id that a revision stands for."""
        return self.project.git("rev-parse", revision).strip()

    def push(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Push to the remote."""
        return self.project.run("git", "push", "origin", *arguments, cwd=cwd, env=env)

    def passes(self, *arguments: str, cwd: Path | None = None) -> str:
        """Push what is let through, and return what was printed."""
        pushed = self.push(*arguments, cwd=cwd)
        assert pushed.returncode == 0, pushed.stdout
        assert REFUSED not in pushed.stdout
        return pushed.stdout

    def is_refused(self, *arguments: str, cwd: Path | None = None) -> str:
        """Push what is not let through, and return what Pushgate printed."""
        before = self.refs()
        pushed = self.push(*arguments, cwd=cwd)
        told, by_git = pushed.stdout.split("\nerror: failed to push some refs")
        assert pushed.returncode == 1, pushed.stdout
        assert told.splitlines()[-1].startswith(REFUSED), by_git
        assert self.refs() == before
        return told

    def refs(self) -> dict[str, str]:
        """Return what the remote has."""
        command = ("for-each-ref", "--format=%(refname) %(objectname)")
        listing = self.project.git(f"--git-dir={self.remote}", *command)
        return dict(line.split(" ") for line in listing.splitlines())

    @property
    def state(self) -> Path:
        """Where Pushgate keeps what it knows."""
        common = self.project.git("rev-parse", "--path-format=absolute", "--git-common-dir")
        return Path(common.strip()) / "pushgate"

    def left(self) -> list[str]:
        """Name what no push may leave: marks of checkouts in use, locks of git, live runs."""
        checkouts = [path.name for path in (self.state / "locks").glob("*.in-use")]
        locks = [str(path) for path in self.state.parent.rglob("*.lock") if self._is_git_lock(path)]
        return checkouts + locks

    def _is_git_lock(self, path: Path) -> bool:
        return not path.is_relative_to(self.state)

    def digest(self) -> dict[str, str]:
        """Take down all files: the user's, and git's about them; not what Pushgate keeps."""
        kept = (self.state, self.state.parent / "worktrees")
        found = {}
        for path in sorted(self.project.root.rglob("*")):
            if any(path.is_relative_to(folder) for folder in kept):
                continue
            stamp = path.lstat()
            content = b""
            if path.is_symlink():
                content = str(path.readlink()).encode()
            elif path.is_file():
                content = path.read_bytes()
            about = f"{stamp.st_mode} {stamp.st_mtime_ns if path.is_file() else ''}"
            name = str(path.relative_to(self.project.root))
            found[name] = f"{about} {hashlib.sha256(content).hexdigest()}"
        return found


def headlines(told: str) -> list[str]:
    """Return the first line about each run, ids of commits left out."""
    # prek indents what a hook prints.
    lines = re.findall(r"^ *(\d+ jobs? for .*)", told, re.MULTILINE)
    return [re.sub(r"[0-9a-f]{12}", "ID", line) for line in lines]
