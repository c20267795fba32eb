"""A server that a job of a run has started ends with the run, however that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import Project
from living import until
from postgres_servers import IMAGE, left_of, require

pytestmark = [pytest.mark.docker, pytest.mark.slow]

MakeProject = Callable[..., Project]

_JOB = """
import os, pathlib, sys, time
from pushgate.services.base import Labels
from pushgate.services.postgres import Options, server

labels = Labels.of_this_process(os.environ["PUSHGATE_RUN"])
options = Options(image=sys.argv[2], provider=sys.argv[1])
with server(options, labels, print, ci=False):
    pathlib.Path(sys.argv[3]).write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project with a gate for each provider, and one for a run that only comes afterwards."""
    require("docker")
    gates = {"quick": ["true"]}
    for provider in ("docker", "local"):
        words = f"{sys.executable} job.py {provider} {IMAGE} .git/{provider}"
        gates[provider] = [words]
    lines = "\n".join(
        f"{name} = {{ run = {json.dumps(run)}, environment = false }}"
        for name, run in gates.items()
    )
    settings = f'[tool.pushgate]\npython = ["@PYTHON@"]\n[tool.pushgate.gates]\n{lines}\n'
    return make_project({"pyproject.toml": settings, "job.py": _JOB})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_with_its_run(project: Project, number: signal.Signals) -> None:
    """Nothing of a server is left by an interrupted run, nor by a killed one after the next."""
    told = [project.root / ".git" / name for name in ("docker", "local")]
    with subprocess.Popen(
        [sys.executable, "-m", "pushgate", "run", "-j", "2", "docker", "local"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        until(lambda: all(path.exists() and path.read_text() for path in told))
        run.send_signal(number)
        run.wait(60)
    if number == signal.SIGKILL:
        assert project.pushgate("run", "quick").returncode == 0
    else:
        assert run.returncode == 130
    jobs = [int(path.read_text()) for path in told]
    assert os.getpid() not in jobs
    assert [what for job in jobs for what in left_of(job)] == []
