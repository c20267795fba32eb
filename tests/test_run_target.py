"""What `pushgate run` looks at: the files as they are, a commit, a merge, what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Project
from gated import BAD, GOOD, PYTHON, WORKS, Gated, MakeProject, gates

pytestmark = pytest.mark.slow

THREE = {
    **WORKS,
    "pyproject.toml": gates(good="true", works=f"{PYTHON} main.py", other="true").replace(
        "works = {", 'works = { needs = ["good"],'
    ),
}


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A good project."""
    return make_project(WORKS)


def _run(project: Project, *arguments: str, code: int, cwd: Path | None = None) -> str:
    answer = project.pushgate("run", *arguments, cwd=cwd)
    assert answer.returncode == code, answer.stdout
    return answer.stdout


def test_a_commit(project: Project) -> None:
    """A commit is looked at as it is, from any folder, whatever the working tree holds."""
    project.write({"part.py": BAD, "docs/a": ""})
    project.commit()
    commit = project.git("rev-parse", "HEAD").strip()
    project.git("tag", "--annotate", "--message", "it", "v1")
    project.write({"part.py": GOOD, "pyproject.toml": "[tool.push", "noxfile.py": "("})
    told = _run(project, "--commit", "v1", code=1, cwd=project.root / "docs")
    assert told.startswith(f"1 job for pull_request:main on commit {commit[:12]}\n")
    assert f"cd {project.root} && pushgate run --commit {commit[:12]} works" in told
    assert "CI will not have" not in told
    _run(project, "--commit", "HEAD~1", "works", code=0)
    assert _run(project, "--commit", "HEAD~1", "nope", code=2).startswith("pushgate: ")


def test_no_such_commit(project: Project) -> None:
    """What is no commit, or has no project, is wrong usage."""
    for revision in ("nowhere", "HEAD:part.py", "--all", ""):
        told = _run(project, f"--commit={revision}", code=2)
        assert told == (
            f"pushgate: there is no commit `{revision}` in {project.root}: fetch it, or name "
            "another\n"
        )
    project.write({f"new/{name}": content for name, content in WORKS.items()})
    commit = project.git("rev-parse", "HEAD").strip()[:12]
    told = _run(project, "--commit", "HEAD", code=2, cwd=project.root / "new")
    assert told == f"pushgate: commit {commit} has no new/pyproject.toml\n"


def _diverge(project: Project, ours: dict[str, str], theirs: dict[str, str]) -> None:
    project.git("switch", "--quiet", "--create", "topic")
    project.write(ours)
    project.commit("ours")
    project.git("switch", "--quiet", "main")
    project.write(theirs)
    project.commit("theirs")
    project.git("switch", "--quiet", "topic")


def test_a_merge_that_breaks(project: Project) -> None:
    """Both sides pass and their merge does not: `--merge` tells, and touches nothing."""
    ours = {"more.py": "from part import VALUE\n", "main.py": "import part\nimport more\n"}
    theirs = {"part.py": "AMOUNT = 1\n"}
    project.write({"main.py": "import part\n"})
    project.commit("base")
    _diverge(project, ours, theirs)
    _run(project, "--commit", "main", code=0)
    _run(project, "--commit", "topic", code=0)
    before = project.git("for-each-ref"), project.git("status", "--porcelain")
    told = _run(project, "--merge", code=1)
    head, base = (project.git("rev-parse", name).strip()[:12] for name in ("topic", "main"))
    assert f" on the merge of {head} with main ({base})\n" in told
    assert "cannot import name 'VALUE'" in told
    assert (project.git("for-each-ref"), project.git("status", "--porcelain")) == before


def test_a_merge_in_conflict(project: Project) -> None:
    """A conflict is told with its files; nothing is run, and nothing stays half merged."""
    _diverge(project, {"part.py": "VALUE = 3\n"}, {"part.py": "VALUE = 4\n"})
    told = _run(project, "--merge", code=2)
    head, base = (project.git("rev-parse", name).strip()[:12] for name in ("topic", "main"))
    assert told == (
        f"pushgate: {head} is in conflict with {base} in part.py: merge or rebase it first\n"
    )
    assert project.git("status", "--porcelain") == ""
    told = _run(project, "--merge", "--event", "pull_request:gone", code=2)
    assert "there is no branch gone here to merge with" in told


def test_a_merge_with_nothing_new(project: Project) -> None:
    """Where the base has nothing new, the merge is the commit; edits do not count."""
    project.write({"part.py": BAD})
    assert "all selected jobs passed" in _run(project, "--merge", code=0)
    assert "all selected jobs passed" in _run(project, "--merge", "--all", code=0)
    project.commit()
    assert "the value is wrong" in _run(project, "--merge", code=1)


def test_only_what_failed(make_project: MakeProject) -> None:
    """`--failed` runs what did not pass, and what that needs; after a pass there is nothing."""
    project = make_project(THREE)
    assert "there is no run yet" in _run(project, "--failed", code=2)
    project.write({"part.py": BAD, "docs/a": ""})
    _run(project, code=1)
    told = _run(project, "--failed", "works", code=2)
    assert told == "pushgate: --failed chooses the jobs: leave works out\n"
    project.write({"part.py": GOOD})
    told = _run(project, "--failed", code=0, cwd=project.root / "docs")
    assert told.startswith("2 jobs for ")
    assert "other" not in told
    told = _run(project, "--failed", code=2)
    assert "that did not pass: `pushgate run` runs all\n" in told


def test_what_failed_in_a_push(make_project: MakeProject) -> None:
    """What refused a push can be repeated on the files as they are, mended."""
    gated = Gated.of(make_project(THREE))
    gated.commit({"part.py": BAD})
    told = gated.is_refused("main")
    assert "again: pushgate run --failed  (on the files as they are)\n" in told
    assert _run(gated.project, "--failed", code=1).startswith("2 jobs for ")
    gated.project.write({"part.py": GOOD})
    assert _run(gated.project, "--failed", code=0).startswith("2 jobs for ")


def test_what_is_only_here(project: Project) -> None:
    """A run on the files as they are names what CI will not have, and no cache."""
    project.write({".gitignore": ".nox/\n__pycache__/\nsecret.*\n"})
    project.commit()
    assert "note: " not in _run(project, code=0)
    project.write({"secret.py": "", "new.py": "", "build/x": "", "__pycache__/a.pyc": ""})
    told = _run(project, code=0)
    assert "note: CI will not have what is untracked here: build/x, new.py\n" in told
    assert "note: CI will not have what is ignored here: secret.py\n" in told
    assert "note: " not in _run(project, "--commit", "HEAD", code=0)
