"""Whether people join the meetings of a type, and a booked meeting, with their microphones off."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for table in ("meeting_type", "meeting"):
        op.add_column(table, sa.Column("entry_muted", sa.Boolean(), nullable=False, server_default=sa.false()))
