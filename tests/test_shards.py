"""The plug-in that accounts for the tests of a shard, with the real pytest and its plug-ins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from pushgate.shards import collection, proof
from pushgate.shards.collection import CollectionMissingError
from pushgate.tools import process

SUITE: Final = {
    "pytest.ini": "[pytest]\nmarkers = slow\n",
    "test_a.py": """import pytest

@pytest.mark.xdist_group("a")
@pytest.mark.parametrize("number", range(6))
def test_plain(number):
    assert True

@pytest.mark.slow
def test_slow():
    assert True
""",
    "sub/test_a.py": "def test_plain():\n    assert True\n",
    "sub/__init__.py": "",
}
COLLECTED: Final = {*(f"test_a.py::test_plain[{n}]" for n in range(6)), "sub/test_a.py::test_plain"}

SPLIT: Final = ("--splits=2", "--splitting-algorithm=least_duration")


@pytest.fixture
def suite(tmp_path: Path) -> Project:
    """A folder with tests."""
    project = Project(tmp_path / "suite")
    project.write(SUITE)
    return project


def _run(suite: Project, name: str, *arguments: str) -> tuple[int, Path]:
    """Run pytest with the plug-in; return its status and the folder of the account."""
    folder = suite.root.parent / name
    folder.mkdir()
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", collection.PLUGIN, *arguments],
        cwd=suite.root,
        env=process.clean_environment(
            {
                "PYTHONPATH": str(collection.PLUGIN_FOLDER),
                collection.OUTPUT_VARIABLE: str(folder),
            }
        ),
        check=False,
    )
    return completed.returncode, folder


def test_shards_account_for_every_test(suite: Project) -> None:
    """Two shards, one with workers, tell what was there before the split and what they ran."""
    arguments = (*SPLIT, "-m", "not slow")
    _, one = _run(suite, "one", *arguments, "--group=1")
    _, two = _run(suite, "two", *arguments, "--group=2", "-n2", "--dist=loadgroup")
    shards = {"one": collection.load(one), "two": collection.load(two)}
    assert proof.prove(shards) == ()
    for folder, shard in ((one, shards["one"]), (two, shards["two"])):
        assert set(shard.collected) == COLLECTED
        assert {len(shard.kept), len(COLLECTED) - len(shard.kept)} == {3, 4}
        assert shard.ran.keys() == set(shard.kept)
        assert all(seconds > 0 for seconds in shard.ran.values())
        assert {file.name for file in folder.iterdir()} == {"collected.json", "durations.json"}


def test_a_whole_suite_accounts_for_every_test(suite: Project) -> None:
    """Without a split, and without pytest-split and pytest-xdist, every test is kept and ran."""
    _, folder = _run(suite, "whole", "-p", "no:pytest-split", "-p", "no:xdist", "-m", "not slow")
    account = collection.load(folder)
    assert set(account.collected) == set(account.kept) == account.ran.keys() == COLLECTED


def test_hooks_of_the_project_come_before_the_split(suite: Project) -> None:
    """Tests that the project's own late hook leaves out are none that a shard lost."""
    suite.write(
        {
            "conftest.py": """import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != "test_slow"]
"""
        }
    )
    shards = {
        name: collection.load(_run(suite, name, *SPLIT, f"--group={name}")[1]) for name in "12"
    }
    assert set(shards["1"].collected) == COLLECTED
    assert proof.prove(shards) == ()


def test_whatever_becomes_of_a_test(suite: Project) -> None:
    """A test that failed, was skipped, or was to fail has run; so has one whose set-up failed."""
    suite.write(
        {
            "test_a.py": """import pytest

@pytest.fixture
def broken():
    raise RuntimeError

def test_fails():
    assert False

def test_skips():
    pytest.skip("so")

@pytest.mark.skip
def test_is_skipped():
    pass

@pytest.mark.xfail
def test_is_to_fail():
    assert False

def test_is_not_set_up(broken):
    pass
"""
        }
    )
    status, folder = _run(suite, "account")
    account = collection.load(folder)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert proof.prove({"one": account}) == ()
    assert len(account.ran) == 6


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_crash_in_the_middle(suite: Project, workers: tuple[str, ...]) -> None:
    """Where pytest or one of its workers dies, no account is taken for a good one."""
    suite.write({"sub/test_b.py": "import os\n\ndef test_crash():\n    os._exit(0)\n"})
    status, folder = _run(suite, "account", *workers)
    if workers:
        assert status == pytest.ExitCode.TESTS_FAILED
        assert "sub/test_b.py::test_crash" in collection.load(folder).kept
    else:
        assert status == 0
        with pytest.raises(CollectionMissingError, match=r"durations\.json"):
            collection.load(folder)


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        ({"sub/test_b.py": "import pytest\n\ndef test_end():\n    pytest.exit('now', 0)\n"}, ()),
        ({}, ("--setup-only",)),
        ({}, ("--setup-plan",)),
    ],
)
def test_tests_that_did_not_run_are_found(
    suite: Project, files: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """A pytest that ends well without having called every test leaves no proof."""
    suite.write(files)
    status, folder = _run(suite, "account", *arguments)
    assert status == 0
    (problem,) = proof.prove({"one": collection.load(folder)})
    assert "tests that it did not run" in problem
    assert "test_plain[0]" in problem
