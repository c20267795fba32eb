"""The installed pre-push hook: what it runs, and the hook that was there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pushgate
from conftest import Project
from pushgate.hooks.install import install
from pushgate.model.outcome import ExitCode
from pushing import (
    READS_INPUT,
    Recorder,
    add_remote,
    hook_files,
    hook_of,
    install_with,
    leave_frameworks,
    push,
    remote_refs,
    write_hook,
)

Make = Callable[..., Project]


@pytest.fixture(autouse=True)
def _no_framework(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside of a framework's hook."""
    leave_frameworks(monkeypatch, tmp_path)


@pytest.fixture
def project(make_project: Make) -> Project:
    """A project with an empty remote."""
    project = make_project({"folder/file": ""})
    add_remote(project)
    return project


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A program that stands in for the Python that runs Pushgate."""
    return Recorder.make(tmp_path / "environment")


def test_a_push_runs_pushgate(project: Project, recorder: Recorder) -> None:
    """The hook runs Pushgate's Python at the top of the tree with git's arguments and input."""
    installed = install_with(project.root / "folder", recorder)
    assert (installed.path, installed.status) == (hook_of(project), ExitCode.PASSED)
    assert push(project, "main").returncode == 0
    [call] = recorder.calls
    url = project.git("remote", "get-url", "origin").strip()
    assert call.arguments == ["-P", "-m", "pushgate", "pre-push", "origin", url]
    assert call.folder == str(project.root)
    [judged], _ = call.read()
    assert judged.remote_ref == "refs/heads/main"


def test_this_python_is_used(project: Project) -> None:
    """Unless told, it is the Python that runs now, with the Pushgate that it has."""
    install(project.root)
    line = f"python={shlex.quote(sys.executable)}"
    assert line in hook_of(project).read_text(encoding="utf-8").splitlines()
    project.write({"pushgate.py": "raise SystemExit(0)", "types.py": "raise SystemExit(0)"})
    # It knows its own name, not the repository's file of that name; the options are its own.
    answer = project.run(str(hook_of(project)), "--help")
    assert "usage: pushgate" in answer.stdout


def test_a_push_is_refused(project: Project, tmp_path: Path) -> None:
    """Where Pushgate fails, nothing is pushed."""
    failing = tmp_path / "failing"
    write_hook(failing, "#!/bin/sh\nexit 3\n")
    install(project.root, str(failing))
    assert push(project, "main").returncode != 0
    assert remote_refs(project) == []


@pytest.mark.parametrize("name", ["it's", 'a "b" $HOME `id`', "new\nline", "-dash", "back\\slash"])
def test_odd_paths(make_project: Make, tmp_path: Path, name: str) -> None:
    """Whatever the repository's and the environment's folders are called, the hook works."""
    project = make_project(name=name)
    add_remote(project)
    recorder = Recorder.make(tmp_path / "environments" / name)
    install_with(project.root, recorder)
    answer = push(project, "main")
    assert answer.returncode == 0, answer.stdout
    assert [call.folder for call in recorder.calls] == [str(project.root)]


def test_twice(project: Project, recorder: Recorder) -> None:
    """A second time changes nothing and says so; a hook that lost its permission gets it back."""
    first = install_with(project.root, recorder)
    os.utime(first.path, (1, 1))
    second = install_with(project.root, recorder)
    assert "is written" in first.lines[0]
    assert "is there already" in second.lines[0]
    assert (second.status, first.path.stat().st_mtime) == (ExitCode.PASSED, 1)
    first.path.chmod(0o644)
    assert "is written" in install_with(project.root, recorder).lines[0]
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_an_older_version(project: Project, recorder: Recorder) -> None:
    """A hook of an older Pushgate is replaced, and not kept as someone else's."""
    old = "#!/bin/sh\n# Pushgate's pre-push hook, version 0, of old\nexit 1\n"
    write_hook(hook_of(project), old)
    assert install_with(project.root, recorder).status == ExitCode.PASSED
    assert list(hook_files(hook_of(project).parent)) == ["pre-push"]
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_hook_that_was_there(project: Project, recorder: Recorder) -> None:
    """A hook that was there runs first, with the same arguments and the same input."""
    write_hook(hook_of(project))
    installed = install_with(project.root, recorder)
    legacy = hook_of(project).with_name("pre-push.legacy")
    assert legacy.read_text(encoding="utf-8") == READS_INPUT
    assert any(str(legacy) in line and "runs first" in line for line in installed.lines)
    assert push(project, "main", "main:side").returncode == 0
    [call] = recorder.calls
    assert len(call.read()[0]) == 2
    assert (project.root / "legacy-input").read_text(encoding="utf-8") == call.standard_input
    words = (project.root / "legacy-arguments").read_text(encoding="utf-8").split()
    assert words == call.arguments[-2:]
    assert install_with(project.root, recorder).status == ExitCode.PASSED
    assert legacy.read_text(encoding="utf-8") == READS_INPUT


def test_a_hook_that_was_there_and_fails(project: Project, recorder: Recorder) -> None:
    """A hook that was there still refuses a push, and Pushgate does not run."""
    write_hook(hook_of(project), "#!/bin/sh\nexit 4\n")
    install_with(project.root, recorder)
    assert push(project, "main").returncode != 0
    assert (remote_refs(project), recorder.calls) == ([], [])


def test_a_hook_that_was_there_and_was_off(project: Project, recorder: Recorder) -> None:
    """A hook that is not executable, which git passes over, is kept and stays off."""
    write_hook(hook_of(project), "#!/bin/sh\nexit 4\n")
    hook_of(project).chmod(0o644)
    installed = install_with(project.root, recorder)
    assert any("it never runs" in line for line in installed.lines)
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_link_that_was_there(project: Project, recorder: Recorder) -> None:
    """A hook that is a link to a file of the team's is kept as the link that it is."""
    write_hook(project.root / "scripts" / "push")
    hook_of(project).parent.mkdir(exist_ok=True)
    hook_of(project).symlink_to("../../scripts/push")
    install_with(project.root, recorder)
    assert (project.root / "scripts" / "push").read_text(encoding="utf-8") == READS_INPUT
    assert push(project, "main").returncode == 0
    assert (project.root / "legacy-input").exists()
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
@pytest.mark.parametrize("refs", [0, 1, 5000])
@pytest.mark.parametrize("legacy", ["cat > legacy-input", "exec <&-; sleep 0.1", ":"])
def test_the_same_input_for_both(
    project: Project, recorder: Recorder, shell: str, refs: int, legacy: str
) -> None:
    """Nothing, one line or more than a pipe holds: both hooks read it, also if one does not."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    write_hook(hook_of(project), f"#!/bin/sh\n{legacy}\n")
    install_with(project.root, recorder)
    line = f"HEAD@{{1 day ago}} \\n $HOME `id` {'1' * 40} refs/heads/main {'0' * 40}\n"
    command = [shell, str(hook_of(project)), "origin", "url"]
    subprocess.run(command, cwd=project.root, input=line * refs, text=True, check=True)
    [call] = recorder.calls
    assert call.standard_input == line * refs
    if "cat" in legacy:
        assert (project.root / "legacy-input").read_text(encoding="utf-8") == line * refs


def test_two_hooks_that_were_there(project: Project, recorder: Recorder) -> None:
    """Where a kept hook would be overwritten, nothing is changed, and it is told."""
    write_hook(hook_of(project))
    write_hook(hook_of(project).with_name("pre-push.legacy"), "#!/bin/sh\n")
    before = hook_files(hook_of(project).parent)
    installed = install_with(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    assert "delete one of them" in installed.lines[0]
    assert hook_files(hook_of(project).parent) == before


def test_a_kept_hook_alone(project: Project, recorder: Recorder) -> None:
    """A kept hook without one before it runs first, and is told."""
    write_hook(hook_of(project).with_name("pre-push.legacy"))
    installed = install_with(project.root, recorder)
    assert any("runs first" in line for line in installed.lines)
    assert push(project, "main").returncode == 0
    assert (project.root / "legacy-input").exists()
    assert len(recorder.calls) == 1


def test_how_to_remove_it(project: Project, recorder: Recorder) -> None:
    """The command that is printed takes the hook away, and puts back what was there."""
    for there in (False, True):
        if there:
            write_hook(hook_of(project))
        lines = install_with(project.root, recorder).lines
        [command] = [line.partition(": ")[2] for line in lines if "to remove it" in line]
        subprocess.run(["sh", "-c", command], check=True)
        assert hook_of(project).exists() == there
    assert hook_of(project).read_text(encoding="utf-8") == READS_INPUT


def _bare_push(project: Project, path: str) -> subprocess.CompletedProcess[str]:
    """Push as a graphical client does, with next to no environment."""
    settings = os.environ["GIT_CONFIG_GLOBAL"]
    variables = [f"PATH={path}", f"HOME={project.root.parent}", f"GIT_CONFIG_GLOBAL={settings}"]
    return project.run("env", "-i", *variables, "git", "push", "--quiet", "origin", "main")


SYSTEM_PATH = "/usr/bin:/bin"


def test_a_graphical_client(project: Project, recorder: Recorder) -> None:
    """Started with a PATH of the system's folders only, Pushgate runs, and finds uv."""
    install_with(project.root, recorder)
    answer = _bare_push(project, SYSTEM_PATH)
    assert answer.returncode == 0, answer.stdout
    [call] = recorder.calls
    uv = shutil.which("uv", path=call.environment["PATH"])
    assert uv is not None
    assert subprocess.run([uv, "--version"], check=True, capture_output=True).stdout


def test_python_is_gone(project: Project, recorder: Recorder, tmp_path: Path) -> None:
    """Where its Python is gone, Pushgate on PATH runs, else the project's by uv, else none."""
    install_with(project.root, recorder)
    recorder.program.rename(tmp_path / "gone")
    answer = _bare_push(project, SYSTEM_PATH)
    assert answer.returncode != 0
    assert f"pushgate: {recorder.program} is gone: run `pushgate install` again" in answer.stdout
    assert remote_refs(project) == []

    fake_uv = Recorder.make(tmp_path / "uv", "uv")
    path = f"{fake_uv.program.parent}:{SYSTEM_PATH}"
    assert _bare_push(project, path).returncode != 0
    assert fake_uv.calls == []
    project.write({"uv.lock": ""})
    assert _bare_push(project, path).returncode == 0
    [call] = fake_uv.calls
    expected = ["run", "--quiet", "--frozen", "pushgate", "pre-push", "origin"]
    assert call.arguments[:-1] == expected
    assert call.read()[0]

    project.commit("another")
    on_path = Recorder.make(tmp_path / "bin", "pushgate")
    assert _bare_push(project, f"{on_path.program.parent}:{path}").returncode == 0
    [call] = on_path.calls
    assert call.arguments[:-1] == ["pre-push", "origin"]
    assert call.read()[0]


def test_uv_has_taken_pushgate_out(project: Project, recorder: Recorder, tmp_path: Path) -> None:
    """Where Pushgate is gone from its Python, uv brings it: with the group that has it."""
    groups = '[dependency-groups]\nci = ["pushgate>=0.1"]\n'
    project.write({"pyproject.toml": groups, "uv.lock": ""})
    lines = install_with(project.root, recorder).lines
    assert any("entry: uv run --frozen --only-group=ci pushgate pre-push" in line for line in lines)
    hook = hook_of(project)
    package = str(Path(pushgate.__file__).parent)
    hook.write_text(hook.read_text(encoding="utf-8").replace(package, f"{package}/no"), "utf-8")
    fake_uv = Recorder.make(tmp_path / "uv", "uv")
    assert _bare_push(project, f"{fake_uv.program.parent}:{SYSTEM_PATH}").returncode == 0
    [call] = fake_uv.calls
    assert call.arguments[:4] == ["run", "--quiet", "--frozen", "--only-group=ci"]
    assert recorder.calls == []
