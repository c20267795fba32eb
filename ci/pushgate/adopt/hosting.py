"""Who runs a repository's CI."""

from __future__ import annotations

from pathlib import Path

from pushgate.tools import git


def provider(repository: Path) -> str:
    """Tell which CI provider a repository is for: ``github`` or ``gitlab``.

    Its workflow files say it, else the host of its remote.

    Args:
        repository: The top folder of the working tree.
    """
    if (repository / ".github" / "workflows").is_dir():
        return "github"
    if (repository / ".gitlab-ci.yml").is_file():
        return "gitlab"
    remote = git.ask(repository, "remote", "get-url", "origin", check=False).stdout
    host = remote.strip().partition("://")[2] or remote.partition("@")[2]
    return "gitlab" if "gitlab" in host.replace(":", "/").partition("/")[0] else "github"
