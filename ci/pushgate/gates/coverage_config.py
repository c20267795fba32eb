"""The project's own coverage settings, with what shards need laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Final

from pushgate.config.tables import strings, table
from pushgate.model.settings import Settings

COVERAGE: Final = "coverage==7.17.3"
DATA_FILE: Final = "coverage"
"""The name of a job's data files in its outputs, before the suffix of each process."""

_SECTIONS: Final = ("run", "report", "html", "xml", "json", "lcov", "paths")


def write(settings: Settings, outputs: Path) -> Path:
    """Write the settings that coverage is to use in a job, as an ini file.

    They are what coverage itself would read (the first of ``.coveragerc``,
    ``setup.cfg``, ``tox.ini`` and ``pyproject.toml`` that has any), and: one data
    file for each process, paths that hold on another machine, and subprocesses
    measured. A project that does not say what to measure measures its sources.

    Args:
        settings: The project's definition.
        outputs: The job's outputs, where the file and the data go.

    Returns:
        The file that was written.
    """
    parser = ConfigParser(interpolation=None)
    parser.read_dict(_of_project(settings))
    if not parser.has_section("run"):
        parser.add_section("run")
    run = parser["run"]
    run["data_file"] = str(outputs / DATA_FILE)
    run["parallel"] = "true"
    run["relative_files"] = "true"
    patches = run.get("patch", "").replace(",", " ").split()
    run["patch"] = "\n".join(dict.fromkeys((*patches, "subprocess")))
    if not {"source", "source_pkgs", "source_dirs", "include"} & run.keys():
        run["source"] = "\n".join(settings.sources)
    rcfile = outputs / "coveragerc"
    with rcfile.open("w", encoding="utf-8") as stream:
        parser.write(stream)
    return rcfile


def _of_project(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    for name, prefix in ((".coveragerc", ""), ("setup.cfg", "coverage:"), ("tox.ini", "coverage:")):
        if found := dict(_of_ini(settings.root / name, prefix)):
            return found
    configured = table(settings.tool_tables, "coverage")
    return {
        section: {key: _as_ini(value) for key, value in table(configured, section).items()}
        for section in configured
    }


def _of_ini(file: Path, prefix: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    parser = ConfigParser(interpolation=None)
    parser.read(file, encoding="utf-8")
    for section in parser.sections():
        name = section.removeprefix("coverage:")
        if section.startswith(prefix) and (prefix or name in _SECTIONS):
            yield name, dict(parser[section])


def _as_ini(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "\n".join(strings(value)) if isinstance(value, list) else str(value)
