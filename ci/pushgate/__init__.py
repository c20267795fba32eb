"""Pushgate: a Python project's CI gates, before the push, with the very commands that CI runs.

A noxfile uses ``pushgate.register()`` and, above it, ``@pushgate.gate()``.
"""

from __future__ import annotations

from pushgate.gates.base import Context
from pushgate.gates.own import declarations, gate, is_collecting

__all__ = ["Context", "gate", "register"]


def register() -> None:
    """Register every gate of this project as a Nox session; the last line of a noxfile.

    Raises:
        SystemExit: The definition cannot be used; every problem was printed. Its status is 2.
    """
    declarations().closed = True
    if is_collecting():
        return
    # Only Nox, which reads this, pays for importing Nox.
    from pushgate.nox_sessions import register_sessions  # noqa: PLC0415

    register_sessions()
