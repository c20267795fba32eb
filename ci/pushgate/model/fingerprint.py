"""All that a job reads, as far as it is declared: what decides whether it must run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self


@dataclass(frozen=True)
class Files:
    """What files hold, as git names it.

    Attributes:
        entries: For each path from the top of the repository its mode and its blob's id,
            such as ``100644 8baef1b4abc478178b004d62031cf7fe6db6f903``.
    """

    entries: Mapping[str, str]

    @cached_property
    def listing(self) -> bytes:
        """All entries as text, the same for the same entries."""
        lines = (f"{self.entries[path]}\t{path}\0" for path in sorted(self.entries))
        return "".join(lines).encode(errors="surrogateescape")

    @cached_property
    def digest(self) -> str:
        """The name of this state: a hash of the listing."""
        return hashlib.sha256(self.listing).hexdigest()

    @classmethod
    def parse(cls, listing: bytes) -> Self:
        """Read a listing.

        Raises:
            ValueError: It is none.
        """
        lines = listing.decode(errors="surrogateescape").split("\0")[:-1]
        pairs = (line.split("\t", 1) for line in lines)
        return cls({path: entry for entry, path in pairs})


@dataclass(frozen=True)
class Difference:
    """One thing that two fingerprints of a job do not have in common.

    Attributes:
        part: What it belongs to: ``files``, or one of the parts.
        name: What differs: a path, a key.
        before: Its value in the earlier one; empty where it had none.
        now: Its value in the later one; empty where it has none.
    """

    part: str
    name: str
    before: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """All that a job reads.

    Attributes:
        job: The job's name.
        project: The project's folder from the top of the repository; empty for the top.
        files: The files that it reads.
        parts: Everything else, by what it belongs to, such as ``interpreters``: a value for
            each name.
        fresh_for: For how many seconds a pass counts, since what the job reads also changes
            without any of this; None: for ever. It is no part of the digest.
    """

    job: str
    project: str
    files: Files
    parts: Mapping[str, Mapping[str, str]]
    fresh_for: float | None = None

    @cached_property
    def document(self) -> str:
        """All of it but the files' listing, as JSON, the same for the same values."""
        return json.dumps(
            {
                "job": self.job,
                "project": self.project,
                "files": self.files.digest,
                "parts": {part: dict(values) for part, values in self.parts.items()},
            },
            sort_keys=True,
        )

    @cached_property
    def digest(self) -> str:
        """The name under which the job's end is kept."""
        return hashlib.sha256(self.document.encode()).hexdigest()

    def differences(self, before: Fingerprint) -> Iterator[Difference]:
        """Yield what is not as it was in an earlier fingerprint of the job, files first."""
        earlier = {"files": before.files.entries, **before.parts}
        later = {"files": self.files.entries, **self.parts}
        for part in dict.fromkeys((*later, *earlier)):
            old, new = earlier.get(part, {}), later.get(part, {})
            for name in sorted(old.keys() | new.keys()):
                if old.get(name, "") != new.get(name, ""):
                    yield Difference(part, name, old.get(name, ""), new.get(name, ""))
