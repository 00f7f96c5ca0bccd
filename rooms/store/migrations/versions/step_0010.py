"""A column with the attendees that the operator of the system has approved. All present attendees count as approved."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("attendee", sa.Column("agreed", sa.Boolean(), nullable=False, server_default=sa.true()))
