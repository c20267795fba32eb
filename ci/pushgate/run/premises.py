"""A stand-in until fingerprints come: what of this machine the fingerprints rest on."""

from __future__ import annotations

import json
import os


class Premises:
    """What of this machine fingerprints rest on: here, environment variables."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    def as_json(self) -> str:
        """Return it as text."""
        return json.dumps(self.variables)

    @classmethod
    def of_json(cls, text: str) -> Premises:
        """Read it."""
        return cls(json.loads(text))

    def hold(self) -> bool:
        """Tell whether all is as it was."""
        return all(os.environ.get(name, "") == value for name, value in self.variables.items())
