"""An engine for containers without any room on its disk."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Final

FULL: Final = "mkdir /var/lib/docker/overlay2/1-init: no space left on device"


class _FakeEngine(BaseHTTPRequestHandler):
    """Has every image, and no container; whatever is to be made does not fit."""

    def address_string(self) -> str:
        """Return who asks: a Unix socket does not tell."""
        return ""

    def do_GET(self) -> None:
        """Answer what is asked before a container is created."""
        answers = {
            "version": {"Version": "20.10", "ApiVersion": "1.41"},
            "containers": [],
            "images": {"Id": "sha256:1", "Config": {"Cmd": ["postgres"]}},
        }
        self._answer(200, next(answers[name] for name in answers if f"/{name}" in self.path))

    def do_POST(self) -> None:
        """Refuse what needs room."""
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer(500, {"message": FULL})

    def _answer(self, status: int, told: object) -> None:
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def full_engine(folder: Path) -> Iterator[Path]:
    """Yield the socket of an engine whose disk is full."""
    path = folder / "engine.sock"
    with _Server(str(path), _FakeEngine) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
