"""What ``actions/checkout`` makes of a repository, as its README and its log say."""

from __future__ import annotations

import subprocess
from pathlib import Path


def check_out(origin: Path, ref: str, folder: Path, *, depth: int = 1) -> None:
    """Make a clone as a job of GitHub Actions finds it.

    A pushed branch is checked out as a local branch; a tag and the merge commit of a pull
    request are checked out detached. There is no other local branch, ever.

    Args:
        origin: The repository on the server.
        ref: ``GITHUB_REF``: ``refs/heads/X``, ``refs/tags/X`` or ``refs/pull/N/merge``.
        folder: The workspace, made if it does not exist.
        depth: The input ``fetch-depth``: 0 for all branches, tags and their history.
    """
    folder.mkdir(exist_ok=True, parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=unborn")
    _git(folder, "remote", "add", "origin", origin.as_uri())
    here = _here(ref)
    wanted = [f"+{ref}:{here}"]
    if depth:
        _git(folder, "fetch", "--quiet", "--no-tags", f"--depth={depth}", "origin", *wanted)
    else:
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        wanted = [] if ref.startswith(("refs/heads/", "refs/tags/")) else wanted
        _git(folder, "fetch", "--quiet", "--no-tags", "origin", *everything, *wanted)
    branch = ref.removeprefix("refs/heads/")
    local = ("-B", branch) if branch != ref else ("--detach",)
    _git(folder, "checkout", "--quiet", "--force", *local, here)


def _here(ref: str) -> str:
    for theirs, ours in (
        ("refs/heads/", "refs/remotes/origin/"),
        ("refs/pull/", "refs/remotes/pull/"),
    ):
        if ref.startswith(theirs):
            return ours + ref.removeprefix(theirs)
    return ref


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
