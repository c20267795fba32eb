"""Keys put into a pyproject.toml: all the rest stays byte for byte."""

from __future__ import annotations

import tomllib

import pytest

from pushgate.adopt.found import Setting
from pushgate.adopt.pyproject import with_group, with_settings
from pushgate.model.settings import ConfigurationError

ODD = """\
# first
[tool.black]   # out of order
line-length = 1_00

[project]
name = 'odd' # why
dependencies = [
  "a", # one

  "b",
]

[dependency-groups]   # groups
dev = ["x"]
# about ruff

[tool.ruff]
x = 1


# the end"""

SETTINGS = (
    Setting(("python",), ("3.11", "3.12"), "from\ntox"),
    Setting(("gates", "types", "enabled"), value=False, why="none"),
    Setting(("gates", "lint", "run"), ('black --check "src"', "x" * 80), "long"),
)


def removed(before: str, after: str) -> list[str]:
    """Return what is left of the first text when the second's lines are looked for in order."""
    lines = iter(after.splitlines(keepends=True))
    return [line for line in before.splitlines(keepends=True) if line not in lines]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_rest_stays(newline: str) -> None:
    """No other byte changes, and new lines end as the others do."""
    before = (ODD + "\n").replace("\n", newline)
    after = with_group(with_settings(before, SETTINGS), "ci", ["pushgate ; python_version >= '3'"])
    assert removed(before, after) == []
    assert after.count("\r\n") == (after.count("\n") if newline == "\r\n" else 0)
    content = tomllib.loads(after)
    assert content["dependency-groups"]["ci"] == ["pushgate ; python_version >= '3'"]
    assert content["tool"]["pushgate"] == {
        "python": ["3.11", "3.12"],
        "gates": {
            "types": {"enabled": False},
            "lint": {"run": ['black --check "src"', "x" * 80]},
        },
    }


def test_a_last_line_without_an_end() -> None:
    """It gets one; nothing runs together."""
    after = with_settings(ODD, SETTINGS)
    assert after.startswith(ODD + "\n")
    assert with_settings(after, SETTINGS) == after


def test_what_is_there_stays() -> None:
    """A key of the user's is not overwritten; a missing one comes into its table."""
    text = "[tool.pushgate.gates.types]\nenabled = true # ours\n"
    after = with_settings(text, [*SETTINGS, Setting(("gates", "types", "tool"), "ty")])
    gates = tomllib.loads(after)["tool"]["pushgate"]["gates"]
    assert gates["types"] == {"enabled": True, "tool": "ty"}
    assert "enabled = true # ours" in after


def test_an_empty_file() -> None:
    """A new pyproject.toml begins with the table."""
    assert with_settings("", SETTINGS[:1]).startswith("[tool.pushgate]\n")


@pytest.mark.parametrize(
    "text", ["tool = { black = 1 }\n", "[tool.pushgate]\ngates = { a = { b = 1 } }\n"]
)
def test_no_place_for_it(text: str) -> None:
    """What cannot be extended is refused, with the lines to write by hand."""
    with pytest.raises(ConfigurationError, match=r"enabled = false"):
        with_settings(text, SETTINGS[1:2])


def test_no_toml() -> None:
    """A broken file is told as such."""
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml: "):
        with_settings("[", SETTINGS)
