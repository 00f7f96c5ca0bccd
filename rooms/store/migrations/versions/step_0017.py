"""A table with the browsers that a push wakes."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "push_subscription",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_push_subscription"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_push_subscription_account_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_push_subscription_account_id", "push_subscription", ["account_id"])
