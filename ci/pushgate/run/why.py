"""Why a job would run, or would not."""

from __future__ import annotations

from dataclasses import dataclass

from pushgate.model.fingerprint import Difference, Fingerprint
from pushgate.run.fingerprints import Fingerprints
from pushgate.run.records import Record, Records


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a job depends on, and what that means for it.

    Attributes:
        job: Its name.
        fingerprint: All that it reads, as it is now; None where that cannot be told.
        without: Why it cannot be told; empty where it can.
        record: The pass that a run would take instead of running it; None: it would run.
        failed: Its failure on exactly this, if that is how it ended last.
        last: How it ended the last time that it ran on something else; None where it never did.
        differences: What is not as it was then.
    """

    job: str
    fingerprint: Fingerprint | None
    without: str = ""
    record: Record | None = None
    failed: Record | None = None
    last: Record | None = None
    differences: tuple[Difference, ...] = ()


def explain(job: str, taken: Fingerprints, records: Records) -> Explanation:
    """Explain a job.

    Args:
        job: Its name.
        taken: The fingerprints of all jobs, as they are now.
        records: How they ended before.
    """
    fingerprint = taken.of.get(job)
    if fingerprint is None:
        return Explanation(job=job, fingerprint=None, without=taken.without[job])
    earlier = records.last(job, fingerprint.project, besides=fingerprint.digest)
    last, before = earlier or (None, fingerprint)
    return Explanation(
        job=job,
        fingerprint=fingerprint,
        record=records.find(fingerprint),
        failed=records.failed(fingerprint),
        last=last,
        differences=tuple(fingerprint.differences(before)),
    )
