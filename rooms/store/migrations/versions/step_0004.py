"""Tables for the next server process: the registrations of terminals, and the dialogs of their calls."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "sip_binding",
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("transport", sa.String(3), nullable=False),
        sa.Column("host", sa.String(64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("until", Utc(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alias", "place", name="pk_sip_binding"),
    )
    op.create_table(
        "sip_dialog",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("leg_id", sa.String(32), nullable=True),
        sa.Column("worker", sa.String(32), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("local", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("branch", sa.String(40), nullable=False),
        sa.Column("transport", sa.String(3), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["leg_id"], ["dial_leg.id"], name="fk_sip_dialog_leg_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_sip_dialog"),
    )
    op.create_index("ix_sip_dialog_leg_id", "sip_dialog", ["leg_id"])
    op.create_index("ix_sip_dialog_worker", "sip_dialog", ["worker"])
