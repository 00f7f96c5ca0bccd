"""The enrolments of PCs that stand for terminals (hall mode)."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    terminal = sa.ForeignKey("terminal.id", ondelete="CASCADE")
    op.create_table(
        "hall_pc",
        sa.Column("terminal_id", sa.String(32), terminal, primary_key=True),
        sa.Column("code_digest", sa.String(64), nullable=False),
        sa.Column("code_until", Utc(), nullable=True),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("enrolled_at", Utc(), nullable=True),
        sa.Column("enrolled_from", sa.String(64), nullable=False),
        sa.Column("seen_at", Utc(), nullable=True),
        sa.Column("seen_from", sa.String(64), nullable=False),
    )
    for column in ("code_digest", "key_digest"):
        op.create_index(f"ix_hall_pc_{column}", "hall_pc", [column])
