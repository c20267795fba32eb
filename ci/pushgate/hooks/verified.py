"""The hook's fast path: a push of what is known to pass, told without any import that costs.

Whatever is out of the ordinary is left to the normal path, which judges it and explains.
"""

from __future__ import annotations

import os

from pushgate.run import verified_trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BRANCHES = "refs/heads/"
_WORDS = 2
"""How many git gives to a hook: the remote's name and its URL."""


def passed(arguments: Sequence[str], told: bytes) -> str | None:
    """Tell whether all that CI would run for a push is known to pass.

    Nothing is written, and no file of the project is read.

    Args:
        arguments: The words after ``pre-push``: the remote's name and its URL.
        told: All that git wrote to the hook's standard input.

    Returns:
        The line to print; None where the push has to be judged.
    """
    plain = len(arguments) <= _WORDS and not any(word.startswith("-") for word in arguments)
    if not plain or "PRE_COMMIT" in os.environ:
        return None
    try:
        pushes = [_update(line) for line in os.fsdecode(told).split("\n") if line]
        common, trees = _asked([commit for commit, _ in pushes])
        branches = [branch for _, branch in pushes]
        count = verified_trees.jobs_passed(common, list(zip(trees, branches, strict=True)))
    except Exception:  # noqa: BLE001  # whatever it is, the normal path meets it and tells it
        return None
    jobs = "1 job" if count == 1 else f"{count} jobs"
    return f"pushgate: {', '.join(branches)}: {jobs} passed before on exactly these files"


def _update(line: str) -> tuple[str, str]:
    """Return the commit and the branch of a plain update of a branch."""
    # A local ref is what the user wrote: it may hold spaces.
    local_ref, commit, ref, before = line.rsplit(" ", 3)
    plain = local_ref and ref.startswith(_BRANCHES) and commit.strip("0")
    if not plain or not _is_id(commit) or not _is_id(before):
        raise ValueError(line)
    return commit, ref.removeprefix(_BRANCHES)


def _is_id(text: str) -> bool:
    return len(text) in {40, 64} and not text.strip("0123456789abcdef")


def _asked(commits: Sequence[str]) -> tuple[str, list[str]]:
    """Ask git for the folder that all worktrees share, and for the commits' trees."""
    trees = (f"{commit}^{{commit}}^{{tree}}" for commit in commits)
    # What is pushed are the objects themselves, whatever stands in for them here.
    options = ("--no-replace-objects", "rev-parse", "--path-format=absolute", "--git-common-dir")
    common, *found, rest = os.fsdecode(_output("git", *options, *trees)).split("\n")
    if rest or len(found) != len(commits):
        raise ValueError(common)
    return common, found


def _output(*command: str) -> bytes:
    """Return what a command prints, without importing `subprocess`, which doubles the time."""
    source, target = os.pipe()
    with os.fdopen(source, "rb") as stream:
        actions = [
            (os.POSIX_SPAWN_DUP2, target, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        finally:
            os.close(target)
        output = stream.read()
    if os.waitpid(child, 0)[1] != 0:
        raise ChildProcessError(command)
    return output
