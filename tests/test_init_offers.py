"""The tables that `pushgate init` offers: each can be pasted beneath what it wrote."""

from __future__ import annotations

import tomllib

from pushgate.adopt import offers
from pushgate.adopt.found import Found

DOCS = Found(
    "docs",
    "MkDocs: no gate builds them; this one would",
    offered=("[tool.pushgate.gates.docs]", 'run = ["mkdocs build"]', "environment = false"),
)
SESSION = Found("noxfile", "as gates", offered=("[tool.pushgate.gates.docs]", 'session = "docs"'))
DATABASE = Found(
    "database",
    "databases for tests",
    offered=(
        "[tool.pushgate.gates.test]",
        'services = ["postgres"]',
        "[tool.pushgate.services.postgres]",
        'image = "postgres:17"',
    ),
)


def test_a_gate_that_is_there_is_not_offered() -> None:
    """A second table of its name would break the file; the row does not say that it lacks."""
    for text, gates in (("[tool.pushgate.gates.docs]\nrun = ['x']\n", ()), ("", ("docs",))):
        [docs] = offers.fitting([DOCS], text, gates)
        assert (docs.said, docs.offered) == ("MkDocs: there is a table for it", ())
    nothing = Found("tests", "there are none")
    assert [*offers.fitting([DOCS, nothing], "", ("test",))] == [DOCS, nothing]


def test_a_gate_is_offered_once() -> None:
    """The documentation is found in files and among the noxfile's sessions."""
    assert [each.offered for each in offers.fitting([DOCS, SESSION], "", ())] == [DOCS.offered, ()]


def test_further_keys_of_a_table_that_is_there() -> None:
    """They are offered as what goes into it; those that it has are not."""
    text = "[tool.pushgate.gates.test]\nshards = 1\n"
    [told] = offers.fitting([DATABASE], text, ("test",))
    assert told.offered == (
        "# into [tool.pushgate.gates.test], which is there:",
        *DATABASE.offered[1:],
    )
    [told] = offers.fitting([DATABASE], f"{text}services = []\n", ("test",))
    assert told.offered == DATABASE.offered[2:]
    assert tomllib.loads(text + "services = []\n" + "\n".join(told.offered))
