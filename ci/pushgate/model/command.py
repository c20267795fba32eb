"""A command as settings give it: words without a shell."""

from __future__ import annotations

import re
import shlex
from typing import Final

_QUOTED: Final = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""")
_OPERATOR: Final = re.compile("[;<>|&]")
"""What a shell would act on; without one it would be just another word, and a false green."""


def command(text: str) -> str:
    """Check that a text is a command that needs no shell.

    Raises:
        ValueError: It is not; the message says what was expected.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        message = "expected a command, its quotes closed"
        raise ValueError(message)
    if _OPERATOR.search(_QUOTED.sub("", text)):
        message = (
            "expected a command without && | ; > and the like, for no shell runs it: give each "
            "command an entry of its own, quote what is meant so, or write \"sh -c '…'\""
        )
        raise ValueError(message)
    return text
