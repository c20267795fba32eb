"""The gates' pinned tools are those that Pushgate itself is developed with."""

from __future__ import annotations

import pkgutil
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pushgate import gates

LOCK: Final = Path(__file__).parents[1] / "uv.lock"


def _pins() -> Iterator[str]:
    """Find every constant of a gate that pins a package, alone or in a table."""
    for module in pkgutil.iter_modules(gates.__path__, "pushgate.gates."):
        for value in vars(import_module(module.name)).values():
            for text in value.values() if isinstance(value, dict) else (value,):
                if isinstance(text, str) and "==" in text and _is_requirement(text):
                    yield text


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _locked() -> dict[str, set[str]]:
    versions = defaultdict(set)
    for package in tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]:
        if "version" in package:
            versions[package["name"]].add(package["version"])
    return versions


PINS: Final = sorted(set(_pins()))


@pytest.mark.parametrize("pin", PINS)
def test_a_pin_is_what_is_locked(pin: str) -> None:
    """A tool's pin is the version in our lock: an update of one reminds of the other."""
    requirement = Requirement(pin)
    (version,) = (specifier.version for specifier in requirement.specifier)
    assert version in _locked().get(canonicalize_name(requirement.name), {version})


def test_every_tool_that_we_use_ourselves_is_compared() -> None:
    """The pins are found, and our lock holds the tools of our own gates."""
    pinned = {canonicalize_name(Requirement(pin).name) for pin in PINS}
    ours = {"bandit", "coverage", "import-linter", "mypy", "pip-audit", "pytest", "pytest-split"}
    assert ours | {"pytest-xdist", "ruff", "twine"} <= pinned & _locked().keys()
