"""A run of all test jobs, beside Nox with the same commands and the commands alone.

Run it with ``uv run --with pip python bench/side_by_side.py [--project click]``. The project
comes from PyPI as a source archive; every Python of it that this machine has takes part, its
suite split into four shards. Each round runs every contestant once, in turns, with warm
environments; the table shows medians and their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SETTINGS: Final = """

[tool.pushgate]
python = ["3.11", "3.12", "3.13"]
gates.test.shards = 4
"""

NOXFILE: Final = "import pushgate\n\npushgate.register()\n"

HANDWRITTEN: Final = """import json
import shlex
from pathlib import Path

import nox

COMMANDS = json.loads(Path("bench-commands.json").read_text())


def define(name, command):
    @nox.session(name=name, venv_backend="none", allow_parallel=True)
    def shard(session):
        session.run(*shlex.split(command["words"]), env=command["env"], external=True)


for number, command in enumerate(COMMANDS):
    define(f"shard-{number}", command)
"""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", default="click", help="its name on PyPI (click)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (3)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pushgate-bench-") as folder:
        root = _fetched(chosen.project, Path(folder))
        _prepare(root)
        contestants = _contestants()
        times = _measured(root, contestants, chosen.rounds)
    _print(times, chosen.rounds)


def _fetched(project: str, folder: Path) -> Path:
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    _run((*download, "--no-binary", ":all:", "--dest", str(folder), project), folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _prepare(root: Path) -> None:
    """Make it a repository with warm environments, and write down the jobs' commands."""
    with (root / "pyproject.toml").open("a", encoding="utf-8") as stream:
        stream.write(SETTINGS)
    (root / "noxfile.py").write_text(NOXFILE, encoding="utf-8")
    (root / "bench_noxfile.py").write_text(HANDWRITTEN, encoding="utf-8")
    with (root / ".gitignore").open("a", encoding="utf-8") as stream:
        stream.write("\n.nox/\n__pycache__/\n*.egg-info/\nbench-commands.*\n")
    for command in (
        ("git", "init", "--quiet"),
        ("git", "add", "--all"),
        ("git", "-c", "user.name=b", "-c", "user.email=b@b.invalid", "commit", "-qm", "bench"),
        ("pushgate", "run", "test"),
        ("pushgate", "durations"),
    ):
        _run(command, root)
    plan = json.loads(_run(("pushgate", "plan", "--json", "test"), root))
    jobs = [job for job in plan["jobs"] if job["selected"]]
    commands = [_command(root, job) for job in jobs]
    (root / "bench-commands.json").write_text(json.dumps(commands), encoding="utf-8")
    lines = [f"{_assigned(each['env'])} {each['words']} > /dev/null" for each in commands]
    (root / "bench-commands.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _command(root: Path, job: Mapping[str, str]) -> dict[str, object]:
    """Return what a job's gate runs, without what Pushgate adds for its proof."""
    session, shard = job["name"].split("(")[0], job["shard"]
    group, splits = shard.split("/")
    python = f".nox/{session}/bin/python"
    data = f"bench-commands.{session}.{group}"
    rcfile = root / f"{data}.rc"
    rcfile.write_bytes((root / ".pushgate" / "out" / job["name"] / "coveragerc").read_bytes())
    words = (
        *(python, "-m", "coverage", "run", f"--rcfile={rcfile.name}", "-m", "pytest"),
        *("--splits", splits, "--group", group, "--splitting-algorithm", "least_duration"),
        *("--durations-path", ".test_durations", f"--junit-xml={data}.xml"),
    )
    path = f"{root}/.nox/{session}/bin:{os.environ['PATH']}"
    return {"words": shlex.join(words), "env": {"COVERAGE_FILE": f"{data}.data", "PATH": path}}


def _assigned(variables: object) -> str:
    if not isinstance(variables, dict):
        raise TypeError
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _contestants() -> Mapping[str, Sequence[str]]:
    nox = ("nox", "-f", "bench_noxfile.py")
    xargs = "tr '\\n' '\\0' < bench-commands.txt | xargs -0 -P 2 -n 1 sh -c"
    return {
        "raw commands, `xargs -P 2`": ("sh", "-c", xargs),
        "`pushgate run -j 2`": ("pushgate", "run", "-j", "2", "test"),
        "`nox -j 2`, one session a shard": (*nox, "-j", "2"),
        "`nox`, one session a shard": nox,
    }


def _measured(
    root: Path, contestants: Mapping[str, Sequence[str]], rounds: int
) -> Mapping[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, command in contestants.items():
            started = time.perf_counter()
            _run(command, root)
            times[name].append(time.perf_counter() - started)
            print(f"{name}: {times[name][-1]:.1f} s", file=sys.stderr)
    return times


def _run(command: Sequence[str], cwd: Path) -> str:
    # As on a user's machine: bytecode is written.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, check=False, capture_output=True, text=True
    )
    if ended.returncode:
        sys.exit(f"{shlex.join(command)} ended with {ended.returncode}\n{ended.stdout[-3000:]}")
    return ended.stdout


def _print(times: Mapping[str, Sequence[float]], rounds: int) -> None:
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    raw = next(iter(medians.values()))
    print(f"medians of {rounds} rounds\n")
    print("| | s | over the raw commands |")
    print("|---|---|---|")
    for name, seconds in medians.items():
        print(f"| {name} | {seconds:.1f} | {seconds / raw:.2f} |")


if __name__ == "__main__":
    main()
