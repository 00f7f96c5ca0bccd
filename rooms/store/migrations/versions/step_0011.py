"""Columns for the end of a meeting: the minutes after the booked end, and the question to the operator."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("meeting_type", sa.Column("grace_min", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("occurrence", sa.Column("end_asked_at", Utc(), nullable=True))
