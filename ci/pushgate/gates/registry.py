"""The gates that Pushgate has, in the order in which they are shown and planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pushgate.gates import (
    audit,
    build,
    coverage,
    imports,
    lint,
    migrations,
    security,
    test,
    types,
    workflow,
)
from pushgate.gates.base import Gate

BUILT_IN: Final[Mapping[str, Gate]] = {
    gate.name: gate
    for gate in (
        lint,
        types,
        imports,
        build,
        test,
        coverage,
        migrations,
        security,
        audit,
        workflow,
    )
}
