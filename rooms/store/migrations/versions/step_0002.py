"""Columns for calls to halls. They hold the main hall of a site, the terminals that a secretary takes out of a call list, and
two values of `connect`.

Meetings that are already booked keep their behaviour: `dial` called the halls, and the other four values called no hall. For an
open meeting of the second kind, the page of the meeting asks its secretary once. Stored booking forms lose the old default,
because no user chose it. The new default applies to them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MEETING = sa.table(
    "meeting",
    sa.column("id", sa.String()),
    sa.column("state", sa.String()),
    sa.column("connect", sa.String()),
    sa.column("connect_asked", sa.Boolean()),
)
TEMPLATE = sa.table("template", sa.column("id", sa.String()), sa.column("request", sa.JSON()))


def upgrade() -> None:
    no = sa.false()
    op.add_column("hall", sa.Column("main", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("meeting", sa.Column("connect_asked", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("meeting", sa.Column("uncalled", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("dial_leg", sa.Column("taken_off", sa.Boolean(), nullable=False, server_default=no))
    _meetings()
    _templates()


def _meetings() -> None:
    quiet = MEETING.c.connect != "dial"
    open_ = MEETING.c.state.in_(("held", "asked", "approved"))
    op.execute(sa.update(MEETING).where(quiet, open_).values(connect_asked=True))
    op.execute(sa.update(MEETING).values(connect=sa.case((MEETING.c.connect == "dial", "call"), else_="dial_in")))


def _templates() -> None:
    connection = op.get_bind()
    for id_, request in connection.execute(sa.select(TEMPLATE.c.id, TEMPLATE.c.request)).all():
        kept: dict[str, Any] = {name: value for name, value in request.items() if name != "connect"}
        if kept != request:
            connection.execute(sa.update(TEMPLATE).where(TEMPLATE.c.id == id_).values(request=kept))
