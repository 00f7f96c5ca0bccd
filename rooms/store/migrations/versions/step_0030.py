"""The record of live meetings: states for a restart, events, stays, turns to speak, chat, and how long types keep them."""

import sqlalchemy as sa
from alembic import op

from rooms.store.tables.columns import Utc

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("meeting_type", sa.Column("chat_kept", sa.String(10), nullable=False, server_default="kept"))
    op.add_column("meeting_type", sa.Column("chat_days", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("meeting_type", sa.Column("log_days", sa.Integer(), nullable=False, server_default="365"))
    op.create_table(
        "sitting",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("conference", sa.String(256), nullable=False),
        sa.Column("occurrence_id", sa.String(32), sa.ForeignKey("occurrence.id", ondelete="CASCADE"), nullable=True),
        sa.Column("began_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        *(sa.Column(name, Utc(), nullable=True) for name in ("ended_at", "wiped_at", "scrubbed_at")),
    )
    for column in ("conference", "occurrence_id", "ended_at"):
        op.create_index(f"ix_sitting_{column}", "sitting", [column])
    op.create_table(
        "sitting_state",
        _sitting(primary_key=True),
        sa.Column("machine", sa.String(40), primary_key=True),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
    )
    op.create_table(
        "meeting_event",
        _sitting(primary_key=True),
        sa.Column("place", sa.BigInteger(), primary_key=True),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        *_texts(by_id=256, by_name=200),
        sa.Column("for_chair", sa.Boolean(), nullable=False),
        *_texts(way=10, on_id=256, on_name=200),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    op.create_table(
        "attendance",
        sa.Column("id", sa.String(32), primary_key=True),
        _sitting(),
        *_texts(identity=256, name=200),
        sa.Column("came_at", Utc(), nullable=False),
        sa.Column("left_at", Utc(), nullable=True),
        *_texts(reason=40),
    )
    op.create_table(
        "speaking_turn",
        sa.Column("id", sa.String(64), primary_key=True),
        _sitting(),
        *_texts(identity=256, name=200, kind=10, delegation=200),
        sa.Column("began_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
    )
    op.create_table(
        "chat_line",
        sa.Column("id", sa.String(32), primary_key=True),
        _sitting(),
        sa.Column("at", Utc(), nullable=False),
        *_texts(identity=256, name=200, to_id=256, to_name=200, reply_to=32),
        sa.Column("text", sa.Text(), nullable=False),
    )
    for table in ("attendance", "speaking_turn", "chat_line"):
        op.create_index(f"ix_{table}_sitting_id", table, ["sitting_id"])


def _sitting(*, primary_key: bool = False) -> sa.Column[str]:
    sitting = sa.ForeignKey("sitting.id", ondelete="CASCADE")
    return sa.Column("sitting_id", sa.String(32), sitting, nullable=False, primary_key=primary_key)


def _texts(**lengths: int) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in lengths.items()]
