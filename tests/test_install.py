"""Installing the pre-push hook, beside whatever hooks a repository has."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Project
from pushgate.hooks.install import Installed, install
from pushgate.model.outcome import ExitCode
from pushing import FRAMEWORKS, SETTINGS, Recorder, add_remote, leave_frameworks, push, remote_refs

Make = Callable[..., Project]

READS_INPUT = '#!/bin/sh\ncat > legacy-input\necho "$@" > legacy-arguments\n'


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


def _hook(project: Project) -> Path:
    return project.root / ".git" / "hooks" / "pre-push"


def _write_hook(hook: Path, script: str = READS_INPUT) -> None:
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text(script, encoding="utf-8")
    hook.chmod(0o755)


def _install(folder: Path, recorder: Recorder) -> Installed:
    return install(folder, str(recorder.program))


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.glob("pre-push*") if path.suffix != ".sample")
    return {path.name: path.read_bytes() for path in files}


def test_a_push_runs_pushgate(project: Project, recorder: Recorder) -> None:
    """The hook runs Pushgate's Python at the top of the tree with git's arguments and input."""
    installed = _install(project.root / "folder", recorder)
    assert (installed.path, installed.status) == (_hook(project), ExitCode.PASSED)
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
    assert line in _hook(project).read_text(encoding="utf-8").splitlines()
    project.write({"pushgate.py": "raise SystemExit(0)", "types.py": "raise SystemExit(0)"})
    # It knows its own name, not the repository's file of that name; the options are its own.
    answer = project.run(str(_hook(project)), "--help")
    assert "usage: pushgate" in answer.stdout


def test_a_push_is_refused(project: Project, tmp_path: Path) -> None:
    """Where Pushgate fails, nothing is pushed."""
    failing = tmp_path / "failing"
    _write_hook(failing, "#!/bin/sh\nexit 3\n")
    install(project.root, str(failing))
    assert push(project, "main").returncode != 0
    assert remote_refs(project) == []


@pytest.mark.parametrize("name", ["it's", 'a "b" $HOME `id`', "new\nline", "-dash", "back\\slash"])
def test_odd_paths(make_project: Make, tmp_path: Path, name: str) -> None:
    """Whatever the repository's and the environment's folders are called, the hook works."""
    project = make_project(name=name)
    add_remote(project)
    recorder = Recorder.make(tmp_path / "environments" / name)
    _install(project.root, recorder)
    answer = push(project, "main")
    assert answer.returncode == 0, answer.stdout
    assert [call.folder for call in recorder.calls] == [str(project.root)]


def test_twice(project: Project, recorder: Recorder) -> None:
    """A second time changes nothing and says so; a hook that lost its permission gets it back."""
    first = _install(project.root, recorder)
    os.utime(first.path, (1, 1))
    second = _install(project.root, recorder)
    assert "is written" in first.lines[0]
    assert "is there already" in second.lines[0]
    assert (second.status, first.path.stat().st_mtime) == (ExitCode.PASSED, 1)
    first.path.chmod(0o644)
    assert "is written" in _install(project.root, recorder).lines[0]
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_an_older_version(project: Project, recorder: Recorder) -> None:
    """A hook of an older Pushgate is replaced, and not kept as someone else's."""
    old = "#!/bin/sh\n# Pushgate's pre-push hook, version 0, of old\nexit 1\n"
    _write_hook(_hook(project), old)
    assert _install(project.root, recorder).status == ExitCode.PASSED
    assert list(_files(_hook(project).parent)) == ["pre-push"]
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_hook_that_was_there(project: Project, recorder: Recorder) -> None:
    """A hook that was there runs first, with the same arguments and the same input."""
    _write_hook(_hook(project))
    installed = _install(project.root, recorder)
    legacy = _hook(project).with_name("pre-push.legacy")
    assert legacy.read_text(encoding="utf-8") == READS_INPUT
    assert any(str(legacy) in line and "runs first" in line for line in installed.lines)
    assert push(project, "main", "main:side").returncode == 0
    [call] = recorder.calls
    assert len(call.read()[0]) == 2
    assert (project.root / "legacy-input").read_text(encoding="utf-8") == call.standard_input
    words = (project.root / "legacy-arguments").read_text(encoding="utf-8").split()
    assert words == call.arguments[-2:]
    assert _install(project.root, recorder).status == ExitCode.PASSED
    assert legacy.read_text(encoding="utf-8") == READS_INPUT


def test_a_hook_that_was_there_and_fails(project: Project, recorder: Recorder) -> None:
    """A hook that was there still refuses a push, and Pushgate does not run."""
    _write_hook(_hook(project), "#!/bin/sh\nexit 4\n")
    _install(project.root, recorder)
    assert push(project, "main").returncode != 0
    assert (remote_refs(project), recorder.calls) == ([], [])


def test_a_hook_that_was_there_and_was_off(project: Project, recorder: Recorder) -> None:
    """A hook that is not executable, which git passes over, is kept and stays off."""
    _write_hook(_hook(project), "#!/bin/sh\nexit 4\n")
    _hook(project).chmod(0o644)
    installed = _install(project.root, recorder)
    assert any("it never runs" in line for line in installed.lines)
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_link_that_was_there(project: Project, recorder: Recorder) -> None:
    """A hook that is a link to a file of the team's is kept as the link that it is."""
    _write_hook(project.root / "scripts" / "push")
    _hook(project).parent.mkdir(exist_ok=True)
    _hook(project).symlink_to("../../scripts/push")
    _install(project.root, recorder)
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
    _write_hook(_hook(project), f"#!/bin/sh\n{legacy}\n")
    _install(project.root, recorder)
    line = f"HEAD@{{1 day ago}} \\n $HOME `id` {'1' * 40} refs/heads/main {'0' * 40}\n"
    command = [shell, str(_hook(project)), "origin", "url"]
    subprocess.run(command, cwd=project.root, input=line * refs, text=True, check=True)
    [call] = recorder.calls
    assert call.standard_input == line * refs
    if "cat" in legacy:
        assert (project.root / "legacy-input").read_text(encoding="utf-8") == line * refs


def test_two_hooks_that_were_there(project: Project, recorder: Recorder) -> None:
    """Where a kept hook would be overwritten, nothing is changed, and it is told."""
    _write_hook(_hook(project))
    _write_hook(_hook(project).with_name("pre-push.legacy"), "#!/bin/sh\n")
    before = _files(_hook(project).parent)
    installed = _install(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    assert "delete one of them" in installed.lines[0]
    assert _files(_hook(project).parent) == before


def test_a_kept_hook_alone(project: Project, recorder: Recorder) -> None:
    """A kept hook without one before it runs first, and is told."""
    _write_hook(_hook(project).with_name("pre-push.legacy"))
    installed = _install(project.root, recorder)
    assert any("runs first" in line for line in installed.lines)
    assert push(project, "main").returncode == 0
    assert (project.root / "legacy-input").exists()
    assert len(recorder.calls) == 1


def test_how_to_remove_it(project: Project, recorder: Recorder) -> None:
    """The command that is printed takes the hook away, and puts back what was there."""
    for there in (False, True):
        if there:
            _write_hook(_hook(project))
        lines = _install(project.root, recorder).lines
        [command] = [line.partition(": ")[2] for line in lines if "to remove it" in line]
        subprocess.run(["sh", "-c", command], check=True)
        assert _hook(project).exists() == there
    assert _hook(project).read_text(encoding="utf-8") == READS_INPUT


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
    before = _files(_hook(project).parent)
    installed = _install(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    assert f"is {framework}'s: nothing is written" in installed.lines[0]
    assert _files(_hook(project).parent) == before

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

    again = _install(project.root, recorder)
    assert again.status == ExitCode.PASSED
    assert "already" in again.lines[1]


def test_a_comment_is_no_entry(project: Project, recorder: Recorder, framework: str) -> None:
    """An entry that is commented out runs nothing, and does not count."""
    _install_framework(project, framework)
    project.write({".pre-commit-config.yaml": "repos: []\n  # entry: pushgate pre-push\n"})
    assert _install(project.root, recorder).status == ExitCode.USAGE


def test_a_framework_comes_later(project: Project, recorder: Recorder, framework: str) -> None:
    """A framework that takes Pushgate's hook over runs it once, even if it had kept another."""
    _write_hook(_hook(project))
    _install(project.root, recorder)
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
    entry = [line.strip() for line in _install(project.root, recorder).lines]
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
    installed = _install(project.root / "folder", recorder)
    assert installed.status == ExitCode.USAGE
    assert whose in installed.lines[0]
    assert installed.path == Path(folder, "pre-push")
    assert not installed.path.exists()
    assert 'exec pushgate pre-push "$@"' in installed.lines
    assert any("to remove it" in line for line in installed.lines)
    assert not _files(_hook(project).parent)


def test_the_line_that_is_told(project: Project, recorder: Recorder) -> None:
    """The line that a team adds to its hook runs Pushgate, and is seen the next time."""
    project.git("config", "core.hooksPath", ".githooks")
    [line] = [line for line in _install(project.root, recorder).lines if line[:5] == "exec "]
    _write_hook(project.root / ".githooks" / "pre-push", f"#!/bin/sh\n{line}\n")
    on_path = Recorder.make(recorder.program.parent / "bin", "pushgate")
    path = f"{on_path.program.parent}:{os.environ['PATH']}"
    assert push(project, "main", env={"PATH": path}).returncode == 0
    assert on_path.calls[0].read()[0]
    installed = _install(project.root, recorder)
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
    lines = _install(project.root, recorder).lines
    [command] = [line for line in lines if line.startswith("git config ")]
    project.git(*shlex.split(command.partition(" && ")[0])[1:])
    installed = _install(project.root, recorder)
    assert (installed.path, installed.status) == (_hook(project), ExitCode.PASSED)
    assert push(project, "main").returncode == 0
    assert len(recorder.calls) == 1


def test_a_link_to_the_teams_hooks(project: Project, recorder: Recorder) -> None:
    """A hooks folder in git's own that leads to a folder of the team's is the team's."""
    shutil.rmtree(_hook(project).parent, ignore_errors=True)
    (project.root / "hooks").mkdir()
    _hook(project).parent.symlink_to("../hooks")
    assert _install(project.root, recorder).status == ExitCode.USAGE
    assert not list((project.root / "hooks").iterdir())


def test_a_repository_behind_a_link(project: Project, recorder: Recorder, tmp_path: Path) -> None:
    """Reached by a link, the repository's hooks are its own all the same."""
    (tmp_path / "link").symlink_to(project.root)
    (tmp_path / "folder").symlink_to(project.root / "folder")
    for folder in (tmp_path / "link", tmp_path / "folder"):
        assert _install(folder, recorder).status == ExitCode.PASSED
    project.git("config", "core.hooksPath", str(tmp_path / "link" / "hooks"))
    assert "the team commits" in _install(tmp_path / "link", recorder).lines[0]
    project.git("config", "core.hooksPath", str(tmp_path / "link" / ".git" / "hooks"))
    assert _install(project.root, recorder).path == _hook(project)


def test_a_folder_within_gits_own(project: Project, recorder: Recorder) -> None:
    """A `core.hooksPath` within git's folder is this clone's own: the hook goes there."""
    project.git("config", "core.hooksPath", ".git/our hooks")
    installed = _install(project.root / "folder", recorder)
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
    installed = _install(tree.root / "folder", recorder)
    assert installed.path == main.root / (".git" if not bare else "") / "hooks" / "pre-push"
    assert push(tree, "side").returncode == 0
    assert [call.folder for call in recorder.calls] == [str(tree.root)]

    tree.git("config", "core.hooksPath", ".githooks")
    told = _install(tree.root, recorder)
    assert (told.status, told.path) == (ExitCode.USAGE, tree.root / ".githooks" / "pre-push")


def test_a_submodule(make_project: Make, recorder: Recorder) -> None:
    """Installed in a submodule, the hook is the submodule's, not that of the repository above."""
    inner, outer = make_project(name="inner"), make_project(name="outer")
    add_remote(inner)
    allowed = ("-c", "protocol.file.allow=always")
    outer.git(*allowed, "submodule", "--quiet", "add", str(inner.root), "below/module")
    module = Project(outer.root / "below" / "module")
    installed = _install(module.root, recorder)
    assert installed.status == ExitCode.PASSED
    assert installed.path.is_relative_to(outer.root / ".git" / "modules")
    module.git("remote", "set-url", "origin", f"{inner.root}.remote")
    assert push(module, "main").returncode == 0
    assert len(recorder.calls) == 1
    assert not _hook(outer).exists()


def test_a_folder_that_cannot_be(project: Project, recorder: Recorder) -> None:
    """Where the hook cannot be written, it is told in one line."""
    shutil.rmtree(_hook(project).parent, ignore_errors=True)
    _hook(project).parent.write_text("", encoding="utf-8")
    installed = _install(project.root, recorder)
    assert installed.status == ExitCode.USAGE
    [line] = installed.lines
    assert line.startswith(f"{_hook(project)} cannot be written: ")


def _bare_push(project: Project, path: str) -> subprocess.CompletedProcess[str]:
    """Push as a graphical client does, with next to no environment."""
    settings = os.environ["GIT_CONFIG_GLOBAL"]
    variables = [f"PATH={path}", f"HOME={project.root.parent}", f"GIT_CONFIG_GLOBAL={settings}"]
    return project.run("env", "-i", *variables, "git", "push", "--quiet", "origin", "main")


SYSTEM_PATH = "/usr/bin:/bin"


def test_a_graphical_client(project: Project, recorder: Recorder) -> None:
    """Started with a PATH of the system's folders only, Pushgate runs, and finds uv."""
    _install(project.root, recorder)
    answer = _bare_push(project, SYSTEM_PATH)
    assert answer.returncode == 0, answer.stdout
    [call] = recorder.calls
    uv = shutil.which("uv", path=call.environment["PATH"])
    assert uv is not None
    assert subprocess.run([uv, "--version"], check=True, capture_output=True).stdout


def test_python_is_gone(project: Project, recorder: Recorder, tmp_path: Path) -> None:
    """Where its Python is gone, Pushgate on PATH runs, else the project's by uv, else none."""
    _install(project.root, recorder)
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
