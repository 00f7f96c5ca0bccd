"""A table with the notices of accounts."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("meeting_id", sa.String(32), nullable=True),
        sa.Column("occurrence_id", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.String(32), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("dedupe", sa.String(120), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("until", Utc(), nullable=True),
        sa.Column("read_at", Utc(), nullable=True),
        sa.Column("done_at", Utc(), nullable=True),
        sa.Column("changed_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_notice_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name="fk_notice_meeting_id", ondelete="CASCADE"),
        sa.UniqueConstraint("account_id", "dedupe", name="uq_notice_account_id_dedupe"),
    )
    op.create_index("ix_notice_account_id_at", "notice", ["account_id", "at"])
    op.create_index("ix_notice_changed_at", "notice", ["changed_at"])
    op.create_index("ix_notice_meeting_id", "notice", ["meeting_id"])
