"""A push of what is verified, beside turbo's full hit and the empty hooks of other tools."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from contest import Contestant, held, median, run, table
from projects import GIT, Workshop

TASKS: Final = 12
HOOK: Final = "pre-push"
DEAREST: Final = 8
IMPORT: Final = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", re.MULTILINE)
"""A line of ``-X importtime``: the microseconds of a module itself, and its name."""

FRAMEWORKS: Final = ("prek", "pre-commit")
ONE_HOOK: Final = """repos:
  - repo: local
    hooks:
      - id: "true"
        name: "true"
        entry: "true"
        language: system
        stages: [pre-push]
        always_run: true
        pass_filenames: false
"""
"""The least that they can be given: with no hook at all prek refuses every push."""


@dataclass(frozen=True)
class Clone:
    """A clone of the workspace, with a remote of its own on this machine.

    Attributes:
        root: Its folder.
        remote: The remote's.
    """

    root: Path
    remote: Path

    def git(self, *words: str) -> str:
        """Run git in it, and return what it prints."""
        return run((*GIT, *words), self.root).output.strip()

    def hook(self, name: str, done: Callable[[str], int] | None = None) -> Contestant:
        """Return its hook alone, called as git calls it for a new commit on a new branch."""
        self.git("commit", "--quiet", "--allow-empty", "-m", "again")
        command = (str(self.root / ".git" / "hooks" / HOOK), "origin", str(self.remote))
        refs = f"refs/heads/work {self.git('rev-parse', 'HEAD')} refs/heads/bench {'0' * 40}\n"
        return Contestant(name=name, command=command, folder=self.root, stdin=refs, done=done)

    def push(self, name: str) -> Contestant:
        """Return a push of a new commit of the same files, as a branch that is new each time."""
        command = ("git", "push", "--quiet", "origin", "HEAD:refs/heads/bench")
        done = self._has_arrived
        return Contestant(
            name=name, command=command, folder=self.root, before=self._renew, done=done
        )

    def _renew(self) -> None:
        self.git("commit", "--quiet", "--allow-empty", "-m", "again")
        run(("git", "update-ref", "-d", "refs/heads/bench"), self.remote)

    def _has_arrived(self, _: str) -> int:
        there = run(("git", "rev-parse", "refs/heads/bench"), self.remote).output.strip()
        return int(there == self.git("rev-parse", "HEAD"))


def report(workshop: Workshop) -> Iterator[str]:
    """Yield a table of the hooks alone, and one of whole pushes."""
    top = workshop.folder / "push"
    workspace = _workspace(workshop)
    bare, pushgate = _clone(workspace, top / "bare"), _clone(workspace, top / "pushgate")
    frameworks = {name: _framework(name, _clone(workspace, top / name)) for name in FRAMEWORKS}
    run(("pushgate", "install"), pushgate.root)
    _check_that_failures_are_refused(pushgate)
    first = pushgate.push("the first push, which verifies")
    run(first.command, first.folder)
    rounds = max(workshop.rounds, 5)

    yield f"{TASKS} jobs (turbo: tasks) of `true`, all verified (turbo: a full hit), the hook alone"
    hooks = [
        Contestant(
            name="`python -c pass`", command=(sys.executable, "-c", "pass"), folder=top / "bare"
        ),
        *_turbo(workspace),
        *(
            clone.hook(f"{name}, one hook of `true`", lambda output: output.count("Passed"))
            for name, clone in frameworks.items()
        ),
        pushgate.hook("Pushgate"),
    ]
    yield table(held(hooks, rounds), [each.name for each in hooks[1:3]], unit="ms")

    yield _imports(pushgate.hook("imports"), pushgate)

    yield "`git push` of a new commit of the same files as a new branch, to a remote on this disk"
    pushes = [bare.push("no hook"), pushgate.push("Pushgate")]
    pushes += [clone.push(f"{name}, one hook of `true`") for name, clone in frameworks.items()]
    results = held(pushes, rounds)
    yield table(results, ["no hook"], unit="ms")
    own = (median(results["Pushgate"]) - median(results["no hook"])) * 1000
    yield f"Pushgate's own part of a push: {own:.0f} ms."


def _imports(hook: Contestant, clone: Clone) -> str:
    """Tell the modules that a verified push imports, besides those of an empty Python."""
    words = ("-m", "pushgate", HOOK, "origin", str(clone.remote))
    bare = _imported(("-c", "pass"), hook).keys()
    own = {name: cost for name, cost in _imported(words, hook).items() if name not in bare}
    dearest = sorted(own, key=own.__getitem__, reverse=True)[:DEAREST]
    told = ", ".join(f"{name} {own[name] / 1000:.1f}" for name in dearest)
    return f"Pushgate imports {len(own)} modules, {sum(own.values()) / 1000:.1f} ms: {told}, ..."


def _imported(words: Sequence[str], hook: Contestant) -> Mapping[str, int]:
    command = (sys.executable, "-X", "importtime", "-P", *words)
    told = run(command, hook.folder, hook.stdin).output
    return {name: int(cost) for cost, name in IMPORT.findall(told)}


def _workspace(workshop: Workshop) -> Path:
    """Make a repository of twelve packages, each a task of turbo's and a gate of Pushgate's."""
    names = [f"p{number:02}" for number in range(1, TASKS + 1)]
    keys = 'run = ["true"]\nenvironment = false\ninputs = ["packages/{}/**"]\n'
    npm = run(("npm", "--version"), workshop.folder).output.split()[-1]
    package = {"private": True, "packageManager": f"npm@{npm}", "workspaces": ["packages/*"]}
    files = {
        "package.json": json.dumps({"name": "workspace", **package}),
        "turbo.json": json.dumps({"tasks": {"test": {"outputs": []}}}),
        ".gitignore": "node_modules/\n.turbo/\n",
    }
    for name in names:
        package = {"name": name, "version": "1.0.0", "scripts": {"test": "true"}}
        files[f"packages/{name}/package.json"] = json.dumps(package)
        files[f"packages/{name}/index.js"] = "export default 1;\n"
    gates = {name: keys.format(name) for name in names}
    root = workshop.generated("push/workspace", gates, files)
    run(("npm", "install", "--no-audit", "--no-fund", "--save-dev", "turbo"), root)
    run((*GIT, "add", "--all"), root)
    run((*GIT, "commit", "--quiet", "-m", "turbo"), root)
    return root


def _clone(workspace: Path, root: Path) -> Clone:
    remote = root.with_suffix(".git")
    run(("git", "clone", "--quiet", "--bare", str(workspace), str(remote)), workspace)
    run(("git", "clone", "--quiet", str(remote), str(root)), workspace)
    return Clone(root, remote)


def _framework(name: str, clone: Clone) -> Clone:
    (clone.root / ".pre-commit-config.yaml").write_text(ONE_HOOK, encoding="utf-8")
    run((name, "install", "--hook-type", HOOK), clone.root)
    return clone


def _check_that_failures_are_refused(clone: Clone) -> None:
    """A hook that lets everything through would be the fastest."""
    file = clone.root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('run = ["true"]', 'run = ["false"]', 1), encoding="utf-8")
    clone.git("commit", "--quiet", "--all", "-m", "fails")
    hook = clone.hook("refused")
    run(hook.command, hook.folder, hook.stdin, status=1)
    clone.git("reset", "--quiet", "--hard", "HEAD~2")


def _turbo(workspace: Path) -> Sequence[Contestant]:
    started = workspace / "node_modules" / ".bin" / "turbo"
    (binary,) = workspace.glob("node_modules/@turbo/*/bin/turbo")
    turbo = partial(Contestant, folder=workspace, done=_is_full_hit)
    words = ("run", "test")
    run((str(started), *words), workspace)
    return (
        turbo(name="turbo, as npm installs it", command=(str(started), *words)),
        turbo(name="turbo's binary without Node", command=(str(binary), *words)),
    )


def _is_full_hit(output: str) -> int:
    return int(f"{TASKS} cached, {TASKS} total" in output and "FULL TURBO" in output)
