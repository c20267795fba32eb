"""What an engine for containers answers on its socket, asked without any import that costs.

The questions are those of Docker's Engine API, which Podman answers as well:
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import json
import socket

_PATIENCE_SECONDS = 15.0
_OK = (b"HTTP/1.0 200", b"HTTP/1.1 200")


def connected(path: str, seconds: float = _PATIENCE_SECONDS) -> socket.socket:
    """Connect to an engine.

    Args:
        path: Its socket.
        seconds: How long it may take for each answer.

    Raises:
        OSError: Nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def answer(path: str, asked: str, seconds: float = _PATIENCE_SECONDS) -> object:
    """Ask an engine.

    Args:
        path: Its socket.
        asked: The path of what is wanted, with its query.
        seconds: How long it may take.

    Returns:
        What the answer's JSON says.

    Raises:
        OSError: Nobody is there.
        ValueError: It does not answer that.
    """
    with connected(path, seconds) as connection:
        # HTTP/1.0, whose answer ends with the connection.
        connection.sendall(f"GET {asked} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        with connection.makefile("rb") as told:
            head, _, body = told.read().partition(b"\r\n\r\n")
    if not head.startswith(_OK):
        raise ValueError(asked)
    return json.loads(body)


def image_id(path: str, name: str, seconds: float) -> str:
    """Return the id of an image.

    Args:
        path: The engine's socket.
        name: The image's name.
        seconds: How long the engine may take.

    Raises:
        OSError: Nobody is there.
        ValueError: It has no such image.
    """
    if not name.isprintable() or set(name) & set(" ?#%"):
        raise ValueError(name)
    described = answer(path, f"/images/{name}/json", seconds)
    if not isinstance(described, dict):
        raise ValueError(name)  # noqa: TRY004  # what the engine says is no argument
    return str(described.get("Id"))
