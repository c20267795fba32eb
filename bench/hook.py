"""What a push of a tree costs that is known to pass, beside other hooks that have nothing to do.

Run it with `uv run python bench/hook.py [--rounds N]`. Each round runs every command once, in
turns, so that a noisy machine is noisy for all; the table shows medians and, since noise only
ever adds, the quickest of each. Then it lists the imports of the fast path by what they cost
themselves.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.hooks.install import install
from pushgate.plan.definition import of_project
from pushgate.run import database, fingerprints, target, verification
from pushgate.run.checkout import clean_checkout
from pushgate.run.store import Store

JOBS: Final = 12

_GATES: Final = "\n".join(
    f"[tool.pushgate.gates.gate{number}]\nrun = ['true']\nenvironment = false"
    for number in range(JOBS)
)
_PROJECT: Final = {
    "pyproject.toml": f"[tool.pushgate]\npython = ['3.12']\n{_GATES}\n",
    "noxfile.py": "import pushgate\n\npushgate.register()\n",
    # With none at all prek refuses every push.
    ".pre-commit-config.yaml": """
repos:
  - repo: local
    hooks:
      - id: "true"
        name: "true"
        entry: "true"
        language: system
        stages: [pre-push]
        always_run: true
        pass_filenames: false
""",
}
_RECORD: Final = (
    "INSERT INTO record (digest, job, project, result, reason, seconds, at, fresh_for, run, used, "
    "seal) VALUES (?, '', '', 'passed', '', 0, ?, NULL, '', 0, '')"
)
_IMPORT: Final = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")
_SHOWN: Final = 12
_BARE: Final = "python -c pass"


@dataclass(frozen=True)
class _Command:
    """A command, and what it reads."""

    words: Sequence[str]
    told: bytes = b""


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="runs of each command (21)")
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        os.environ["PUSHGATE_CACHE_DIR"] = f"{folder}/cache"
        os.environ["PRE_COMMIT_HOME"] = os.environ["PREK_HOME"] = f"{folder}/frameworks"
        root = Path(folder, "project")
        line = _make(root)
        commands = _commands(root, line)
        _print(_measure(root, commands, rounds), rounds)
        _print_imports(root, line)


def _make(root: Path) -> bytes:
    """Make a project whose commit is known to pass; return what git tells its hook."""
    root.mkdir()
    for name, content in _PROJECT.items():
        (root / name).write_text(content, encoding="utf-8")
    remote = f"{root}.remote"
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.invalid")
    _git(root, "init", "--quiet", "--initial-branch=main")
    _git(root, "add", "--all")
    _git(root, *identity, "commit", "--quiet", "--message=first")
    _git(root, "init", "--quiet", "--bare", remote)
    _git(root, "remote", "add", "origin", remote)
    commit = _git(root, "rev-parse", "HEAD").strip()
    install(root)
    store = Store.of(root)
    with clean_checkout(root, store, commit) as top:
        definition = of_project(top)
        taken = fingerprints.take(definition, commit)
        verification.remember(store, definition, target.commit(root, commit), taken)
    connection = database.connect(store.database)
    for fingerprint in taken.of.values():
        connection.execute(_RECORD, (fingerprint.digest, time.time()))
    connection.close()
    return f"refs/heads/main {commit} refs/heads/main {'0' * 40}\n".encode()


def _git(root: Path, *arguments: str) -> str:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def _commands(root: Path, line: bytes) -> Mapping[str, _Command]:
    hook = root / ".git" / "hooks" / "pre-push"
    prek = str(Path(sysconfig.get_path("scripts"), "prek"))
    pushed = ("origin", f"{root}.remote")
    push = ("git", "push", "--quiet", "--dry-run")
    framework = ("--hook-stage", "pre-push", "--all-files")
    return {
        _BARE: _Command((sys.executable, "-c", "pass")),
        "the hook": _Command((str(hook), *pushed), line),
        "`git push --no-verify`": _Command((*push, "--no-verify", "origin", "main")),
        "`git push`": _Command((*push, "origin", "main")),
        "pre-commit, one hook of `true`": _Command(
            (sys.executable, "-m", "pre_commit", "run", *framework)
        ),
        "prek, one hook of `true`": _Command((prek, "run", *framework)),
    }


def _measure(
    root: Path, commands: Mapping[str, _Command], rounds: int
) -> Mapping[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(-1, rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            ended = subprocess.run(
                command.words, cwd=root, input=command.told, check=True, capture_output=True
            )
            if turn >= 0:
                times[name].append((time.perf_counter() - started) * 1000)
            elif name in {"the hook", "`git push`"} and b"passed before" not in ended.stderr:
                sys.exit(f"{name} did not take the fast path: {ended.stderr.decode()}")
    return times


def _print(times: Mapping[str, list[float]], rounds: int) -> None:
    print(f"{rounds} rounds, in turns, {os.cpu_count()} cores, {JOBS} jobs\n")
    print(f"| command | median ms | quickest ms | over `{_BARE}` |")
    print("|---|---|---|---|")
    bare = statistics.median(times[_BARE])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"| {name} | {median:.1f} | {min(taken):.1f} | {median - bare:.1f} |")


def _print_imports(root: Path, line: bytes) -> None:
    def imports(*words: str) -> dict[str, int]:
        command = (sys.executable, "-X", "importtime", "-P", *words)
        told = subprocess.run(command, cwd=root, input=line, check=True, capture_output=True)
        return {name: int(cost) for cost, name in _IMPORT.findall(told.stderr.decode())}

    bare = imports("-c", "pass")
    own = imports("-m", "pushgate", "pre-push", "origin", "url")
    own = {name: cost for name, cost in own.items() if name not in bare}
    print(f"\n{len(own)} imports of its own, {sum(own.values()) / 1000:.1f} ms; the dearest:\n")
    for name, cost in sorted(own.items(), key=lambda each: -each[1])[:_SHOWN]:
        print(f"{cost / 1000:6.2f} ms  {name}")


if __name__ == "__main__":
    main()
