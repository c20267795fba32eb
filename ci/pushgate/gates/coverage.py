"""Coverage over all test jobs, and the proof of their shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pushgate.gates import base, coverage_config
from pushgate.gates.base import Applies, Context
from pushgate.gates.environments import TEST_GROUPS, Environment, project_environment
from pushgate.model.job import Job
from pushgate.model.outcome import JobFailed
from pushgate.model.settings import GateOptions, Settings
from pushgate.shards import proof
from pushgate.tools import process

name: Final = "coverage"
ARTIFACT_DAYS: Final = 30
TOOLS: Final = (coverage_config.COVERAGE,)


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    """Keys of ``[tool.pushgate.gates.coverage]``.

    Attributes:
        fail_under: The least percentage; what the project's coverage settings say unless given.
    """

    fail_under: int | float | None = field(default=None, metadata={"minimum": 0, "maximum": 100})


def applies(settings: Settings) -> Applies:
    """On where there is code to cover and the tests are on."""
    if settings.gates["test"].enabled is False:
        return Applies(on=False, reason="it needs the gate test, which is off")
    return base.source_paths(settings)


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One job, which needs every test job."""
    return base.one_job(
        name, settings, "coverage of all test jobs, and the proof of their shards", needs=("test",)
    )


def prepare(context: Context[Options]) -> Environment:
    """Make the environment ready: the project with its tests' requirements and coverage."""
    return project_environment(
        context,
        python=context.settings.default_python,
        tools=[coverage_config.COVERAGE],
        wanted=TEST_GROUPS,
    )


def run(context: Context[Options]) -> None:
    """Prove the shards, combine the data of every test job, enforce the threshold."""
    settings, outputs = context.settings, context.outputs
    if problems := proof.prove_jobs(settings.root, context.needs):
        raise JobFailed("; ".join(problems))
    data = {
        job: sorted((settings.root / job.outputs).glob(f"{coverage_config.DATA_FILE}.*"))
        for job in context.needs
    }
    if missing := [job.name for job, files in data.items() if not files]:
        message = (
            f"{len(missing)} of {len(data)} test jobs left no coverage data: {', '.join(missing)}"
        )
        raise JobFailed(message)
    environment = prepare(context)
    rcfile = coverage_config.write(settings, outputs)

    def coverage(command: str, *arguments: str) -> tuple[str, ...]:
        return (environment.program("coverage"), command, f"--rcfile={rcfile}", *arguments)

    files = [str(file) for files in data.values() for file in files]
    context.log(f"{len(files)} data files of {len(data)} test jobs")
    process.capture(coverage("combine", "--keep", "--quiet", *files), cwd=settings.root)
    below = context.status(
        *coverage("report", *_threshold(context.options), *context.arguments),
        env=environment.variables,
    )
    # The other reports show the same numbers; the threshold is asked for once.
    others = {
        "html": ("--quiet", f"--directory={outputs / 'html'}"),
        "xml": ("--quiet", "-o", str(outputs / "coverage.xml")),
    }
    for command, arguments in others.items():
        process.capture(coverage(command, "--fail-under=0", *arguments), cwd=settings.root)
    markdown = coverage("report", "--fail-under=0", "--format=markdown")
    summary = process.capture(markdown, cwd=settings.root).stdout
    (outputs / "coverage.md").write_text(summary, encoding="utf-8")
    if below:
        total = process.capture(
            coverage("report", "--fail-under=0", "--format=total"), cwd=settings.root
        )
        message = f"coverage is below the threshold: {total.stdout.strip()} % of all (see above)"
        raise JobFailed(message)


def _threshold(options: Options) -> tuple[str, ...]:
    return () if options.fail_under is None else (f"--fail-under={options.fail_under}",)
