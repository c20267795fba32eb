"""What becomes of a definition in Nox: mistakes, names that are taken, adopted sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from conftest import NOXFILE, Project

MakeProject = Callable[..., Project]

OWN_LINT: Final = """import nox
import pushgate


@nox.session(venv_backend="none")
def lint(session):
    session.run("touch", "linted", external=True)


pushgate.register()
"""

SEVERAL_PARTS: Final = """import nox
import pushgate


@nox.session(venv_backend="none")
@nox.parametrize("part", [1, 2, 3])
def docs(session, part):
    if part == PART:
        END
    session.run("touch", f"built{part}", external=True)


pushgate.register()
"""

HEAD: Final = '[tool.pushgate]\npython = ["@PYTHON@"]\n\n[tool.pushgate.gates]\n'
"""No code: every gate but the project's own is off."""


@pytest.mark.parametrize("command", ["nox", "pushgate"])
@pytest.mark.parametrize(
    ("files", "problems"),
    [
        (
            {"pyproject.toml": HEAD + "lnt.enabled = true\ntest.shards = 0\nown.run = ['a', 1]\n"},
            [
                "pyproject.toml: tool.pushgate.gates: unknown gate 'lnt': did you mean 'lint'?",
                "pyproject.toml: tool.pushgate.gates.test.shards = 0: expected a whole number of",
                "pyproject.toml: tool.pushgate.gates.own.run[1] = 1: expected a string",
            ],
        ),
        (
            {
                "pyproject.toml": HEAD,
                "noxfile.py": f"{NOXFILE}\n@pushgate.gate()\ndef late(gate): ...\n",
            },
            ["noxfile.py: gate 'late' is declared below pushgate.register(): move it above"],
        ),
        (
            {
                "pyproject.toml": HEAD,
                "noxfile.py": NOXFILE.replace(
                    "\n\n", "\n@pushgate.gate(on=['merge'])\ndef late(gate): ...\n\n"
                ),
            },
            ["noxfile.py: gate 'late': on: 'merge' is no event: expected push, push:BRANCH, "],
        ),
    ],
    ids=["several", "below", "event"],
)
def test_mistakes_are_told(
    make_project: MakeProject, command: str, files: dict[str, str], problems: list[str]
) -> None:
    """Nox and Pushgate tell every mistake of the definition, each in a line, and end with 2."""
    project = make_project(files)
    answer = project.nox("-l") if command == "nox" else project.pushgate("plan")
    assert answer.returncode == 2
    for line, problem in zip(answer.stdout.splitlines(), problems, strict=True):
        assert line.startswith(f"pushgate: {problem}")


def test_a_name_that_is_taken(make_project: MakeProject) -> None:
    """A session that the project has already is not silently replaced: two ways out are told."""
    files = {"pyproject.toml": HEAD, "noxfile.py": OWN_LINT, "signs.py": ""}
    project = make_project(files)
    answer = project.nox("-s", "lint")
    assert answer.returncode == 2
    assert answer.stdout == (
        "pushgate: noxfile.py has a session 'lint' of its own: in [tool.pushgate.gates.lint], "
        "session = 'lint' makes it the gate, enabled = false leaves the gate out\n"
    )
    assert not (project.root / "linted").exists()
    for way_out in ("lint.session = 'lint'\n", "lint.enabled = false\n"):
        (project.root / "linted").unlink(missing_ok=True)
        project.write({"pyproject.toml": HEAD + way_out})
        assert project.nox("-s", "lint").returncode == 0
        assert (project.root / "linted").exists()


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("pass", 0, "docs  passed"),
        ("session.run('false', external=True)", 1, "docs  failed"),
        ("session.error('no theme')", 1, "docs  failed"),
        ("session.skip('no network')", 3, "docs  unavailable"),
    ],
)
@pytest.mark.parametrize("part", [1, 3])
def test_an_adopted_session(
    make_project: MakeProject, part: int, end: str, code: int, told: str
) -> None:
    """A session of the project's own is a gate; it passes only if all of its parts do."""
    noxfile = SEVERAL_PARTS.replace("PART", str(part)).replace("END", end)
    project = make_project(
        {"pyproject.toml": f"{HEAD}docs.session = 'docs'\n", "noxfile.py": noxfile}
    )
    answer = project.pushgate("run", "docs")
    assert answer.returncode == code, answer.stdout
    assert told in answer.stdout
    built = {path.name for path in project.root.glob("built*")}
    assert built == {"built1", "built2", "built3"} - ({f"built{part}"} if code else set())


def test_an_adopted_session_that_is_missing(make_project: MakeProject) -> None:
    """A gate whose session is in no noxfile cannot run, and says so."""
    gates = "docs.session = 'docs'\nother.run = ['true']\n"
    project = make_project({"pyproject.toml": HEAD + gates})
    answer = project.pushgate("run", "docs")
    assert answer.returncode == 3
    reason = "nox ended with 3 before it ran the session (see its output)"
    assert f"docs unavailable: {reason}\n" in answer.stdout
    assert "Sessions not found: docs" in answer.stdout
