"""``python -m pushgate`` and the command ``pushgate``."""

from __future__ import annotations

import io
import sys

_INTERRUPTED = 130
"""``ExitCode.INTERRUPTED``, whose module a push of what is known to pass does not import."""


def main() -> int:
    """Run the command line; a push of what is known to pass takes a way of its own, at once.

    Returns:
        The exit status, one of ``ExitCode``.
    """
    if sys.argv[1:2] == ["pre-push"] and sys.stdin and not sys.stdin.isatty():
        from pushgate.hooks import verified  # noqa: PLC0415

        told = sys.stdin.buffer.read()
        if line := verified.passed(sys.argv[2:], told):
            print(line, file=sys.stderr)
            return 0
        # It can be read only once.
        sys.stdin = io.TextIOWrapper(io.BytesIO(told))
    # The imports take ten times as long as a push of what is known to pass.
    from pushgate.tools import interrupts  # noqa: PLC0415

    interrupts.hold.begin()
    interrupts.make_terminable()
    from pushgate.cli import main as judged  # noqa: PLC0415

    status = judged()
    if status == _INTERRUPTED:
        import signal  # noqa: PLC0415

        # Whoever presses Ctrl-C again meets an interpreter on its way out: it would be killed.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return status


if __name__ == "__main__":
    sys.exit(main())
