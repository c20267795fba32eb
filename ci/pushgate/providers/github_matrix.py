"""The jobs of a gate as one job of GitHub: alone, or as a matrix."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pushgate.providers.pipeline import Pipeline, PipelineGate, nox_arguments


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """What differs between the jobs of a gate; texts may hold GitHub's expressions.

    Attributes:
        axes: What the matrix is made of; empty: the gate is a single job.
        name: What a job is called.
        job: What Pushgate calls it.
        artifact: What its outputs are called.
        runs_on: Its machine.
        variables: Environment variables of a job, for what a shell is given.
        words: How words of the Nox call are typed, those that these variables replace.
        cache: What its cache is called.
    """

    axes: Mapping[str, Sequence[object]]
    name: str
    job: str
    artifact: str
    runs_on: str
    variables: Mapping[str, str]
    words: Mapping[str, str]
    cache: str

    @classmethod
    def of(cls, gate: PipelineGate, pipeline: Pipeline) -> Matrix:
        """Find what differs between the jobs of a gate."""
        job, runs_on, shards = gate.jobs[0], pipeline.ci.runs_on, gate.shards
        axes: dict[str, Sequence[object]] = {}
        variables: dict[str, str] = {}
        words: dict[str, str] = {}
        name = session = job.session
        if len(gate.sessions) > 1:
            axes["session"] = gate.sessions
            name = session = variables["SESSION"] = "${{ matrix.session }}"
            words[job.session] = '"$SESSION"'
        if shards > 1:
            axes["shard"] = range(1, shards + 1)
            name += f"(${{{{ matrix.shard }}}}of{shards})"
            variables["SHARD"] = f"${{{{ matrix.shard }}}}/{shards}"
            words[str(job.shard)] = '"$SHARD"'
        if variables:
            variables["JOB"] = name
        else:
            name = job.name
        shown = artifact = name
        if gate.systems:
            axes["system"] = [runs_on, *gate.systems]
            elsewhere = f"matrix.system != '{runs_on}'"
            shown += f"${{{{ {elsewhere} && format(' on {{0}}', matrix.system) || '' }}}}"
            # Those that jobs need are the ones whose names begin with the gate's.
            artifact = f"${{{{ {elsewhere} && format('on {{0}}, ', matrix.system) || '' }}}}{name}"
            runs_on = "${{ matrix.system }}"
        return cls(
            axes=axes,
            name=shown,
            job=name,
            artifact=artifact,
            runs_on=runs_on,
            variables=variables,
            words=words,
            cache=session if variables else gate.name,
        )

    def call(self, pipeline: Pipeline, gate: PipelineGate) -> str:
        """Return the Nox call of a job as a shell reads it."""
        words = (*pipeline.command, *nox_arguments(gate.jobs[0]))
        return " ".join(self.words.get(word) or quoted(word) for word in words)

    @property
    def asked(self) -> str:
        """The job as a shell reads it between double quotes."""
        return "'$JOB'" if self.variables else self.job


def quoted(word: str) -> str:
    """Return a word as a shell reads it, in which GitHub finds no expression."""
    # shlex puts every word with a $ between single quotes: these end and begin again here.
    return shlex.quote(word).replace("${{", "$''{{")
