"""A table with the roles that a deputyship passes on.

Existing deputyships keep every working role that their persons had been granted by the day of this step. A role still applies
only between its own dates.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

DEPUTY = sa.table("deputy", sa.column("id", sa.String()), sa.column("person_id", sa.String()))
ACCOUNT = sa.table("account", sa.column("id", sa.String()), sa.column("person_id", sa.String()))
GRANT = sa.table(
    "role_grant",
    sa.column("id", sa.String()),
    sa.column("account_id", sa.String()),
    sa.column("role", sa.String()),
)
PASSED = sa.table("deputy_role", sa.column("deputy_id", sa.String()), sa.column("grant_id", sa.String()))


def upgrade() -> None:
    op.create_table(
        "deputy_role",
        sa.Column("deputy_id", sa.String(32), nullable=False),
        sa.Column("grant_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["deputy_id"], ["deputy.id"], name="fk_deputy_role_deputy_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["grant_id"], ["role_grant.id"], name="fk_deputy_role_grant_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("deputy_id", "grant_id", name="pk_deputy_role"),
    )
    op.create_index("ix_deputy_role_grant_id", "deputy_role", ["grant_id"])
    held = (
        sa.select(DEPUTY.c.id, GRANT.c.id)
        .join(ACCOUNT, ACCOUNT.c.person_id == DEPUTY.c.person_id)
        .join(GRANT, GRANT.c.account_id == ACCOUNT.c.id)
        .where(GRANT.c.role.in_(("requester", "secretary", "approver")))
    )
    op.execute(sa.insert(PASSED).from_select(["deputy_id", "grant_id"], held))
