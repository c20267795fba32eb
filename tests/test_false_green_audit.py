"""A dependency that no service answered for never counts as audited."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from carrying_out import carry_out
from conftest import Project
from osv_server import serving
from pushgate.model.outcome import Outcome, Result

MakeProject = Callable[..., Project]

OWN_GATE: Final = """import pushgate


@pushgate.gate(needs=["audit"], environment=False)
def publish(gate):
    gate.run("touch", "published")


pushgate.register()
"""


def _files(url: str, options: str = "", dependency: str = "jinja2==2.11.3") -> dict[str, str]:
    return {
        "pages.py": "",
        "pyproject.toml": (
            f'[project]\nname = "pages"\nversion = "1.0"\ndependencies = ["{dependency}"]\n\n'
            f'[tool.pushgate]\npython = ["@PYTHON@"]\n\n'
            f'[tool.pushgate.gates.audit]\nosv-url = "{url}"\n{options}'
        ),
    }


@pytest.fixture
def nobody() -> str:
    """Return the address of a service that does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1/query"


@pytest.fixture
def private(tmp_path: Path) -> str:
    """Return a requirement that no service knows: a package of this machine only."""
    Project(tmp_path / "private").write(
        {
            "pyproject.toml": (
                '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n\n'
                '[project]\nname = "house-style"\nversion = "1.0"\n'
            ),
            "src/house_style/__init__.py": "",
        }
    )
    return f"house-style @ {(tmp_path / 'private').as_uri()}"


def _audit(make_project: MakeProject, files: dict[str, str]) -> Outcome:
    return carry_out(make_project(files), "audit")


def test_unknown_package(make_project: MakeProject, private: str) -> None:
    """A package that the service was not asked about makes the gate unavailable, by name."""
    with serving() as service:
        outcome = _audit(make_project, _files(service.url, dependency=private))
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason == "1 packages could not be audited: house-style"


def test_excepted_package(make_project: MakeProject, private: str) -> None:
    """A package that need not be audited, with a reason and a date to come, is let through."""
    excepted = 'unaudited = [{ package = "House_Style", reason = "ours", until = 9999-01-01 }]\n'
    with serving() as service:
        outcome = _audit(make_project, _files(service.url, excepted, private))
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")


def test_closed_port(make_project: MakeProject, nobody: str) -> None:
    """A service that cannot be reached makes the gate unavailable."""
    outcome = _audit(make_project, _files(nobody))
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason.startswith("pip-audit could not look (status 1): ")
    assert "Connection" in outcome.reason


@pytest.mark.parametrize("status", [404, 500])
def test_broken_service(make_project: MakeProject, status: int) -> None:
    """A service that answers with an error makes the gate unavailable, and the error is told."""
    with serving(status) as service:
        outcome = _audit(make_project, _files(service.url))
        assert service.asked
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason.startswith("pip-audit could not look (status 1): ")
    assert str(status) in outcome.reason


def test_deferred_audit(
    make_project: MakeProject, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``defer`` skips here, aloud, and what needs the audit does not run; in CI it is no excuse."""
    files = _files(nobody, 'when-unavailable = "defer"\n') | {"noxfile.py": OWN_GATE}
    project = make_project(files)
    answer = project.nox("-s", "publish")
    assert answer.returncode == 1
    assert "deferred to CI: pip-audit could not look (status 1): " in answer.stdout
    assert "it needs jobs that did not pass: audit (skipped: deferred to CI" in answer.stdout
    assert project.outcome("audit")["result"] == "skipped"
    assert project.outcome("publish")["result"] == "aborted"
    assert not (project.root / "published").exists()
    monkeypatch.setenv("CI", "true")
    outcome = carry_out(project, "audit")
    assert outcome.result is Result.UNAVAILABLE
    assert outcome.reason.startswith("pip-audit could not look (status 1): ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            'ignore = [{ id = "PYSEC-2021-66", reason = "no user input", until = 2021-12-31 }]\n',
            "no longer to be ignored: PYSEC-2021-66 (until 2021-12-31)",
        ),
        (
            'unaudited = [{ package = "jinja2", reason = "forked", until = 2021-12-31 }]\n',
            "no longer to be ignored: jinja2 (until 2021-12-31)",
        ),
    ],
)
def test_expired_exception(make_project: MakeProject, options: str, told: str) -> None:
    """An exception whose last day is over fails, whether or not it is needed."""
    with serving() as service:
        outcome = _audit(make_project, _files(service.url, options))
    assert (outcome.result, outcome.reason) == (Result.FAILED, told)


def test_ignored_until_then(make_project: MakeProject) -> None:
    """A vulnerability is accepted by any of its names as long as its date has not come."""
    ignored = 'ignore = [{ id = "CVE-2020-28493", reason = "no user input", until = 9999-01-01 }]\n'
    with serving() as service:
        outcome = _audit(make_project, _files(service.url, ignored, "jinja2==2.11.2"))
        assert ("jinja2", "2.11.2") in service.asked
    assert (outcome.result, outcome.reason) == (Result.PASSED, "")
