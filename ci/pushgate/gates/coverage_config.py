"""The project's own coverage settings, with what shards need laid over them."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path, PurePosixPath
from typing import Final

from pushgate.config.tables import strings, table
from pushgate.model.settings import Settings

COVERAGE: Final = "coverage==7.17.3"
DATA_FILE: Final = "coverage"
"""The name of a job's data files in its outputs, before the suffix of each process."""

_SYSMON_SINCE: Final = (3, 12)
"""The first Python that tells a debugger or a measure which lines run (``sys.monitoring``)."""

_PLAIN: Final = re.compile(r"\w[\w./ -]*")
"""A path without what is special in coverage's patterns."""

_SECTIONS: Final = ("run", "report", "html", "xml", "json", "lcov", "paths")


def write(settings: Settings, outputs: Path, python: str | None = None) -> Path:
    """Write the settings that coverage is to use in a job, as an ini file.

    They are what coverage itself would read (the first of ``.coveragerc``,
    ``.coveragerc.toml``, ``setup.cfg``, ``tox.ini`` and ``pyproject.toml`` that has
    any), what pytest-cov is told in pytest's ``addopts``, and: one data file for each
    process, paths that hold on another machine, and subprocesses measured. A project
    that does not say what to measure measures its sources.

    Args:
        settings: The project's definition.
        outputs: The job's outputs, where the file and the data go.
        python: The version (``X.Y``) that is measured; None where nothing is.

    Returns:
        The file that was written.
    """
    options = _of_pytest_cov(settings.pytest_options)
    parser = ConfigParser(interpolation=None)
    parser.read_dict({"run": {}, "report": {}} | dict(_of_project(settings, options.cov_config)))
    run = parser["run"]
    if options.cov_branch:
        run["branch"] = "true"
    if sources := [source for source in options.cov if source]:
        run["source"] = "\n".join(sources)
    if options.cov_fail_under is not None:
        parser["report"]["fail_under"] = options.cov_fail_under
    # Coverage puts variables in for every `$` but a doubled one.
    run["data_file"] = str(outputs / DATA_FILE).replace("$", "$$")
    run["parallel"] = "true"
    run["relative_files"] = "true"
    patches = run.get("patch", "").replace(",", " ").split()
    run["patch"] = "\n".join(dict.fromkeys((*patches, "subprocess")))
    if not {"source", "source_pkgs", "source_dirs", "include"} & run.keys():
        run["source"] = "\n".join(map(_measured, settings.sources))
    parser.read_dict({"paths": dict(_places(settings.sources))})
    if python is not None and _sysmon_measures_the_same(run, python):
        run["core"] = "sysmon"
    rcfile = outputs / "coveragerc"
    with rcfile.open("w", encoding="utf-8") as stream:
        parser.write(stream)
    return rcfile


def _places(sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield where the sources may lie for a process, for ``[paths]``.

    What a process that works in another folder measures has other paths. Coverage finds the
    sources in them itself, but only after it has seen data with the usual paths.
    """
    for index, source in enumerate(sources):
        if _PLAIN.fullmatch(source) and not source.endswith(".py"):
            yield f"pushgate-{index}", f"{source}/\n*/{source}/"


def _sysmon_measures_the_same(run: Mapping[str, str], python: str) -> bool:
    """Tell whether the quicker core can be taken: for lines alone, and nothing out of the way."""
    if tuple(map(int, python.split("."))) < _SYSMON_SINCE:
        return False
    # Every word that coverage may take for true, and some.
    if run.get("branch", "false").strip().lower() not in {"false", "0", "no", "off"}:
        return False
    concurrency = run.get("concurrency", "").replace(",", " ").split()
    told = {"core", "plugins", "dynamic_context", "timid", "debug"} & run.keys()
    return not told and set(concurrency) <= {"thread"}


def _of_pytest_cov(options: Sequence[str]) -> argparse.Namespace:
    """Read what pytest-cov would be told: the shards run without it, so it must not be lost."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--cov", action="append", nargs="?", const="", default=[])
    parser.add_argument("--cov-branch", action="store_true")
    parser.add_argument("--cov-config", default="")
    parser.add_argument("--cov-fail-under")
    return parser.parse_known_args(options)[0]


def _of_project(settings: Settings, named: str) -> Mapping[str, Mapping[str, str]]:
    root = settings.root
    if named:
        file = root / named
        return _of_tables(_of_toml(file)) if file.suffix == ".toml" else dict(_of_ini(file, ""))
    return (
        dict(_of_ini(root / ".coveragerc", ""))
        or _of_tables(_of_toml(root / ".coveragerc.toml"))
        or dict(_of_ini(root / "setup.cfg", "coverage:"))
        or dict(_of_ini(root / "tox.ini", "coverage:"))
        or _of_tables(table(settings.tool_tables, "coverage"))
    )


def _measured(source: str) -> str:
    # Coverage takes a folder by its path, but a single module by its name.
    return PurePosixPath(source).stem if source.endswith(".py") else source


def _of_ini(file: Path, prefix: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    parser = ConfigParser(interpolation=None)
    parser.read(file, encoding="utf-8")
    for section in parser.sections():
        name = section.removeprefix("coverage:")
        if section.startswith(prefix) and (prefix or name in _SECTIONS):
            yield name, dict(parser[section])


def _of_toml(file: Path) -> Mapping[str, object]:
    if not file.is_file():
        return {}
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return table(content, "tool", "coverage") or content


def _of_tables(tables: Mapping[str, object]) -> Mapping[str, Mapping[str, str]]:
    return {
        section: {key: _as_ini(value) for key, value in table(tables, section).items()}
        for section in tables
    }


def _as_ini(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        # A line that starts so would be a comment; such entries are regular expressions.
        return "\n".join(re.sub(r"^(?=[#;])", r"\\", entry) for entry in strings(value))
    return str(value)
