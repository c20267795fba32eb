"""What a workflow file means differently from its definition, told line by line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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


_DECIDING: Final = frozenset(
    {"allow_failure", "continue-on-error", "except", "if", "only", "rules", "when"}
)
"""The keys that let a job or a step be left out, or fail unnoticed."""

_EXPRESSION: Final = re.compile(r"\$\{\{(.*)\}\}", re.DOTALL)


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


def comments(has: Iterable[str], says: Iterable[str], *, own: tuple[str, ...]) -> Iterator[str]:
    """Tell which comments of a file are the user's; none is a difference in meaning.

    Args:
        has: Those in the file.
        says: Those that should be.
        own: What those begin with that another definition would have.

    Yields:
        One line for each comment.
    """
    for comment in (Counter(has) - Counter(says)).elements():
        if not comment.startswith(own):
            yield f"comment {_shown(comment)} {_ADDED}"


def changes(has: Document, without: Document) -> Iterator[str]:
    """Tell what kept blocks change of the rest of a file; they may only add to it.

    Args:
        has: What the file has with its blocks.
        without: What it has without them.

    Yields:
        One line for each change.
    """
    yield from _changed("", has.rest, without.rest)
    for job, content in without.jobs.items():
        yield from _changed(f"job {job}", has.jobs.get(job), content)


def _changed(path: str, has: object, without: object) -> Iterator[str]:
    if isinstance(has, dict) and isinstance(without, dict):
        for key, value in without.items():
            yield from _changed(f"{path}: {key}" if path else str(key), has.get(key), value)
        for key in has.keys() - without.keys() & _DECIDING:
            yield f"{path}: {key}: a kept block must not decide whether what is ours counts"
    elif isinstance(has, list) and isinstance(without, list):
        left = iter(has)
        for at, item in enumerate(without):
            if not any(not any(_changed(path, each, item)) for each in left):
                yield f"{path}[{at}]: {_shown(item)} is changed by a kept block: it may only add"
    elif has != without:
        yield f"{path}: {_shown(without)} is changed by a kept block: it may only add"


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
        there, here = self._meant(path, has), self._meant(path, says)
        if isinstance(there, dict) and isinstance(here, dict):
            yield from self.mappings(job, there, here, path)
        elif path.endswith("steps") and isinstance(there, list) and isinstance(here, list):
            yield from self._steps(job, path, there, here)
        elif there != here or type(there) is not type(here):
            where = f"{job}{path}: " if path else job
            yield f"{where}the file has {_shown(there)}, the definition {_shown(here)}"

    def _meant(self, path: str, value: object) -> object:
        key = path.rpartition(".")[2]
        if key in self.unordered:
            return sorted(value if isinstance(value, list) else [value], key=_shown)
        if key == "uses" and isinstance(value, str):
            return pins.without_pin(value)
        if key == "if" and isinstance(value, str) and (whole := _EXPRESSION.fullmatch(value)):
            return whole[1].strip()  # a condition is one, with its braces or without
        if ".with." in path and not isinstance(value, dict | list):
            return _input(value)
        if path.startswith("on.") and value is None:
            return {}
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


def _input(value: object) -> str:
    """Return a scalar as an action gets it: as text."""
    return value.strip() if isinstance(value, str) else json.dumps(value, default=str)


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
