"""The hold of the halls of invited units, and the objections of the units."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("meeting", sa.Column("hold_guests", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("reservation", sa.Column("guest", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "hall_objection",
        sa.Column("meeting_id", sa.String(32), nullable=False),
        sa.Column("hall_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name="fk_hall_objection_meeting_id_meeting", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["hall_id"], ["hall.id"], name="fk_hall_objection_hall_id_hall", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("meeting_id", "hall_id", name="pk_hall_objection"),
    )
    op.create_index("ix_hall_objection_hall_id", "hall_objection", ["hall_id"])
