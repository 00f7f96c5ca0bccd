"""The notice of a held hall names the rehearsal too."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notice", sa.Column("also_at", Utc(), nullable=True))
