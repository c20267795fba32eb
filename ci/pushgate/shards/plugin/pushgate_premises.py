"""Whether a process that has collected tests may be forked: could a fork be told from itself?"""

import atexit
import gc
import inspect
import logging
import os
import random
import re
import signal
import stat
import sys
import time
import weakref
from pathlib import Path, PurePath

_OF_PYTHON = {"__pycache__", ".pytest_cache", ".hypothesis"}
"""Folders that are the same, whichever process makes them."""

_DRAWING = {"os.py", "random.py", "secrets.py", "uuid.py"}
"""The modules of the standard library that draw random bytes for others."""

_TEARDOWNS = ("pytest_sessionfinish", "pytest_unconfigure")
"""What every shard would call, although what it undoes was done once."""

_ANY_DEVICE = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_BITS_OF_A_BLOCK = 624 * 32  # the Mersenne Twister makes so many at once
_MOST_BLOCKS = 200
_OLDEST_COVERAGE = (7, 10)


class Before:
    """What this process was like before anything of the project's was imported."""

    def __init__(self):
        self.began = time.time()
        self.folder = Path.cwd()
        self.open = _open_files()
        self.early = set()
        self.modules = set()
        self.mappings = _shared_mappings()
        self.random = random.getstate()
        self.seeded = None
        self.made = []
        self.drawn = set()
        self.urandom = os.urandom
        os.urandom = random._urandom = self._draw  # noqa: SLF001  # nothing audits it
        sys.addaudithook(self._audit)

    def _audit(self, event, arguments):
        making = event in {"tempfile.mkstemp", "tempfile.mkdtemp", "os.mkdir"}
        # To make what is there already is no more than a look.
        if making and self.made is not None and not os.path.lexists(arguments[0]):
            self.made.append(arguments[0])

    def _draw(self, size):
        frame = inspect.currentframe().f_back
        while frame is not None and Path(frame.f_code.co_filename).name in _DRAWING:
            frame = frame.f_back
        if frame is not None and self._is_projects(frame.f_code.co_filename):
            self.drawn.add(frame.f_code.co_filename)
        return self.urandom(size)

    def _is_projects(self, file):
        path = self.folder / file
        ours = path.parent == Path(__file__).parent
        return path.is_relative_to(self.folder) and "site-packages" not in path.parts and not ours

    def take_pytests_own(self):
        """Note what pytest has open and imported before it loads anything of the project's."""
        # What it captures goes to files without a name; each fork is given its own.
        self.modules = set(sys.modules)
        self.early = {file for file in _open_files().values() if file.endswith(" (deleted)")}

    def refuse(self, config, coverage, tests):
        """Tell why there may be no fork; empty where nothing speaks against it.

        Args:
            config: pytest's.
            coverage: What has measured so far.
            tests: What was collected.
        """
        made, self.made = self.made, None
        os.urandom = random._urandom = self.urandom  # noqa: SLF001
        reasons = (
            self._platform,
            lambda: _plugins(config),
            lambda: _coverage(coverage),
            _threads,
            _children,
            self._files,
            lambda: _named("made while collecting, and still there", _existing(made)),
            lambda: _named("random bytes were drawn while collecting in", self.drawn),
            lambda: self._teardowns(config),
            lambda: _named("memory is shared", _shared_mappings() - self.mappings),
            _timers,
            _tracers,
            lambda: self._measured_now(coverage),
            self._randomness,
            lambda: _remembered(self.modules),
            lambda: _named("named after this process or this minute", self._passing(tests)),
            _exits,
        )
        return next(filter(None, (reason() for reason in reasons)), "")

    def _platform(self):
        if sys.platform != "linux" or sys.implementation.name != "cpython":
            return "it needs CPython on Linux"
        return "" if hasattr(os, "pidfd_open") else "this Python lacks os.pidfd_open"

    def _files(self):
        printed = os.fstat(1)
        if not stat.S_ISREG(printed.st_mode):
            return "its output is no file"
        opened = set()
        for descriptor, file in _open_files().items():
            found = _status(descriptor)
            same = found and (found.st_dev, found.st_ino) == (printed.st_dev, printed.st_ino)
            known = self.open.get(descriptor) == file or file in self.early or file in _ANY_DEVICE
            if not (same or known):
                opened.add(file)
        return _named("open after collecting", opened)

    def _teardowns(self, config):
        found = set()
        for hook in _TEARDOWNS:
            for each in getattr(config.hook, hook).get_hookimpls():
                code = getattr(each.function, "__code__", None)
                if code is not None and self._is_projects(code.co_filename):
                    found.add(f"{hook} of {Path(code.co_filename).name}")
        return _named("each shard would call", found)

    def _measured_now(self, coverage):
        measured = {str(self.folder / file) for file in coverage.get_data().measured_files()}
        frame = inspect.currentframe()
        while frame is not None:
            file = str(self.folder / frame.f_code.co_filename)
            if file in measured and Path(file).parent != Path(__file__).parent:
                return f"{file} is measured and under way"
            frame = frame.f_back
        return ""

    def _randomness(self):
        state = random.getstate()
        if state == self.random:
            return ""
        if _drawn(self.random, state):
            # Each process would have numbers of its own, but all forks the same.
            return "random numbers were drawn while collecting"
        self.seeded = state
        return ""

    def _passing(self, tests):
        """Find tests that another process, or this one a minute later, would name otherwise."""
        now = time.time()
        minutes = {
            time.strftime("%H:%M", of(moment))
            for moment in (self.began, now)
            for of in (time.localtime, time.gmtime)
        }
        # The seconds since 1970, whatever follows: parts of a second, or milliseconds.
        words = [
            rf"{os.getpid()}(?!\d)",
            "0x[0-9a-f]{8,}",  # where an object is
            *minutes,
            *{str(int(each))[:-2] for each in (self.began, now)},
        ]
        named = re.compile(rf"(?<!\d)(?:{'|'.join(words)})")
        return {test for test in tests if named.search(test)}

    def restore_randomness(self):
        """Let a seed that was set while collecting hold here, too: a fork gets another one."""
        if self.seeded is not None:
            random.setstate(self.seeded)

    def forget_exit_handlers(self):
        """Leave what was to be done at the exit to the process that was forked."""
        atexit._clear()  # noqa: SLF001  # no other way; `_exits` has looked for all of these
        for finalizer in list(weakref.finalize._registry):  # noqa: SLF001
            finalizer.atexit = False
        # The last of all, as the first to be registered: nobody waits for what is to be freed then.
        atexit.register(gc.freeze)
        # Those of the standard library do for each process what it has itself.
        atexit.register(logging.shutdown)
        if "multiprocessing.util" in sys.modules:
            atexit.register(sys.modules["multiprocessing.util"]._exit_function)  # noqa: SLF001
        atexit.register(weakref.finalize._exitfunc)  # noqa: SLF001
        weakref.finalize._registered_with_atexit = True  # noqa: SLF001


def _drawn(before, after):
    """Tell whether drawing numbers alone leads from one state to another, not a seed."""
    generator = random.Random()  # noqa: S311  # it is to foretell
    generator.setstate(before)
    for _ in range(_MOST_BLOCKS):
        if generator.getstate()[1][:-1] == after[1][:-1]:
            return True
        generator.getrandbits(_BITS_OF_A_BLOCK)
    return False


def _open_files():
    """Return what each open descriptor leads to."""
    opened = {}
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            opened[int(entry.name)] = str(entry.readlink())
        except OSError:
            continue  # that of the folder itself
    return opened


def _status(descriptor):
    try:
        return os.fstat(descriptor)
    except OSError:
        return None


def _shared_mappings():
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    return {line.split(None, 5)[-1] for line in lines if line.split()[1][3] == "s"}


def _named(what, names):
    return f"{what}: {', '.join(sorted(names)[:3])}" if names else ""


def _existing(paths):
    named = {os.fsdecode(path) for path in paths if not isinstance(path, int)}
    new = {path for path in named if _OF_PYTHON.isdisjoint(Path(path).parts)}
    return {path for path in new if os.path.lexists(path)}


def _plugins(config):
    if config.pluginmanager.hasplugin("dsession") or getattr(config.option, "numprocesses", None):
        return "pytest-xdist is active"
    hooks = config.hook.pytest_collection_modifyitems.get_hookimpls()
    last = [type(each.plugin).__name__ for each in hooks[:2]]
    if last != ["PytestSplitPlugin", "_Shard"]:
        return f"the last to choose tests is not pytest-split: {last[0]}"
    return ""


def _coverage(coverage):
    version = tuple(map(int, sys.modules["coverage"].__version__.split(".")[:2]))
    if version < _OLDEST_COVERAGE:
        return "coverage is older than 7.10"
    if set(coverage.get_option("run:concurrency") or ()) - {"thread"}:
        return "coverage is told of another concurrency than threads"
    if set(coverage.get_option("run:patch") or ()) - {"subprocess"}:
        return "coverage patches more than subprocesses"
    for option in ("dynamic_context", "plugins", "sigterm", "debug"):
        if coverage.get_option(f"run:{option}"):
            return f"coverage is told a {option}"
    greenlets = {"gevent", "eventlet"} & sys.modules.keys()
    return _named("imported", greenlets)


def _threads():
    count = len(list(Path("/proc/self/task").iterdir()))
    return f"{count} threads run after collecting" if count > 1 else ""


def _children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return ""
    return "a child process was started and not waited for"


def _timers():
    clocks = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return "a timer is set" if any(signal.getitimer(clock)[0] for clock in clocks) else ""


def _tracers():
    return "something else traces" if sys.gettrace() or sys.getprofile() else ""


def _remembered(others):
    """Find modules, but for some, that have noted which process they are in."""
    own = os.getpid()
    names = set()
    for name, module in list(sys.modules.items()):
        values = list(getattr(module, "__dict__", {}).values())
        if name not in others and any(_tells(value, own) for value in values):
            names.add(name)
    return _named("the process id is remembered in", names)


def _tells(value, process):
    if isinstance(value, (str, PurePath)):
        text = str(value)
        return str(process) in text and str(process) in re.findall(r"\d+", text)
    return type(value) is int and value == process


def _exits():
    lacking = not hasattr(atexit, "_clear") or any(
        not hasattr(weakref.finalize, name)
        for name in ("_registry", "_exitfunc", "_registered_with_atexit")
    )
    if lacking:
        return "this Python does not tell what is done at the exit"
    shared = getattr(sys.modules.get("multiprocessing.util"), "_finalizer_registry", None)
    return "resources of multiprocessing are in use" if shared else ""
