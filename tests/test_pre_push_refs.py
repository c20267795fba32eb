"""Which commits and projects of a push are judged, as what, and which need no judgement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import NOXFILE
from gated import BAD, GOOD, PYTHON, WORKS, Gated, MakeProject, gates, headlines

pytestmark = pytest.mark.slow


@pytest.fixture
def gated(make_project: MakeProject) -> Gated:
    """A good project with the hook and an empty remote."""
    return Gated.of(make_project(WORKS))


def _below(folder: str, part: str = GOOD) -> dict[str, str]:
    files = {**WORKS, "noxfile.py": NOXFILE, "part.py": part}
    return {f"{folder}/{name}": content for name, content in files.items()}


def test_new_branches_and_old_commits(gated: Gated) -> None:
    """A first push, a root commit, an old commit, and a forced one: each is judged as it is."""
    gated.commit({"part.py": BAD})
    gated.commit({"part.py": GOOD})
    gated.commit({"new.py": ""})
    told = gated.passes("HEAD~3:refs/heads/old")
    assert headlines(told) == ["1 job for pull_request:main on commit ID, pushed to old"]
    gated.is_refused("HEAD~2:refs/heads/bad")
    told = gated.passes("main")
    assert headlines(told) == ["1 job for push:main on commit ID, pushed to main"]
    gated.is_refused("--force", "HEAD~2:refs/heads/main")
    gated.passes("--force", "HEAD~3:refs/heads/main")
    assert gated.refs()["refs/heads/main"] == gated.id("HEAD~3")


def test_several_refs(gated: Gated) -> None:
    """Each commit of a push is judged once, for all refs that it becomes; a deletion is not."""
    gated.passes("main:refs/heads/gone")
    gated.project.git("tag", "light")
    gated.project.git("tag", "--annotate", "--message", "it", "v1")
    gated.commit({"new.py": ""})
    told = gated.passes("main", "HEAD:refs/heads/b", ":gone", "light", "v1")
    assert "note: refs/heads/gone: it is deleted\n" in told
    assert sorted(headlines(told)) == [
        "1 job for push:main, pull_request:main on commit ID, pushed to main, b",
        "1 job for tag:light, tag:v1 on commit ID, pushed to light, v1",
    ]
    gated.commit({"part.py": BAD})
    gated.is_refused("main", "v1:refs/tags/v2")
    gated.project.git("tag", "--annotate", "--message", "it", "bad")
    told = gated.is_refused("bad", "HEAD~1:refs/heads/c")
    assert re.findall(r"^(?:all selected jobs passed|a job failed)", told, re.MULTILINE) in (
        ["a job failed", "all selected jobs passed"],
        ["all selected jobs passed", "a job failed"],
    )


def test_a_deletion(gated: Gated) -> None:
    """Nothing runs for a deletion, whatever is checked out."""
    gated.passes("main", "HEAD:refs/heads/gone")
    runs = len(list((gated.state / "runs").iterdir()))
    gated.commit({"part.py": BAD})
    told = gated.passes("--delete", "gone")
    assert headlines(told) == []
    assert len(list((gated.state / "runs").iterdir())) == runs


def test_what_is_not_fought(gated: Gated) -> None:
    """`--no-verify` is the user's own choice."""
    gated.commit({"part.py": BAD})
    gated.passes("--no-verify", "main")


def test_a_commit_that_does_not_know_pushgate(gated: Gated) -> None:
    """A commit without a noxfile that calls Pushgate goes out, with a word."""
    gated.project.git("rm", "--quiet", "noxfile.py")
    files = {"part.py": BAD, "pyproject.toml": "", "web/noxfile.py": "import nox\n"}
    commit = gated.commit(files)[:12]
    note = f"commit {commit}, pushed to main: no noxfile.py there calls Pushgate: nothing to judge"
    assert f"note: {note}\n" in gated.passes("main")
    gated.project.root.joinpath("web/noxfile.py").unlink()
    gated.project.root.joinpath("web/noxfile.py").symlink_to("nowhere")
    gated.commit({})
    assert "nothing to judge\n" in gated.passes("main")
    gated.project.git("rm", "--quiet", "pyproject.toml")
    gated.commit({"noxfile.py": NOXFILE})
    assert "pushed to main: pyproject.toml: " in gated.is_refused("main")


def test_a_noxfile_that_is_not_tracked(gated: Gated) -> None:
    """A project whose noxfile only the user has is refused: CI would find no gate."""
    gated.project.git("rm", "--quiet", "--cached", "noxfile.py")
    gated.project.git("commit", "--quiet", "--message", "gone")
    assert gated.project.pushgate("run").returncode == 0
    told = gated.is_refused("main")
    assert "pushed to main: pyproject.toml: [tool.pushgate] needs a noxfile.py beside it" in told


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        (
            "pyproject.toml",
            "[tool.pushgate]\nnope = 1\n",
            "pyproject.toml: tool.pushgate: unknown key",
        ),
        ("pyproject.toml", "[tool.push", "pyproject.toml: "),
        ("pyproject.toml", "", "pyproject.toml: "),
        ("noxfile.py", f"{NOXFILE}(\n", "noxfile.py cannot be read: SyntaxError: "),
        ("noxfile.py", f"{NOXFILE}exit()\n", "noxfile.py cannot be read: SystemExit: "),
    ],
)
def test_a_definition_that_cannot_be_read(
    gated: Gated, file: str, content: str, problem: str
) -> None:
    """A commit whose definition is broken is refused, whatever the working tree says."""
    good = (gated.project.root / file).read_text(encoding="utf-8")
    commit = gated.commit({file: content})[:12]
    gated.project.write({file: good})
    told = gated.is_refused("main")
    assert f"pushgate: commit {commit}, pushed to main: {problem}" in told
    assert "Traceback" not in told
    assert gated.left() == []


def test_a_checkout_that_cannot_be_had(gated: Gated) -> None:
    """A commit that cannot be checked out as CI would have it is refused."""
    gated.project.write({".gitattributes": "*.txt eol=crlf\n"})
    gated.project.git("config", "core.autocrlf", "false")
    blob = gated.project.run("sh", "-c", r"printf 'a\r\n' | git hash-object -w --stdin").stdout
    gated.project.git("add", "--all")
    gated.project.git("update-index", "--add", "--cacheinfo", f"100644,{blob.strip()},a.txt")
    gated.project.git("commit", "--quiet", "--message", "endings")
    told = gated.is_refused("main")
    assert "a.txt is not what" in told


def test_a_state_that_cannot_be_used(gated: Gated) -> None:
    """Where Pushgate cannot keep what it needs, the push is refused in plain words."""
    gated.state.write_text("in the way", encoding="utf-8")
    told = gated.is_refused("main")
    assert told.splitlines()[0].startswith("pushgate: ")
    assert str(gated.state) in told
    assert "Traceback" not in told


def test_gates_of_certain_events_and_files(make_project: MakeProject) -> None:
    """A gate's events and inputs decide; the inputs are compared with what the remote had."""
    table = gates(every="true", release="false", web="false")
    table = table.replace('["false"], environment', '["false"], on = ["push:main"], environment', 1)
    gated = Gated.of(
        make_project(
            {
                "pyproject.toml": table.replace("web = {", 'web = { inputs = ["web/**"],'),
                "web/a.js": "",
            }
        )
    )
    gated.passes("--no-verify", "main")
    before = gated.commit({"new.py": ""})
    assert headlines(gated.passes("HEAD:refs/heads/topic")) == [
        "1 job for pull_request:main on commit ID, pushed to topic"
    ]
    told = gated.is_refused("main")
    assert headlines(told) == ["2 jobs for push:main on commit ID, pushed to main"]
    assert "release failed: " in told
    gated.passes("--no-verify", "main")
    # The remote has gone on, and nobody has fetched: what it was at is what git tells.
    gated.commit({"web/a.js": "1"})
    gated.project.git("push", "--quiet", "--no-verify", str(gated.remote), "main")
    gated.commit({"web/a.js": "", "other.py": ""})
    assert gated.id("refs/remotes/origin/main") == before
    told = gated.is_refused("main")
    assert headlines(told) == ["3 jobs for push:main on commit ID, pushed to main"]


def test_a_project_in_a_subfolder(make_project: MakeProject) -> None:
    """Its lines tell where it is, and what repeats it works where the user stands."""
    gated = Gated.of(make_project({**_below("backend"), "noxfile.py": "", "docs/a": ""}))
    told = gated.passes("main", cwd=gated.project.root / "docs")
    assert headlines(told) == ["1 job for push:main on backend in commit ID, pushed to main"]
    gated.commit({"backend/part.py": BAD})
    elsewhere = f"cd {gated.project.root / 'backend'} && "
    for cwd, there in ((".", "cd backend && "), ("backend", ""), ("docs", elsewhere)):
        told = gated.is_refused("main", cwd=gated.project.root / cwd)
        assert f"  again: {there}nox -s works\n" in told
        command = re.findall(r"again: (.*)  \(on exactly", told)[0]
        run = "import sys; from pushgate.cli import main; sys.exit(main())"
        program = f'pushgate() {{ {PYTHON} -c "{run}" "$@"; }}; {command}'
        answer = gated.project.run("sh", "-c", program, cwd=gated.project.root / cwd)
        assert answer.returncode == 1, answer.stdout
        assert "works failed: " in answer.stdout
        log = re.findall(r"log:   (.*)", told)[0]
        assert (gated.project.root / cwd / log).is_file()


def test_two_projects(make_project: MakeProject) -> None:
    """Both are judged, one after the other; either one refuses the push."""
    files = {**_below("one"), **_below("two"), "noxfile.py": ""}
    gated = Gated.of(make_project(files))
    expected = [
        f"1 job for push:main on {name} in commit ID, pushed to main" for name in ("one", "two")
    ]
    assert headlines(gated.passes("main")) == expected
    gated.commit({"one/part.py": BAD})
    told = gated.is_refused("main")
    assert headlines(told) == expected
    last = told.splitlines()[-2:]
    commit = gated.id("HEAD")[:12]
    assert last[0] == f"note: not all passed on one in commit {commit}, pushed to main"
    commit = gated.commit({"one/part.py": GOOD, "two/pyproject.toml": "["})[:12]
    told = gated.is_refused("main")
    assert f"pushgate: two in commit {commit}, pushed to main: pyproject.toml: " in told


def test_a_project_within_a_project(gated: Gated) -> None:
    """Only the outer one is judged, and the user is told."""
    commit = gated.commit(_below("samples/inner", BAD))[:12]
    told = gated.passes("main")
    assert headlines(told) == ["1 job for push:main on commit ID, pushed to main"]
    words = f"commit {commit}, pushed to main: within another project, not judged: samples/inner"
    assert f"note: {words}\n" in told


def test_what_could_not_look(make_project: MakeProject) -> None:
    """A gate that could not look lets no push through."""
    gated = Gated.of(make_project({"pyproject.toml": gates(looks="no-such-tool")}))
    told = gated.is_refused("main")
    assert "nothing failed, but something could not be looked at: 1 unavailable" in told


def test_each_commit_has_its_own_definition(make_project: MakeProject) -> None:
    """Modules that a noxfile imports are those of the commit that is judged."""
    noxfile = "import sys\nsys.path.insert(0, 'parts')\nimport mine\n" + NOXFILE
    mine = (
        "import os\nimport pushgate\n\nos.environ['{name}'] = 'set'\n\n"
        "@pushgate.gate(environment=False)\ndef {name}(gate):\n"
        "    gate.run('sh', '-c', 'echo $early$later | grep -x set')\n"
    )
    files = {"pyproject.toml": gates(), "noxfile.py": noxfile}
    gated = Gated.of(make_project({**files, "parts/mine.py": mine.format(name="early")}))
    gated.commit({"parts/mine.py": mine.format(name="later")})
    told = gated.passes("HEAD~1:refs/heads/a", "HEAD:refs/heads/b")
    assert re.findall(r"^(early|later)  passed", told, re.MULTILINE) == ["early", "later"]


def test_linked_worktrees(gated: Gated, tmp_path: Path) -> None:
    """A push from a linked worktree is judged by the same hook, and what it has runs there."""
    linked = tmp_path / "linked"
    gated.project.git("worktree", "add", "--quiet", "-b", "topic", str(linked))
    gated.passes("topic", cwd=linked)
    (linked / "part.py").write_text(BAD, encoding="utf-8")
    gated.project.git("-C", str(linked), "commit", "--quiet", "--all", "--message", "bad")
    told = gated.is_refused("topic", cwd=linked)
    assert "  again: nox -s works\n" in told
    gated.passes("main", cwd=linked)


def test_worktrees_of_a_bare_repository(gated: Gated, tmp_path: Path) -> None:
    """A push from the folder around the worktrees, which is none itself, is judged as well."""
    around = tmp_path / "around"
    gated.project.git("clone", "--quiet", "--bare", str(gated.project.root), str(around / ".bare"))
    (around / ".git").write_text("gitdir: ./.bare\n", encoding="utf-8")
    gated.project.git("-C", str(around), "remote", "set-url", "origin", str(gated.remote))
    gated.project.git("-C", str(around), "worktree", "add", "--quiet", "main")
    installed = gated.project.pushgate("install", cwd=around / "main")
    assert installed.returncode == 0, installed.stdout
    gated.passes("main", cwd=around / "main")
    (around / "main" / "part.py").write_text(BAD, encoding="utf-8")
    gated.project.git("-C", str(around / "main"), "commit", "--quiet", "--all", "--message", "bad")
    gated.is_refused("main", cwd=around / "main")
    assert "works failed: " in gated.is_refused("main", cwd=around)
    assert "works failed: " in gated.is_refused("main", cwd=around / ".bare")
