"""Containers and their engine, Docker's or Podman's: the only user of the docker SDK."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pushgate.tools import engines, interrupts
from pushgate.tools.engines import Found, Image, Way

if TYPE_CHECKING:
    from docker import DockerClient

_PATIENCE_SECONDS: Final = 15.0
"""How long an engine may take for an answer; one that hangs must not hold up a run."""

_PULL_SECONDS: Final = 120.0
"""How long it may say nothing while it pulls an image."""

_START_SECONDS: Final = 60.0
"""How long it may take to start a container while the machine is busy."""

_TELL_SECONDS: Final = 3.0
_HERE: Final = "127.0.0.1"
_MEGABYTE: Final = 1_000_000

_MISSING: Final = re.compile(
    "manifest unknown|name unknown|repository does not exist|manifest .*not found"
)
"""How a registry says that it has no such image; the engine has words of its own around it."""


class EngineUnavailableError(Exception):
    """No engine answers, or it does not do what it is asked for; one line says what it said."""


class ImageMissingError(EngineUnavailableError):
    """The image's registry says that it has no such image."""


@dataclass(frozen=True)
class Container:
    """A container that was started.

    Attributes:
        id: Its id.
        host: Where its port is.
        port: The number there; 0 where it ended at once.
    """

    id: str
    host: str
    port: int
    _client: DockerClient = field(repr=False)

    def logs(self) -> str:
        """Return what it has written, as far as the engine still knows."""
        with suppress(EngineUnavailableError), _asked("logs"):
            return self._client.api.logs(self.id).decode(errors="replace")
        return ""

    def ended(self) -> str:
        """Tell how it has ended; nothing where it runs."""
        try:
            with _asked("its container"):
                state = self._client.api.inspect_container(self.id)["State"]
        except EngineUnavailableError as error:
            return str(error)  # of one whose engine is gone nobody can say that it runs
        return "" if state["Running"] else f"its container ended with {state['ExitCode']}"

    def remove(self) -> None:
        """End it and remove it with its volumes."""
        try:
            _remove(self._client, [self.id])
        finally:
            self._client.close()


def engine_version() -> str | None:
    """Return the version of the engine that answers, or None if none does."""
    with suppress(EngineUnavailableError), _engine() as client:
        return str(client.version()["Version"])
    return None


def image_id(name: str) -> str | None:
    """Return the id of an image that is here, or None if no engine has it."""
    with suppress(EngineUnavailableError):
        found = image(name)
        return None if found is None else found.id
    return None


def image(name: str) -> Image | None:
    """Return an image, or None if the engine does not have it.

    Raises:
        EngineUnavailableError: There is no engine.
    """
    with _engine() as client:
        from docker.errors import ImageNotFound  # noqa: PLC0415  # the SDK takes long

        try:
            found = client.images.get(name)
        except ImageNotFound:
            return None
        settings = found.attrs.get("Config") or {}
        return Image(
            str(found.id),
            tuple(settings.get("Entrypoint") or ()),
            tuple(settings.get("Cmd") or ()),
            tuple(settings.get("Volumes") or ()),
        )


def remove_containers(label: str, value: str) -> None:
    """Remove every container with a label of that value, running or not, if there is an engine."""
    with suppress(EngineUnavailableError):
        if not engines.has_none(f"{label}={value}"):
            remove([found.id for found in containers(label) if found.value == value])


def containers(label: str) -> Sequence[Found]:
    """Return every container with a label, running or not.

    Raises:
        EngineUnavailableError: There is no engine.
    """
    with _engine() as client:
        listed = client.api.containers(all=True, filters={"label": label})
        return [Found(each["Id"], each["Labels"][label], each["Created"]) for each in listed]


def remove(ids: Sequence[str]) -> None:
    """Remove containers with their volumes, running or not; some may be gone meanwhile.

    Raises:
        EngineUnavailableError: There is no engine.
    """
    with _engine() as client:
        _remove(client, ids)


def pull(image: str, tell: Callable[[str], None]) -> None:
    """Pull an image.

    Args:
        image: Its name; ``latest`` if it names no tag.
        tell: Is told now and then how far it is.

    Raises:
        EngineUnavailableError: There is no engine, or it cannot pull it.
        ImageMissingError: There is no such image.
    """
    tell(f"pulls {image}")
    try:
        with _engine(_PULL_SECONDS) as client, _asked(f"{image} cannot be pulled"):
            _pull(client, image, tell)
    except EngineUnavailableError as error:
        if _MISSING.search(str(error)):
            raise ImageMissingError(str(error)) from error
        raise


def _pull(client: DockerClient, image: str, tell: Callable[[str], None]) -> None:
    from docker.utils import parse_repository_tag  # noqa: PLC0415

    repository, tag = parse_repository_tag(image)
    told = time.monotonic()
    sizes: dict[str, tuple[int, int]] = {}
    for event in client.api.pull(repository, tag or "latest", stream=True, decode=True):
        if "error" in event:
            message = f"{image} cannot be pulled: {event['error']}"
            raise EngineUnavailableError(message)
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and "total" in detail:
            sizes[event["id"]] = (detail["current"], detail["total"])
        if sizes and time.monotonic() > told + _TELL_SECONDS:
            told = time.monotonic()
            done, total = (sum(column) / _MEGABYTE for column in zip(*sizes.values(), strict=True))
            tell(f"pulls {image}: {done:.0f} of {total:.0f} MB")


def start(
    image: str,
    *,
    name: str,
    entrypoint: Sequence[str],
    command: Sequence[str],
    environment: Mapping[str, str],
    port: int,
    tmpfs: Mapping[str, str],
    labels: Mapping[str, str],
) -> Container:
    """Start a container.

    Args:
        image: The image, which the engine has.
        name: What the container is called.
        entrypoint: What it runs instead of the image's own entrypoint.
        command: What follows it.
        environment: Variables to add to the image's.
        port: Its port, which becomes a random one of this machine, for this machine only.
        tmpfs: Folders that are kept in memory, each with the options of its mount.
        labels: Its labels.

    Raises:
        EngineUnavailableError: There is no engine, or it cannot start it.
    """
    client = _client(_START_SECONDS)
    ids = []
    try:
        with _asked(f"a container of {image} cannot be started"):
            host, published = _address(client)
            with interrupts.held():  # else nobody would know its id
                created = client.containers.create(
                    image,
                    list(command),
                    name=name,
                    entrypoint=list(entrypoint),
                    environment=dict(environment),
                    ports={f"{port}/tcp": (published, None)},  # type: ignore[dict-item]  # any
                    tmpfs=dict(tmpfs),
                    labels=dict(labels),
                )
                ids.append(str(created.id))
            created.start()
            created.reload()
            bound = created.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp") or ()
            number = int(bound[0]["HostPort"]) if bound else 0
            return Container(ids[0], host, number, client)
    except BaseException:
        with suppress(EngineUnavailableError):
            _remove(client, ids)
        client.close()
        raise


def _address(client: DockerClient) -> tuple[str, str]:
    """Return where a published port is found, and the engine's address to publish it on."""
    parts = urlsplit(client.api.base_url)
    if parts.scheme in {"http", "https"} and parts.hostname not in {None, "localhost", _HERE}:
        # As in GitLab's jobs, whose engine is another container: its loopback is not ours.
        return str(parts.hostname), "0.0.0.0"  # noqa: S104  # nosec B104  # no other would do
    return _HERE, _HERE


def _remove(client: DockerClient, ids: Sequence[str]) -> None:
    from docker.errors import APIError  # noqa: PLC0415  # the SDK takes long

    with _asked("remove"):
        for each in ids:
            # Gone, or about to go.
            with suppress(APIError):
                client.api.remove_container(each, force=True, v=True)


@contextmanager
def _engine(seconds: float = _PATIENCE_SECONDS) -> Iterator[DockerClient]:
    client = _client(seconds)
    try:
        with _asked("the engine"):
            yield client
    finally:
        client.close()


def _client(seconds: float) -> DockerClient:
    tried = []
    for way in engines.ways():
        try:
            engines.knock(way)
            return _client_of(way, int(seconds))
        except OSError as error:
            tried.append(f"{way.words}: {error.strerror or error}")
        except EngineUnavailableError as error:
            tried.append(str(error))
    message = (
        "; ".join(tried)
        or "no engine: its socket is in none of the usual places, and DOCKER_HOST is not set"
    )
    raise EngineUnavailableError(message)


def _client_of(way: Way, seconds: int) -> DockerClient:
    # Most runs have no container: without an engine, the SDK is not even imported.
    import docker  # noqa: PLC0415
    from docker.context import ContextAPI  # noqa: PLC0415

    for talker in ("docker", "urllib3"):  # they log each request, and Nox shows all details
        logging.getLogger(talker).setLevel(logging.WARNING)
    with _asked(way.words):
        if way.context and ContextAPI.get_context(way.context) is None:
            # The SDK would take the usual engine instead.
            message = f"{way.words}: there is none of this name (docker context ls)"
            raise EngineUnavailableError(message)
        if way.url is None:
            return docker.from_env(timeout=seconds, use_ssh_client=True)
        return docker.DockerClient(base_url=way.url, timeout=seconds)


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """Make one error of all that an engine, or the way to it, may say."""
    from docker.errors import DockerException  # noqa: PLC0415  # the SDK takes long

    try:
        yield
    # What requests raises is an OSError.
    except (DockerException, OSError) as error:
        message = f"{what}: {engines.reason(error)}"
        raise EngineUnavailableError(message) from error
