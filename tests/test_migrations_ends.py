"""However the gate `migrations` ends, nothing of it stays, and nobody takes it for a pass."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from alembic_projects import revision, shop
from carrying_out import carry_out
from conftest import Project
from living import until
from postgres_servers import IMAGE, require
from pushgate.model.outcome import Result

pytestmark = [pytest.mark.docker, pytest.mark.slow]

MakeProject = Callable[..., Project]

RUN: Final = ("pushgate", "run", "--no-cache", "migrations")
NOX: Final = ("nox", "-s", "migrations")
NEXT: Final = {RUN: ("pushgate", "run", "quick"), NOX: NOX}

_QUICK: Final = '[tool.pushgate.gates.quick]\nrun = ["true"]\nenvironment = false\n'
_MARK: Final = "MIGRATIONS_TESTS"
_SLEEPS: Final = "import pathlib\npathlib.Path('.git/sleeps').touch()\n"
_DATABASE_SLEEPS: Final = f"{_SLEEPS}op.execute('SELECT pg_sleep(600)')"
_PROCESS_SLEEPS: Final = f"{_SLEEPS}import time\ntime.sleep(600)"
_MOMENTS: Final = 2
"""How many a test tries; over many runs, they are anywhere."""

_GROW: Final = "CREATE TABLE notes AS SELECT repeat('x', 1900) FROM generate_series(1, 60000)"


@dataclass(frozen=True)
class Started:
    """How a project's gates are started, so that all that they leave is known.

    Attributes:
        project: The project.
        image: A name of its own for the image.
        temporary: A folder of its own for temporary files.
        mark: A value of its own in the environment.
    """

    project: Project
    image: str
    temporary: Path
    mark: str

    @contextmanager
    def by(self, command: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
        """Start a command as a terminal does: it leads a process group."""
        with subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.project.root,
            env={**os.environ, "TMPDIR": str(self.temporary), _MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def containers(self) -> list[str]:
        """Return the ids of its containers, running or not."""
        listed = _docker("ps", "--all", "--format", "{{.ID}} {{.Image}}").splitlines()
        return [line.split()[0] for line in listed if line.split()[1] == self.image]

    def left(self) -> list[str]:
        """Name all that is there of it."""
        # uv has a lock for each project there, which it leaves.
        files = [path.name for path in self.temporary.iterdir() if not path.match("uv-*.lock")]
        return [*self.containers(), *files, *self._processes()]

    def _processes(self) -> Iterator[str]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                mine = process.environ().get(_MARK) == self.mark
                if process.pid != os.getpid() and (mine or str(self.temporary) in words):
                    yield words


def _docker(*arguments: str) -> str:
    answer = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    return answer.stdout


Begin = Callable[..., Started]


@pytest.fixture
def begin(make_project: MakeProject) -> Iterator[Begin]:
    """Make a project for a provider."""
    require("docker")
    require("local")
    mark = uuid.uuid4().hex
    image = f"pushgate-tests-{mark}:16"
    # Not below pytest's own folder, where the user of a local server may not go.
    temporary = Path(tempfile.mkdtemp(prefix="pushgate-tests-"))
    temporary.chmod(0o755)
    _docker("tag", IMAGE, image)

    def make(provider: str, **parts: Any) -> Started:  # noqa: ANN401  # shop's
        options = f'postgres = {{ provider = "{provider}", image = "{image}" }}\n'
        more = f"offline = false\n{_QUICK}" if parts else _QUICK
        project = make_project(shop(options=options + more, **parts))
        return Started(project, image, temporary, mark)

    try:
        yield make
    finally:
        _docker("rmi", "--force", image)
        shutil.rmtree(temporary)


def _sleeping(what: str) -> dict[str, str]:
    return {"b1": revision("b1", "a1", what, "pass")}


def _asleep(started: Started) -> bool:
    return (started.project.root / ".git" / "sleeps").exists()


@pytest.mark.parametrize("provider", ["docker", "local"])
@pytest.mark.parametrize("command", [RUN, NOX], ids=["run", "nox"])
def test_killed_at_any_moment(begin: Begin, provider: str, command: tuple[str, ...]) -> None:
    """After the start that follows a kill, nothing of the killed one exists."""
    started = begin(provider)
    begun = time.monotonic()
    with started.by(command) as whole:
        output = whole.communicate(timeout=120)[0]
    assert whole.returncode == 0, output
    seconds = time.monotonic() - begun
    for _ in range(_MOMENTS):
        moment = random.uniform(0.1, seconds)  # noqa: S311
        with started.by(command):
            time.sleep(moment)
        with started.by(NEXT[command]) as after:
            output = after.communicate(timeout=120)[0]
        assert (after.returncode, started.left()) == (0, []), f"after {moment} s: {output}"


@pytest.mark.parametrize("command", [RUN, NOX], ids=["run", "nox"])
def test_interrupted_by_its_terminal(begin: Begin, command: tuple[str, ...]) -> None:
    """Ctrl-C ends it with all that it has started, and shows no traceback."""
    started = begin("docker", revisions=_sleeping(_DATABASE_SLEEPS))
    with started.by(command) as process:
        until(lambda: _asleep(started))
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    assert (process.returncode, started.left()) == (130, []), output
    assert "Traceback" not in output
    assert started.project.outcome("migrations")["result"] == "aborted"


def test_a_killed_nox_has_no_program_that_goes_on(begin: Begin) -> None:
    """A migration that asks no database ends with the process that it is for."""
    started = begin("local", revisions=_sleeping(_PROCESS_SLEEPS))
    with started.by(NOX):
        until(lambda: _asleep(started))
    until(lambda: started.left() == [])


def test_a_killed_container(begin: Begin) -> None:
    """Where the container is killed in the middle, the job could not look, and says why."""
    started = begin("docker", revisions=_sleeping(_DATABASE_SLEEPS))
    with started.by(NOX) as process:
        until(lambda: _asleep(started))
        _docker("kill", *started.containers())
        output = process.communicate(timeout=60)[0]
    outcome = started.project.outcome("migrations")
    assert outcome["result"] == "unavailable", output
    assert re.match(
        rf"PostgreSQL [\d.]+ in Docker \({started.image}\): its container ended with 137; "
        r"the database was lost: upgrade: upgrade of revision b1 \(\S+\): .+$",
        outcome["reason"],
    )
    assert re.search(r"^upgrade +[\d.]+ s  LOST$", output, re.MULTILINE)
    assert started.left() == []


@pytest.mark.parametrize("size", ["100m", "66m"])
def test_data_without_room(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """Where data or their log outgrow the memory, the job could not look, in the server's words."""
    require("docker")
    monkeypatch.setattr("pushgate.services.postgres.docker._MEMORY", f"rw,size={size}")
    growing = revision("b1", "a1", f'op.execute("{_GROW}")', "pass")
    options = f'postgres = {{ provider = "docker", image = "{IMAGE}" }}'
    project = make_project(shop(revisions={"b1": growing}, options=options))
    outcome = carry_out(project, "migrations")
    assert outcome.result is Result.UNAVAILABLE
    assert "No space left on device" in outcome.reason


def test_what_was_found_before_the_database_was_lost(make_project: MakeProject) -> None:
    """A failure stays one, although a later step could not look; nothing is tried after that."""
    require("docker")
    lost = "op.execute(\"DO $$BEGIN RAISE 'no room' USING ERRCODE = '53100'; END$$\")"
    left = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))'
    options = f'postgres = {{ provider = "docker", image = "{IMAGE}" }}'
    project = make_project(
        shop(revisions={"b1": revision("b1", "a1", left, lost)}, options=options)
    )
    outcome = carry_out(project, "migrations")
    assert outcome.result is Result.FAILED
    assert re.match(
        r"check: models and migrations differ .+; the database was lost: down to base: "
        r"downgrade of revision b1 ",
        outcome.reason,
    )
    assert "stairway" not in outcome.reason


def test_the_password_is_told_nowhere(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither what is shown nor what is kept of a job that fails has the server's password."""
    require("docker")
    monkeypatch.setattr("secrets.token_urlsafe", lambda _bytes=0: "never-told")
    options = f'postgres = {{ provider = "docker", image = "{IMAGE}" }}'
    wrong = revision("b1", "a1", "op.execute('UPDATE nowhere SET a = 1')", "pass")
    project = make_project(shop(revisions={"b1": wrong}, options=options))
    assert carry_out(project, "migrations").result is Result.FAILED
    shown = capfd.readouterr()
    kept = [path for path in project.outputs("migrations").rglob("*") if path.is_file()]
    assert "UPDATE nowhere" in shown.out
    assert len(kept) > 1
    told = [shown.out, shown.err, *(path.read_text(encoding="utf-8") for path in kept)]
    assert not [text for text in told if "never-told" in text]
