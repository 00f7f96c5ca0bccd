"""A table with the persons who are barred from a conference, so that a restart does not let them back in."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "lobby_bar",
        sa.Column("conference", sa.String(64), nullable=False),
        sa.Column("bars", sa.JSON(), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("conference", name="pk_lobby_bar"),
    )
