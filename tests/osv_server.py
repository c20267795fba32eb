"""A fake of OSV's query service on this machine, for the real pip-audit to ask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

PYSEC_2021_66: Final[dict[str, Any]] = {
    "schema_version": "1.7.3",
    "id": "PYSEC-2021-66",
    "details": "This affects the package jinja2 from 0.0.0 and before 2.11.3.",
    "aliases": ["CVE-2020-28493", "GHSA-g3rq-g295-4j3m"],
    "modified": "2021-03-22T16:34:00Z",
    "published": "2021-02-01T20:15:00Z",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI", "purl": "pkg:pypi/jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.11.3"}]}],
            "versions": ["2.11.0", "2.11.1", "2.11.2"],
        }
    ],
}
"""The PyPA's advisory in OSV's form, its texts and versions cut short."""


@dataclass
class OsvServer:
    """A service that is listening. Like OSV, it answers ``{}`` where it knows nothing.

    Attributes:
        url: The query address.
        status: The status of every answer.
        asked: The packages that it was asked about, each with its version.
    """

    url: str = ""
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the advisories for a package, and take down that they were asked for."""
        package, version = query["package"]["name"].lower(), query["version"]
        self.asked.append((package, version))
        known: Sequence[dict[str, Any]] = [
            advisory
            for advisory in (PYSEC_2021_66,)
            for affected in advisory["affected"]
            if affected["package"]["name"] == package and version in affected["versions"]
        ]
        return {"vulns": known} if known else {}


@contextmanager
def serving(status: int = 200) -> Iterator[OsvServer]:
    """Run the service on a free port of the loopback interface.

    Args:
        status: The status of every answer; one other than 200 imitates a broken service.
    """
    service = OsvServer(status=status)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise every answer waits for the client's delayed acknowledgement.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = json.dumps(service.answer(json.loads(body))).encode()
            self.send_response(service.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
