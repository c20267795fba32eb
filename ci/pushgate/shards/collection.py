"""What one shard says that it collected, kept and ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLUGIN: Final = "pushgate_shard"
LEASE_PLUGIN: Final = "pushgate_lease"
PLUGIN_FOLDER: Final = Path(__file__).parent / "plugin"
OUTPUT_VARIABLE: Final = "PUSHGATE_SHARD_OUTPUT"
LEASE_VARIABLE: Final = "PUSHGATE_LEASE"
"""Tells the plug-in of databases what to ask for, and where."""


class CollectionMissingError(Exception):
    """A shard left no account, or one that cannot be read; the message names the file."""


@dataclass(frozen=True)
class Collection:
    """The account of one shard, by pytest's node ids.

    Attributes:
        collected: The tests before the split.
        kept: Those that the split left to this shard.
        ran: Those that ran, each with its seconds.
    """

    collected: tuple[str, ...]
    kept: tuple[str, ...]
    ran: Mapping[str, float]


def load(folder: Path) -> Collection:
    """Read what a shard's plug-in wrote into ``folder``.

    Raises:
        CollectionMissingError: A file is missing or damaged.
    """
    try:
        tests = json.loads((folder / "collected.json").read_text(encoding="utf-8"))
        ran = json.loads((folder / "durations.json").read_text(encoding="utf-8"))
        return Collection(tuple(tests["collected"]), tuple(tests["kept"]), dict(ran))
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"no account of its tests in {folder}: {error}"
        raise CollectionMissingError(message) from error
