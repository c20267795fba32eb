"""Engines for containers, as far as the SDK is not needed, which takes long to be imported."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from pushgate.tools import engine_socket

VARIABLES: Final = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "HOME")
"""Environment variables that decide which engine is asked."""

_SETTINGS: Final = "config.json"


@dataclass(frozen=True)
class Image:
    """An image that an engine has.

    Attributes:
        id: Its digest.
        entrypoint: What its containers run, before the command.
        command: What follows unless another command is given.
        volumes: The folders that would outlive a container.
    """

    id: str
    entrypoint: Sequence[str]
    command: Sequence[str]
    volumes: Sequence[str]


@dataclass(frozen=True)
class Found:
    """A container with a label.

    Attributes:
        id: Its id.
        value: The label's value.
        created: When it was created, in seconds since 1970.
    """

    id: str
    value: str
    created: float


@dataclass(frozen=True)
class Way:
    """A way to an engine.

    Attributes:
        words: Who names it.
        url: The engine's URL; None where the SDK is to find out.
        context: The context of Docker's command that knows it, if one does.
    """

    words: str
    url: str | None
    context: str | None = None


@dataclass(frozen=True)
class Nearest:
    """The engine that is tried first.

    Attributes:
        socket: Its socket.
        deciding: The files, there or not, which together with ``VARIABLES`` make it the first.
    """

    socket: str
    deciding: Sequence[str]


def ways() -> Sequence[Way]:
    """Return the ways to try; an engine that the user names is the only one."""
    home = Path.home()
    if host := os.environ.get("DOCKER_HOST"):
        return [Way(f"DOCKER_HOST={host}", host if host.startswith("unix://") else None)]
    context = os.environ.get("DOCKER_CONTEXT") or _current_context(home)
    if context not in {"", "default"}:
        return [Way(f"Docker's context {context}", None, context)]
    return [Way(str(path), f"unix://{path}") for path in _sockets(home) if path.exists()]


def nearest() -> Nearest | None:
    """Return the engine that is tried first; None where it has no socket on this machine."""
    way, home = next(iter(ways()), None), Path.home()
    if way is None:
        return None
    if way.context:
        return _of_context(way.context, _docker_folder(home))
    if way.url is None:
        return None
    if os.environ.get("DOCKER_HOST"):
        return Nearest(urlsplit(way.url).path, ())
    earlier = takewhile(lambda path: f"unix://{path}" != way.url, _sockets(home))
    settings = _docker_folder(home) / _SETTINGS
    return Nearest(urlsplit(way.url).path, tuple(map(str, (settings, *earlier))))


def _of_context(name: str, folder: Path) -> Nearest | None:
    """Find the socket of one of Docker's contexts, as Docker's command stores them."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    stored = folder / "contexts" / "meta" / digest / "meta.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        host = json.loads(stored.read_text(encoding="utf-8"))["Endpoints"]["docker"]["Host"]
        if host.startswith("unix://"):
            return Nearest(urlsplit(host).path, (str(folder / _SETTINGS), str(stored)))
    return None


def _sockets(home: Path) -> Sequence[Path]:
    sockets = [Path("/var/run/docker.sock"), home / ".docker/run/docker.sock"]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        sockets += [Path(runtime, "docker.sock"), Path(runtime, "podman/podman.sock")]
    return [*sockets, Path("/run/podman/podman.sock")]


def _docker_folder(home: Path) -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or home / ".docker")


def _current_context(home: Path) -> str:
    with suppress(OSError, ValueError, AttributeError):
        settings = json.loads((_docker_folder(home) / _SETTINGS).read_text(encoding="utf-8"))
        return str(settings.get("currentContext") or "")
    return ""


def has_none(label: str) -> bool:
    """Tell whether no engine that answers has a container with a label; False if in doubt.

    Each run asks this in the end, and the SDK takes longer to be imported than some runs.

    Args:
        label: The label and its value, with a ``=`` between.
    """
    query = urlencode({"all": "true", "filters": json.dumps({"label": [label]})})
    for way in ways():
        if way.url is None:
            return False
        try:
            asked = f"/containers/json?{query}"
            return engine_socket.answer(urlsplit(way.url).path, asked) == []
        except OSError:
            continue  # nobody is there
        except ValueError:
            return False
    return True


def knock(way: Way) -> None:
    """Try whether somebody listens, as far as that can be told without the SDK.

    Raises:
        OSError: Nobody does.
    """
    if way.url is not None:
        engine_socket.connected(urlsplit(way.url).path).close()


def reason(error: BaseException) -> str:
    """Return what is behind an error, in one line."""
    explained = getattr(error, "explanation", None)
    said = explained or str(error)
    # What the engine itself explains needs no cause; its error may have come amid another one.
    cause: BaseException | None = None if explained else error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            said = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(said).split())
