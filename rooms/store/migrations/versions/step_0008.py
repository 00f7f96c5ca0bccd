"""Columns for a proposal that postpones a date: the reason."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("proposal", sa.Column("reason_code", sa.String(20), nullable=False, server_default=""))
    op.add_column("proposal", sa.Column("reason", sa.String(500), nullable=False, server_default=""))
