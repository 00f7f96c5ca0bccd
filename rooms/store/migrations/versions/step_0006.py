"""Networks carry a mark of their own: hall terminals call from here.

Until now the SIP ports answered every network of the register. Networks keep that where the mark may be set at all, so that no
hall falls silent. A network with a public range that is too wide for the mark (0.0.0.0/0) loses it; `diemcau doctor` names it.
"""

from __future__ import annotations

import ipaddress

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NETWORK = sa.table(
    "network", sa.column("id", sa.String()), sa.column("ranges", sa.JSON()), sa.column("terminals", sa.Boolean())
)
PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
WIDEST = {4: 16, 6: 32}
"""Prefix of a public range. The rule of `rooms.sites.networks.too_wide` on the day of this step."""


def upgrade() -> None:
    op.add_column("network", sa.Column("terminals", sa.Boolean(), nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    rows = connection.execute(sa.select(NETWORK.c.id, NETWORK.c.ranges)).all()
    for id_ in [one.id for one in rows if not any(map(_is_wide, one.ranges))]:
        connection.execute(sa.update(NETWORK).where(NETWORK.c.id == id_).values(terminals=True))


def _is_wide(text: str) -> bool:
    range_ = ipaddress.ip_network(text)
    homes = [one for one in map(ipaddress.ip_network, PRIVATE) if one.version == range_.version]
    inside = any(range_.prefixlen >= one.prefixlen and range_.network_address in one for one in homes)
    return range_.prefixlen < WIDEST[range_.version] and not inside
