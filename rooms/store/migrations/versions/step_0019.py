"""A table with the requests for precedence that secretaries make."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "precedence_ask",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("unit_id", sa.String(32), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("starts_at", Utc(), nullable=False),
        sa.Column("ends_at", Utc(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("decided_by", sa.String(32), nullable=False),
        sa.Column("decided_at", Utc(), nullable=True),
        sa.Column("answer", sa.String(500), nullable=False),
        sa.Column("meeting_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_precedence_ask_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_precedence_ask"),
    )
    op.create_index("ix_precedence_ask_unit_id", "precedence_ask", ["unit_id"])
    op.create_index("ix_precedence_ask_by", "precedence_ask", ["by"])
