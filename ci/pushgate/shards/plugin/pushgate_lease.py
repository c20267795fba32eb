"""A pytest plug-in that gives each worker of pytest-xdist a database of its own.

Like the plug-in beside it, it is a single file. It asks where databases are lent
(``services/postgres/lending.py``) before any module of the project's is imported, and the
database is there for as long as the connection is.
"""

import json
import os
import socket
from urllib.parse import quote

_LEASE = "PUSHGATE_LEASE"


def _borrow(address, asked):
    host, port, token = address.split(":")
    connection = socket.create_connection((host, int(port)))
    stream = connection.makefile("rw", encoding="utf-8")
    stream.write(json.dumps({**asked, "token": token}) + "\n")
    stream.flush()
    said = {}
    for line in stream:
        said = json.loads(line)
        if "lent" in said:
            return connection, said["lent"]
    message = "no database for this worker: " + said.get("unavailable", "the run has ended")
    raise RuntimeError(message)


def _take():
    lease = json.loads(os.environ[_LEASE])
    connection, parts = _borrow(lease["address"], lease["asked"])
    quoted = {name: quote(value, safe="") for name, value in parts.items()}
    told = {**parts, "url": lease["url"].format(**quoted)}
    for name, text in lease["variables"].items():
        os.environ[name] = text.format(**told)
    return connection


# The process itself was given its own; this is what keeps a worker's.
_CONNECTION = _take() if "PYTEST_XDIST_WORKER" in os.environ else None
