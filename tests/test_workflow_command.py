"""The command `pushgate workflow`: what it writes, shows and compares, and how it ends."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from conftest import NOXFILE, Project
from gitlab_files import CODE
from pushgate import cli
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import of_project
from pushgate.providers import workflow
from pushgate.providers.registry import named

MakeProject = Callable[..., Project]
Ends = Callable[..., tuple[int, str]]

FILE: Final = ".github/workflows/ci.yml"
LOST: Final = "said something else, which goes:"
OURS: Final = ".github/workflows/pushgate.yml"
PYPROJECT: Final = "[tool.pushgate]\npython = ['3.12']\ngates.own.run = ['true']\n"
HINT: Final = "`pushgate workflow` writes what the definition says (--dry-run shows it)\n"


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project without a workflow."""
    return make_project({"pyproject.toml": PYPROJECT})


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ends:
    """Calls the command in a folder: its exit status, and what it prints."""

    def call(folder: Path, *arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        code = cli.main(["workflow", *arguments])
        return code, "".join(capsys.readouterr())

    return call


def test_written_once(project: Project, ends: Ends) -> None:
    """The first time it writes the file, with the gate that guards it; the second time nothing."""
    assert ends(project.root) == (0, f"wrote {FILE}\n")
    file = project.root / FILE
    first = file.stat()
    assert "nox --no-dependencies -s workflow\n" in file.read_text(encoding="utf-8")
    assert ends(project.root, "github") == (0, f"{FILE} is as it should be\n")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert [path.name for path in file.parent.iterdir()] == ["ci.yml"]


def test_a_dry_run_shows_a_diff(project: Project, ends: Ends) -> None:
    """It shows what would be changed, in a form that git applies, and changes nothing."""
    code, shown = ends(project.root, "--dry-run")
    assert code == 0
    assert shown.startswith(f"--- /dev/null\n+++ b/{FILE}\n@@ -0,0 +1,")
    assert project.git("status", "--porcelain") == ""
    (project.root / "patch").write_text(shown, encoding="utf-8")
    project.git("apply", "patch")
    assert ends(project.root, "-n") == (0, "nothing would be changed\n")
    file = project.root / FILE
    file.write_text(file.read_text(encoding="utf-8").replace("name: own", "name: x"))
    code, shown = ends(project.root, "-n")
    assert (code, "-    name: x\n+    name: own\n" in shown) == (0, True)
    (project.root / "patch").write_text(shown, encoding="utf-8")
    project.git("apply", "patch")
    assert ends(project.root, "--check") == (0, "the workflow says what the definition says\n")


def test_how_a_check_ends(project: Project, ends: Ends) -> None:
    """0 where all is said, 1 where something is not, 2 where there is nothing to compare."""
    missing = "pushgate: no workflow file is Pushgate's: `pushgate workflow` writes one\n"
    assert ends(project.root, "--check") == (2, missing)
    told = f"{FILE}: is missing: `pushgate workflow github` writes it\n"
    assert ends(project.root, "github", "--check") == (1, told + HINT)
    assert ends(project.root)[0] == 0
    assert ends(project.root, "--check")[0] == 0
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("timeout-minutes: 30", "timeout-minutes: 5", 1))
    told = f"{FILE}: job workflow: timeout-minutes: the file has 5, the definition 30\n"
    assert ends(project.root, "--check") == (1, told + HINT)
    file.write_text(text.replace("jobs:", "jobs: [", 1))
    code, told = ends(project.root, "--check")
    assert (code, told.startswith("pushgate: the workflow file is not YAML: ")) == (2, True)


def test_what_cannot_be_carried_is_told_at_once(project: Project, ends: Ends) -> None:
    """A name that the provider cannot carry is a usage error, and nothing is written."""
    project.write({"pyproject.toml": PYPROJECT + "gates.plan.run = ['true']\n"})
    told = (
        "pushgate: tool.pushgate.gates.plan: the workflow has a job 'plan' of its own: rename "
        "the gate\n"
    )
    assert ends(project.root) == (2, told)
    assert not (project.root / ".github").exists()


def test_another_file_of_that_name_stays(project: Project, ends: Ends) -> None:
    """A workflow that is not ours is left alone, and no kept block of it counts."""
    project.write({FILE: "# pushgate: keep\nname: CI\n"})
    assert ends(project.root) == (0, f"wrote {OURS}\n")
    assert ends(project.root, "--check")[0] == 0
    assert (project.root / FILE).read_text(encoding="utf-8") == "# pushgate: keep\nname: CI\n"
    project.write({OURS: "name: another\n"})
    told = (
        f"pushgate: {FILE} and {OURS}: not written by `pushgate workflow`: remove or rename it, "
        "then run it again\n"
    )
    assert ends(project.root) == (2, told)


def test_kept_blocks_and_bytes_stay(project: Project, ends: Ends) -> None:
    """A block of the user's stays where it is, also where it is not UTF-8."""
    assert ends(project.root)[0] == 0
    file = project.root / FILE
    block = b"  # pushgate: keep\n  mine: # \xe9\n    runs-on: x\n  # pushgate: end\n"
    kept = file.read_bytes().replace(b"jobs:\n", b"jobs:\n" + block)
    file.write_bytes(kept.replace(b"name: own\n", b"name: other\n"))
    told = 'job own: name: the file has "other", the definition "own"'
    assert ends(project.root) == (0, f"{FILE} {LOST}\n  {told}\nchanged {FILE}\n")
    assert file.read_bytes() == kept


@pytest.mark.parametrize("name", ["ci.yml", "ci.yaml", "tests.yml"])
def test_a_file_of_ours_stays_ours(project: Project, ends: Ends, name: str) -> None:
    """A comment above its first line, or another name, makes no stranger of it."""
    assert ends(project.root)[0] == 0
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    file.unlink()
    project.write({f".github/workflows/{name}": f"# by me\n\n{text}"})
    assert ends(project.root, "--check")[0] == 0
    definition = of_project(project.root)
    assert "workflow" in {job.name for job in definition.jobs}
    project.write({FILE if name != "ci.yml" else OURS: text})
    status, told = ends(project.root, "--check")
    assert (status, "is Pushgate's, as " in told) == (1, True)


def test_the_gate_may_be_off(project: Project, ends: Ends) -> None:
    """Where the gate that guards the file is off, it is not in the file either."""
    project.write({"pyproject.toml": PYPROJECT + "gates.workflow.enabled = false\n"})
    assert ends(project.root)[0] == 0
    assert "-s workflow" not in (project.root / FILE).read_text(encoding="utf-8")
    assert ends(project.root, "--check")[0] == 0


def test_each_project_has_its_own(make_project: MakeProject, ends: Ends) -> None:
    """Projects in folders have files of their own, also where these would be called alike."""
    folders = ("", "a/b", "a-b")
    files = {"pyproject.toml": PYPROJECT, "noxfile.py": NOXFILE}
    project = make_project(
        {f"{folder}/{name}".lstrip("/"): text for folder in folders for name, text in files.items()}
    )
    names = ("ci.yml", "ci-a-b.yml", "pushgate-a-b.yml")
    for folder, name in zip(folders, names, strict=True):
        told = f"wrote .github/workflows/{name}\n"
        assert ends(project.root / folder) == (0, told)
    for folder in folders:
        definition = of_project(project.root / folder)
        assert definition.reasons["workflow"].startswith("Pushgate wrote .github/workflows/")
        providers = workflow.chosen(definition, None)
        assert list(workflow.check(definition, providers)) == []
    text = (project.root / ".github/workflows/ci-a-b.yml").read_text(encoding="utf-8")
    assert "\nname: CI (a/b)\n" in text
    assert "\n    name: passed (a/b)\n" in text


def test_the_gate_is_only_on_for_its_own_project(make_project: MakeProject, ends: Ends) -> None:
    """The workflow of one project switches no gate on in another one."""
    inner = {"inner/pyproject.toml": PYPROJECT, "inner/noxfile.py": NOXFILE}
    project = make_project({"pyproject.toml": PYPROJECT, **inner})
    assert ends(project.root)[0] == 0
    assert "workflow" in of_project(project.root).gates
    assert "workflow" not in of_project(project.root / "inner").gates


def test_unwritable_places_are_told(project: Project, ends: Ends) -> None:
    """Where the folder cannot be made, one line says so."""
    project.write({".github": "a file"})
    code, told = ends(project.root)
    assert (code, told.count("\n")) == (2, 1)
    assert ".github" in told


def test_an_error_writes_nothing(project: Project, ends: Ends) -> None:
    """A block that has lost its place is shown, and the file stays as it is."""
    assert ends(project.root)[0] == 0
    file = project.root / FILE
    step = "      # pushgate: keep\n      - run: mine\n      # pushgate: end\n"
    head, own, job = file.read_text(encoding="utf-8").partition("  own:\n")
    text = head + own + job.replace("    steps:\n", f"    steps:\n{step}", 1)
    file.write_text(text, encoding="utf-8")
    project.write({"pyproject.toml": PYPROJECT.replace("gates.own", "gates.new")})
    with pytest.raises(ConfigurationError, match="a kept block has lost its place"):
        list(workflow.write(of_project(project.root), []))
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("module", ["pushgate.cli", "pushgate.hooks.verified"])
def test_other_commands_read_no_yaml(project: Project, module: str) -> None:
    """What is imported for every command, and for the hook, leaves YAML alone."""
    code = f"import sys, {module}; sys.exit('ruamel' in sys.modules)"
    answer = project.run(sys.executable, "-c", code)
    assert (answer.returncode, answer.stdout) == (0, "")


HEADERS: Final[Mapping[str, Callable[[str], str]]] = {
    "edited": lambda text: text.replace("Written by `pushgate workflow`", "Written by hand", 1),
    "gone": lambda text: re.sub(r"\A(?:#.*\n)+", "", text),
    "below the first line": lambda text: f"---\n{text}",
    "of another project": lambda text: text.replace("pyproject", "other/pyproject", 1),
}
"""What becomes of the comments at the top of a workflow file."""


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("folder", ["", "a b/c"])
@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_without_its_header_it_is_still_compared(
    make_project: MakeProject, ends: Ends, provider: str, folder: str, header: str
) -> None:
    """What the comment at the top says takes no file out of the comparison."""
    there = f"{folder}/" if folder else ""
    project = make_project({f"{there}pyproject.toml": PYPROJECT, f"{there}noxfile.py": NOXFILE})
    root = project.root / folder
    told = ends(root, provider)[1]
    path = told.removeprefix("wrote ").strip()
    file = project.root / path
    text = file.read_text(encoding="utf-8")
    headless = HEADERS[header](text)
    assert headless != text
    file.write_text(headless, encoding="utf-8")
    assert ends(root, "--check")[0] == 0
    file.write_text(headless.replace("-s own", "-s own || true"), encoding="utf-8")
    assert "workflow" in {job.name for job in of_project(root).jobs}
    code, told = ends(root, "--check")
    assert (code, told.startswith(f"{path}: job own: ")) == (1, True)
    code, told = ends(root)
    assert (code, told.endswith(f"changed {path}\n")) == (0, True)
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "line",
    [
        "uv run nox -s lint",
        "uv run nox --no-dependencies -s lint",
        "pushgate run --commit HEAD",
        "uv run nox -s lint || echo pushgate run --commit HEAD lint",
        "true # nox --no-dependencies -s lint, then pushgate run --commit HEAD",
    ],
)
def test_a_workflow_of_the_users_is_none_of_ours(project: Project, ends: Ends, line: str) -> None:
    """A workflow that somebody wrote by hand, for Nox or Pushgate, is left alone."""
    text = f"on: push\njobs:\n  lint:\n    runs-on: x\n    steps:\n      - run: {line}\n"
    project.write({FILE: text})
    assert "workflow" not in of_project(project.root).gates
    assert ends(project.root) == (0, f"wrote {OURS}\n")
    assert ends(project.root, "--check")[0] == 0
    assert (project.root / FILE).read_text(encoding="utf-8") == text


def test_the_header_decides_between_two_files(project: Project, ends: Ends) -> None:
    """Beside the file that has the comment, a copy of the user's without it is the user's."""
    assert ends(project.root)[0] == 0
    file = project.root / FILE
    text = file.read_text(encoding="utf-8")
    own = text[text.index("name: CI") :].replace("-s own", "-s own --mine")
    project.write({OURS: text, FILE: own})
    assert ends(project.root, "--check")[0] == 0
    assert ends(project.root) == (0, f"{OURS} is as it should be\n")
    assert file.read_text(encoding="utf-8") == own


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_comments_that_go_are_told(project: Project, ends: Ends, provider: str) -> None:
    """Each comment of the user's that goes is told; it is no drift, and nothing else is."""
    path = ends(project.root, provider)[1].removeprefix("wrote ").strip()
    file = project.root / path
    text = file.read_text(encoding="utf-8")
    head, job, rest = re.split(r"(\n *own:\n)", text)
    kept = "# pushgate: keep\n# stays\n# pushgate: end\n"
    commented = f"# by me\n{head}\n# above #1{job}{rest} # behind\n# twice\n# twice\n\n{kept}"
    commented = commented.replace("-s lint", "-s lint # this")
    file.write_text(commented.replace(" # v", " # of v"), encoding="utf-8")
    assert ends(project.root, "--check")[0] == 0
    code, told = ends(project.root)
    first, *lines, last = told.splitlines()
    assert (code, first, last) == (0, f"{path} {LOST}", f"changed {path}")
    assert [line.split('"')[1] for line in lines] == ["by me", "above #1", "behind", *2 * ["twice"]]
    assert lines[0] == (
        '  comment "by me" is not of the definition: put it between `# pushgate: keep` and '
        "`# pushgate: end`, or remove it"
    )
    assert kept in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_comments_of_ours_go_untold(make_project: MakeProject, ends: Ends, provider: str) -> None:
    """A comment that only an earlier definition called for is none of the user's."""
    everything = (
        "branches = ['main', 'dev/*']\n"
        "ci = { codecov = true, schedule = ['1 2 3 4 5'], systems = ['macos-15'], pages = "
        "{ gate = 'own', path = 'site' } }\n"
        "gates.web = { run = ['true'], needs = ['own'], inputs = ['noxfile.py'] }\n"
        "gates.app = { run = ['true'], needs = ['web'], inputs = ['docs/**'] }\n"
    )
    project = make_project({"pyproject.toml": PYPROJECT + everything, **CODE})
    path = ends(project.root, provider)[1].removeprefix("wrote ").strip()
    file = project.root / path
    before = file.read_text(encoding="utf-8")
    project.write({"pyproject.toml": PYPROJECT})
    told = ends(project.root)[1]
    assert all(f"# {comment}" in before for comment in named(provider).COMMENTS)
    assert told.startswith(f"{path} {LOST}\n")
    assert "comment" not in told
