"""Pushgate: a Python project's CI gates, before the push, with the very commands that CI runs.

A noxfile uses ``pushgate.register()`` and, above it, ``@pushgate.gate()``.
"""

from __future__ import annotations

# `typing` says so, too, but importing it takes longer than all that a verified push needs.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from pushgate.gates.base import Context
    from pushgate.gates.own import gate
else:

    def __getattr__(name: str) -> object:
        # The hook starts here, too, and a verified push needs none of them.
        if name == "Context":
            from pushgate.gates.base import Context  # noqa: PLC0415

            return Context
        if name == "gate":
            from pushgate.gates.own import gate  # noqa: PLC0415

            return gate
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


__all__ = ["Context", "gate", "register"]


def register() -> None:
    """Register every gate of this project as a Nox session; the last line of a noxfile.

    Raises:
        SystemExit: The definition cannot be used; every problem was printed. Its status is 2.
    """
    from pushgate.gates.own import declarations, is_collecting  # noqa: PLC0415

    declarations().closed = True
    if is_collecting():
        return
    # Only Nox, which reads this, pays for importing Nox.
    from pushgate.nox_sessions import register_sessions  # noqa: PLC0415

    register_sessions()
