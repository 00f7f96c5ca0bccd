"""A table for the numbers of meetings that were started without a booking, so that they survive a restart."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "instant_number",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("used_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_instant_number")),
    )
    op.create_index(op.f("ix_instant_number_source"), "instant_number", ["source"])
    op.create_index(op.f("ix_instant_number_used_at"), "instant_number", ["used_at"])
