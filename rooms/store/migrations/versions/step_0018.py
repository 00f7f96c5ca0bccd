"""A table with the morning's report of the halls that are not registered."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "morning_report",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("terminals", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_morning_report"),
    )
