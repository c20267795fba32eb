"""What jobs print, and where it is kept: whatever it is, and where there is no room for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import pytest

from conftest import Project
from watched_run import gate, gates, watch

MakeProject = Callable[..., Project]

MANY: Final = 200
MEBIBYTE: Final = 1 << 20

LOUD: Final = gates(
    gate("flood", "head -c 200000000 /dev/zero; echo the end"),
    gate("binary", "head -c 100000 /dev/urandom; sleep 2"),
    gate("endless", "head -c 3000000 /dev/zero | tr \\\\0 x; sleep 2"),
    gate("torn", 'printf "caf\\\\351 \\\\377 \\\\303"; sleep 2'),
    gate("progress", 'printf "1 %%\\\\r2 %%\\\\r"; sleep 2'),
    gate("silent", "true"),
)


@contextmanager
def _small_disk(folder: Path, options: str) -> Iterator[None]:
    """Mount a file system of its own at a folder."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root mounts a file system")
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_whatever_a_job_prints(make_project: MakeProject) -> None:
    """Nothing that a job prints is in its way: its log holds it, of much the two ends."""
    project = make_project(LOUD)
    run = watch(project, "-j", "6")
    assert run.status == 0, run.outcomes
    assert {result for result, _ in run.outcomes.values()} == {"passed"}
    flood = run.log("flood")
    assert 15 * MEBIBYTE < len(flood) < 17 * MEBIBYTE
    assert flood.startswith(b"nox > Running session flood\n")
    assert b" bytes left out ..." in flood
    assert flood.endswith(b"the end\nnox > Session flood was successful.\n")
    assert len(run.log("binary")) > 100_000
    assert run.log("endless").count(b"x") >= 3_000_000
    assert b"caf\xe9 \xff \xc3" in run.log("torn")
    told = [(event["job"], event["line"], event["size"]) for event in run.of("job-output")]
    lines = {(job, line) for job, line, _ in told}
    assert {("endless", "x" * 500), ("torn", "caf� � �"), ("progress", "2 %")} <= lines
    assert max(size for job, _, size in told if job == "endless") > 3_000_000
    assert all(len(line) <= 500 for _, line in lines)
    answer = project.pushgate("run", "--verbose", "torn", "binary", "silent")
    assert answer.returncode == 0


def test_the_folder_of_a_run(make_project: MakeProject) -> None:
    """It holds the very events that were told, and a log for every job that was started."""
    bad = gate("bad", "exit 1")
    project = make_project(
        gates(bad, gate("good", "true"), gate("of-bad", "true", 'needs = ["bad"]'))
    )
    run = watch(project)
    assert run.status == 1
    lines = (run.folder / "events.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(run.events)
    logs = {event["outcome"]["job"]: event["log"] for event in run.of("job-finished")}
    assert logs == {
        "bad": str(run.folder / "bad.log"),
        "good": str(run.folder / "good.log"),
        "of-bad": "",
    }
    assert {path.name for path in run.folder.glob("*.log")} == {"bad.log", "good.log", "server.log"}


def test_a_reader_that_goes_away(make_project: MakeProject) -> None:
    """Who reads only the first event ends the report, not the run."""
    project = make_project(gates(gate("waits", "sleep 1; touch .git/done")))
    read_one = '"$@" | head -n 1'
    project.run("sh", "-c", read_one, "sh", sys.executable, "-m", "pushgate", "run", "--json")
    assert (project.root / ".git" / "done").exists()
    assert " passed " in project.pushgate("report").stdout


def _in_the_way(state: Path) -> AbstractContextManager[None]:
    state.write_text("in the way", encoding="utf-8")
    return nullcontext()


def _read_only(state: Path) -> AbstractContextManager[None]:
    return _small_disk(state, "size=1m,ro")


@pytest.mark.parametrize("spoilt", [_in_the_way, _read_only])
def test_a_state_folder_that_cannot_be_written(
    make_project: MakeProject,
    tmp_path: Path,
    spoilt: Callable[[Path], AbstractContextManager[None]],
) -> None:
    """The run goes on without records, and says so once; its logs are in a temporary folder."""
    project = make_project(gates(gate("good", "echo a word"), gate("bad", "exit 1")))
    (tmp_path / "tmp").mkdir()
    with spoilt(project.root / ".git" / "pushgate"):
        run = watch(project, env={"TMPDIR": str(tmp_path / "tmp")})
        assert {job: result for job, (result, _) in run.outcomes.items()} == {
            "good": "passed",
            "bad": "failed",
        }
        assert project.pushgate("report").returncode == 2
    (note,) = [event["text"] for event in run.of("note") if "records" in event["text"]]
    assert note.startswith(f"runs without records: {project.root}")
    assert " cannot be written: " in note
    assert b"a word" in run.log("good")
    assert list((tmp_path / "tmp").iterdir()) == [run.folder]


@pytest.mark.parametrize("spoilt", [_in_the_way, _read_only])
def test_a_clean_checkout_needs_the_state_folder(
    make_project: MakeProject, spoilt: Callable[[Path], AbstractContextManager[None]]
) -> None:
    """Without its lock another run could use the same checkout: one line, and nothing runs."""
    project = make_project(gates(gate("good", "touch .git/ran")))
    state = project.root / ".git" / "pushgate"
    with spoilt(state):
        answer = project.pushgate("run", "--commit", "HEAD", "good")
    assert answer.returncode == 2
    assert answer.stdout.startswith(f"pushgate: {state}")
    assert " cannot be written, where " in answer.stdout
    assert answer.stdout.count("\n") == 1


def test_a_disk_that_is_full(make_project: MakeProject) -> None:
    """Where the disk of the logs becomes full, that is told, and the run ends in order."""
    flood = gate("flood", "head -c 2000000 /dev/zero")
    quiet = gate("quiet", "exit 3", 'after = ["flood"]')
    # Neither its outcome nor Nox's report is there to be read.
    lost = "cat /dev/zero > .git/pushgate/fill; rm -r .pushgate/out/lost; touch .pushgate/out/lost"
    project = make_project(gates(flood, quiet, gate("lost", lost, 'after = ["flood"]')))
    with _small_disk(project.root / ".git" / "pushgate", "size=200k"):
        run = watch(project, "-j", "1", "--keep-going")
    assert run.status == 1
    assert run.outcomes == {
        "flood": ("failed", "`sh -c 'head -c 2000000 /dev/zero'` ended with 1"),
        "quiet": ("failed", "`sh -c 'exit 3'` ended with 3"),
        "lost": ("unavailable", "nox ended with 1 before it ran the session (see its output)"),
    }
    assert any("full" in note or "No space left" in note for note in run.notes)
    assert run.events[-1]["type"] == "run-finished"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells VmHWM")
@pytest.mark.slow
def test_the_memory_of_a_run(make_project: MakeProject) -> None:
    """With two hundred jobs the process that runs them keeps below 80 MB."""
    project = make_project(gates(*(gate(f"job{number}", "true") for number in range(MANY))))
    script = (
        "from pathlib import Path\nfrom pushgate import cli\n"
        "assert cli.main(['run', '-j', '2']) == 0\n"
        "print(Path('/proc/self/status').read_text())\n"
    )
    answer = project.run(sys.executable, "-c", script)
    assert f"all selected jobs passed ({MANY} jobs in" in answer.stdout
    status = dict(line.split(":", 1) for line in answer.stdout.splitlines() if ":\t" in line)
    assert int(status["VmHWM"].split()[0]) < 80_000
