"""A column with the meeting that a date gave way to."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("occurrence", sa.Column("displaced_by", sa.String(32), nullable=False, server_default=""))
