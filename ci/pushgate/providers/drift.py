"""What a workflow file means differently from its definition, told line by line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from pushgate.providers import kept_blocks, pins

_SHOWN: Final = 120
"""How many characters of a value are shown."""

_ADDED: Final = (
    f"is not of the definition: put it between `# {kept_blocks.BEGIN}` and `# {kept_blocks.END}`, "
    "or remove it"
)


@dataclass(frozen=True)
class Document:
    """A workflow file's content.

    Attributes:
        jobs: Its jobs, by their names.
        rest: Everything else.
    """

    jobs: Mapping[str, object]
    rest: Mapping[str, object]


def differences(has: Document, says: Document, *, unordered: Collection[str]) -> list[str]:
    """Compare what a file has with what the definition says.

    Of an action's version nothing counts, nor the order of keys.

    Args:
        has: What is in the file.
        says: What should be.
        unordered: The keys whose lists mean the same in any order.

    Returns:
        One line for each difference.
    """
    compared = _Compared(frozenset(unordered))
    lines = list(compared.mappings("", has.rest, says.rest))
    for job, content in says.jobs.items():
        if job in has.jobs:
            lines += compared.values(f"job {job}: ", "", has.jobs[job], content)
        else:
            lines.append(f"job {job}: is missing")
    lines += [f"job {job}: {_ADDED}" for job in has.jobs if job not in says.jobs]
    return lines


@dataclass(frozen=True)
class _Compared:
    """Compares values.

    Attributes:
        unordered: The keys whose lists mean the same in any order.
    """

    unordered: frozenset[str]

    def mappings(
        self, job: str, has: Mapping[Any, object], says: Mapping[Any, object], path: str = ""
    ) -> Iterator[str]:
        for key in dict.fromkeys((*says, *has)):
            inner = f"{path}.{key}" if path else str(key)
            if key not in has:
                yield f"{job}{inner}: is missing: the definition says {_shown(says[key])}"
            elif key not in says:
                yield f"{job}{inner}: {_shown(has[key])} {_ADDED}"
            else:
                yield from self.values(job, inner, has[key], says[key])

    def values(self, job: str, path: str, has: object, says: object) -> Iterator[str]:
        has, says = self._meant(path, has), self._meant(path, says)
        if isinstance(has, dict) and isinstance(says, dict):
            yield from self.mappings(job, has, says, path)
        elif path.endswith("steps") and isinstance(has, list) and isinstance(says, list):
            yield from self._steps(job, path, has, says)
        elif has != says or type(has) is not type(says):
            where = f"{job}{path}: " if path else job
            yield f"{where}the file has {_shown(has)}, the definition {_shown(says)}"

    def _meant(self, path: str, value: object) -> object:
        key = path.rpartition(".")[2]
        if key in self.unordered:
            return sorted(value if isinstance(value, list) else [value], key=_shown)
        if key == "uses" and isinstance(value, str):
            return pins.without_pin(value)
        return value.strip() if isinstance(value, str) else value

    def _steps(
        self, job: str, path: str, has: Sequence[object], says: Sequence[object]
    ) -> Iterator[str]:
        there, here = [_step(step) for step in has], [_step(step) for step in says]
        matcher = SequenceMatcher(None, there, here, autojunk=False)
        for kind, start, end, first, last in matcher.get_opcodes():
            if kind == "equal" or end - start == last - first:
                for at, to in zip(range(start, end), range(first, last), strict=True):
                    yield from self.values(job, f"{path}[{to}]", has[at], says[to])
                continue
            yield from (f"{job}step {step!r} {_ADDED}" for step in there[start:end])
            yield from (f"{job}step {step!r} is missing" for step in here[first:last])


def _step(step: object) -> str:
    """Return what a step is called: its action, or its command."""
    if not isinstance(step, dict):
        return _shown(step)
    if isinstance(step.get("uses"), str):
        return pins.without_pin(step["uses"])
    return str(step.get("run", _shown(step))).strip()


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
