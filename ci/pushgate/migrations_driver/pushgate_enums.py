"""The values of PostgreSQL's enums, which Alembic does not compare.

https://alembic.sqlalchemy.org/en/latest/autogenerate.html#what-does-autogenerate-detect-and-what-does-it-not-detect
"""

from dataclasses import dataclass

from sqlalchemy import ARRAY, Enum, inspect
from sqlalchemy.types import TypeDecorator


@dataclass(frozen=True)
class Lacking:
    """A value that a model has and an enum of the database has not; ``column`` of the model."""

    enum: str
    value: str
    column: str

    @property
    def sql(self):
        """What adds it, also where an earlier upgrade has: no downgrade can take it away."""
        value = self.value.replace("'", "''")
        return f"ALTER TYPE {self.enum} ADD VALUE IF NOT EXISTS '{value}'"


def lacking_values(context):
    """Return the values that models have and the database has not, each once.

    A value that only the database has is none of them: PostgreSQL cannot drop one.
    """
    dialect = context.dialect
    if dialect.name != "postgresql":
        return []
    there = inspect(context.connection).get_enums(schema="*")
    quote = dialect.identifier_preparer.quote
    found = {}
    for column in _columns(context):
        enum = _enum(column.type, dialect)
        for known in _known(enum, there):
            name = quote(known["name"])
            name = name if known["visible"] else f"{quote(known['schema'])}.{name}"
            for value in enum.enums:
                if value not in known["labels"]:
                    found.setdefault((name, value), Lacking(name, value, str(column)))
    return list(found.values())


def _columns(context):
    """Yield the columns of all models that env.py lets Alembic compare."""
    models = context.opts["target_metadata"]
    include = context.opts.get("include_object") or (lambda *_: True)
    reflected = False
    for metadata in models if isinstance(models, (list, tuple)) else [models]:
        for table in metadata.tables.values():
            if include(table, table.name, "table", reflected, None):
                yield from table.columns


def _enum(kind, dialect):
    """Return the enum of a column's type, or None."""
    if isinstance(kind, TypeDecorator):
        return _enum(kind.type_engine(dialect), dialect)
    kind = kind.dialect_impl(dialect)
    if isinstance(kind, ARRAY):
        return _enum(kind.item_type, dialect)
    return kind if isinstance(kind, Enum) and kind.native_enum else None


def _known(enum, there):
    """Return the database's enums that a model's stands for; one that is not there has none."""
    if enum is None:
        return []
    named = [one for one in there if one["name"] == enum.name]
    if enum.schema:
        return [one for one in named if one["schema"] == enum.schema]
    return [one for one in named if one["visible"]] or named
