"""A noxfile with Pushgate's gates beside the sessions that are in it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pushgate.adopt.evidence import RUFF_FILES, Evidence
from pushgate.adopt.found import Found, Setting
from pushgate.config.tables import strings, table
from pushgate.model.settings import ConfigurationError
from pushgate.plan.definition import NOXFILE, Definition

_NEW: Final = """\
# /// script
# dependencies = ["nox", "pushgate"]
# ///
\"\"\"The project's gates, as Nox sessions: `nox -l` lists them.\"\"\"

{}
pushgate.register()
"""
_IMPORT: Final = "import pushgate\n"
_UNTYPED_IMPORT: Final = "import pushgate  # type: ignore[import-not-found,unused-ignore]\n"
"""For mypy, which looks from the project's environment: Pushgate is in another."""
_SCRIPT: Final = re.compile(r"^# /// script$(?:\n#.*)*?\n# ///$", re.MULTILINE)
_DEPENDENCIES: Final = re.compile(
    r"^(# dependencies = \[)(.*?)\][ \t\r]*$", re.MULTILINE | re.DOTALL
)
_GATE_LIKE: Final = {
    "": "docs?|doctests?|spell.*|typos|links?|examples?|min.*|integration|e2e|smoke|package",
    "lint": "style|format|black|isort|flake8|pylint|ruff|pre-commit",
    "types": "typing|type-?check|mypy|pyright",
}
"""Sessions that check something: those of a gate only where that one is off."""


@dataclass(frozen=True)
class Session:
    """A session of the project's own.

    Attributes:
        name: Its name.
        line: The line of the noxfile where its function starts.
    """

    name: str
    line: int


def extended(text: str, *, type_checked: bool = False, imports: str = "") -> str:
    """Return a noxfile that registers Pushgate's gates last.

    Args:
        text: The noxfile as it is; empty: there is none.
        type_checked: Whether the project's type checker looks at it.
        imports: What the project's linters want every file to import, for a new one.

    Raises:
        ConfigurationError: It cannot be parsed.
    """
    line = _UNTYPED_IMPORT if type_checked else _IMPORT
    if not text.strip():
        return _NEW.format(imports + line)
    tree = _parsed(text)
    if _registers(tree):
        return text
    if "\r\n" in text:
        plain = extended(text.replace("\r\n", "\n"), type_checked=type_checked)
        return plain.replace("\n", "\r\n")
    # Not `splitlines`, which takes more for an end of a line than Python's parser does.
    lines = [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
    # Where Python itself runs the noxfile, Nox has to find the gates registered.
    at = tree.body[-1].lineno - 1 if _ends_with_main(tree) else len(lines)
    before, after = lines[:at], lines[at:]
    # Comments alone, such as a script's block, come first.
    start = _after_imports(tree) if tree.body else len(before)
    before[start:start] = [line]
    body = "".join(before).rstrip() + "\n\n\npushgate.register()\n"
    return _with_dependency(body + ("\n\n" + "".join(after) if after else ""))


def sessions(text: str) -> tuple[Session, ...]:
    """Return the sessions that a noxfile declares with decorators.

    Raises:
        ConfigurationError: It cannot be parsed.
    """
    return tuple(_sessions(_parsed(text)))


def clashes(definition: Definition, own: tuple[Session, ...]) -> Iterator[Found]:
    """Tell which sessions have the name of a gate, and make each of them that gate.

    Args:
        definition: The definition without these settings.
        own: The project's own sessions.

    Raises:
        ConfigurationError: Several sessions have the names of one gate's.
    """
    names = {session.name for session in own}
    adopted = {job.session for job in definition.jobs if definition.is_adopted(job)}
    for gate in dict.fromkeys(job.gate for job in definition.jobs):
        sessions = {job.session for job in definition.jobs if job.gate == gate} - adopted
        # Of several sessions there is one more, which stands for them all.
        if len(sessions) > 1:
            sessions.add(gate)
        clashing = sorted(sessions & names)
        if len(clashing) > 1 and gate not in clashing:
            message = (
                f"{NOXFILE}: the sessions {', '.join(clashing)} are called as Pushgate's own for "
                f"the gate {gate}, which can be one of them only: rename them, or put "
                f"`enabled = false` into [tool.pushgate.gates.{gate}]"
            )
            raise ConfigurationError(message)
        if clashing:
            yield _clash(gate, gate if gate in clashing else clashing[0])


def _clash(gate: str, session: str) -> Found:
    where = ("gates", gate)
    if gate == "coverage":
        off = Setting((*where, "enabled"), value=False, why="the noxfile has a session coverage")
        said = f"session {session} stays; Pushgate's gate coverage is off"
        return Found("noxfile", said, (off,))
    settings: tuple[Setting, ...] = (
        Setting((*where, "session"), session, "the session of the noxfile"),
    )
    said = f"session {session} is the gate {gate}"
    if gate == "test":
        said += ", without shards; the gate coverage is off, for it reads what shards leave"
        why = "the session test leaves no data for it"
        settings += (Setting(("gates", "coverage", "enabled"), value=False, why=why),)
    return Found("noxfile", said, settings)


def offers(own: tuple[Session, ...], gates: frozenset[str]) -> Iterator[Found]:
    """Tell which sessions could be gates.

    Args:
        own: The project's own sessions.
        gates: The names of the gates that there are.
    """
    like = "|".join(names for gate, names in _GATE_LIKE.items() if gate not in gates)
    names = [session.name for session in own if re.fullmatch(like, session.name)]
    names = [name for name in names if name not in gates and re.fullmatch(r"[a-z][\w-]*", name)]
    lines = tuple(
        line for name in names for line in (f"[tool.pushgate.gates.{name}]", f'session = "{name}"')
    )
    said = f"its {len(own)} sessions stay" + ("; as gates" if lines else "")
    yield Found("noxfile", said, offered=lines)


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        message = f"{NOXFILE}: line {error.lineno}: {error.msg}"
        raise ConfigurationError(message) from error


def _registers(tree: ast.Module) -> bool:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        isinstance(call, ast.Attribute) and ast.unparse(call) == "pushgate.register"
        for call in calls
    )


def is_type_checked(evidence: Evidence) -> bool:
    """Tell whether mypy is told to look at the noxfile, too."""
    listed = strings(table(evidence.pyproject, "tool", "mypy").get("files"))
    for file in ("mypy.ini", ".mypy.ini", "setup.cfg"):
        listed += tuple(
            re.findall(r"^files\s*=(.*(?:\n[ \t]+.*)*)", evidence.text(file), re.MULTILINE)
        )
    names = {name for line in listed for name in re.split(r"[,\s]+", line)}
    return not names.isdisjoint({NOXFILE, ".", "*.py", "./"})


def required_imports(evidence: Evidence) -> str:
    """Return the lines that ruff or isort is told to look for in every file, sorted as both do.

    What only the project's environment has is left out: Nox could not import it.
    """
    lint = table(evidence.pyproject, "tool", "ruff", "lint")
    if file := evidence.has(*RUFF_FILES):
        lint = table(evidence.toml(file), "lint")
    said = strings(table(lint, "isort").get("required-imports"))
    said += strings(table(evidence.pyproject, "tool", "isort").get("add_imports"))
    sections: dict[bool, set[str]] = {True: set(), False: set()}
    for line in said:
        match re.split(r"\s+", line.strip()):
            case ["from" | "import", module, *_] if _is_standard(module):
                sections[module == "__future__"].add(line.strip())
    # `import x` comes before `from x import`.
    blocks = (sorted(lines, key=lambda line: (line[0] == "f", line)) for lines in sections.values())
    return "".join("\n".join(block) + "\n\n" for block in blocks if block)


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _ends_with_main(tree: ast.Module) -> bool:
    last = tree.body[-1] if tree.body else None
    return isinstance(last, ast.If) and "__name__" in ast.unparse(last.test)


def _after_imports(tree: ast.Module) -> int:
    """Return after how many lines the imports at the noxfile's beginning end."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if imports:
        return imports[-1].end_lineno or 0
    match tree.body:
        case [ast.Expr(value=ast.Constant()) as docstring, *_]:
            return docstring.end_lineno or 0
        case _:
            return tree.body[0].lineno - 1


def _with_dependency(text: str) -> str:
    """Name Pushgate where the noxfile names what it requires (PEP 723)."""

    def added(match: re.Match[str]) -> str:
        inside = match[2].rstrip("#, \t\r\n")
        if "\n" in inside:
            return f'{match[1]}{inside},\n#   "pushgate",\n# ]'
        return f'{match[1]}{inside}{", " if inside else ""}"pushgate"]'

    block = _SCRIPT.search(text)
    if block is None or "pushgate" in block[0]:
        return text
    return text[: block.start()] + _DEPENDENCIES.sub(added, block[0]) + text[block.end() :]


def _sessions(tree: ast.Module) -> Iterator[Session]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                call = decorator.func if isinstance(decorator, ast.Call) else decorator
                name = _name(decorator, node.name)
                if name and ast.unparse(call).rpartition(".")[2] == "session":
                    yield Session(name, node.lineno)


def _name(decorator: ast.expr, function: str) -> str:
    """Return what a session is called; empty: only running the noxfile tells."""
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else ()
    given = next((word.value for word in keywords if word.arg == "name"), None)
    if given is None:
        return function
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
