"""The words of Pushgate: events and shards as they are written and read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from pushgate.model.event import KINDS, Event
from pushgate.model.job import Shard
from pushgate.model.outcome import Outcome, Result, exit_code

# Beside pytest's own cache, so that no other folder appears in the repository.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")
_REPEATABLE = settings(derandomize=True, database=None, deadline=None)
_NUMBERS = st.integers(min_value=1, max_value=10**6)


@_REPEATABLE
@given(kind=st.sampled_from(KINDS), ref=st.text(min_size=1))
def test_events_are_written_as_they_are_read(kind: str, ref: str) -> None:
    """Every event is written so that it reads the same, and is covered by its kind alone."""
    event = Event.parse(f"{kind}:{ref}" if kind not in {"schedule", "all"} else kind)
    assert Event.parse(str(event)) == event
    covering = {pattern for pattern in KINDS if Event(pattern).matches(event)}
    assert covering == (set(KINDS) if kind == "all" else {kind, "all"})


@_REPEATABLE
@given(
    text=st.one_of(
        st.text(), st.sampled_from(["schedule:x", "push:", "all:main", "Push", "push main"])
    )
)
def test_what_is_no_event_is_refused(text: str) -> None:
    """A text of another kind, and a branch where there is none, is told with what is an event."""
    refused = (":", ":x", ":main")
    assume(text.partition(":")[0].replace("-", "_") not in KINDS or text.endswith(refused))
    with pytest.raises(ValueError, match="is no event: expected push, push:BRANCH") as refusal:
        Event.parse(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("pattern", "event", "covers"),
    [
        ("push:main", "push:main", True),
        ("push:main", "push:dev", False),
        ("push:main", "pull_request:main", False),
        ("push:release/*", "push:release/1.2", True),
        ("push:Main", "push:main", False),
        ("tag:v*", "tag:v1", True),
        ("pull-request", "pull_request:dev", True),
        ("schedule", "schedule", True),
        ("tag", "all", True),
    ],
)
def test_a_pattern_covers_events(pattern: str, event: str, *, covers: bool) -> None:
    """A pattern covers events of its kind whose branch or tag fits its glob."""
    assert Event.parse(pattern).matches(Event.parse(event)) is covers


@_REPEATABLE
@given(first=_NUMBERS, second=_NUMBERS)
def test_shards_are_written_as_they_are_read(first: int, second: int) -> None:
    """K/N with 1 <= K <= N is a shard, which is written the same; N/K is none."""
    index, count = sorted((first, second))
    shard = Shard.parse(f"{index}/{count}")
    assert (shard, str(shard)) == (Shard(index, count), f"{index}/{count}")
    with pytest.raises(ValueError, match="expected K/N with 1 <= K <= N, such as 2/4"):
        Shard.parse(f"{count + 1}/{count}")


@pytest.mark.parametrize("text", ["", "1", "0/1", "1/0", "01/2", "-1/2", "1/2/3", "1/2 ", "²/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """Anything but two whole numbers without sign or leading zero is told as it was given."""
    with pytest.raises(ValueError, match=re.escape(f"--shard {text} is no shard")):
        Shard.parse(text)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ("", 0),
        ("passed passed skipped", 0),
        ("passed unavailable", 3),
        ("aborted skipped", 3),
        ("unavailable failed aborted", 1),
    ],
)
def test_a_failure_outweighs_what_could_not_look(results: str, code: int) -> None:
    """The status is 1 where anything failed, else 3 where anything could not look, else 0."""
    outcomes = [Outcome(job="any", result=Result(result)) for result in results.split()]
    assert exit_code(outcomes) == code
