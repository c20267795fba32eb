"""A PostgreSQL in a container: what CI has."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from pushgate.services import owners
from pushgate.services.base import OWNER_LABEL, Labels, ServiceFailed, ServiceUnavailable, Tell
from pushgate.services.postgres import databases
from pushgate.services.postgres.local import QUICK
from pushgate.services.postgres.model import USER, Answering, Server
from pushgate.tools import docker
from pushgate.tools.docker import Container, EngineUnavailableError, ImageMissingError
from pushgate.tools.engines import Image

LIFE_SECONDS: Final = 4 * 3600
"""How long a container lives at most, should nobody come back for it."""

_OLDEST_SECONDS: Final = 2 * LIFE_SECONDS
"""Nothing is as old as that, but what an engine has lost sight of."""

_PORT: Final = 5432
_DATA: Final = "/var/lib/postgresql/data"
_MEMORY: Final = "rw,size=2g"
"""The data are kept in memory; without a size, half of the machine's would be theirs."""

_READY_SECONDS: Final = 60.0


@dataclass
class DockerPostgres(Answering):
    """A server in a container.

    Attributes:
        labels: Whose it is.
        image: The image, an official one or made from one.
    """

    labels: Labels
    image: str
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _container: Container | None = None
    _said: str = ""

    def start(self, tell: Tell) -> None:
        """Start it, what killed processes have left removed first."""
        try:
            _sweep()
            image = docker.image(self.image)
            if image is None:
                docker.pull(self.image, tell)
                image = docker.image(self.image)
            if image is None:
                message = f"{self.image} is not here although it was pulled"
                raise ServiceUnavailable(message)
            self._container = self._started(image)
        except ImageMissingError as error:
            # Another server would hide that CI will not find it either.
            raise ServiceFailed(str(error)) from error
        except EngineUnavailableError as error:
            raise ServiceUnavailable(str(error)) from error

    def _started(self, image: Image) -> Container:
        settings = (word for setting in QUICK for word in ("-c", setting))
        return docker.start(
            self.image,
            name=f"pushgate-postgres-{secrets.token_hex(6)}",
            # The first process of a container gets no signal that it does not ask for, and
            # SIGINT is what PostgreSQL ends at, whoever is connected.
            entrypoint=["timeout", "-s", "INT", str(LIFE_SECONDS), *image.entrypoint],
            command=[*image.command, *settings],
            environment={"POSTGRES_USER": USER, "POSTGRES_PASSWORD": self._password},
            port=_PORT,
            tmpfs=dict.fromkeys(image.volumes or (_DATA,), _MEMORY),
            labels=self.labels.words,
        )

    def wait(self, tell: Tell) -> None:
        """Wait until it answers."""
        # The image's first server, which makes the databases, listens on its socket only.
        container = self._started_container
        server = Server(container.host, container.port, USER, self._password)
        version = databases.wait(
            server, lambda: not container.ended(), self.logs, tell, _READY_SECONDS
        )
        words = f"PostgreSQL {version} in Docker ({self.image})"
        self._server = replace(server, version=version, words=words)
        # What the engine was just about to create for a process that was killed is there by now.
        with suppress(EngineUnavailableError):
            _sweep()

    @property
    def _started_container(self) -> Container:
        if self._container is None:
            message = "the server was not started"
            raise ServiceFailed(message)
        return self._container

    def ended(self) -> str:
        """Tell how it has ended, in its own words where it had some."""
        if why := databases.breakdown(self.logs()) or self._started_container.ended():
            return f"{self.server().words}: {why}"
        return ""

    def logs(self) -> str:
        """Return what it has said."""
        if self._container is not None:
            self._said = self._container.logs() or self._said
        return self._said

    def stop(self) -> None:
        """End the container and remove it."""
        self.logs()
        if self._container is not None:
            container, self._container = self._container, None
            # An engine that is gone has taken it along; if it comes back, the next start asks.
            with suppress(EngineUnavailableError):
                container.remove()


def image(name: str) -> str:
    """Return the id of an image.

    Raises:
        ServiceUnavailable: There is no engine.
        ServiceFailed: It has no such image yet.
    """
    try:
        found = docker.image(name)
    except EngineUnavailableError as error:
        raise ServiceUnavailable(str(error)) from error
    if found is None:
        message = f"no Docker engine here has the image {name} yet"
        raise ServiceFailed(message)
    return found.id


def _sweep() -> None:
    """Remove containers whose process is gone, or that have outlived their time."""
    oldest = time.time() - _OLDEST_SECONDS
    found = docker.containers(OWNER_LABEL)
    docker.remove(
        [each.id for each in found if owners.is_gone(each.value) or each.created < oldest]
    )
