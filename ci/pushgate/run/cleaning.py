"""Removing what runs have left for those that come later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pushgate.model.settings import ConfigurationError
from pushgate.run import liveness
from pushgate.run.checkout import remove_unused
from pushgate.run.store import Store


def clean(store: Store, *, dry_run: bool) -> Iterator[str]:
    """Remove a repository's records, runs, history and clean checkouts.

    Args:
        store: Where they are kept.
        dry_run: Whether nothing is removed.

    Yields:
        A line for each thing that is removed, or would be.

    Raises:
        ConfigurationError: A run is under way.
    """
    if running := [run.name for run in liveness.folders(store.runs) if liveness.is_under_way(run)]:
        message = f"a run is under way: wait for {', '.join(running)}, or end it"
        raise ConfigurationError(message)
    kept = [path for path in store.folder.glob("*") if path.is_file()]
    parts = {
        "records' outputs and logs": [store.blobs],
        "runs' logs": [store.runs],
        "records and history": kept,
        "clean checkouts": [store.checkouts],
    }
    verb = "would remove" if dry_run else "removed"
    for what, paths in parts.items():
        size = sum(map(_size, paths))
        if not any(path.exists() for path in paths):
            continue
        if not dry_run:
            _remove(store, paths)
        yield f"{verb} {what}: {size / 1e6:.1f} MB"


def _remove(store: Store, paths: list[Path]) -> None:
    for path in paths:
        if path == store.checkouts:
            remove_unused(store)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    total = 0
    for file in files:
        # Another process may be at it, too.
        with suppress(OSError):
            total += 0 if file.is_symlink() or file.is_dir() else file.stat().st_size
    return total
