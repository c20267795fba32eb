"""Globs of tracked files: what they match, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from pushgate.model import globs

# Beside pytest's own cache, so that no other folder appears in the repository.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")

FILES = sorted(
    [
        *("readme.md", ".hidden", "a", "ab", "new\nline", "[x]", "a-b", "é.md"),
        *("docs/index.md", "docs/.draft", "docs/deep/er/page.md", "docs-old/index.md"),
        *("src/pkg/mod.py", "src/mod.py", "src/pkg/tests/test_mod.py", "tests/test_mod.py"),
    ]
)


def _matched(*patterns: str, folder: str = "") -> list[str]:
    return list(globs.translated(patterns, folder).among(FILES))


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("**", FILES),
        ("**/**", FILES),
        ("*", [path for path in FILES if "/" not in path]),
        ("?", ["a"]),
        ("a?", ["ab"]),
        ("a*", ["a", "a-b", "ab"]),
        (".*", [".hidden"]),
        ("new?line", ["new\nline"]),
        ("?.md", ["é.md"]),
        ("[[]x]", ["[x]"]),
        ("[a-z]", ["a"]),
        ("[!b]", ["a"]),
        ("a[-b]*", ["a-b", "ab"]),
        ("docs", []),
        ("docs/", []),
        (".", []),
        ("docs/*", ["docs/.draft", "docs/index.md"]),
        ("docs?index.md", []),
        ("docs[!x]index.md", []),
        ("docs[+-9]index.md", []),
        ("docs/**", ["docs/.draft", "docs/deep/er/page.md", "docs/index.md"]),
        ("./docs/**/*.md", ["docs/deep/er/page.md", "docs/index.md"]),
        ("docs/**/er/*", ["docs/deep/er/page.md"]),
        ("docs/**/**/page.md", ["docs/deep/er/page.md"]),
        ("docs/deep/**/er/**", ["docs/deep/er/page.md"]),
        ("*/index.md", ["docs-old/index.md", "docs/index.md"]),
        ("docs*/index.md", ["docs-old/index.md", "docs/index.md"]),
        ("**/mod.py", ["src/mod.py", "src/pkg/mod.py"]),
        ("**/tests/**", ["src/pkg/tests/test_mod.py", "tests/test_mod.py"]),
        ("**/readme.md", ["readme.md"]),
        ("readme.md/**", ["readme.md"]),
        ("README.md", []),
        ("*.MD", []),
    ],
)
def test_what_a_pattern_matches(pattern: str, matched: list[str]) -> None:
    """Wildcards stay within a name, ** is any number of folders, hidden files match, too."""
    assert _matched(pattern) == matched


def test_several_patterns() -> None:
    """A file that any of the patterns matches is named once, in order; no pattern, no file."""
    assert _matched("src/*.py", "**/mod.py", "a") == ["a", "src/mod.py", "src/pkg/mod.py"]
    assert _matched("docs/**", "docs-old/*") == [path for path in FILES if path.startswith("docs")]
    assert _matched() == []


def test_patterns_begin_at_a_folder() -> None:
    """A project in a subfolder names its own files, and others of the repository with ../."""
    assert _matched("*", folder="src") == ["src/mod.py"]
    assert _matched("../*.py", "../../docs/*.md", folder="src/pkg") == [
        "docs/index.md",
        "src/mod.py",
    ]
    assert _matched("../**", folder="src") == FILES
    odd = "we[i]rd *"
    translated = globs.translated(("**",), odd)
    assert list(translated.among([f"{odd}/a", "weird x/a"])) == [f"{odd}/a"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", "a glob such as 'docs/**'"),
        ("docs\\*", "/ between names and no backslash"),
        ("/docs/**", "a path from the project's folder, not from /"),
        ("../../docs/**", "files of this repository: it leads out of it"),
        ("docs/../src/**", "../ at the beginning only"),
        ("docs/**.md", "** alone between two /, such as 'docs/**/*.md'"),
        ("[z-a]", "the range z-a the other way round"),
    ],
)
def test_what_is_no_pattern(pattern: str, expected: str) -> None:
    """What cannot be meant is refused with what is expected instead."""
    with pytest.raises(ValueError, match=r"^expected ") as error:
        globs.translated((pattern,), "project")
    assert str(error.value) == f"expected {expected}"


def _names(of: str) -> st.SearchStrategy[str]:
    return st.text(of, min_size=1, max_size=8)


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(pattern=_names("ab-^&]![*?"), name=_names("ab-^&]![*?\n"))
def test_names_are_matched_as_everywhere(pattern: str, name: str) -> None:
    """Within a name, patterns mean what they mean to the standard library."""
    assume("**" not in pattern)
    try:
        matched = list(globs.translated((pattern,)).among([name])) == [name]
    except ValueError:
        return
    assert matched is fnmatchcase(name, pattern)


def _splits(path: tuple[str, ...], pattern: tuple[str, ...]) -> Iterator[bool]:
    """Try every number of folders for a leading **; otherwise compare name by name."""
    if not pattern:
        yield not path
    elif pattern[0] == "**":
        for count in range(len(path) + 1):
            yield from _splits(path[count:], pattern[1:])
    elif path and fnmatchcase(path[0], pattern[0]):
        yield from _splits(path[1:], pattern[1:])


@settings(derandomize=True, database=None, deadline=None, max_examples=500)
@given(
    patterns=st.lists(
        st.lists(st.sampled_from(["a", "b", "*", "a*", "**"]), min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    ),
    paths=st.sets(
        st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4).map("/".join)
    ),
)
def test_paths_are_matched_name_by_name(patterns: list[list[str]], paths: set[str]) -> None:
    """** stands for any number of folders wherever it is, and no file is missed or too many."""
    matched = globs.translated(tuple("/".join(names) for names in patterns)).among(sorted(paths))
    assert list(matched) == [
        path
        for path in sorted(paths)
        if any(any(_splits(PurePosixPath(path).parts, tuple(names))) for names in patterns)
    ]
