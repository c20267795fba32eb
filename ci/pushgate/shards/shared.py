"""The collection that the shards of one Python may share: pytest collects once, each is a fork.

It runs in the project's environment (``plugin/pushgate_collection.py``) and serves an abstract
Unix socket, whose name ``ADDRESS_VARIABLE`` tells a job.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pushgate.tools import process

MODULE: Final = "pushgate_collection"
"""What ``python -m`` runs in the project's environment."""
ADDRESS_VARIABLE: Final = process.COLLECTION_VARIABLE
_REFUSED_FILE: Final = "refused"
_REMEMBERED: Final = timedelta(days=1)
_CHUNK: Final = 65536
_CREDENTIALS: Final = "3i"


class NotSharedError(Exception):
    """There is no collection to share, or it serves nobody; the message says why."""


@dataclass(frozen=True)
class Request:
    """What a shard asks for.

    Attributes:
        group: Which shard it is, from 1.
        arguments: pytest's arguments, as a process of its own would be given them.
        environment: The whole environment that such a process would have.
        outputs: The job's outputs.
        rcfile: The settings of coverage there.
        junit: Where pytest's report goes.
    """

    group: int
    arguments: Sequence[str]
    environment: Mapping[str, str]
    outputs: str
    rcfile: str
    junit: str


def supported() -> bool:
    """Tell whether this platform has what it takes: abstract sockets, and fork."""
    return sys.platform == "linux"


def ready(address: str) -> bool:
    """Tell whether a collection serves an address."""
    try:
        _connected(address).close()
    except OSError:
        return False
    return True


def refused_lately(folder: Path) -> bool:
    """Tell whether a collection has found, less than a day ago, that it cannot be shared.

    Args:
        folder: The collection's folder.
    """
    found = _found(folder)
    return found is not None and timedelta() <= datetime.now(UTC) - found < _REMEMBERED


def run(address: str, request: Request, output: int, folder: Path) -> int:
    """Run a shard as a fork of the collection.

    A ``KeyboardInterrupt`` meanwhile ends it as ``process.run`` ends a child.

    Args:
        address: Where the collection serves.
        request: The shard.
        output: The descriptor of a file for all that it prints.
        folder: The collection's folder, in which it says why it serves nobody.

    Returns:
        Its exit status; negative: ended by that signal.

    Raises:
        NotSharedError: The shard has to be a process of its own.
    """
    try:
        connection = _connected(address)
    except OSError as error:
        raise NotSharedError(_refusal(folder)) from error
    with connection:
        message = json.dumps(asdict(request)).encode() + b"\n"
        try:
            with suppress(ConnectionError):
                socket.send_fds(connection, [message[:1]], [output])
                connection.sendall(message[1:])
            answer = _answer(connection)
        except KeyboardInterrupt:
            _end(connection)
            raise
    if "refused" in answer:
        raise NotSharedError(answer["refused"])
    # Nothing said: what stood above the fork was killed, and with it the fork, if there was one.
    return int(answer.get("status", -signal.SIGKILL))


def _connected(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"\0{address}")
        # Whoever else listens there: the names are open to all users of the machine.
        size = struct.calcsize(_CREDENTIALS)
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        if struct.unpack(_CREDENTIALS, told)[1] != os.getuid():
            raise PermissionError
    except OSError:
        connection.close()
        raise
    return connection


def _answer(connection: socket.socket) -> dict[str, Any]:
    received = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(_CHUNK):
            received += chunk
    answer: dict[str, Any] = json.loads(received) if received else {}
    return answer


def _end(connection: socket.socket) -> None:
    # Closing the connection, which comes after this, kills it.
    with suppress(OSError):
        for number in process.ENDING_SIGNALS:
            connection.sendall(bytes([number]))
            connection.settimeout(process.GRACE_SECONDS)
            with suppress(TimeoutError):
                _answer(connection)
                return


def _refusal(folder: Path) -> str:
    found = _found(folder)
    if found is None:
        return "it ended before it could serve"
    reason = (folder / _REFUSED_FILE).read_text(encoding="utf-8")
    return f"{reason} (found {found.astimezone():%Y-%m-%d %H:%M}, looked for again a day later)"


def _found(folder: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp((folder / _REFUSED_FILE).stat().st_mtime, UTC)
    except OSError:
        return None
