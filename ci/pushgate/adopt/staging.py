"""Changes tried in a copy of the repository, then written to it, all or none."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pushgate.model.settings import ConfigurationError
from pushgate.tools import git

_TOLD: Final = frozenset(
    {"pyproject.toml", "noxfile.py", "uv.lock", "setup.py", "setup.cfg", ".gitlab-ci.yml"}
)
"""Files that count although git does not track them yet: what is written builds upon them."""

_AT_ONCE: Final = 500
"""How many paths a command line is given."""


@dataclass(frozen=True)
class Change:
    """A file that becomes another.

    Attributes:
        path: The file, from the top of the repository.
        before: What it holds; None: it is not there.
        after: What it will hold.
    """

    path: Path
    before: bytes | None
    after: bytes

    def diff(self) -> str:
        """Return it as a unified diff."""
        name = self.path.as_posix()
        before = (self.before or b"").decode(errors="replace").splitlines(keepends=True)
        after = self.after.decode(errors="replace").splitlines(keepends=True)
        start = "/dev/null" if self.before is None else f"a/{name}"
        lines = difflib.unified_diff(before, after, start, f"b/{name}")
        ended = (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end\n" for line in lines
        )
        return "".join(ended)


@contextmanager
def staged(repository: Path) -> Iterator[Path]:
    """Copy a repository's tracked files, as they are, and what of its definition is untracked.

    Where git tracks no Python file, all untracked ones are copied, too.

    Args:
        repository: The top folder of the working tree.

    Returns:
        The copy's top folder, in a folder that is removed at the end.
    """
    with TemporaryDirectory(prefix="pushgate-init-") as folder:
        # A project without a name is called as its folder.
        copy = Path(folder).resolve() / (repository.name or "repository")
        git.copy_tracked(repository, copy)
        tracked = git.tracked_files(repository)
        missing_all = not any(path.endswith(".py") for path in tracked)
        extra = [
            path
            for path in git.untracked_files(repository)
            if not path.endswith("/") and (missing_all or _is_told(Path(path)))
        ]
        for path in extra:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / path, copy / path, follow_symlinks=False)
        track(copy, (*tracked, *extra))
        yield copy


def _is_told(path: Path) -> bool:
    return path.name in _TOLD or path.parts[:-1] == (".github", "workflows")


def track(copy: Path, paths: Iterable[str]) -> None:
    """Let git know of files of a copy, as if they had been added."""
    known = set(git.tracked_files(copy))
    new = [path for path in paths if path not in known]
    for start in range(0, len(new), _AT_ONCE):
        # Without content: no filter of the user's has to work for it.
        command = ("add", "--force", "--intent-to-add", "--", *new[start : start + _AT_ONCE])
        git.ask(copy, "--literal-pathspecs", *command)


def changes(copy: Path, repository: Path, paths: Iterable[Path]) -> tuple[Change, ...]:
    """Tell what files of a copy are different from those of the repository.

    Args:
        copy: The copy's top folder.
        repository: The repository's.
        paths: The files that may be, from there.
    """
    pairs = [(path, _content(repository / path), _content(copy / path)) for path in paths]
    return tuple(
        Change(path, before, after)
        for path, before, after in pairs
        if after is not None and after != before
    )


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def write(repository: Path, changes: Sequence[Change]) -> None:
    """Write files, each at once; where one cannot be written, or it is interrupted, none is.

    Args:
        repository: The top folder of the working tree.
        changes: What to write.

    Raises:
        ConfigurationError: A file is no longer what it was, or cannot be written.
    """
    drafts: list[tuple[Path, Path]] = []
    written: list[tuple[Path, Change]] = []
    try:
        for change in changes:
            # A link stays one.
            file = (repository / change.path).resolve()
            draft = file.with_name(f".{file.name}.pushgate-{os.getpid()}")
            with _naming(change.path):
                file.parent.mkdir(parents=True, exist_ok=True)
                drafts.append((draft, file))
                draft.write_bytes(change.after)
                if file.exists():
                    shutil.copymode(file, draft)
        for (draft, file), change in zip(drafts, changes, strict=True):
            _refuse_changed(file, change)
            written.append((file, change))
            with _naming(change.path):
                draft.replace(file)
    except BaseException:
        for file, change in written:
            _put_back(file, change)
        raise
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let what the system refuses be told of the user's file, not of a draft beside it."""
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; nothing was written"
        raise ConfigurationError(message) from error


def _refuse_changed(file: Path, change: Change) -> None:
    if _content(file) != change.before:
        message = f"{change.path} was changed meanwhile: run `pushgate init` again"
        raise ConfigurationError(message)


def _put_back(file: Path, change: Change) -> None:
    if _content(file) != change.after:
        return
    if change.before is None:
        file.unlink()
    else:
        file.write_bytes(change.before)
