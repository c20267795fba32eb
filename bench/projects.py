"""The projects that are measured on: from PyPI, or generated; each a repository of its own."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from contest import DidNotWorkError, run

PYTHONS: Final = ("3.11", "3.12", "3.13")
SHARDS: Final = 4
GIT: Final = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.invalid")
NOXFILE: Final = "import pushgate\n\npushgate.register()\n"
PROJECT: Final = """[project]
name = "sample"
version = "1.0"
requires-python = ">=3.11"
"""
IGNORED: Final = "\n.nox/\n.tox/\n.bench/\n__pycache__/\n*.egg-info/\n.pytest_cache/\n"

SETTINGS: Final = f"""

[tool.pushgate]
verify-records = 0
python = {json.dumps(PYTHONS)}

[tool.pushgate.gates.test]
shards = {SHARDS}
inputs = ["src/**", "tests/**"]
args = %s

[tool.pushgate.gates]
types.inputs = ["src/**", "tests/**"]
coverage.inputs = ["src/**", "tests/**"]

[tool.pushgate.gates.docs]
run = ["true"]
inputs = ["docs/**"]
environment = false
"""

HANDWRITTEN_NOXFILE: Final = """import json
import shlex
from pathlib import Path

import nox

HERE = Path(__file__).parent


def define(shard):
    @nox.session(name=shard["name"], venv_backend="none", allow_parallel=True)
    def session(session):
        session.chdir(HERE.parent)
        session.run(*shlex.split(shard["command"]), env=shard["variables"], external=True)


for shard in json.loads((HERE / "shards.json").read_text()):
    define(shard)
"""

TOX_INI: Final = """[tox]
no_package = true

[testenv]
skip_install = true
allowlist_externals = *
pass_env = *
change_dir = {tox_root}/..
"""


@dataclass(frozen=True)
class RawShard:
    """What a gate's job runs, without what Pushgate adds for its proof.

    Attributes:
        name: The name of its session.
        command: Its command, as a shell reads it.
        variables: Its environment variables.
    """

    name: str
    command: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Suite:
    """A project from PyPI whose tests are split.

    Attributes:
        name: Its name on PyPI.
        folder: Where it goes.
        args: Further arguments for pytest.
    """

    name: str
    folder: Path
    args: tuple[str, ...] = ()

    @cached_property
    def root(self) -> Path:
        """Its repository, tested once and balanced, so that every environment is warm."""
        root = _unpacked(self.name, self.folder)
        with (root / "pyproject.toml").open("a", encoding="utf-8") as stream:
            stream.write(SETTINGS % json.dumps(self.args))
        with (root / ".gitignore").open("a", encoding="utf-8") as stream:
            stream.write(IGNORED)
        (root / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
        commit(root)
        run(("pushgate", "run", "test"), root)
        run(("pushgate", "durations"), root)
        commit(root)
        return root

    @cached_property
    def raw_shards(self) -> Sequence[RawShard]:
        """The commands of its test jobs, written down for every contestant."""
        plan = json.loads(run(("pushgate", "plan", "--json", "test"), self.root).output)
        jobs = [job for job in plan["jobs"] if job["gate"] == "test" and job["selected"]]
        shards = [self._raw(job) for job in jobs]
        own = self.root / ".bench"
        content = json.dumps([vars(shard) for shard in shards])
        (own / "shards.json").write_text(content, encoding="utf-8")
        (own / "noxfile.py").write_text(HANDWRITTEN_NOXFILE, encoding="utf-8")
        (own / "tox.ini").write_text(TOX_INI + "".join(map(_tox, shards)), encoding="utf-8")
        lines = (f"{_assigned(shard)} {shard.command} > /dev/null" for shard in shards)
        (own / "shards.txt").write_text("\0".join(lines), encoding="utf-8")
        return shards

    def _raw(self, job: Mapping[str, str]) -> RawShard:
        session = job["name"].split("(")[0]
        group, splits = job["shard"].split("/")
        name = f"{session}-{group}"
        own = self.root / ".bench" / name
        own.mkdir(parents=True)
        # Coverage's settings are the same, but for the measuring core that Pushgate chooses.
        rcfile = self.root / ".pushgate" / "out" / job["name"] / "coveragerc"
        lines = rcfile.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("core")]
        (own / "coveragerc").write_text("\n".join(kept), encoding="utf-8")
        binaries = self.root / ".nox" / session / "bin"
        words = (
            *(f"{binaries}/python", "-m", "coverage", "run", f"--rcfile={own}/coveragerc"),
            *("-m", "pytest", *self.args, "--splits", splits, "--group", group),
            *("--splitting-algorithm", "least_duration", "--durations-path", ".test_durations"),
            f"--junit-xml={own}/junit.xml",
        )
        path = f"{binaries}:{os.environ['PATH']}"
        variables = {"COVERAGE_FILE": f"{own}/coverage", "PATH": path}
        return RawShard(name, shlex.join(words), variables)

    def forget(self) -> None:
        """Remove what the tests have left, so that it counts for no one else."""
        for folder in (*self.outputs(".bench"), *self.outputs(".pushgate/out")):
            for file in (folder / "junit.xml", *folder.glob("coverage.*")):
                file.unlink(missing_ok=True)

    def outputs(self, kind: str) -> Sequence[Path]:
        """Return the folders of the test jobs' outputs: ``.bench`` or ``.pushgate/out``."""
        return sorted(path for path in (self.root / kind).glob("test-*") if path.is_dir())

    def passed(self, kind: str) -> int:
        """Count the tests that passed, in all shards.

        Raises:
            DidNotWorkError: A shard left no account or no coverage data.
        """
        folders = self.outputs(kind)
        if len(folders) != len(PYTHONS) * SHARDS:
            message = f"{self.name} has outputs of {len(folders)} jobs in {kind}"
            raise DidNotWorkError(message)
        return sum(map(_passed, folders))


def _passed(folder: Path) -> int:
    if not ((folder / "junit.xml").is_file() and any(folder.glob("coverage.*"))):
        message = f"{folder.name} left no junit.xml or no coverage data"
        raise DidNotWorkError(message)
    suites = ET.parse(folder / "junit.xml").iter("testsuite")  # noqa: S314  # pytest's own
    kinds = ("errors", "failures", "skipped")
    return sum(int(s.get("tests", 0)) - sum(int(s.get(kind, 0)) for kind in kinds) for s in suites)


def _unpacked(project: str, folder: Path) -> Path:
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    run((*download, "--no-binary", ":all:", "--dest", str(folder), project), folder)
    (archive,) = folder.glob(f"{project}-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _assigned(shard: RawShard) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in shard.variables.items())


def _tox(shard: RawShard) -> str:
    variables = "".join(f"\n  {name} = {value}" for name, value in shard.variables.items())
    return f"\n[testenv:{shard.name}]\nset_env ={variables}\ncommands = {shard.command}\n"


def commit(root: Path) -> None:
    """Commit all files, in a repository that is made where there is none."""
    # No branch is called as a long-lived one: everything counts as changed, and records decide.
    for command in (
        ("init", "--quiet", "-b", "work"),
        ("add", "--all"),
        ("commit", "-qm", "bench"),
    ):
        run((*GIT, *command), root)


CLOCK: Final = (
    "--deselect=tests/test_deserialization.py::TestFieldDeserialization"
    "::test_invalid_datetime_deserialization"
)
"""A test of marshmallow's with the time in its id: each shard would collect another one."""


@dataclass(frozen=True)
class Workshop:
    """Where the parts work, and what they share.

    Attributes:
        folder: A temporary folder.
        rounds: How many turns each contestant has.
    """

    folder: Path
    rounds: int

    @cached_property
    def click(self) -> Suite:
        """click, as it is."""
        return Suite("click", self.folder)

    @cached_property
    def marshmallow(self) -> Suite:
        """marshmallow, but for one test."""
        return Suite("marshmallow", self.folder, (CLOCK,))

    def generated(self, name: str, gates: Mapping[str, str], files: Mapping[str, str]) -> Path:
        """Make a project.

        Args:
            name: Its folder in the temporary one.
            gates: The tables of its own gates in ``pyproject.toml``, by their names.
            files: Its further files, by their paths.
        """
        root = self.folder / name
        tables = (f"\n[tool.pushgate.gates.{gate}]\n{text}" for gate, text in gates.items())
        head = f'{PROJECT}\n[tool.pushgate]\nverify-records = 0\npython = ["{PYTHONS[0]}"]\n'
        head += "gates.build.enabled = false\n"  # it holds nothing to build
        ignored = IGNORED + files.get(".gitignore", "")
        own = {"pyproject.toml": head + "".join(tables), "noxfile.py": NOXFILE}
        for path, content in ({**files, **own, ".gitignore": ignored}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        commit(root)
        return root


def keeps_records(folder: Path) -> bool:
    """Tell whether this Pushgate can run without its records, which says that it has any."""
    return "--no-cache" in run(("pushgate", "run", "--help"), folder).output


def uncached(folder: Path) -> tuple[str, ...]:
    """Return the option that makes a run a cold one."""
    return ("--no-cache",) if keeps_records(folder) else ()
