"""Nothing has read these columns of terminals since step 0001: the numbers of H.323, and the time of a test."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("h323_alias", "e164", "tested_at"):
        op.drop_column("terminal", column)
