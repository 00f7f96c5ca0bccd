"""A mark on networks: hall terminals call from here.

Before this step the SIP ports answered every network of the register. Every range gets the mark where the mark is permitted, so
that no hall loses its calls. Public ranges that are too wide for the mark (for example 0.0.0.0/0) do not get it, and `diemcau
doctor` lists them. If the network has other ranges too, the wide ranges move to a network of their own. The terminals whose SIP
address is only in the wide ranges move with them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from rooms.identifiers import new_id

revision = "0006"
down_revision = "0005"

NETWORK = sa.table(
    "network",
    sa.column("id", sa.String()),
    sa.column("code", sa.String()),
    sa.column("name", sa.String()),
    sa.column("ranges", sa.JSON()),
    sa.column("closed", sa.Boolean()),
    sa.column("terminals", sa.Boolean()),
)
TERMINAL = sa.table(
    "terminal", sa.column("id", sa.String()), sa.column("sip_uri", sa.String()), sa.column("network_id", sa.String())
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
"""The shortest permitted prefix of a public range, by IP version. Copied from `rooms.sites.networks.too_wide` on the day of
this step.
"""


def upgrade() -> None:
    op.add_column("network", sa.Column("terminals", sa.Boolean(), nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    rows = connection.execute(sa.select(NETWORK)).all()
    codes = {one.code for one in rows}
    for one in rows:
        wide = [text for text in one.ranges if _is_wide(text)]
        kept = [text for text in one.ranges if text not in wide]
        if wide and not kept:
            continue
        values = {"terminals": True, "ranges": kept}
        connection.execute(sa.update(NETWORK).where(NETWORK.c.id == one.id).values(values))
        if wide:
            codes.add(_part(connection, one, wide, kept, codes))


def _part(connection: sa.Connection, whole: sa.Row[Any], wide: list[str], kept: list[str], codes: set[str]) -> str:
    """Make the network for the wide ranges. Return its code."""
    numbers = ("", *map(str, range(2, len(codes) + 3)))
    code = next(code for number in numbers if (code := f"{whole.code[:54]}-RONG{number}") not in codes)
    name = f"{whole.name[:160]} (dải quá rộng, không nhận SIP)"
    made = {"id": new_id(), "code": code, "name": name, "ranges": wide, "closed": whole.closed}
    connection.execute(sa.insert(NETWORK).values(made | {"terminals": False}))
    inside = sa.select(TERMINAL.c.id, TERMINAL.c.sip_uri).where(TERMINAL.c.network_id == whole.id)
    for terminal in connection.execute(inside).all():
        if _lies_in(terminal.sip_uri, wide) and not _lies_in(terminal.sip_uri, kept):
            moved = sa.update(TERMINAL).where(TERMINAL.c.id == terminal.id)
            connection.execute(moved.values(network_id=made["id"]))
    return code


def _lies_in(sip_uri: str, ranges: Sequence[str]) -> bool:
    """Report whether the SIP URI contains an IP address of one of these ranges. A host name is in no range."""
    host = sip_uri.rpartition("@")[2].partition(";")[0]
    text = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(one) for one in ranges)


def _is_wide(text: str) -> bool:
    range_ = ipaddress.ip_network(text)
    homes = [one for one in map(ipaddress.ip_network, PRIVATE) if one.version == range_.version]
    inside = any(range_.prefixlen >= one.prefixlen and range_.network_address in one for one in homes)
    return range_.prefixlen < WIDEST[range_.version] and not inside
