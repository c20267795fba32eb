"""A noxfile that is there: what `pushgate init` adds, and what its sessions become."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PYTHON, Project
from pushgate.adopt import noxfile
from test_init import CODE, PROJECT, Make, gates, init, make, settings

__all__ = ["make"]

pytestmark = pytest.mark.slow

OWN = '''\
# /// script
# dependencies = ["nox", "packaging"]
# ///
"""Ours."""

import nox

nox.options.sessions = ["tests"]


@nox.session(venv_backend="none")
def tests(session):  # as it always was
    session.run("python", "--version")


@nox.session(name="lint", venv_backend="none")
def check_style(session):
    session.run("python", "-c", "print('own lint')")


@nox.session(venv_backend="none")
def docs(session):
    session.run("python", "--version")


if __name__ == "__main__":
    nox.main()
'''


def test_two_lines_are_added() -> None:
    """The import, the call before Python's own start, and the name in the script's block."""
    added = noxfile.extended(OWN)
    new = [line for line in added.splitlines() if line and line not in OWN.splitlines()]
    assert new == [
        '# dependencies = ["nox", "packaging", "pushgate"]',
        "import pushgate",
        "pushgate.register()",
    ]
    assert added.index("pushgate.register()") < added.index("if __name__")
    assert noxfile.extended(added) == added


def test_dependencies_over_several_lines() -> None:
    """Such a block stays one that Nox can read."""
    text = '# /// script\n# dependencies = [\n#   "nox[uv]",\n# ]\n# ///\nimport nox\n'
    added = noxfile.extended(text)
    assert '#   "nox[uv]",\n#   "pushgate",\n# ]\n# ///' in added


def test_crlf_stays() -> None:
    """A file of Windows stays one, line by line."""
    added = noxfile.extended(OWN.replace("\n", "\r\n"))
    assert added == noxfile.extended(OWN).replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text", ['"""Only this."""\n', "x = 1\n", "from __future__ import annotations\n", "# only\n"]
)
def test_odd_beginnings(text: str, tmp_path: Path) -> None:
    """Whatever a noxfile begins with, it is still Python, and registers last."""
    added = noxfile.extended(text)
    file = tmp_path / "noxfile.py"
    file.write_text(added, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "py_compile", str(file)], check=True)
    assert added.rstrip().endswith("pushgate.register()")
    assert "import pushgate" in added


def test_mypy_may_look_at_it(make: Make) -> None:
    """Where mypy checks the noxfile, the import of what is elsewhere is no finding."""
    mypy = '\n[tool.mypy]\nstrict = true\nfiles = ["src", "noxfile.py"]\n'
    project = make({**CODE, "pyproject.toml": PROJECT + mypy})
    init(project)
    project.commit()
    answer = project.nox("-s", "types", env={"NOX_SCRIPT_MODE": "none"})
    assert answer.returncode == 0, answer.stdout
    assert "no issues found in 2 source files" in answer.stdout


def test_every_rule_of_ruff_passes(make: Make) -> None:
    """A new noxfile is no finding of the project's own linters."""
    rules = "\n[tool.ruff.lint]\nselect = ['ALL']\nignore = ['D203', 'D213', 'CPY', 'COM812']\n"
    code = {"src/sample/__init__.py": '"""Sample."""\n', "pyproject.toml": PROJECT + rules}
    project = make(code)
    init(project)
    answer = project.run("uvx", "ruff==0.17.6", "check", "--preview", "noxfile.py")
    assert answer.returncode == 0, answer.stdout
    answer = project.run("uvx", "ruff==0.17.6", "format", "--check", "noxfile.py")
    assert answer.returncode == 0, answer.stdout


def test_sessions_stay_and_clashes_become_gates(make: Make) -> None:
    """A session called as a gate is that gate; others are offered, and all still run."""
    project = make({**CODE, "pyproject.toml": PROJECT, "noxfile.py": OWN})
    told = init(project)
    assert settings(project)["gates"]["lint"] == {"session": "lint"}
    assert '[tool.pushgate.gates.docs]\n  session = "docs"' in told
    assert "docs" not in settings(project)["gates"]
    assert {"tests", "lint", "docs", "build"} <= set(gates(project))
    assert "own lint" in project.nox("-s", "lint").stdout


@pytest.mark.parametrize("count", [1, 250])
@pytest.mark.parametrize(
    "decorator",
    ["nox.session", "nox.session(name='test')", f"nox.session(name='test-{PYTHON}')"],
)
def test_a_session_called_as_the_tests_is_the_gate(make: Make, decorator: str, count: int) -> None:
    """However many tests there are: nothing of shards is said of it."""
    many = "".join(f"def test_{number}(): ...\n" for number in range(count))
    session = f"import nox\n\n\n@{decorator}\ndef test(session): ...\n"
    two = PROJECT.replace('["Prog', '["Programming Language :: Python :: 3.14", "Prog')
    project = make(
        {
            **CODE,
            "pyproject.toml": two,
            "noxfile.py": session,
            "tests/test_b.py": many,
        }
    )
    init(project)
    name = f"test-{PYTHON}" if PYTHON in decorator else "test"
    assert settings(project)["gates"]["test"] == {"session": name}


def test_what_only_a_gate_of_pushgates_understands_goes_with_it(make: Make) -> None:
    """Whatever told it: a session or the workflow; and it is told."""
    workflow = """
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            steps: [{run: ruff check}, {run: nox -s test}]
        """
    session = "import nox\n\n\n@nox.session\ndef lint(session): ...\n"
    project = make(
        {
            **CODE,
            "pyproject.toml": PROJECT,
            "noxfile.py": session + session.replace("lint", "test"),
            ".github/workflows/old.yml": workflow,
        }
    )
    told = init(project, "--from-workflow", ".github/workflows/old.yml")
    found = settings(project)["gates"]
    assert (found["lint"], found["test"]) == ({"session": "lint"}, {"session": "test"})
    assert "not gates.lint.format: a session does its work" in told


@pytest.mark.parametrize(
    "noxfile_text",
    [
        "for v in ['3.11', '3.12']:\n    @nox.session(name=f'test-{v}')\n    def test(s): ...\n",
        "".join(f"@nox.session(name='test-3.{v}')\ndef a(s): ...\n\n\n" for v in (11, 12)),
    ],
)
def test_sessions_called_as_each_job_of_the_tests_are_refused(
    make: Make, noxfile_text: str
) -> None:
    """A gate can be one session only; what to do names the gate, not the session."""
    two = PROJECT + "\n[tool.pushgate]\npython = ['3.11', '3.12']\n"
    project = make({**CODE, "pyproject.toml": two, "noxfile.py": f"import nox\n\n{noxfile_text}"})
    answer = project.pushgate("init", "--no-hook", "--dry-run")
    assert answer.returncode == 2, answer.stdout
    assert "[tool.pushgate.gates.test]" in answer.stdout


def test_a_session_test_takes_coverage_with_it(make: Make) -> None:
    """A session named test is the gate; without its shards there is no coverage to combine."""
    text = "import nox\n\n\n@nox.session(venv_backend='none')\ndef test(session): ...\n"
    two = PROJECT + "\n[tool.pushgate]\npython = ['3.11', '3.12']\n"
    project = make({**CODE, "pyproject.toml": two, "noxfile.py": text})
    told = init(project)
    assert settings(project)["gates"]["test"] == {"session": "test"}
    assert settings(project)["gates"]["coverage"] == {"enabled": False}
    assert "without shards; the gate coverage is off" in told
    answer = project.pushgate("plan", "test")
    assert answer.returncode == 0, answer.stdout


def test_a_noxfile_that_registers_is_left_alone(make_project: Make) -> None:
    """One that calls Pushgate already is as it was."""
    project: Project = make_project({**CODE, "pyproject.toml": PROJECT})
    before = (project.root / "noxfile.py").read_bytes()
    init(project)
    assert (project.root / "noxfile.py").read_bytes() == before
