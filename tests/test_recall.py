"""Jobs that are taken from records, as a user sees them: what is run again, and what is not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import Project
from gated import Gated, gates

pytestmark = pytest.mark.slow

MakeProject = Callable[..., Project]

COUNTS: Final = """import os, pathlib, sys

with open(os.environ["RUNS"], "a") as runs:
    print(sys.argv[1], file=runs)
outside = pathlib.Path(os.environ["RUNS"]).with_name("outside")
assert not outside.exists(), "something outside is wrong"
"""
"""A gate's program that notes that it ran, and reads what no gate can declare."""

ALWAYS: Final = "verify-records = 0\n"
"""In ``[tool.pushgate]``: no job is run for the sake of honesty alone."""


class Counted:
    """A project whose gates note that they ran."""

    def __init__(self, project: Project, runs: Path) -> None:
        self.project = project
        self._runs = runs

    @classmethod
    def made(cls, make_project: MakeProject, tmp_path: Path, *, more: str = "") -> Counted:
        """Make a project with the gates ``all`` and ``docs``, which reads ``docs/`` only."""
        program = f"{sys.executable} -B count.py"
        table = gates(all=f"{program} all", docs=f"{program} docs")
        table = table.replace("[tool.pushgate]\n", f"[tool.pushgate]\n{ALWAYS}")
        table = table.replace('docs"], ', 'docs"], inputs = ["docs/**", "count.py"], ')
        files = {"pyproject.toml": table + more, "count.py": COUNTS, "docs/index.md": "# Hello\n"}
        return cls(make_project(files), tmp_path / "runs")

    @property
    def env(self) -> dict[str, str]:
        """The variables that the gates' programs need."""
        return {"RUNS": str(self._runs)}

    def ran(self, *arguments: str, code: int = 0) -> list[str]:
        """Run Pushgate, and name the gates whose programs really ran, sorted."""
        return self.told(*arguments, code=code)[0]

    def told(self, *arguments: str, code: int = 0) -> tuple[list[str], str]:
        """Run Pushgate; return the gates that ran, and what was printed."""
        self._runs.write_text("", encoding="utf-8")
        answer = self.project.pushgate("run", "--all", *arguments, env=self.env)
        assert answer.returncode == code, answer.stdout
        return sorted(self._runs.read_text(encoding="utf-8").split()), answer.stdout

    def break_outside(self) -> None:
        """Change what the gates read, but do not declare."""
        self._runs.with_name("outside").touch()


@pytest.fixture
def counted(make_project: MakeProject, tmp_path: Path) -> Counted:
    return Counted.made(make_project, tmp_path)


def test_nothing_runs_twice(counted: Counted) -> None:
    assert counted.ran() == ["all", "docs"]
    ran, told = counted.told()
    assert ran == []
    assert "2 from records" in told
    assert "from its record: passed just now in" in told


def test_only_what_reads_a_changed_file_runs(counted: Counted) -> None:
    counted.ran()
    counted.project.write({"other.txt": "new, not even added"})
    assert counted.ran() == ["all"]
    counted.project.write({"docs/index.md": "# Hello again\n"})
    assert counted.ran() == ["all", "docs"]
    counted.project.write({"docs/index.md": "# Hello\n"})
    assert counted.ran() == []


def test_a_clean_tree_and_its_commit_share_their_records(counted: Counted) -> None:
    counted.ran()
    assert counted.ran("--commit", "HEAD") == []
    counted.project.write({"docs/index.md": "# Committed\n"})
    counted.project.commit()
    assert counted.ran("--commit", "HEAD") == ["all", "docs"]
    assert counted.ran() == []


def test_a_commit_of_what_was_run_is_known(counted: Counted) -> None:
    counted.project.write({"new.txt": "new, and added\n", "docs/index.md": "# Edited\n"})
    counted.project.git("add", "new.txt")
    counted.ran()
    counted.project.commit()
    assert counted.ran("--commit", "HEAD") == []


def test_what_was_untracked_is_looked_at_as_part_of_its_commit(counted: Counted) -> None:
    """Some gates look at tracked files only: they have not seen what was not added."""
    counted.project.write({"docs/new.md": "untracked, and not ignored\n"})
    assert counted.ran() == ["all", "docs"]
    assert counted.ran() == []
    counted.project.commit()
    assert counted.ran("--commit", "HEAD") == ["all", "docs"]


def test_what_is_built_here_keeps_a_pass_from_its_commit(counted: Counted) -> None:
    """An ignored `build/` is no cache: a job may read it."""
    counted.project.write({".gitignore": ".nox/\n__pycache__/\nbuild/\n"})
    counted.project.commit()
    counted.project.write({"build/generated.txt": "CI will not have it\n"})
    assert counted.ran() == ["all", "docs"]
    assert counted.ran("--commit", "HEAD") == ["all"]
    counted.project.write({"build/generated.txt": "something else\n"})
    assert counted.ran() == ["all"]


def test_settings_above_the_repository_count(counted: Counted) -> None:
    """Tools look for their settings in the folders above, which a clean checkout has not."""
    above = counted.project.root.parent / "pytest.ini"
    above.write_text("[pytest]\n", encoding="utf-8")
    counted.ran()
    assert counted.ran() == []
    above.unlink()
    assert counted.ran() == ["all", "docs"]


def test_a_module_of_the_noxfile_counts(make_project: MakeProject, tmp_path: Path) -> None:
    """What the noxfile imports of the project's own defines its gates, whatever they read."""
    counted = Counted.made(make_project, tmp_path)
    noxfile = "import sys\nsys.path.insert(0, '.')\nimport helper\n"
    files = {"helper.py": "", "noxfile.py": f"{noxfile}import pushgate\n\npushgate.register()\n"}
    counted.project.write(files)
    counted.project.commit()
    counted.ran()
    counted.project.write({"helper.py": "# other\n"})
    assert counted.ran() == ["all", "docs"]


def test_where_a_link_leads_counts(counted: Counted, tmp_path: Path) -> None:
    """A tracked link that leaves the repository is read for what it leads to."""
    outside = tmp_path / "data.txt"
    outside.write_text("A", encoding="utf-8")
    (counted.project.root / "data.txt").symlink_to(outside)
    counted.project.commit()
    counted.ran()
    assert counted.ran() == []
    outside.write_text("other", encoding="utf-8")
    assert counted.ran() == ["all"]


def test_an_ignored_file_keeps_a_pass_from_its_commit(counted: Counted) -> None:
    """What passed with a file that CI will not have says nothing about the commit."""
    counted.project.write({".gitignore": ".nox/\n__pycache__/\nlocal.py\n"})
    counted.project.commit()
    counted.project.write({"local.py": "CI will not have it\n"})
    counted.ran()
    assert counted.ran() == []
    # What reads none of it is known.
    assert counted.ran("--commit", "HEAD") == ["all"]


def test_no_cache_runs_every_job_and_keeps_how_it_ended(counted: Counted) -> None:
    assert counted.ran("--no-cache") == ["all", "docs"]
    assert counted.ran("--no-cache") == ["all", "docs"]
    assert counted.ran() == []


def test_a_failure_is_never_taken_from_a_record(counted: Counted) -> None:
    counted.break_outside()
    assert counted.ran(code=1) == ["all", "docs"]
    assert counted.ran(code=1) == ["all", "docs"]


def test_verified_records_shout_where_a_job_ends_in_another_way(counted: Counted) -> None:
    counted.ran()
    counted.break_outside()
    assert counted.ran() == []
    ran, told = counted.told("--verify-records", code=1)
    assert ran == ["all", "docs"]
    assert "on exactly the same files it passed just now" in told
    assert "it is flaky, or reads what it does not declare" in told
    why = counted.project.pushgate("why", "all").stdout
    assert "all would run: on exactly this it failed just now" in why
    # Its pass is none to build on any more.
    assert counted.ran(code=1) == ["all", "docs"]


def test_a_share_of_the_records_is_verified(make_project: MakeProject, tmp_path: Path) -> None:
    counted = Counted.made(make_project, tmp_path)
    pyproject = counted.project.root / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace(ALWAYS, "verify-records = 1\n"), encoding="utf-8")
    counted.ran()
    ran, told = counted.told()
    assert ran == ["all", "docs"]
    assert "note: run all the same, to verify what is recorded: all, docs" in told


def test_a_pass_after_a_failure_is_not_kept(make_project: MakeProject) -> None:
    once = "mkdir once || exit 0; exit 1"
    table = gates(shaky=f"sh -c '{once}'").replace("environment", "retries = 1, environment")
    files = {"pyproject.toml": table, ".gitignore": "once/\n"}
    project = make_project(files)
    assert "flaky" in project.pushgate("run", "--all").stdout
    (project.root / "once").rmdir()
    assert "flaky" in project.pushgate("run", "--all").stdout


def test_nothing_is_kept_of_files_that_changed_meanwhile(make_project: MakeProject) -> None:
    """What a job saw is known only if nothing was edited between the look at it and its end."""
    table = gates(slow="sh -c 'touch started; while ! test -e go; do sleep 0.05; done'")
    project = make_project({"pyproject.toml": table, "input.txt": "before\n"})
    project.write({".gitignore": "started\ngo\n", "edit.sh": "echo after > input.txt\n"})
    project.commit()
    waits = "while ! test -e started; do sleep 0.05; done; echo after > untracked; touch go"
    both = f"({waits}) & {sys.executable} -m pushgate run --all; wait"
    first = project.run("sh", "-c", both)
    assert first.returncode == 0, first.stdout
    changed = "the files changed meanwhile (go, started, untracked)"
    assert f"{changed}: how these ended is not recorded: slow" in first.stdout
    (project.root / "untracked").unlink()
    told = project.pushgate("run", "--all").stdout
    assert "from records" not in told


SUITE: Final = {
    "pyproject.toml": """[tool.pushgate]
python = ["@PYTHON@"]
verify-records = 0
gates.test.shards = 2
gates.lint.enabled = false
gates.types.enabled = false
gates.build.enabled = false
gates.security.enabled = false
gates.audit.enabled = false
[tool.coverage.run]
branch = true
""",
    "demo.py": """def sign(number):
    if number < 0:
        return -1
    if number > 0:
        return 1
    return 0
""",
    "tests/test_a.py": "from demo import sign\n\ndef test_a(): assert sign(3) == 1\n",
    "tests/test_b.py": "from demo import sign\n\ndef test_b(): assert sign(-3) == -1\n",
}


def _coverage(project: Project) -> tuple[str, Mapping[str, Any]]:
    folder = project.outputs("coverage")
    return (folder / "coverage.md").read_text(encoding="utf-8"), project.outcome("coverage")


def test_coverage_from_records_is_that_of_a_full_run(make_project: MakeProject) -> None:
    """The data of shards that are not run again count as if they had been."""
    project = make_project(SUITE)
    first, *shards = ("coverage", *(f"test-{_python()}({index}of2)" for index in (1, 2)))
    full = project.pushgate("run", "--no-cache", "--all")
    assert full.returncode == 0, full.stdout
    report, _ = _coverage(project)
    assert "demo.py" in report
    assert project.pushgate("clean").returncode == 0
    shutil.rmtree(project.root / ".pushgate" / "out")
    assert project.pushgate("run", shards[0]).returncode == 0
    shutil.rmtree(project.root / ".pushgate" / "out")
    mixed = _events(project, "run", "--all", "--json")
    assert {job: end["from_record"] for job, end in mixed.items()} == {
        shards[0]: True,
        shards[1]: False,
        first: False,
    }
    assert _coverage(project)[0] == report
    shutil.rmtree(project.root / ".pushgate" / "out")
    known = _events(project, "run", "--all", "--json")
    assert all(end["from_record"] for end in known.values())
    assert _coverage(project)[0] == report
    for shard in shards:
        for name in ("junit.xml", "collected.json", "durations.json"):
            assert (project.outputs(shard) / name).is_file()
    # What was put back can be built on: a single job finds the outputs that it needs.
    again = project.nox("--no-dependencies", "-s", "coverage")
    assert again.returncode == 0, again.stdout


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _events(project: Project, *arguments: str) -> dict[str, Mapping[str, Any]]:
    answer = project.pushgate(*arguments)
    assert answer.returncode == 0, answer.stdout
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    ends = (event["outcome"] for event in events if event["type"] == "job-finished")
    return {outcome["job"]: outcome for outcome in ends}


def test_the_log_of_a_record_is_put_back(make_project: MakeProject) -> None:
    table = gates(speaks="echo what it said").replace(
        "[tool.pushgate]\n", f"[tool.pushgate]\n{ALWAYS}"
    )
    project = make_project({"pyproject.toml": table})
    project.pushgate("run", "--all")
    told = project.pushgate("run", "--all", "--verbose").stdout
    assert "1 from records" in told
    assert "what it said" in told


def test_a_push_of_what_was_run_takes_the_records(
    make_project: MakeProject, tmp_path: Path
) -> None:
    counted = Counted.made(make_project, tmp_path)
    gated = Gated.of(counted.project)
    counted.ran()
    (tmp_path / "runs").write_text("", encoding="utf-8")
    pushed = gated.push("main", env=counted.env)
    assert pushed.returncode == 0, pushed.stdout
    assert (tmp_path / "runs").read_text(encoding="utf-8") == ""


ADOPTED: Final = """import os
import nox
import pushgate

nox.options.default_venv_backend = "none"
pushgate.register()

@nox.session
def old(session):
    with open(os.environ["RUNS"], "a") as runs:
        print("old", file=runs)
"""


def test_a_session_of_the_projects_own_runs_once(make_project: MakeProject, tmp_path: Path) -> None:
    """It knows nothing of Pushgate, and leaves no outcome."""
    table = f"[tool.pushgate]\npython = ['@PYTHON@']\n{ALWAYS}gates.old.session = 'old'\n"
    counted = Counted(
        make_project({"pyproject.toml": table, "noxfile.py": ADOPTED}), tmp_path / "r"
    )
    assert counted.ran() == ["old"]
    assert counted.ran() == []
    assert counted.ran("--commit", "HEAD") == []


def test_why_tells_what_is_different_from_the_last_run(counted: Counted) -> None:
    never = counted.project.pushgate("why", "docs")
    assert never.returncode == 0, never.stdout
    assert "docs would run" in never.stdout
    assert "it never ran before" in never.stdout
    counted.ran()
    assert "docs would be taken from its record" in counted.project.pushgate("why", "docs").stdout
    counted.project.write({"docs/index.md": "# Changed\n", "docs/new.md": "new\n"})
    told = counted.project.pushgate("why", "docs").stdout
    assert "docs would run" in told
    changes = [line.split() for line in told.splitlines() if line.startswith("files")]
    assert ["files", "docs/index.md", "changed"] in changes
    assert ["files", "docs/new.md", "new"] in changes
    # Once it has run, what made it run is still told.
    counted.ran()
    told = counted.project.pushgate("why", "docs").stdout
    assert "docs would be taken from its record" in told
    assert "docs/new.md" in told
    at_commit = counted.project.pushgate("why", "docs", "--commit", "HEAD", "--json")
    (explained,) = json.loads(at_commit.stdout)
    assert explained["record"]["result"] == "passed"
    assert "docs/index.md" in explained["fingerprint"]["files"]


def test_why_refuses_a_name_that_is_none(counted: Counted) -> None:
    answer = counted.project.pushgate("why", "dosc")
    assert answer.returncode == 2
    assert "did you mean 'docs'?" in answer.stdout


def test_clean_removes_all_that_runs_have_left(counted: Counted) -> None:
    counted.ran()
    counted.ran("--commit", "HEAD", "--no-cache")
    would = counted.project.pushgate("clean", "--dry-run").stdout
    assert would.count("would remove") == 4, would
    assert counted.ran() == []
    assert counted.project.pushgate("clean").stdout.count("removed") == 4
    assert counted.project.pushgate("clean").stdout == "there is nothing to remove\n"
    assert counted.project.git("worktree", "list").count("\n") == 1
    assert counted.ran() == ["all", "docs"]
