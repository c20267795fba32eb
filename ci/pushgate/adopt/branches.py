"""Which branches of a repository live long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pushgate.adopt.found import Found, Setting
from pushgate.tools import git

_USUAL: Final = ("main", "master", "trunk", "develop", "dev")
"""What long-lived branches are called; the first that there is counts as the main one."""

_DEFAULT: Final = ("main",)


def look(repository: Path) -> Iterator[Found]:
    """Find the long-lived branches: what the remote calls its own, else the usual names.

    Args:
        repository: The top folder of a working tree, not of a copy.
    """
    question = ("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")
    local = git.ask(repository, *question).stdout.split("\n")
    there = {name.removeprefix("origin/") for name in (*local, *_remote(repository))}
    current = _symbolic(repository, "HEAD", "refs/heads/")
    main = _symbolic(repository, "refs/remotes/origin/HEAD", "refs/remotes/origin/")
    usual = [name for name in _USUAL if name in there]
    # A branch that someone works on is the main one only where nobody else has a say.
    alone = "" if git.ask(repository, "remote").stdout.strip() else current
    first = main or (usual[0] if usual else alone) or _DEFAULT[0]
    others = (name for name in usual if name in {"develop", "dev"})
    branches = tuple(dict.fromkeys((first, *others)))
    if branches != _DEFAULT:
        why = "the long-lived ones, the main one first"
        yield Found("branches", ", ".join(branches), (Setting(("branches",), branches, why),))


def _remote(repository: Path) -> list[str]:
    question = ("for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin")
    return git.ask(repository, *question).stdout.split("\n")


def _symbolic(repository: Path, name: str, prefix: str) -> str:
    answer = git.ask(repository, "symbolic-ref", "--quiet", name, check=False).stdout.strip()
    return answer.removeprefix(prefix) if answer.startswith(prefix) else ""
