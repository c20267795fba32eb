"""Commands that are no gate's: what publishes, prepares the machine, or only shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from pushgate.adopt.from_workflow import environment_runners
from pushgate.adopt.from_workflow.calls import Call

_PUBLISHING: Final[Mapping[str, frozenset[str]]] = {
    "twine": frozenset({"upload"}),
    "uv": frozenset({"publish"}),
    "poetry": frozenset({"publish"}),
    "pdm": frozenset({"publish"}),
    "hatch": frozenset({"publish"}),
    "flit": frozenset({"publish"}),
    "mkdocs": frozenset({"gh-deploy"}),
    "mike": frozenset({"deploy", "set-default"}),
    "docker": frozenset({"push", "login"}),
    "npm": frozenset({"publish"}),
}
_DEPLOYING: Final = frozenset(
    {
        *("gh", "aws", "gcloud", "az", "kubectl", "helm", "terraform", "flyctl", "heroku"),
        *("ssh", "scp", "rsync", "ansible-playbook"),
    }
)
_MACHINE: Final = frozenset(
    {
        *("sudo", "apt", "apt-get", "apk", "yum", "dnf", "brew", "choco", "snap"),
        *("conda", "mamba", "micromamba", "locale-gen"),
    }
)
_DESTRUCTIVE: Final = re.compile(
    r"(?:^|[\s;&|(])(rm|rmdir|mv|shred|truncate|sed -i|tar\b.*--strip-components"
    r"|git (?:add|am|apply|checkout|clean|commit|config|fetch|merge|pull|push|rebase|reset"
    r"|restore|stash|switch|tag))(?=[\s=]|$)|(find)\s.*-delete"
)
"""What changes files or the repository: a gate runs on the user's own."""

_HIDES_FAILURE: Final = re.compile(r"\|\|\s*(?:true|:|exit 0)\s*(?:$|[;)])", re.MULTILINE)
_INSTALLS: Final = re.compile(r"\b(?:pip3?|uv pip|pipx|poetry|pdm|pipenv|uv tool) install\b")

_UPLOADER: Final = re.compile(r"\b(?:codecov\.io/(?:bash|env)|(?:uploader|cli)\.codecov\.io)\b")
_ELSEWHERE: Final = "sends the coverage elsewhere; `ci.codecov` does it for Codecov"
_SENDING: Final = frozenset({"codecov", "codecovcli", "coveralls", "codeclimate"})


def left_because(call: Call) -> str:
    """Tell why a command is no gate's; empty: it may be one."""
    if call.program in _DEPLOYING:
        return f"`{call.program}` works on what is elsewhere"
    if _PUBLISHING.get(call.program, frozenset()) & {*call.arguments[:1]}:
        return f"`{call.program} {call.arguments[0]}` publishes"
    if call.program in _MACHINE:
        return (
            f"`{call.program}` prepares the machine: keep it in a `# pushgate: keep` block of the "
            "jobs that need it"
        )
    if PurePosixPath(call.program).name in _SENDING:
        return f"`{call.program}` {_ELSEWHERE}"
    if call.program == "nox" and not environment_runners.nox(call, ""):
        return "which sessions it runs, the noxfile says: name each as a gate with `session = …`"
    return ""


def left_of_text(text: str) -> str:
    """Tell why a script, or a line of one, is no gate's; empty: it may be one."""
    if found := _INSTALLS.search(text):
        # A gate's environment has no pip: it would be the machine's own that it finds.
        return f"it runs `{found[0]}` amid its commands: give that to a dependency group"
    if found := _DESTRUCTIVE.search(text):
        what = (found[1] or found[2]).split(" -")[0].split("\t")[0]
        return f"`{what}` changes files or the repository: `pushgate run` would change yours"
    if _UPLOADER.search(text):
        return f"it {_ELSEWHERE}"
    return "its `|| true` hides each failure: no gate may" if _HIDES_FAILURE.search(text) else ""


_SHOWS: Final = frozenset(
    {
        *("echo", "printf", "ls", "pwd", "printenv", "uname", "which", "whoami", "date", "df"),
        *("free", "tree"),
    }
)
_SHOWING_LINE: Final = re.compile(rf"(?:{'|'.join(sorted(_SHOWS))})(?![\w-])(?:(?!\$\()[^|;&<>`])*")
_ASKS_ABOUT_ITSELF: Final = frozenset({"--version", "-V", "-VV", "--help", "-h"})
_PYTEST_SHOWS: Final = frozenset(
    {"--collect-only", "--co", "--fixtures", "--fixtures-per-test", "--markers", "--setup-plan"}
)


def only_shows(call: Call) -> bool:
    """Tell whether a command checks nothing: it only shows something."""
    if call.program in _SHOWS or not _ASKS_ABOUT_ITSELF.isdisjoint(call.arguments[:1]):
        return True
    if call.program in {"pytest", "py.test"}:
        return not (_ASKS_ABOUT_ITSELF | _PYTEST_SHOWS).isdisjoint(call.arguments)
    return call.arguments == ("version",) or (call.program == "env" and not call.arguments)


def line_only_shows(text: str) -> bool:
    """Tell whether a line checks nothing, whatever the shell makes of its words."""
    return _SHOWING_LINE.fullmatch(text) is not None


_KEYWORD: Final = re.compile(r"\s*(?:(?:until|while|if|then|do|else|!)\s+)*")
_WAITING: Final = _SHOWS | {"pg_isready", "sleep", "done", "fi", "for", "break", "exit", "do"}


def only_waits(script: str) -> bool:
    """Tell whether a script does nothing but wait for a PostgreSQL."""
    commands = (_KEYWORD.sub("", part, 1) for part in re.split(r"[\n;]|&&|\|\|", script))
    firsts = {command.split()[0] for command in commands if command.strip()}
    return "pg_isready" in firsts and firsts <= _WAITING
