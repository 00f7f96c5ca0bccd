"""A pool counts all connections of a meeting, or only those of halls or of browsers."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pool", sa.Column("counts", sa.String(10), nullable=False, server_default="all"))
