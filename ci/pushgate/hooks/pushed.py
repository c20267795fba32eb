"""What a push sends: told by git on standard input, by pre-commit and prek in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pushgate.model.event import Event
from pushgate.tools import commits

_BRANCHES: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_NONE: Final = re.compile("0{40}|0{64}")
"""The id that stands for no object, with SHA-1 and with SHA-256."""
_LINE: Final = re.compile(
    # A local ref is what the user wrote, such as `HEAD@{1 day ago}`: it may hold spaces.
    r"(?P<local_ref>.+) (?P<local_id>[0-9a-f]{40}|[0-9a-f]{64})"
    r" (?P<remote_ref>[^ ]+) (?P<remote_id>[0-9a-f]{40}|[0-9a-f]{64})"
)


class PushError(Exception):
    """It cannot be told what is pushed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """One branch or tag of a push.

    Attributes:
        local_ref: What is pushed, as the user named it: a full ref, ``HEAD`` or any revision.
        commit: The full id of its commit; a tag is peeled.
        remote_ref: The full ref that it becomes.
        before: The id that the remote's ref has now; empty for a new one. This repository
            may lack it. pre-commit and prek tell instead the commit that they compare with
            (for a new branch, the newest one that the remote has), and none for a push that
            brings a root commit.
    """

    local_ref: str
    commit: str
    remote_ref: str
    before: str

    def event(self, branches: Sequence[str]) -> Event:
        """Return what CI would see.

        Args:
            branches: The long-lived branches, the main one first. A push to another branch
                is seen as a pull request to the main one.
        """
        if self.remote_ref.startswith(_TAGS):
            return Event("tag", self.remote_ref.removeprefix(_TAGS))
        branch = self.remote_ref.removeprefix(_BRANCHES)
        return Event("push", branch) if branch in branches else Event("pull_request", branches[0])


@dataclass(frozen=True, kw_only=True)
class NotJudged:
    """A ref of a push that has no job in CI.

    Attributes:
        remote_ref: Its full name on the remote.
        reason: Why there is nothing to judge.
    """

    remote_ref: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Update:
    local_ref: str
    revision: str
    remote_ref: str
    before: str


def read(
    standard_input: IO[bytes], environment: Mapping[str, str], repository: Path
) -> tuple[tuple[Pushed, ...], tuple[NotJudged, ...]]:
    """Read what is pushed.

    Git sends a hook a line for each ref, and none where the remote is up to date. pre-commit
    and prek send nothing and set variables instead, about one ref of the push only; these
    count where standard input is empty.

    Args:
        standard_input: The hook's; it is read to its end unless it is a terminal.
        environment: The hook's environment variables.
        repository: Any folder of the repository.

    Returns:
        The refs to judge, and those that have no job in CI, each in the order of the push.

    Raises:
        PushError: There is no push to read, or it is told in another way than git does.
        process.CommandError: What is pushed is not in the repository.
    """
    terminal = standard_input.isatty()
    lines = () if terminal else os.fsdecode(standard_input.read()).split("\n")
    updates = [_from_line(line) for line in lines if line]
    if not updates and "PRE_COMMIT" in environment:
        updates = [_from_environment(environment)]
    elif terminal:
        message = (
            "`pushgate pre-push` is the hook that git runs: `pushgate install` installs it, "
            "`pushgate run` runs the gates now"
        )
        raise PushError(message)
    refs = [_judged(update, repository) for update in updates]
    return (
        tuple(ref for ref in refs if isinstance(ref, Pushed)),
        tuple(ref for ref in refs if isinstance(ref, NotJudged)),
    )


def _from_line(line: str) -> _Update:
    match = _LINE.fullmatch(line)
    if match is None:
        message = (
            f"standard input says {line!r}: expected what git tells a pre-push hook, "
            "<local ref> <local id> <remote ref> <remote id>"
        )
        raise PushError(message)
    return _Update(
        local_ref=match["local_ref"],
        revision=_object(match["local_id"]),
        remote_ref=match["remote_ref"],
        before=_object(match["remote_id"]),
    )


def _object(told: str) -> str:
    return "" if _NONE.fullmatch(told) else told


def _from_environment(environment: Mapping[str, str]) -> _Update:
    local_ref = environment.get("PRE_COMMIT_LOCAL_BRANCH", "")
    remote_ref = environment.get("PRE_COMMIT_REMOTE_BRANCH", "")
    if not local_ref or not remote_ref.startswith("refs/"):
        message = (
            "pre-commit or prek runs `pushgate pre-push` without a push: "
            "`pushgate run` runs the gates now"
        )
        raise PushError(message)
    return _Update(
        local_ref=local_ref,
        # pre-commit sets neither of the two for a push that brings a root commit.
        revision=environment.get("PRE_COMMIT_TO_REF") or local_ref,
        remote_ref=remote_ref,
        before=environment.get("PRE_COMMIT_FROM_REF", ""),
    )


def _judged(update: _Update, repository: Path) -> Pushed | NotJudged:
    if not update.revision:
        return NotJudged(remote_ref=update.remote_ref, reason="it is deleted")
    if not update.remote_ref.startswith((_BRANCHES, _TAGS)):
        reason = "it is neither a branch nor a tag: CI does not see it"
        return NotJudged(remote_ref=update.remote_ref, reason=reason)
    commit = commits.pushed(repository, update.revision)
    if not commit:
        reason = "it names no commit: there is nothing to check out"
        return NotJudged(remote_ref=update.remote_ref, reason=reason)
    return Pushed(
        local_ref=update.local_ref,
        commit=commit,
        remote_ref=update.remote_ref,
        before=update.before,
    )
