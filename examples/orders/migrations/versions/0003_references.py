"""A reference for every order, also for those that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A column that must not be NULL cannot be added to rows: first the column, then its values.
    op.add_column("orders", sa.Column("reference", sa.String(), nullable=True))
    op.execute("UPDATE orders SET reference = replace(gen_random_uuid()::text, '-', '')")
    op.alter_column("orders", "reference", nullable=False)
    op.create_unique_constraint("uq_orders_reference", "orders", ["reference"])


def downgrade() -> None:
    op.drop_constraint("uq_orders_reference", "orders")
    op.drop_column("orders", "reference")
