"""Containers that a job starts end with their run, however it ends: with a real Docker engine."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from conftest import Project, lacks
from living import commands_below, until
from pushgate.services.base import RUN_LABEL
from pushgate.tools import docker

pytestmark = [pytest.mark.docker, pytest.mark.slow]

BUSYBOX: Final = Path("/bin/busybox")
"""A program that needs nothing else in its container (Debian's busybox-static)."""

MakeProject = Callable[..., Project]


def _docker(*arguments: str, given: bytes = b"") -> str:
    answer = subprocess.run(["docker", *arguments], input=given, check=True, capture_output=True)
    return answer.stdout.decode().strip()


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """A tiny image that was pulled from nowhere; what tests started from it is removed, too."""
    if docker.engine_version() is None:
        lacks("docker", "no Docker engine answers")
    if not BUSYBOX.exists():
        lacks("docker", f"there is no {BUSYBOX}: install busybox-static")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(BUSYBOX.resolve(), "bin/busybox")
        for name in ("sh", "sleep"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    # A label of its own makes it another image than that of tests that run at the same time.
    own = f"LABEL pushgate.tests={uuid.uuid4()}"
    image = _docker("import", "--change", own, "-", given=packed.getvalue())
    yield image
    if left := _docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}").split():
        _docker("rm", "--force", *left)
    _docker("rmi", "--force", image)


@pytest.fixture
def project(make_project: MakeProject, image: str) -> Project:
    """A project with gates that start containers, in the foreground and detached."""
    run = f'docker run --rm --label {RUN_LABEL}="$PUSHGATE_RUN" --env PATH=/bin'
    gates = {
        "foreground": f"{run} {image} sleep 600",
        "detached": f"{run} -d {image} sleep 600; sleep 600",
        "leaving": f"{run} -d {image} sleep 600",
        "slow": f"{run} {image} sleep 600",
        "quick": "true",
    }
    options = {name: ", timeout = 3" if name == "slow" else "" for name in gates}
    lines = "\n".join(
        f"{name} = {{ run = [{json.dumps(f'sh {name}.sh')}], environment = false{options[name]} }}"
        for name in gates
    )
    settings = f'[tool.pushgate]\npython = ["@PYTHON@"]\n[tool.pushgate.gates]\n{lines}\n'
    scripts = {f"{name}.sh": f"{script}\n" for name, script in gates.items()}
    return make_project({"pyproject.toml": settings, **scripts})


def _containers(image: str, *states: str) -> list[str]:
    filters = [word for state in states for word in ("--filter", f"status={state}")]
    return _docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}", *filters).split()


@contextmanager
def _started(project: Project, *gates: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", "run", "-j", "2", *gates],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_containers_end_with_an_interrupted_run(
    project: Project, image: str, number: signal.Signals
) -> None:
    """When a run is interrupted, no container of it is left, running or not."""
    with _started(project, "foreground", "detached") as run:
        until(lambda: len(_containers(image, "running")) == 2)
        run.send_signal(number)
        assert run.wait(60) == 130
    assert _containers(image) == []


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_containers_of_a_killed_run_end_with_the_next(
    project: Project, image: str, wanted: int
) -> None:
    """The run that comes after a killed one removes its containers, also those just started."""
    with _started(project, "foreground", "detached") as run:
        until(lambda: _is_near(run.pid, image, wanted))
        run.kill()
    assert project.pushgate("run", "quick").returncode == 0
    assert _containers(image) == []


def _is_near(run: int, image: str, wanted: int) -> bool:
    """Tell whether so many containers run; for none, whether one is about to be started."""
    if wanted:
        return len(_containers(image, "running")) >= wanted
    return "docker" in commands_below(run)


def test_a_container_that_a_job_has_left_ends_with_the_run(project: Project, image: str) -> None:
    """A job that passes may leave a container running for another one, but not after the run."""
    answer = project.pushgate("run", "leaving")
    assert answer.returncode == 0, answer.stdout
    assert _containers(image) == []


def test_a_container_ends_with_a_job_whose_time_is_over(project: Project, image: str) -> None:
    """The container of a job that took too long ends, although its first process is deaf."""
    answer = project.pushgate("run", "slow")
    assert answer.returncode == 3, answer.stdout
    assert _containers(image) == []


def test_another_run_keeps_its_containers(project: Project, image: str) -> None:
    """Only what has the run's own label is removed."""
    other = _docker("run", "--detach", "--label", f"{RUN_LABEL}=another", image, "sleep", "600")
    assert project.pushgate("run", "leaving").returncode == 0
    left = _containers(image)
    _docker("rm", "--force", other)
    assert [other.startswith(container) for container in left] == [True]
