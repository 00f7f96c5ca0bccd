"""The unit whose meetings a pool of media capacity counts."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("pool", sa.Column("unit_id", sa.String(32), nullable=True))
