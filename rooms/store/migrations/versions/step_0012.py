"""A reserved terminal belongs to one meeting, so `wanted.exclusive` has no meaning."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.drop_column("wanted", "exclusive")
