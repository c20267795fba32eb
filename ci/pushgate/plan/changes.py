"""Which files CI would call changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pushgate.model.event import Event
from pushgate.model.settings import Settings
from pushgate.tools import commits, git


@dataclass(frozen=True)
class Changes:
    """The files that an event changes.

    Attributes:
        files: Their paths from the top of the repository; None: everything counts as changed.
        since: What they were compared with, such as ``main (merge base 1a2b3c4)``;
            where everything counts as changed: why.
    """

    files: frozenset[str] | None
    since: str

    def __str__(self) -> str:
        """Return what they were compared with, in words that stand alone."""
        return (
            self.since if self.files is not None else f"everything counts as changed: {self.since}"
        )


def of(settings: Settings, event: Event, *, head: str | None, before: str | None = None) -> Changes:
    """Find the files that CI would call changed.

    Args:
        settings: The project's definition.
        event: What CI would see. A pull request without a base is one to the main branch.
        head: The id of the commit that is looked at; None: the tracked files as they are.
        before: Of a push: the id of the commit that the remote's branch was at, zeros for a
            new branch; None: what the remote's branch was at when it was fetched.
    """
    repository = settings.repository
    commit = head or git.head(repository)
    if not commit:
        return Changes(None, "there is no commit yet")
    if event.kind == "pull_request":
        base = _merge_base(settings, event.ref or settings.branches[0], commit)
    elif event.kind == "push":
        base = _before_push(settings, event.ref, commit, before)
    else:
        return Changes(None, f"this is {event}")
    if isinstance(base, str):
        return Changes(None, base)
    files = commits.changed_files(repository, base.commit, head)
    if not files:
        # Nobody asks CI about nothing: to look at everything is the honest answer.
        return Changes(None, f"nothing differs from {base.name}")
    return Changes(files, f"{base.name} ({base.detail})")


class _Base(NamedTuple):
    """A commit to compare with: its id, whose it is, and which one of those."""

    commit: str
    name: str
    detail: str


def _merge_base(settings: Settings, branch: str, commit: str) -> _Base | str:
    """Find where a branch parted from another, or tell why that cannot be."""
    repository = settings.repository
    tip = commits.base(repository, branch)
    if tip is None:
        return f"there is no branch {branch} here"
    if base := commits.merge_base(repository, tip.commit, commit):
        return _Base(base, branch, f"merge base {base[:7]}")
    cut = ": the history is cut off" if commits.is_shallow(repository) else ""
    return f"no merge base with {branch}{cut}"


def _before_push(settings: Settings, branch: str, commit: str, before: str | None) -> _Base | str:
    """Find what the remote's branch was at, or tell why that cannot be."""
    name = f"origin/{branch}"
    if before is None:
        old = commits.find(settings.repository, f"refs/remotes/{name}")
    elif not before.strip("0"):
        old = ""
    elif not (old := commits.find(settings.repository, before)):
        return f"{before[:7]}, which {name} was at, is not here"
    if not old:
        return _merge_base(settings, settings.branches[0], commit)
    return _Base(old, name, old[:7])
