"""The jobs of a GitHub workflow: one for each gate, and those around them."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pushgate.model.ci import Pages
from pushgate.model.job import OUTPUTS
from pushgate.providers import github_conditions as conditions
from pushgate.providers.documents import Folded, Headed, Inline, Noted
from pushgate.providers.github_matrix import Matrix, quoted
from pushgate.providers.pins import Pin
from pushgate.providers.pipeline import Pipeline, PipelineGate

PASSED: Final = "passed"
"""The job that is to be required: it tells whether all is well."""

PAGES: Final = "pages"
"""The job that publishes the site."""

RESERVED: Final = (conditions.PLAN, PASSED, PAGES)

_COVERAGE: Final = "coverage"
"""The gate whose report Codecov gets."""

_RIGHTLY_SKIPPED: Final = "Also where what is before it was rightly skipped."
_REQUIRED: Final = "The check to require: it fails unless each job passed or was rightly skipped."
_TO_CODECOV: Final = "tells Codecov who sends"
_TO_PUBLISH: Final = "to publish"
_TO_PAGES: Final = "tells Pages who publishes"
COMMENTS: Final = (_RIGHTLY_SKIPPED, _REQUIRED, _TO_CODECOV, _TO_PUBLISH, _TO_PAGES)
"""All comments that jobs may have, those of pins left out."""

_LONG: Final = 90
"""From how many characters on an expression takes several lines."""

_SHORT_MINUTES: Final = 10
"""What the jobs around the gates may take."""

Document = dict[str, object]


@dataclass(frozen=True)
class Jobs:
    """Writes the jobs of a workflow.

    Attributes:
        pipeline: What they have to say.
        pins: What each action is pinned to.
    """

    pipeline: Pipeline
    pins: Mapping[str, Pin]

    def all(self) -> Document:
        """Return all jobs by their ids."""
        pipeline = self.pipeline
        jobs: Document = {}
        if self._asks:
            jobs[conditions.PLAN] = self._plan()
        jobs |= {gate.name: self._gate(gate) for gate in pipeline.gates}
        jobs[PASSED] = self._passed()
        if pipeline.ci.pages:
            jobs[PAGES] = self._publish(pipeline.ci.pages)
        first = next(iter(jobs))
        headings = {PASSED: _REQUIRED}
        return {
            name: job if name == first else Headed(job, headings.get(name, ""))
            for name, job in jobs.items()
        }

    @property
    def _asking(self) -> str:
        return " ".join(map(quoted, (*self.pipeline.pushgate, "plan", "--ci")))

    @property
    def _asks(self) -> bool:
        return any(conditions.is_asked(gate) for gate in self.pipeline.gates)

    def _plan(self) -> Document:
        return {
            "name": conditions.PLAN,
            "runs-on": self.pipeline.ci.runs_on,
            "timeout-minutes": _SHORT_MINUTES,
            "permissions": {"contents": "read"},
            "outputs": {"gates": "${{ steps.plan.outputs.gates }}"},
            "steps": [
                self._checkout(history=True),
                self._uv(conditions.PLAN),
                {"id": "plan", **self._command(self._asking)},
            ],
        }

    def _gate(self, gate: PipelineGate) -> Document:
        matrix = Matrix.of(gate, self.pipeline)
        job: Document = {"name": matrix.name}
        if condition := self._condition(gate):
            job["if"] = condition
        if before := self._before(gate):
            job["needs"] = Inline(before)
        job |= {
            "runs-on": matrix.runs_on,
            "timeout-minutes": gate.minutes,
            "permissions": self._permissions(gate),
        }
        if matrix.axes:
            axes = {axis: Inline(values) for axis, values in matrix.axes.items()}
            job["strategy"] = {"fail-fast": False, "matrix": axes}
        if matrix.variables:
            job["env"] = dict(matrix.variables)
        job["steps"] = list(self._steps(gate, matrix))
        return job

    def _condition(self, gate: PipelineGate) -> object:
        """Return when a job runs, unless all before it have to have passed, as usual."""
        selecting = conditions.selecting(gate, self.pipeline)
        if not self._follows_conditional(gate):
            return _folded(selecting)
        runs = _folded(conditions.both("!cancelled() && !failure()", selecting))
        return Headed(runs, _RIGHTLY_SKIPPED, apart=False)

    def _follows_conditional(self, gate: PipelineGate) -> bool:
        seen: set[str] = set()
        waiting = [*gate.needs, *gate.after]
        while waiting:
            if (name := waiting.pop()) not in seen:
                seen.add(name)
                waiting += [*self.pipeline.gate(name).needs, *self.pipeline.gate(name).after]
        return any(self.pipeline.gate(name).selected_by for name in seen)

    def _before(self, gate: PipelineGate) -> list[str]:
        plan = [conditions.PLAN] if conditions.is_asked(gate) else []
        return [*plan, *gate.needs, *gate.after]

    def _permissions(self, gate: PipelineGate) -> Document:
        if self.pipeline.ci.codecov and gate.name == _COVERAGE:
            return {"contents": "read", "id-token": Noted("write", _TO_CODECOV)}
        return {"contents": "read"}

    def _steps(self, gate: PipelineGate, matrix: Matrix) -> Iterator[Document]:
        ci = self.pipeline.ci
        yield self._checkout(history=bool(ci.history))
        yield self._uv(matrix.cache)
        yield from (self._download(need) for need in gate.needs)
        yield self._command(matrix.call(self.pipeline, gate))
        if ci.codecov and gate.name == _COVERAGE:
            yield self._codecov(gate)
        if ci.pages and gate.name == ci.pages.gate:
            yield self._site(ci.pages.path)
        if gate.artifact_days is not None:
            yield self._upload(matrix, gate.artifact_days)
        yield self._told(matrix)

    def _checkout(self, *, history: bool) -> Document:
        options: Document = {"fetch-depth": 0} if history else {}
        return self._use("actions/checkout", {**options, "persist-credentials": False})

    def _uv(self, suffix: str) -> Document:
        keys = self.pipeline.locks or self.pipeline.defining[:1]
        options: Document = {"cache-dependency-glob": keys[0], "cache-suffix": suffix}
        return self._use("astral-sh/setup-uv", options)

    def _download(self, need: str) -> Document:
        gate = self.pipeline.gate(need)
        options: Document = {"name": gate.jobs[0].name, "path": self._outputs(gate.jobs[0].name)}
        if len(gate.jobs) > 1:
            # One folder for each artifact, as they were; a single one has to be told its folder.
            options = {"pattern": f"{need}-*", "path": self._outputs("")}
        return self._use("actions/download-artifact", options)

    def _command(self, typed: str) -> Document:
        folder = self.pipeline.folder
        return {"run": typed, "working-directory": folder} if folder else {"run": typed}

    def _upload(self, matrix: Matrix, days: int) -> Document:
        options: Document = {
            "name": matrix.artifact,
            "path": self._outputs(matrix.job),
            "include-hidden-files": True,
            "retention-days": days,
        }
        return self._use("actions/upload-artifact", options, "${{ !cancelled() }}")

    def _codecov(self, gate: PipelineGate) -> Document:
        report = f"{self._outputs(gate.jobs[0].name)}/coverage.xml"
        options: Document = {"use_oidc": True, "files": report, "disable_search": True}
        return self._use("codecov/codecov-action", options, "${{ !cancelled() }}")

    def _site(self, path: str) -> Document:
        options: Document = {"path": posixpath.join(self.pipeline.folder, path)}
        pushed = conditions.pushed_to_main(self.pipeline)
        return self._use("actions/upload-pages-artifact", options, pushed)

    def _told(self, matrix: Matrix) -> Document:
        """Return the step that tells of a failure how a developer sees it, too."""
        folder = self.pipeline.folder
        there = f"cd {shlex.quote(folder)} && " if folder else ""
        line = f"{_between_quotes(there)}pushgate run --commit $COMMIT {matrix.asked}"
        return {"if": "failure()", "run": f'echo "\\`{line}\\`" >> "$GITHUB_STEP_SUMMARY"'}

    def _passed(self) -> Document:
        needs = [*([conditions.PLAN] if self._asks else []), *(g.name for g in self.pipeline.gates)]
        folder = self.pipeline.folder
        return {
            "name": f"{PASSED} ({folder})" if folder else PASSED,
            "if": "always()",
            "needs": Inline(needs),
            "runs-on": self.pipeline.ci.runs_on,
            "timeout-minutes": _SHORT_MINUTES,
            "permissions": {},
            "steps": [
                {
                    "name": "A job failed, or was skipped though it is selected",
                    # In a run that somebody cancels, too, whose jobs are skipped.
                    "if": Folded(["always() && (", *_any_of(self._unwell()), ")"]),
                    "run": "exit 1",
                }
            ],
        }

    def _unwell(self) -> Iterator[str]:
        """Yield what is true where a job neither passed nor was rightly skipped, one by one."""
        if self._asks:
            yield f"needs.{conditions.PLAN}.result != 'success'"
        for gate in self.pipeline.gates:
            result = f"needs.{gate.name}.result"
            unwell = f"{result} != 'success'"
            if selecting := conditions.selecting(gate, self.pipeline):
                unwell += f" && ({result} != 'skipped' || {selecting})"
            yield unwell

    def _publish(self, pages: Pages) -> Document:
        pushed = conditions.pushed_to_main(self.pipeline)
        well = " && ".join(f"needs.{need}.result == 'success'" for need in (PASSED, pages.gate))
        return {
            "name": PAGES,
            "if": Folded(["!cancelled() && !failure()", f"&& {pushed}", f"&& {well}"]),
            "needs": Inline([PASSED, pages.gate]),
            "runs-on": self.pipeline.ci.runs_on,
            "timeout-minutes": _SHORT_MINUTES,
            "permissions": {
                "pages": Noted("write", _TO_PUBLISH),
                "id-token": Noted("write", _TO_PAGES),
            },
            # Runs of main end none of each other's, and two could publish at once.
            "concurrency": {"group": PAGES, "cancel-in-progress": False},
            "environment": {
                "name": "github-pages",
                "url": "${{ steps.published.outputs.page_url }}",
            },
            "steps": [{"id": "published", **self._use("actions/deploy-pages")}],
        }

    def _outputs(self, job: str) -> str:
        return posixpath.join(self.pipeline.folder, OUTPUTS.as_posix(), job).rstrip("/")

    def _use(self, action: str, options: Document | None = None, when: str = "") -> Document:
        pin = self.pins[action]
        uses = f"{action}@{pin.commit}"
        step: Document = {"uses": Noted(uses, pin.note) if pin.note else uses}
        if when:
            step["if"] = when
        return {**step, "with": options} if options else step


def _folded(expression: str) -> object:
    """Return an expression as a condition, in several lines where it is long."""
    if len(expression) > _LONG:
        return Folded(_any_of(expression.split(" || ")))
    # A text that begins with ! would be a tag of YAML's.
    return f"${{{{ {expression} }}}}" if expression.startswith("!") else expression


def _any_of(expressions: Iterable[str]) -> list[str]:
    first, *others = expressions
    return [first, *(f"|| {other}" for other in others)]


def _between_quotes(text: str) -> str:
    """Return a text as a shell reads it between double quotes."""
    return re.sub(r'([\\"$`])', r"\\\1", text)
