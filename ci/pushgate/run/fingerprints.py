"""A stand-in until fingerprints come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushgate.model.fingerprint import Fingerprint
from pushgate.run.premises import Premises


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of a definition's jobs."""

    of: Mapping[str, Fingerprint]
    without: Mapping[str, str]
    premises: Premises
