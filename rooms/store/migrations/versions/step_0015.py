"""The time at which halls are called, by meeting type and by meeting, and the opening of a date by its chair."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("meeting_type", sa.Column("call_ahead_min", sa.Integer(), nullable=False, server_default="15"))
    op.add_column("meeting", sa.Column("call_ahead_min", sa.Integer(), nullable=True))
    op.add_column("occurrence", sa.Column("begun_at", Utc(), nullable=True))
    # A date that runs during the upgrade was never told to wait.
    op.execute("UPDATE occurrence SET begun_at = opened_at WHERE opened_at IS NOT NULL")
