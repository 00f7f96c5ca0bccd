"""Network zones: who is inside of a closed one is told by the address he comes from."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Trouble
from rooms.identifiers import new_id
from rooms.org import refusals
from rooms.org.fields import CODE, Field, invalid, read
from rooms.policy.actors import Actor
from rooms.policy.roles import require_everywhere
from rooms.sites.tables import Network
from rooms.store import audit

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên mạng", required=True, most=200),
    Field("ranges", "Dải địa chỉ", "codes", most=limits.RANGES, pattern=re.compile(r"[0-9a-fA-F:./]{1,50}"), empty=[]),
    Field("closed", "Mạng riêng", "yes", empty=False),
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Network:
    """A zone. It belongs to the whole system: only who may write sites everywhere changes it."""
    require_everywhere(actor, "sites.write")
    clean = _checked(read(FIELDS, values))
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("network", clean["code"])
    made = Network(id=new_id(), **clean)
    await refusals.store(session, made, "network")
    await audit.record(session, now, actor, "network.create", "network", made.id, detail={"code": made.code})
    return made


async def edit(
    session: AsyncSession, network_id: str, values: Mapping[str, Any], actor: Actor, now: datetime
) -> Network:
    """Correct what is given."""
    require_everywhere(actor, "sites.write")
    clean = _checked(read(FIELDS, values, partial=True))
    found = await get(session, network_id)
    if clean.get("code", found.code) != found.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("network", clean["code"])
    for name, value in clean.items():
        setattr(found, name, value)
    await session.flush()
    detail = {"fields": sorted(clean), "closed": found.closed}
    await audit.record(session, now, actor, "network.edit", "network", found.id, detail=detail)
    return found


async def get(session: AsyncSession, network_id: str) -> Network:
    """Raises Refusal `unknown_network`."""
    found = await session.get(Network, network_id)
    if found is None:
        raise refusals.unknown("network")
    return found


async def by_code(session: AsyncSession, code: str) -> Network | None:
    return (await session.scalars(select(Network).where(Network.code == code))).first()


async def every(session: AsyncSession) -> list[Network]:
    return list(await session.scalars(select(Network).order_by(Network.code)))


def closed_zone(networks: Iterable[Network], address: str) -> Network | None:
    """The closed zone that an IPv4 or IPv6 literal lies in, the narrowest; None: in none, or no address. Pure."""
    try:
        wanted = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(wanted, ipaddress.IPv6Address) and wanted.ipv4_mapped is not None:
        wanted = wanted.ipv4_mapped
    hits = [
        (inside.prefixlen, one.code, one)
        for one in networks
        if one.closed
        for inside in map(ipaddress.ip_network, one.ranges)
        if inside.version == wanted.version and wanted in inside
    ]
    return max(hits, key=lambda hit: hit[:2])[2] if hits else None


def _checked(clean: dict[str, Any]) -> dict[str, Any]:
    troubles = wrong_ranges(clean.get("ranges", ()))
    if troubles:
        raise invalid(troubles)
    return clean


def wrong_ranges(ranges: Sequence[str]) -> list[Trouble]:
    """Each that is no CIDR range, or has host bits set."""
    troubles = []
    for one in ranges:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            words = f"Dải địa chỉ không đúng: {one[:50]} (ví dụ 10.20.0.0/16)."
            troubles.append(Trouble("malformed", words, f"no CIDR range: {one[:50]}", "ranges"))
    return troubles
