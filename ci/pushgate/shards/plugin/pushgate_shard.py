"""A pytest plug-in that writes what a shard collected, kept and ran.

It is put on the path of the project's own environment, so it is a single file
that needs only pytest, of any version that pytest-split supports.

``collected.json``: ``collected`` are the tests before pytest-split takes its
share, ``kept`` those that are left when collection is finished.
``durations.json``: the tests that ran, each with its seconds.
"""

import json
import os
from pathlib import Path

import pytest

_FOLDER = Path(os.environ["PUSHGATE_SHARD_OUTPUT"])
_WORKER = os.environ.get("PYTEST_XDIST_WORKER")


def _write(name, content):
    # Renamed into place: a reader sees the whole file or none.
    part = _FOLDER / (name + ".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(_FOLDER / name)


class _Shard:
    def __init__(self):
        self.collected = []
        self.seconds = {}
        self.ran = set()

    # pytest-split takes its share in a trylast hook that is registered after this one,
    # and of two trylast hooks the later registered is called last.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        self.collected = [item.nodeid for item in items]

    def pytest_collection_finish(self, session):
        # All workers of pytest-xdist collect the same; its controller collects nothing.
        if _WORKER in {None, "gw0"}:
            kept = [item.nodeid for item in session.items]
            _write("collected.json", {"collected": self.collected, "kept": kept})

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        # With --setup-only or --setup-plan a test is set up, but not called.
        if report.when == "call" or not report.passed:
            self.ran.add(report.nodeid)

    def pytest_sessionfinish(self):
        if _WORKER is None:
            ran = {test: self.seconds[test] for test in self.seconds if test in self.ran}
            _write("durations.json", ran)


# First of all: after the project's conftest files, whose trylast hooks are then called before,
# and before pytest-split registers its own.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.pluginmanager.register(_Shard(), "pushgate-shard")
