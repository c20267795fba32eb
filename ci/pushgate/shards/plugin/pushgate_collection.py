"""Collects the tests of one Python once; every shard that asks is then a fork of it.

``python -m pushgate_collection ADDRESS RCFILE ARGUMENT…`` does what ``coverage run -m pytest
ARGUMENT…`` does up to the moment before pytest-split takes its share. Then it serves
requests on an abstract Unix socket: each is answered with a fork that goes on as that shard,
measured, logged and reported on its own, and with its exit status in the end.

Like the plug-in beside it, it runs under any Python that a project has, with the standard
library, pytest and coverage only. Where a fork could differ from a process of its own, the
reason is left in the file ``refused``, and the shards are run without it.
"""

import gc
import os
import runpy
import shutil
import sys
import time
from pathlib import Path

import pushgate_forking
import pushgate_premises

_OUTPUTS = "PUSHGATE_SHARD_OUTPUT"
_MEASURED_BEFORE = ("module-not-measured", "no-data-collected")


class _Collection:
    """The one collection of this process, and later the one shard."""

    def __init__(self, address, rcfile, arguments):
        self.address = address
        self.rcfile = rcfile
        self.arguments = arguments
        self.folder = Path(os.environ[_OUTPUTS])
        self.environment = dict(os.environ)
        self.before = pushgate_premises.Before()
        self.coverage = None

    def run(self):
        import coverage  # noqa: PLC0415  # as late as `coverage run` imports what it runs

        os.environ["COVERAGE_RUN"] = "true"
        self.coverage = coverage.Coverage(config_file=self.rcfile, check_preimported=True)
        self.coverage.start()
        try:
            sys.argv = ["pytest", *self.arguments]
            runpy.run_module("pytest", run_name="__main__", alter_sys=True)
        finally:
            self._save()

    def _save(self):
        if self.coverage is not None:
            ended, self.coverage = self.coverage, None
            ended.stop()
            ended.save()
            return ended
        return None

    def share(self, shard, config):
        """Serve; return only in a process that is to go on, as the shard that was asked for."""
        import pytest  # noqa: PLC0415  # not before the measuring has begun

        ended = self._save()
        reason = self.before.refuse(config, ended, shard.collected)
        if reason:
            (self.folder / "refused").write_text(reason, encoding="utf-8")
            pytest.exit(f"no shared collection: {reason}", returncode=0)
        ended.get_data().close(force=True)
        _flush(config)
        try:
            request = pushgate_forking.serve(self.address, self._refuse)
        except KeyboardInterrupt:
            # Nobody waits for what could still be freed, and shards want the core.
            gc.freeze()
            pytest.exit("no more shards", returncode=0)
        self._become(request, shard, config)

    def _refuse(self, request):
        """Tell why a request cannot be served; empty where it can."""
        own = {**self.environment, _OUTPUTS: ""}
        other = {**request["environment"], _OUTPUTS: ""}
        names = sorted(name for name in {*own, *other} if own.get(name) != other.get(name))
        return f"its environment differs: {', '.join(names)}" if names else ""

    def _become(self, request, shard, config):
        import coverage  # noqa: PLC0415

        os.environ.update({_OUTPUTS: request["outputs"]})
        outputs = Path(request["outputs"])
        shard.folder = outputs
        for file in self.folder.glob("coverage.*"):
            shutil.copy(file, outputs)
        sys.argv[1:] = request["arguments"]
        _configure(config, request)
        self.before.forget_exit_handlers()
        self.before.restore_randomness()
        self.coverage = coverage.Coverage(config_file=request["rcfile"])
        self.coverage.start()
        # What was imported while collecting is measured in the files that were copied. Said after
        # the start: processes below are told the project's own settings.
        silent = [*(self.coverage.get_option("run:disable_warnings") or ()), *_MEASURED_BEFORE]
        self.coverage.set_option("run:disable_warnings", silent)


def _flush(config):
    for stream in (sys.stdout, sys.stderr, config.get_terminal_writer()):
        stream.flush()


def _configure(config, request):
    config.option.group = request["group"]
    config.option.xmlpath = request["junit"]
    params = config.invocation_params
    config.invocation_params = type(params)(
        args=tuple(request["arguments"]), plugins=params.plugins, dir=params.dir
    )
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "LogXML":
            plugin.logfile = request["junit"]
        # When the session began: the time until now is not this shard's.
        for name in ("_session_start", "suite_start", "_sessionstarttime", "suite_start_time"):
            began = getattr(plugin, "__dict__", {}).get(name)
            if began is not None:
                now = time.time() if isinstance(began, float) else type(began)()
                setattr(plugin, name, now)


def main():
    """Collect, and serve."""
    # pytest becomes the main module; this one must still be found.
    sys.modules["pushgate_collection"] = sys.modules["__main__"]
    global current  # noqa: PLW0603  # there is one for each process
    current = _Collection(sys.argv[1], sys.argv[2], sys.argv[3:])
    current.run()


current = None

if __name__ == "__main__":
    main()
