"""A registry of one image, as much of it as an engine asks for when it pulls."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_SETTINGS: Final = "application/vnd.docker.container.image.v1+json"
_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"


_UNKNOWN: Final = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def registry(mark: str, missing: str = "") -> Iterator[str]:
    """Serve an image, and yield the name to pull it by.

    Args:
        mark: Makes it another image than any other.
        missing: What the registry does not have after all, a part of its path.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(mark))
    layer = gzip.compress(packed.getvalue())
    settings = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["none"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(packed.getvalue())]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {
                "mediaType": _SETTINGS,
                "size": len(settings),
                "digest": _digest(settings),
            },
            "layers": [{"mediaType": _LAYER, "size": len(layer), "digest": _digest(layer)}],
        }
    ).encode()
    blobs = {_digest(content): content for content in (manifest, settings, layer)}

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            last = self.path.rpartition("/")[2]
            content = manifest if last == "1" else blobs.get(last, b"{}")
            known = self.path == "/v2/" or content != b"{}"
            known = known and not (missing and missing in self.path)
            if not known:
                content = _UNKNOWN
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", _MANIFEST if content == manifest else "x/x")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815  # as the class it is of names it

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}/tests:1"
        finally:
            server.shutdown()
            thread.join()
