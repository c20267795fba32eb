"""A pytest plug-in that writes what a shard collected, kept and ran.

It is put on the path of the project's own environment, so it is a single file
that needs only pytest, of any version that pytest-split supports.

``collected.json``: ``collected`` are the tests before pytest-split takes its
share, ``kept`` those that are left when collection is finished.
``durations.json``: the tests that ran, each with its seconds.
"""

import json
import os
import sys
from pathlib import Path

import pytest

_WORKER = os.environ.get("PYTEST_XDIST_WORKER")


# Where this process collects for several shards (pushgate_collection.py).
_COLLECTION = getattr(sys.modules.get("pushgate_collection"), "current", None)


def _write(folder, name, content):
    # Renamed into place: a reader sees the whole file or none.
    part = folder / (name + ".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(folder / name)


class _Shard:
    def __init__(self):
        self.folder = Path(os.environ["PUSHGATE_SHARD_OUTPUT"])
        self.collected = []
        self.seconds = {}
        self.ran = set()

    # pytest-split takes its share in a trylast hook that is registered after this one,
    # and of two trylast hooks the later registered is called last.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        self.collected = [item.nodeid for item in items]
        if _COLLECTION is not None:
            # It comes back in the forks only, each of them one shard.
            _COLLECTION.share(self, config)

    def pytest_collection_finish(self, session):
        # All workers of pytest-xdist collect the same; its controller collects nothing.
        if _WORKER in {None, "gw0"}:
            kept = [item.nodeid for item in session.items]
            _write(self.folder, "collected.json", {"collected": self.collected, "kept": kept})

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        # With --setup-only or --setup-plan a test is set up, but not called.
        if report.when == "call" or not report.passed:
            self.ran.add(report.nodeid)

    def pytest_sessionfinish(self):
        if _WORKER is None:
            ran = {test: self.seconds[test] for test in self.seconds if test in self.ran}
            _write(self.folder, "durations.json", ran)


# First of all: after the project's conftest files, whose trylast hooks are then called before,
# and before pytest-split registers its own.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.pluginmanager.register(_Shard(), "pushgate-shard")


# Before the project's first conftest file is imported.
@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests():
    if _COLLECTION is not None:
        _COLLECTION.before.take_pytests_own()
