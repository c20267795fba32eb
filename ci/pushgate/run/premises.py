"""What of this machine fingerprints rest on, so that it can be checked at once.

It imports no module that takes time, and of Pushgate at most one: a push of what was verified
asks it before anything else.
"""

from __future__ import annotations

import hashlib
import os
import sys

_GONE = ""

_PATIENCE_SECONDS = 0.5
"""How long an engine may take to tell of an image; the normal path has more time."""


class Premises:
    """What of this machine fingerprints rest on.

    Attributes:
        stats: The size and the time of the last change of each file, by its path.
        pythons: What is found first for each version (``X.Y``), links resolved.
        programs: The same for each program, by its name.
        variables: What each environment variable holds, as ``told`` says it.
        engine: The socket of the engine that is asked for the images; empty: none is.
        images: The id of each image, by its name.
        running: The Python that runs Pushgate, links resolved.
        pushgate: Pushgate's code, as ``pushgate_code`` names it.
        lasting: Whether this is all that they rest on; otherwise nobody may rely on it.
    """

    def __init__(
        self,
        *,
        stats: dict[str, str],
        pythons: dict[str, str],
        programs: dict[str, str],
        variables: dict[str, str],
        engine: str,
        images: dict[str, str],
        running: str,
        pushgate: str,
        lasting: bool,
    ) -> None:
        self.stats = stats
        self.pythons = pythons
        self.programs = programs
        self.variables = variables
        self.engine = engine
        self.images = images
        self.running = running
        self.pushgate = pushgate
        self.lasting = lasting

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return dict(vars(self))

    @classmethod
    def of_json(cls, values: dict[str, object]) -> Premises:
        """Make it of plain values.

        Raises:
            TypeError: They are not those of premises.
        """
        return cls(**values)  # type: ignore[arg-type]  # what was kept, as it was kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Premises) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.pushgate)

    def hold(self) -> bool:
        """Tell whether all of it is still so, as far as it can be told at once."""
        return (
            self.lasting
            and self.running == os.path.realpath(sys.executable)
            and all(stamp(path) == told for path, told in self.stats.items())
            and all(python(version) == path for version, path in self.pythons.items())
            and all(program(word) == path for word, path in self.programs.items())
            and all(told(os.environ.get(name)) == value for name, value in self.variables.items())
            and self.pushgate == pushgate_code()
            and self._images_hold()
        )

    def _images_hold(self) -> bool:
        if not self.images:
            return True
        # Most projects have none, and this costs more than all the rest.
        from pushgate.tools import engine_socket  # noqa: PLC0415

        try:
            return all(
                engine_socket.image_id(self.engine, name, _PATIENCE_SECONDS) == known
                for name, known in self.images.items()
            )
        except (OSError, ValueError):
            return False


def told(value: str | None) -> str:
    """Name what an environment variable holds without telling it: it may be a secret."""
    if value is None:
        return "unset"
    return f"set, {hashlib.sha256(os.fsencode(value)).hexdigest()[:32]}"


def stamp(path: str) -> str:
    """Return a file's size in bytes and the time of its last change in ns; empty: none."""
    try:
        found = os.stat(path)
    except OSError:
        return _GONE
    return f"{found.st_size} {found.st_mtime_ns}"


def python(version: str) -> str:
    """Return the first candidate for a version, as ``tools.interpreters`` looks for it.

    Args:
        version: ``X.Y``.

    Returns:
        Its path, links resolved; empty where neither PATH nor pyenv has one.
    """
    name = f"python{version}"
    shims = os.path.join(_pyenv(), "shims")
    found = _first(name, [folder for folder in os.get_exec_path() if folder != shims])
    if found:
        return os.path.realpath(found)
    patches = [
        folder.rpartition(".")[2]
        for folder in _names(os.path.join(_pyenv(), "versions"))
        if folder.startswith(f"{version}.") and folder.replace(".", "").isdigit()
    ]
    if not patches:
        return _GONE
    newest = f"{version}.{max(map(int, patches))}"
    return os.path.realpath(os.path.join(_pyenv(), "versions", newest, "bin", name))


def program(word: str) -> str:
    """Return the program that a command's first word starts.

    What a shim of pyenv's stands for is returned instead of it where only one version has it.

    Args:
        word: A name, or an absolute path.

    Returns:
        Its path, links resolved; empty where PATH has none.
    """
    # `uv run` tells where uv is.
    known = os.environ.get("UV", "") if word == "uv" else ""
    found = known if os.path.isfile(known) else _first(word, os.get_exec_path())
    if not found:
        return _GONE
    behind = behind_shim(found)
    return os.path.realpath(behind[0] if len(behind) == 1 else found)


def behind_shim(path: str) -> list[str]:
    """Return the programs that one of pyenv's shims may stand for; of other files none."""
    folder, name = os.path.split(path)
    if folder != os.path.join(_pyenv(), "shims"):
        return []
    versions = os.path.join(_pyenv(), "versions")
    candidates = (os.path.join(versions, one, "bin", name) for one in _names(versions))
    return [candidate for candidate in candidates if os.path.isfile(candidate)]


def pushgate_code() -> str:
    """Name the code of the Pushgate that this is.

    A version alone does not: an editable installation keeps it while the code changes.
    """
    digest = hashlib.sha256()
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            path = os.path.join(folder, name)
            digest.update(os.fsencode(f"{path[len(top) :]} {stamp(path)}\0"))
    return digest.hexdigest()


def _pyenv() -> str:
    return os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")


def _first(word: str, folders: list[str]) -> str:
    for folder in folders:
        path = os.path.join(folder, word)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return _GONE


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
