"""The values of PostgreSQL's enums, which Alembic does not compare.

https://alembic.sqlalchemy.org/en/latest/autogenerate.html#what-does-autogenerate-detect-and-what-does-it-not-detect
"""

from dataclasses import dataclass

from alembic.autogenerate import comparators
from sqlalchemy import ARRAY, Enum
from sqlalchemy.types import TypeDecorator


@dataclass(frozen=True)
class Lacking:
    """A value that a model has and an enum of the database has not; ``column`` of the model."""

    enum: str
    value: str
    column: str

    @property
    def call(self):
        """What a migration adds it with, also again: no downgrade can take it away."""
        # A colon would begin a parameter.
        value = self.value.replace("'", "''").replace(":", "\\:")
        sql = f"ALTER TYPE {self.enum} ADD VALUE IF NOT EXISTS '{value}'"
        return f"op.execute({sql!r})"


def compare_values():
    """Let Alembic compare values, too, wherever it compares a column.

    Returns what it will have found missing: a dict whose values are each told once. What only
    the database has is not missed: PostgreSQL cannot drop a value.
    """
    found = {}

    @comparators.dispatch_for("column")
    def compare(context, _operation, _schema, _table, _name, there, wanted):
        known, enum = _enum(there.type, context.dialect), _enum(wanted.type, context.dialect)
        if known is not None and enum is not None:
            name = context.dialect.identifier_preparer.format_type(known)
            for value in enum.enums:
                if value not in known.enums:
                    found.setdefault((name, value), Lacking(name, value, str(wanted)))

    return found


def _enum(kind, dialect):
    """Return the enum of a column's type, or None."""
    kind = kind.dialect_impl(dialect)
    while isinstance(kind, TypeDecorator):
        kind = kind.impl
    if isinstance(kind, ARRAY):
        return _enum(kind.item_type, dialect)
    return kind if isinstance(kind, Enum) and kind.native_enum else None
