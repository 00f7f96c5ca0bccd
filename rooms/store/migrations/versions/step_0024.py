"""Rehearsals: the wish of a meeting, the meeting that a rehearsal belongs to, and the results at the sites."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("meeting", sa.Column("rehearsal_at", Utc(), nullable=True))
    op.add_column("meeting", sa.Column("rehearsal_min", sa.Integer(), nullable=False, server_default="60"))
    # Alembic cannot add a foreign key on SQLite. Both databases accept it as a part of the new column.
    named = "CONSTRAINT fk_meeting_rehearses_id REFERENCES meeting (id)"
    op.execute(f"ALTER TABLE meeting ADD COLUMN rehearses_id VARCHAR(32) {named}")
    op.create_index("ix_meeting_rehearses_id", "meeting", ["rehearses_id"], unique=True)
    results = ("picture", "sound_in", "sound_out", "name_plate")
    op.create_table(
        "rehearsal_check",
        sa.Column("occurrence_id", sa.String(32), sa.ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("site_id", sa.String(32), sa.ForeignKey("site.id", ondelete="CASCADE"), primary_key=True),
        *(sa.Column(name, sa.Boolean(), nullable=True) for name in results),
        sa.Column("delegates", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("by_site", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Utc(), nullable=False),
        sa.Column("signed_at", Utc(), nullable=True),
        sa.Column("signed_by", sa.String(64), nullable=False),
        sa.Column("signed_name", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
