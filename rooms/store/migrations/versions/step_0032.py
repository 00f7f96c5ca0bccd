"""The notes of the secretary about a meeting."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "meeting_note",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("sitting_id", sa.String(32), sa.ForeignKey("sitting.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("changed_at", Utc(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("by_name", sa.String(200), nullable=False),
        sa.Column("item", sa.String(300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("ix_meeting_note_sitting_id", "meeting_note", ["sitting_id"])
