"""Installing the pre-push hook where it belongs to others, and in every kind of repository."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from pushgate.model.outcome import ExitCode
from pushing import (
    FRAMEWORKS,
    SETTINGS,
    Recorder,
    add_remote,
    hook_files,
    hook_of,
    install_with,
    leave_frameworks,
    push,
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


@pytest.fixture(params=list(FRAMEWORKS))
def framework(
    project: Project,
    recorder: Recorder,
    request: pytest.FixtureRequest,
) -> str:
    """A framework with a hook of the project's."""
    entry = SETTINGS.format(entry=shlex.quote(str(recorder.program)))
    project.write({".pre-commit-config.yaml": entry})
    project.commit()
    name: str = request.param
    return name


def _install_framework(project: Project, framework: str) -> None:
    answer = project.run(*FRAMEWORKS[framework], "install", "--hook-type", "pre-push")
    assert answer.returncode == 0, answer.stdout


def test_a_framework_has_the_hook(project: Project, recorder: Recorder, framework: str) -> None:
    """A framework's hook is left alone; the entry that is printed makes it run Pushgate."""
    _install_framework(project, framework)
    before = hook_files(hook_of(project).parent)
    installed = install_with(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    assert f"is {framework}'s: nothing is written" in installed.lines[0]
    assert hook_files(hook_of(project).parent) == before

    start = installed.lines.index("  - repo: local")
    entry = "\n".join(["repos:", *installed.lines[start:-1], ""])
    project.write({".pre-commit-config.yaml": f"# entry: pushgate pre-push\n{entry}"})
    project.commit()
    on_path = Recorder.make(recorder.program.parent / "bin", "pushgate")
    path = f"{on_path.program.parent}:{os.environ['PATH']}"
    answer = push(project, "main", env={"PATH": path})
    assert answer.returncode == 0, answer.stdout
    [call] = on_path.calls
    assert call.arguments == ["pre-push"]
    assert call.read()[0][0].commit == project.git("rev-parse", "HEAD").strip()

    again = install_with(project.root, recorder)
    assert again.status == ExitCode.PASSED
    assert "already" in again.lines[1]


def test_a_comment_is_no_entry(project: Project, recorder: Recorder, framework: str) -> None:
    """An entry that is commented out runs nothing, and does not count."""
    _install_framework(project, framework)
    project.write({".pre-commit-config.yaml": "repos: []\n  # entry: pushgate pre-push\n"})
    assert install_with(project.root, recorder).status == ExitCode.USAGE


def test_a_framework_comes_later(project: Project, recorder: Recorder, framework: str) -> None:
    """A framework that takes Pushgate's hook over runs it once, even if it had kept another."""
    write_hook(hook_of(project))
    install_with(project.root, recorder)
    _install_framework(project, framework)
    answer = push(project, "main")
    assert answer.returncode == 0, answer.stdout
    ours, theirs = recorder.calls
    assert ours.arguments[:3] == ["-P", "-m", "pushgate"]
    assert ours.read()[0]
    assert theirs.read()[0]


@pytest.mark.parametrize("environment", ["uv.lock", ""])
def test_the_entry_uses_the_lock(project: Project, recorder: Recorder, environment: str) -> None:
    """Where uv locks the project, what is printed runs Pushgate by uv, and else by its name."""
    if environment:
        project.write({environment: ""})
    entry = [line.strip() for line in install_with(project.root, recorder).lines]
    command = "uv run --frozen pushgate pre-push" if environment else "pushgate pre-push"
    assert f"entry: {command}" in entry


HOOKS_PATHS = {
    "relative": (".githooks", "{root}/.githooks", "the team commits"),
    "absolute": ("{root}/a b", "{root}/a b", "the team commits"),
    "husky": (".husky/_", "{root}/.husky", "the team commits"),
    "elsewhere": ("{tmp}/hooks", "{tmp}/hooks", "outside of this repository"),
    "home": ("~/hooks", "{tmp}/hooks", "outside of this repository"),
    "off": (os.devnull, os.devnull, "outside of this repository"),
}


@pytest.mark.parametrize("kind", HOOKS_PATHS)
def test_hooks_that_are_not_only_ours(
    project: Project,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """Hooks that the team commits, or that other repositories share, are left to their owner."""
    monkeypatch.setenv("HOME", str(tmp_path))
    setting, folder, whose = (
        part.format(root=project.root, tmp=tmp_path) for part in HOOKS_PATHS[kind]
    )
    project.git("config", "core.hooksPath", setting)
    installed = install_with(project.root / "folder", recorder)
    assert installed.status == ExitCode.USAGE
    assert whose in installed.lines[0]
    assert installed.path == Path(folder, "pre-push")
    assert not installed.path.exists()
    assert 'exec pushgate pre-push "$@"' in installed.lines
    assert any("to remove it" in line for line in installed.lines)
    assert not hook_files(hook_of(project).parent)


def test_the_line_that_is_told(project: Project, recorder: Recorder) -> None:
    """The line that a team adds to its hook runs Pushgate, and is seen the next time."""
    project.git("config", "core.hooksPath", ".githooks")
    [line] = [line for line in install_with(project.root, recorder).lines if line[:5] == "exec "]
    write_hook(project.root / ".githooks" / "pre-push", f"#!/bin/sh\n{line}\n")
    on_path = Recorder.make(recorder.program.parent / "bin", "pushgate")
    path = f"{on_path.program.parent}:{os.environ['PATH']}"
    assert push(project, "main", env={"PATH": path}).returncode == 0
    assert on_path.calls[0].read()[0]
    installed = install_with(project.root, recorder)
    assert installed.status == ExitCode.PASSED
    assert "already" in installed.lines[1]


def test_hooks_of_its_own(
    project: Project, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that is printed gives a repository hooks of its own, which can be installed."""
    settings = Path(os.environ["GIT_CONFIG_GLOBAL"]).read_text(encoding="utf-8")
    mine = tmp_path / "gitconfig"
    mine.write_text(f"{settings}[core]\n\thooksPath = {tmp_path}/global\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(mine))
    lines = install_with(project.root, recorder).lines
    [command] = [line for line in lines if line.startswith("git config ")]
    project.git(*shlex.split(command.partition(" && ")[0])[1:])
    installed = install_with(project.root, recorder)
    assert (installed.path, installed.status) == (hook_of(project), ExitCode.PASSED)
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_link_to_the_teams_hooks(project: Project, recorder: Recorder) -> None:
    """A hooks folder in git's own that leads to a folder of the team's is the team's."""
    shutil.rmtree(hook_of(project).parent, ignore_errors=True)
    (project.root / "hooks").mkdir()
    hook_of(project).parent.symlink_to("../hooks")
    assert install_with(project.root, recorder).status == ExitCode.USAGE
    assert not list((project.root / "hooks").iterdir())


def test_a_repository_behind_a_link(project: Project, recorder: Recorder, tmp_path: Path) -> None:
    """Reached by a link, the repository's hooks are its own all the same."""
    (tmp_path / "link").symlink_to(project.root)
    (tmp_path / "folder").symlink_to(project.root / "folder")
    for folder in (tmp_path / "link", tmp_path / "folder"):
        assert install_with(folder, recorder).status == ExitCode.PASSED
    project.git("config", "core.hooksPath", str(tmp_path / "link" / "hooks"))
    assert "the team commits" in install_with(tmp_path / "link", recorder).lines[0]
    project.git("config", "core.hooksPath", str(tmp_path / "link" / ".git" / "hooks"))
    assert install_with(project.root, recorder).path == hook_of(project)


def test_a_folder_within_gits_own(project: Project, recorder: Recorder) -> None:
    """A `core.hooksPath` within git's folder is this clone's own: the hook goes there."""
    project.git("config", "core.hooksPath", ".git/our hooks")
    installed = install_with(project.root / "folder", recorder)
    assert installed.path == project.root / ".git" / "our hooks" / "pre-push"
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_a_linked_worktree(
    project: Project, recorder: Recorder, tmp_path: Path, *, bare: bool, within: bool
) -> None:
    """Installed from a linked worktree, also of a bare repository, the hook serves all of them."""
    main = project
    if bare:
        main = Project(tmp_path / "bare")
        project.git("clone", "--quiet", "--bare", str(project.root), str(main.root))
        url = project.git("remote", "get-url", "origin").strip()
        main.git("remote", "set-url", "origin", url)
    tree = Project((main.root if within else tmp_path) / "tree")
    main.git("worktree", "add", "--quiet", "-b", "side", str(tree.root))
    installed = install_with(tree.root / "folder", recorder)
    assert installed.path == main.root / (".git" if not bare else "") / "hooks" / "pre-push"
    assert push(tree, "side").returncode == 0
    assert [call.folder for call in recorder.calls] == [str(tree.root)]

    tree.git("config", "core.hooksPath", ".githooks")
    told = install_with(tree.root, recorder)
    assert (told.status, told.path) == (ExitCode.USAGE, tree.root / ".githooks" / "pre-push")


def test_a_submodule(make_project: Make, recorder: Recorder) -> None:
    """Installed in a submodule, the hook is the submodule's, not that of the repository above."""
    inner, outer = make_project(name="inner"), make_project(name="outer")
    add_remote(inner)
    allowed = ("-c", "protocol.file.allow=always")
    outer.git(*allowed, "submodule", "--quiet", "add", str(inner.root), "below/module")
    module = Project(outer.root / "below" / "module")
    installed = install_with(module.root, recorder)
    assert installed.status == ExitCode.PASSED
    assert installed.path.is_relative_to(outer.root / ".git" / "modules")
    module.git("remote", "set-url", "origin", f"{inner.root}.remote")
    assert push(module, "main").returncode == 0
    assert len(recorder.calls) == 1
    assert not hook_of(outer).exists()


def test_a_folder_that_cannot_be(project: Project, recorder: Recorder) -> None:
    """Where the hook cannot be written, it is told in one line."""
    shutil.rmtree(hook_of(project).parent, ignore_errors=True)
    hook_of(project).parent.write_text("", encoding="utf-8")
    installed = install_with(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    [line] = installed.lines
    assert line.startswith(f"{hook_of(project)} cannot be written: ")
