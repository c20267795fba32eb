"""Images that fingerprints rest on: their engine is asked for them at once."""

from __future__ import annotations

import hashlib
import json
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from conftest import Project
from database_suites import project_files
from fake_engine import full_engine
from postgres_servers import IMAGE, require
from pushgate.plan.definition import of_project
from pushgate.run import premises
from pushgate.run.fingerprints import take
from pushgate.run.premises import Premises
from pushgate.tools import engines
from verifying import held

Make = Callable[..., Project]
Patch = pytest.MonkeyPatch

KNOWN: Final = {"postgres:16": "sha256:1"}
"""What the fake engine has."""


def test_an_engine_that_has_it(tmp_path: Path) -> None:
    """Another image of that name, another engine or none: it does not hold."""
    with full_engine(tmp_path) as path:
        taken = held(engine=str(path), images=KNOWN)
        assert taken.hold()
        assert Premises.of_json(json.loads(json.dumps(taken.as_json()))) == taken
        for images in ({"postgres:16": "sha256:2"}, {**KNOWN, "other:1": "sha256:2"}):
            assert not held(engine=str(path), images=images).hold()
        for name in ("a b", "a\r\nb", "a?b", "a%2fb"):
            assert not held(engine=str(path), images={name: "sha256:1"}).hold()
        assert not held(engine=str(tmp_path / "none"), images=KNOWN).hold()
        assert not held(images=KNOWN).hold()
    assert not taken.hold()


@contextmanager
def _saying(path: Path, answer: bytes | None) -> Iterator[None]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            if answer is None:
                time.sleep(1.5)
            else:
                self.wfile.write(answer)

    with socketserver.UnixStreamServer(str(path), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 404 Not Found\r\n\r\n{"Id": "sha256:1"}',
        b'HTTP/1.1 200 OK\r\n\r\n["sha256:1"]',
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\nsha256:1",
        b"",
        None,
    ],
)
def test_an_engine_that_does_not_tell(
    tmp_path: Path, monkeypatch: Patch, answer: bytes | None
) -> None:
    """Whatever else it says, and if it says nothing for long, nobody relies on it."""
    monkeypatch.setattr(premises, "_PATIENCE_SECONDS", 0.2)
    with _saying(tmp_path / "engine.sock", answer):
        assert not held(engine=str(tmp_path / "engine.sock"), images=KNOWN).hold()
    with _saying(tmp_path / "other.sock", b'HTTP/1.1 200 OK\r\n\r\n{"Id": "sha256:1"}'):
        assert held(engine=str(tmp_path / "other.sock"), images=KNOWN).hold()


def test_the_engine_that_is_tried_first(tmp_path: Path, monkeypatch: Patch) -> None:
    """What decides it is named, so that nobody asks another one."""
    for name in engines.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///one.sock")
    found = engines.nearest()
    assert found
    assert (found.socket, found.deciding) == ("/one.sock", ())
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert engines.nearest() is None
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert engines.nearest() is None
    stored = tmp_path / f".docker/contexts/meta/{hashlib.sha256(b'far').hexdigest()}/meta.json"
    stored.parent.mkdir(parents=True)
    for host, expected in (("ssh://far", None), ("unix:///far.sock", "/far.sock")):
        context = {"Name": "far", "Endpoints": {"docker": {"Host": host}}}
        stored.write_text(json.dumps(context), encoding="utf-8")
        found = engines.nearest()
        assert (found and found.socket) == expected
    assert found
    assert found.deciding == (str(tmp_path / ".docker/config.json"), str(stored))
    monkeypatch.delenv("DOCKER_CONTEXT")
    monkeypatch.setattr(Path, "exists", lambda path: "podman" in path.parts)
    found = engines.nearest()
    assert found
    assert found.socket == "/run/podman/podman.sock"
    assert found.deciding == (
        str(tmp_path / ".docker/config.json"),
        "/var/run/docker.sock",
        str(tmp_path / ".docker/run/docker.sock"),
    )


def _taken(make_project: Make, provider: str) -> Premises:
    project = make_project(project_files(provider=provider))
    return take(of_project(project.root), None).premises


@pytest.mark.docker
@pytest.mark.parametrize("provider", ["auto", "docker"])
def test_a_server_in_docker(make_project: Make, monkeypatch: Patch, provider: str) -> None:
    """A job with a database rests on its image, of the engine that was asked."""
    require("docker")
    taken = _taken(make_project, provider)
    assert list(taken.images) == [IMAGE]
    assert taken.hold()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{taken.engine}")
    assert not taken.hold(), "another way to name it could name another one"


@pytest.mark.docker
def test_a_context_that_is_chosen_later(
    make_project: Make, monkeypatch: Patch, tmp_path: Path
) -> None:
    """Jobs would then be given a server of another engine."""
    require("docker")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    taken = _taken(make_project, "docker")
    assert taken.hold()
    (tmp_path / "config.json").write_text('{"currentContext": "far"}', encoding="utf-8")
    assert not taken.hold()


def test_a_server_of_this_machine(make_project: Make) -> None:
    """How it is found may change in many ways: nobody relies on it."""
    assert not _taken(make_project, "local").hold()
