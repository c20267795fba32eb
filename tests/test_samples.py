"""Every gate has a project that passes it and one that fails it, found by their folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from carrying_out import carry_out_gates
from conftest import Project
from osv_server import OsvServer, serving
from pushgate.gates.own import OwnOptions
from pushgate.gates.registry import BUILT_IN
from pushgate.model.outcome import Outcome, Result
from pushgate.plan.definition import of_project
from pushgate.providers import workflow

SAMPLES: Final = Path(__file__).parent / "samples"
OWN: Final = "own"
"""The folder for gates of a project's own: one in pyproject.toml, one in the noxfile."""

KNOWN: Final = {*BUILT_IN, OWN}
FOUND: Final = {folder.name for folder in SAMPLES.iterdir() if any(folder.rglob("*.toml"))}

MakeSample = Callable[[str, str], Project]


@pytest.fixture
def osv() -> Iterator[OsvServer]:
    """A service that knows one vulnerability, of jinja2 2.11.2."""
    with serving() as service:
        yield service


@pytest.fixture
def make_sample(make_project: Callable[..., Project], osv: OsvServer) -> MakeSample:
    """Make the project of a sample, ``@OSV@`` replaced."""

    def make(gate: str, kind: str) -> Project:
        sample = SAMPLES / gate / kind
        assert gate in KNOWN, f"tests/samples/{gate}: there is no such gate"
        assert sample.is_dir(), f"the gate {gate} has no sample: make tests/samples/{gate}/{kind}"
        own = {
            name: content.replace("@OSV@", osv.url)
            for name in ("noxfile.py", "pyproject.toml")
            if (sample / name).is_file()
            for content in [(sample / name).read_text(encoding="utf-8")]
        }
        project = make_project(own, sample=sample)
        if (gate, kind) == ("workflow", "passing"):
            # The sample has its first line: the rest is what is written now.
            definition = of_project(project.root)
            assert list(workflow.write(definition, workflow.chosen(definition, None)))
            project.commit("the workflow")
        return project

    return make


def _outcomes(project: Project, gate: str) -> list[list[Outcome]]:
    """Carry out a gate with what it needs: its outcomes, those of each gate together."""
    definition = of_project(project.root)
    gates = [
        name
        for name, options in definition.settings.gates.items()
        if name == gate or (gate == OWN and isinstance(options, OwnOptions))
    ]
    needs = {need for job in definition.jobs if job.gate in gates for need in job.needs}
    needed = {definition.job(need).gate for need in needs}
    outcomes = carry_out_gates(project, *needed, *gates)
    assert all(outcomes[need].result is Result.PASSED for need in needs)
    return [[outcomes[job.name] for job in definition.jobs if job.gate == name] for name in gates]


@pytest.mark.parametrize("gate", sorted(KNOWN | FOUND))
def test_passing_sample_passes(gate: str, make_sample: MakeSample, osv: OsvServer) -> None:
    """Every job of a gate passes without a reason, and the audit has asked the service."""
    outcomes = _outcomes(make_sample(gate, "passing"), gate)
    ends = {(outcome.result, outcome.reason) for jobs in outcomes for outcome in jobs}
    assert ends == {(Result.PASSED, "")}
    assert (("jinja2", "2.11.3") in osv.asked) is (gate == "audit")


@pytest.mark.parametrize("gate", sorted(KNOWN | FOUND))
def test_failing_sample_fails(gate: str, make_sample: MakeSample) -> None:
    """A gate fails and names the cause; no other end is mixed in but a pass of a part."""
    outcomes = _outcomes(make_sample(gate, "failing"), gate)
    expected = (SAMPLES / gate / "failing" / "expected.txt").read_text(encoding="utf-8").strip()
    assert outcomes
    for jobs in outcomes:
        failed = [outcome.reason for outcome in jobs if outcome.result is Result.FAILED]
        assert failed
        assert [reason for reason in failed if not re.search(expected, reason)] == []
        assert {outcome.result for outcome in jobs} <= {Result.FAILED, Result.PASSED}


def test_own_samples_hold_both_kinds(make_sample: MakeSample) -> None:
    """The samples of own gates define one in pyproject.toml and one in the noxfile."""
    definition = of_project(make_sample(OWN, "passing").root)
    assert definition.reasons["notes"].startswith("pyproject.toml defines it")
    assert definition.reasons["titles"].startswith("the noxfile defines it")
