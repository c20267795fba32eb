"""What files hold, named as git names it; nothing is written to the repository."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pushgate.tools import git
from pushgate.tools.listing import some

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_SHA256_DIGITS: Final = 64

_FIELDS_BEFORE_PATH: Final = {"1": 8, "u": 10}
"""How many fields stand before an entry's path in `git status --porcelain=v2`."""

_GONE: Final = "000000"
"""The mode of a file that is not there."""


class HiddenChangesError(Exception):
    """Git cannot tell all that the working tree holds; the message says where."""


@dataclass(frozen=True)
class _Changed:
    """A file that is not as the index has it.

    Attributes:
        path: From the top of the repository.
        mode: Its mode, as git sees it; empty where git does not tell.
    """

    path: str
    mode: str


def of_commit(repository: Path, commit: str) -> Mapping[str, str]:
    """Name all that a commit holds.

    Args:
        repository: Any folder of the repository.
        commit: The commit's id.

    Returns:
        For each path from the top its mode and id, such as ``100644 8baef1b4…``.

    Raises:
        HiddenChangesError: A name is not UTF-8.
        process.CommandError: There is no such commit here.
    """
    entries = {}
    for line in _lines(git.ask(repository, "ls-tree", "-r", "-z", "--full-tree", commit).stdout):
        about, _, path = line.partition("\t")
        mode, _, name = about.split(" ")
        entries[path] = f"{mode} {name}"
    return entries


def of_files(repository: Path) -> Mapping[str, str]:
    """Name all that a working tree holds, as it is: what is untracked, too, but not ignored.

    A file that is not as the index has it is named by its very bytes: where a filter would
    change them for a commit, its name is another one than the commit's.

    Args:
        repository: The top folder of the working tree.

    Returns:
        As ``of_commit``: of a clean tree the same as of its commit.

    Raises:
        HiddenChangesError: Git is told to overlook changes (assume-unchanged, skip-worktree),
            a submodule is not what the index says, there is another repository in the working
            tree, or a name is not UTF-8.
        OSError: A file cannot be read.
        process.CommandError: Git cannot read the index.
    """
    # The index after the status: what is added meanwhile is then what the working tree holds.
    changes = _status(repository)
    entries = _index(repository)
    _refuse_missing_submodules(repository, entries)
    # Of an empty repository's format nothing is known; another name is only a miss.
    first = next(iter(entries.values()), "")
    algorithm = "sha256" if len(first.partition(" ")[2]) == _SHA256_DIGITS else "sha1"
    for change in changes:
        entry = _entry(repository / change.path, change.mode, algorithm)
        if entry:
            entries[change.path] = entry
        else:
            entries.pop(change.path, None)
    return entries


def _lines(listing: str) -> list[str]:
    lines = listing.split("\0")[:-1]
    # Two names could become one.
    if "\ufffd" in listing:
        _refuse((line for line in lines if "\ufffd" in line), "the name is not UTF-8: rename it")
    return lines


def _refuse(places: Iterable[str], why: str) -> None:
    named = list(map(repr, places))
    if named:
        message = f"{some(named, 3)}: {why}"
        raise HiddenChangesError(message)


def _index(repository: Path) -> dict[str, str]:
    entries, hidden = {}, []
    for line in _lines(git.ask(repository, "ls-files", "-s", "-v", "-z").stdout):
        about, _, path = line.partition("\t")
        tag = about[0]
        if tag == "H":
            entries[path] = about[2:-2]
        elif tag != "M":
            # An M is unmerged: the status has it, too.
            hidden.append(path)
    _refuse(
        hidden,
        "git is told to overlook its changes: `git update-index --no-assume-unchanged "
        "--no-skip-worktree`, or `git sparse-checkout disable`",
    )
    return entries


def _status(repository: Path) -> list[_Changed]:
    options = ("--untracked-files=all", "--no-renames", "--ignore-submodules=none")
    listing = git.ask(repository, "status", "--porcelain=v2", "-z", *options).stdout
    lines = _lines(listing)
    changed: list[_Changed] = []
    submodules, repositories = [], []
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "?":
            if rest.endswith("/"):
                repositories.append(rest)
            changed.append(_Changed(rest, ""))
            continue
        *fields, path = line.split(" ", _FIELDS_BEFORE_PATH[kind])
        if kind == "1" and fields[1][1] == ".":
            continue
        if fields[2] != "N...":
            submodules.append(path)
        changed.append(_Changed(path, fields[5] if kind == "1" else ""))
    _refuse(submodules, "the submodule is not what the index says: commit it, or update it")
    _refuse(
        repositories,
        "a repository of its own, into which git does not look: ignore it, or move it away",
    )
    return changed


def _refuse_missing_submodules(repository: Path, entries: Mapping[str, str]) -> None:
    _refuse(_missing_submodules(repository, entries), "the submodule is not checked out")


def _missing_submodules(repository: Path, entries: Mapping[str, str]) -> Iterator[str]:
    for path, entry in entries.items():
        if entry.startswith(_SUBMODULE) and not (repository / path / ".git").exists():
            yield path


def _entry(file: Path, mode: str, algorithm: str) -> str:
    """Return a file's mode and id, empty where there is none."""
    if mode == _GONE:
        return ""
    try:
        found = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if stat.S_ISLNK(found):
        text = os.fsencode(file.readlink())
        return f"{_LINK} {_hash(algorithm, len(text), text).hexdigest()}"
    if stat.S_ISDIR(found):
        return ""
    if not stat.S_ISREG(found):
        message = f"{str(file)!r}: neither a file nor a link: remove it"
        raise HiddenChangesError(message)
    if not mode:
        mode = "100755" if found & stat.S_IXUSR else "100644"
    return f"{mode} {_content(file, algorithm)}"


def _content(file: Path, algorithm: str) -> str:
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        digest = hashlib.file_digest(stream, lambda: _hash(algorithm, size))
        if stream.tell() != size:
            message = f"{str(file)!r}: it is being written"
            raise HiddenChangesError(message)
    return digest.hexdigest()


def _hash(algorithm: str, size: int, content: bytes = b"") -> hashlib._Hash:
    # As git names a blob; a name is no signature.
    return hashlib.new(algorithm, b"blob %d\0%b" % (size, content), usedforsecurity=False)
