"""Positions of a terminal's camera have names."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("terminal", sa.Column("presets", sa.JSON(), nullable=False, server_default="{}"))
