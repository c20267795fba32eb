"""Forks of a process that asked for over a socket, each with a keeper above it.

A request is a JSON line with the descriptor of a file for what the fork prints. While it
runs, each byte that comes is the number of a signal for it. ``{"status": n}`` is the answer
when it has ended, with nothing left of what it had started. Where the other end closes, the
fork and all below it are killed.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import tempfile
import time
from pathlib import Path

_RECEIVED = 1 << 20
_PATIENCE_SECONDS = 10.0
_NATURAL_END_SECONDS = 0.5
_GRACE_SECONDS = 3.0
_MOMENT_SECONDS = 0.02
_SET_CHILD_SUBREAPER = 36


def serve(address, refuse):
    """Answer requests until an interrupt comes; return, in each fork, what was asked for.

    Args:
        address: The name of the abstract socket.
        refuse: Tells for a request why there is to be no fork.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"\0{address}")
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            with connection:
                request, log = _receive(connection)
                reason = refuse(request) if request else ""
                if reason:
                    _answer(connection, {"refused": reason})
                elif request and not os.fork():
                    listener.close()
                    _keep(connection, log)
                    return request
                if log is not None:
                    os.close(log)
            _reap()


def _receive(connection):
    """Read a request; nothing where it is a mere look, or of another user."""
    connection.settimeout(_PATIENCE_SECONDS)
    size = struct.calcsize("3i")
    peer = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    received, log = b"", None
    with contextlib.suppress(OSError):
        while peer[1] == os.getuid() and not received.endswith(b"\n"):
            chunk, descriptors, _, _ = socket.recv_fds(connection, _RECEIVED, 1)
            log = descriptors[0] if descriptors else log
            if not chunk:
                break
            received += chunk
    whole = received.endswith(b"\n") and log is not None
    return (json.loads(received) if whole else None), log


def _answer(connection, answer):
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _keep(connection, log):
    """Fork once more: return in the child; stay above it until it and its own have ended."""
    os.setsid()
    process = os.fork()
    if not process:
        connection.close()
        _redirect(log)
        return
    with contextlib.suppress(BaseException):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _adopt_orphans()
        patient = _watch(connection, process)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        _end_rest(log, patient)
        _answer(connection, {"status": status})
    os._exit(0)


def _adopt_orphans():
    # What the shard starts and leaves is still below this process then.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415  # for the keepers only

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _watch(connection, process):
    """Wait for the end of the shard; tell whether the other end still waits for it."""
    connection.settimeout(None)
    handle = os.pidfd_open(process)
    while True:
        ready, _, _ = select.select([connection, handle], [], [])
        if handle in ready:
            return True
        numbers = b""
        with contextlib.suppress(ConnectionError):
            numbers = connection.recv(_RECEIVED)
        for number in numbers:
            os.kill(process, number)
        if not numbers:
            os.kill(process, signal.SIGKILL)
            return False


def _end_rest(log, patient):
    """End what the shard has left, as the supervisor of a job does."""
    steps = [(0, 0.0), (0, _NATURAL_END_SECONDS), (signal.SIGTERM, _GRACE_SECONDS)]
    number, until = 0, 0.0
    told = not patient
    while _children_left():
        if time.monotonic() >= until:
            steps = steps[1:] if patient else []
            number, grace = steps[0] if steps else (signal.SIGKILL, _MOMENT_SECONDS)
            until = time.monotonic() + grace
            below = _below(os.getpid())
            if number and not told:
                told = True
                names = ", ".join(f"{name} ({process})" for process, name in sorted(below.items()))
                os.write(log, f"pushgate > ended what outlived the job: {names}\n".encode())
            for process in below if number else ():
                with contextlib.suppress(OSError):
                    os.kill(process, number)
        time.sleep(_MOMENT_SECONDS)


def _children_left():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True


def _below(top):
    """Return the names of all processes below one."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                name, _, rest = status.partition("(")[2].rpartition(")")
                parents[int(entry.name)] = int(rest.split()[1])
                names[int(entry.name)] = name
    found, layer = {}, {top}
    while layer:
        layer = {process for process, parent in parents.items() if parent in layer}
        found.update((process, names[process]) for process in layer)
    return found


def _redirect(log):
    """Let all that this process prints go to a log, after what was printed before the fork."""
    printed = os.fstat(1)
    with Path("/proc/self/fd/1").open("rb") as before:
        while chunk := before.read(_RECEIVED):
            os.write(log, chunk)
    for entry in list(Path("/proc/self/fd").iterdir()):
        descriptor = int(entry.name)
        try:
            found = os.fstat(descriptor)
        except OSError:
            continue  # that of the folder itself
        if (found.st_dev, found.st_ino) == (printed.st_dev, printed.st_ino):
            os.dup2(log, descriptor, inheritable=os.get_inheritable(descriptor))
        elif found.st_nlink == 0 and str(entry.readlink()).endswith(" (deleted)"):
            _make_own(descriptor, found.st_size)
    os.close(log)


def _make_own(descriptor, size):
    """Give this process a copy of a file without a name: forks share even the place in it."""
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    with tempfile.TemporaryFile(buffering=0) as copy:
        os.write(copy.fileno(), os.pread(descriptor, size, 0))
        os.lseek(copy.fileno(), place, os.SEEK_SET)
        os.dup2(copy.fileno(), descriptor, inheritable=os.get_inheritable(descriptor))
