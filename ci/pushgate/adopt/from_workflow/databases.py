"""The PostgreSQL that a job of a workflow starts, and the variables by which its steps find it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pushgate.adopt.databases import is_postgres
from pushgate.adopt.from_workflow.expressions import MASK, Unknown, Value, interpolated, masked
from pushgate.adopt.from_workflow.matrices import Cell
from pushgate.adopt.from_workflow.workflow_reading import Texts, WorkflowJob, WorkflowService

_PORT: Final = "5432"
_URL: Final = re.compile(
    r"(?P<scheme>(?:postgres(?:ql)?|postgis)(?:\+\w+)?)://"
    r"(?:[^:@/?]*(?::[^@/]*)?@)?(?P<host>[^:@/?]+)(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<database>[^/?]*))?(?P<rest>\?.*)?"
)
_ABOUT_DATABASES: Final = re.compile("(?:^|_)(?:PG|DB|DATABASE|POSTGRES|PSQL|SQL)", re.IGNORECASE)
_PARTS: Final = {
    "host": re.compile("(?:HOST(?:NAME)?|SERVER|ADDR(?:ESS)?)$", re.IGNORECASE),
    "port": re.compile("PORT$", re.IGNORECASE),
    "user": re.compile("USER(?:_?NAME)?$", re.IGNORECASE),
    "password": re.compile("(?:PASS(?:WORD|WD)?|PWD)$", re.IGNORECASE),
    "database": re.compile("(?:DB|DATABASE|NAME)$", re.IGNORECASE),
}
"""How the names of variables end that hold a part of a database's URL; the first that fits."""

_GIVEN: Final = re.compile("PG(?:HOST|PORT|USER|PASSWORD|DATABASE)")
"""Variables that jobs with a database have, whatever the settings say."""

_VARIABLE: Final = "DATABASE_URL"


@dataclass(frozen=True)
class JobDatabase:
    """A PostgreSQL among the services of a job.

    Attributes:
        name: The service's name.
        image: Its image, the newest of a matrix; empty: only GitHub knows it.
        parts: What steps may call the parts of its URL.
        others: The names of the job's other services.
    """

    name: str
    image: str
    parts: Mapping[str, Sequence[str]]
    others: tuple[str, ...]

    @property
    def values(self) -> Mapping[str, Value | Unknown]:
        """What expressions may call its port."""
        ports = f"job.services.{self.name.lower()}.ports"
        return {f"{ports}[{_PORT}]": _PORT, f"{ports}.{_PORT}": _PORT}

    def templates(self, variables: Texts) -> dict[str, str]:
        """Return the variables that lead to it, the parts of its URL replaced by their names.

        Args:
            variables: What a step is given.
        """
        texts = {name: self._template(name, text) for name, text in variables.items()}
        # A user or a database that steps made there have other names than the service's own.
        starts = {_start(name) for name, text in texts.items() if text == "{host}"}
        texts |= {
            name: f"{{{part}}}"
            for name in variables
            if _start(name) in starts and (part := _part(name))
        }
        return {name: text for name, text in texts.items() if text}

    def names(self, variables: Texts) -> list[str]:
        """Return what the databases are called to which variables lead.

        Args:
            variables: What a step is given.
        """
        urls = (_URL.fullmatch(variables[name]) for name in self.templates(variables))
        return list(dict.fromkeys(url["database"] for url in urls if url and url["database"]))

    def _template(self, name: str, text: str) -> str:
        if any(other.lower() in name.lower() for other in self.others):
            return ""
        if url := _URL.fullmatch(text):
            return self._of_url(url)
        if not (_ABOUT_DATABASES.search(name) or self.name.lower() in name.lower()):
            return ""
        part = _part(name)
        return f"{{{part}}}" if part and text in self.parts[part] else ""

    def _of_url(self, url: re.Match[str]) -> str:
        host, port, rest = url["host"], url["port"] or _PORT, url["rest"] or ""
        if host not in self.parts["host"] or port not in self.parts["port"] or MASK in rest:
            return ""
        rest = rest.replace("{", "{{").replace("}", "}}")
        # A URL without a database is for one that all would have in common.
        return f"{url['scheme']}://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}{rest}"


def _part(name: str) -> str:
    """Tell which part of a URL a variable holds, by its name; empty: none."""
    return next((part for part, ending in _PARTS.items() if ending.search(name)), "")


def _start(name: str) -> str:
    """Return what the names of a server's variables have in common; empty where none holds one."""
    part = _part(name)
    return _PARTS[part].sub("", name) or name if part else ""


def of_job(job: WorkflowJob, cells: Sequence[Cell]) -> JobDatabase | None:
    """Find the PostgreSQL that a job starts, if it does.

    Args:
        job: The job.
        cells: Those of its runs that a gate can stand for.
    """
    for name, service in job.services.items() if cells else ():
        images = [interpolated(service.image, cell.values) for cell in cells]
        known = [image for image in images if isinstance(image, str) and is_postgres(image)]
        if known or re.match(r"postgres:\$\{\{", service.image):
            others = tuple(other for other in job.services if other != name)
            image = max(known, key=_version, default="")
            return JobDatabase(name, image, _parts(name, service, cells), others)
    return None


def _version(image: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", image.partition(":")[2])))


def _parts(
    name: str, service: WorkflowService, cells: Sequence[Cell]
) -> Mapping[str, Sequence[str]]:
    env = {key: masked(text, cells[0].values) for key, text in service.env.items()}
    user = env.get("POSTGRES_USER") or "postgres"
    return {
        "host": ("localhost", "127.0.0.1", name),
        "port": (_PORT, *_ports(service.ports)),
        "user": (user,),
        "password": (env.get("POSTGRES_PASSWORD", ""),),
        "database": (env.get("POSTGRES_DB") or user,),
    }


def _ports(ports: Iterable[str]) -> Iterator[str]:
    for said in ports:
        *outside, inside = said.partition("/")[0].split(":")
        if outside and inside == _PORT:
            yield outside[-1]


@dataclass
class ServerTable:
    """What the steps of all jobs say about the server that gates are given.

    Attributes:
        image: Its image; empty: none is known.
        template: The command that fills the database of which those of the tests are copies.
        variables: What leads to a database, the parts of its URL replaced by their names.
    """

    image: str = ""
    template: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def add(self, image: str, template: str, variables: Texts) -> list[str]:
        """Add what one step says; return what others have said otherwise."""
        self.image, self.template = self.image or image, self.template or template
        known = {**variables, **self.variables}
        self.variables |= {name: known[name] for name in variables}
        said = {image: self.image, template: self.template}
        said |= {f"{name}={text}": f"{name}={known[name]}" for name, text in variables.items()}
        return [new for new, kept in said.items() if new not in {"", kept}]

    def table(self) -> dict[str, object]:
        """Return the keys of its table."""
        texts = self.variables
        urls = {name: text for name, text in texts.items() if "://" in text}
        url = urls.get(_VARIABLE) or next(iter(urls.values()), "")
        variables = [
            f"{name}={'{url}' if text == url else text}"
            for name, text in texts.items()
            if not _GIVEN.fullmatch(name) and (name, text) != (_VARIABLE, url)
        ]
        keys = {
            "image": self.image,
            "database-url": url,
            "variables": variables,
            "template": self.template,
        }
        return {key: value for key, value in keys.items() if value}
