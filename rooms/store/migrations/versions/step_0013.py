"""A table with the telephone calls of operators to the sites of a date."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "site_call",
        sa.Column("occurrence_id", sa.String(32), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["occurrence.id"], name="fk_site_call_occurrence_id_occurrence", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_site_call_site_id_site", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("occurrence_id", "site_id", name="pk_site_call"),
    )
