"""The files of a repository that tell how its project is checked today."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pushgate.model.ci import MARK, calls_sessions, heading
from pushgate.model.settings import ConfigurationError
from pushgate.tools import git

PRE_COMMIT: Final = (".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml")
RUFF_FILES: Final = ("ruff.toml", ".ruff.toml")
_COMMANDS: Final = (
    *PRE_COMMIT,
    *("tox.ini", "tox.toml", "setup.cfg", "pyproject.toml", "noxfile.py", ".gitlab-ci.yml"),
    *("Makefile", "justfile", "Justfile", "tasks.py", "Taskfile.yml", "hatch.toml"),
)
"""Files that hold commands which developers or CI run."""

_TESTING: Final = re.compile(r"(?<![\w./=-])(?:pytest|tox|nox)(?![\w./=-])")
_MAIN: Final = re.compile("tests?|ci")
"""What tells the workflow that tests from those that publish, label or measure."""


@dataclass(frozen=True)
class Evidence:
    """A project in its repository.

    Attributes:
        root: The project's folder.
        repository: The top folder of the repository.
        tracked: The project's tracked files.
    """

    root: Path
    repository: Path
    tracked: tuple[str, ...]

    @classmethod
    def of(cls, root: Path) -> Evidence:
        """Look at a project.

        Args:
            root: Its folder.
        """
        return cls(root, git.toplevel(root), git.tracked_files(root))

    @cached_property
    def pyproject(self) -> Mapping[str, Any]:
        """Its ``pyproject.toml``, empty where there is none.

        Raises:
            ConfigurationError: It is no TOML.
        """
        return self.toml("pyproject.toml")

    def toml(self, name: str) -> Mapping[str, Any]:
        """Return a file of the project as TOML, empty where there is none.

        Raises:
            ConfigurationError: It is no TOML.
        """
        try:
            return tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError as error:
            message = f"{name}: {error}"
            raise ConfigurationError(message) from error

    def text(self, name: str) -> str:
        """Return a file of the project, empty where there is none."""
        return _read(self.root / name)

    def has(self, *names: str) -> str:
        """Return the first of these files that the project has, or empty."""
        return next((name for name in names if (self.root / name).is_file()), "")

    def workflows(self) -> Iterator[Path]:
        """Yield the workflow files of CI that are not Pushgate's."""
        own = "/".join(self.root.relative_to(self.repository).parts)
        for folder, pattern in ((".github/workflows", "*.y*ml"), (".", ".gitlab-ci.yml")):
            for file in sorted((self.repository / folder).glob(pattern)):
                text = _read(file)
                if MARK not in heading(text) and not calls_sessions(text, own):
                    yield file

    def main_workflow(self) -> Path | None:
        """Return GitHub's workflow that most likely runs the tests, from the repository's top."""
        files = [file for file in self.workflows() if file.parent.name == "workflows"]
        chosen = max(
            files,
            key=lambda file: (bool(_TESTING.search(_read(file))), bool(_MAIN.match(file.name))),
            default=None,
        )
        return chosen and chosen.relative_to(self.repository)

    @cached_property
    def commands(self) -> str:
        """The text of all files that hold commands, of the project and of its repository."""
        folders = dict.fromkeys((self.root, self.repository))
        files = [folder / name for folder in folders for name in _COMMANDS]
        return "\n".join(map(_read, (*files, *self.workflows())))

    def runs(self, tool: str) -> bool:
        """Tell whether a command, or a hook of pre-commit, calls a tool."""
        name = re.escape(tool)
        hook = rf"\bid:\s*[\"']?{name}[\"']?\s*$|\bid\s*=\s*\"{name}\""
        # What follows tells a command from a word in a sentence or a setting.
        command = rf"(?<![\w./=-]){name}(?:\"?,)?[ \t]+[\"']?(?:-|\.|\{{|src\b|tests?\b|check\b)"
        alone = rf"^[ \t]*(?:commands[ \t]*=[ \t]*|-[ \t]+(?:run:[ \t]*)?)?{name}[ \t]*$"
        found = re.search(f"{hook}|{command}|{alone}", self.commands, re.MULTILINE)
        return found is not None

    def hook_revision(self, repository: str) -> str:
        """Return the version of a tool that pre-commit is told to use, or empty.

        Args:
            repository: How the hook's repository ends, such as ``/black``.
        """
        repo = rf"repo:\s*\S*{re.escape(repository)}(?:\.git)?[\"']?"
        frozen = r"(?:[0-9a-f]{40}[\"']?\s*#\s*frozen:\s*)?"
        pattern = rf"{repo}\s+rev:\s*[\"']?{frozen}v?(\d+(?:\.\d+)+)\b"
        match = re.search(pattern, self.commands)
        return match[1] if match else ""


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
