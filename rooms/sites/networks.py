"""Networks: the source address of a request decides whether the request comes from a closed network."""

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
from rooms.store import audit
from rooms.store.tables.sites import Network

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên mạng", required=True, most=200),
    Field("ranges", "Dải địa chỉ", "codes", most=limits.RANGES, pattern=re.compile(r"[0-9a-fA-F:./]{1,50}"), empty=[]),
    Field("closed", "Mạng riêng", "yes", empty=False),
    Field("terminals", "Thiết bị hội trường gọi từ đây", "yes", empty=False),
)
PRIVATE: Final = tuple(
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # RFC 6598, behind the address translation of a provider
        "127.0.0.0/8",
        "169.254.0.0/16",  # RFC 3927
        "fc00::/7",  # RFC 4193
        "fe80::/10",
    )
)
"""Ranges that the internet does not route. `is_private` of the standard library is not used, because it accepts 0.0.0.0/0 as
private.
"""
WIDE: Final = (
    "Dải {} quá rộng để đánh dấu “Thiết bị hội trường gọi từ đây”. Chỉ nhận dải nội bộ (như 10.0.0.0/8), hoặc dải công cộng "
    "không rộng hơn /16 với IPv4, /32 với IPv6.",
    "{} is too wide for the mark “hall terminals call from here”. Use private ranges (such as 10.0.0.0/8), or public "
    "ranges no wider than /16 of IPv4 or /32 of IPv6.",
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Network:
    """Create a network. It belongs to the whole system, so the actor needs the right to write sites everywhere."""
    require_everywhere(actor, "sites.write")
    clean = _checked(read(FIELDS, values))
    _check_mark(clean["ranges"], clean["terminals"])
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("network", clean["code"])
    made = Network(id=new_id(), **clean)
    await refusals.store(session, made, "network")
    await audit.record(session, now, actor, "network.create", "network", made.id, detail={"code": made.code})
    return made


async def edit(
    session: AsyncSession, network_id: str, values: Mapping[str, Any], actor: Actor, now: datetime
) -> Network:
    """Change the given fields."""
    require_everywhere(actor, "sites.write")
    clean = _checked(read(FIELDS, values, partial=True))
    found = await get(session, network_id)
    if clean.get("code", found.code) != found.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("network", clean["code"])
    _check_mark(clean.get("ranges", found.ranges), clean.get("terminals", found.terminals))
    for name, value in clean.items():
        setattr(found, name, value)
    await session.flush()
    detail = {"fields": sorted(clean), "closed": found.closed, "terminals": found.terminals}
    await audit.record(session, now, actor, "network.edit", "network", found.id, detail=detail)
    return found


async def get(session: AsyncSession, network_id: str) -> Network:
    """Return a network. Raise Refusal `unknown_network`."""
    found = await session.get(Network, network_id)
    if found is None:
        raise refusals.unknown("network")
    return found


async def by_code(session: AsyncSession, code: str) -> Network | None:
    return (await session.scalars(select(Network).where(Network.code == code))).first()


async def every(session: AsyncSession) -> list[Network]:
    return list(await session.scalars(select(Network).order_by(Network.code)))


def closed_zone(networks: Iterable[Network], address: str) -> Network | None:
    """Return the narrowest closed network that contains an IPv4 or IPv6 literal. None: no network, or no IP address. Pure."""
    hit = _narrowest(networks, address)
    return hit[0] if hit is not None else None


def closed_range(networks: Iterable[Network], address: str) -> str:
    """Return the narrowest range (CIDR) of the closed networks that contains an IPv4 or IPv6 literal. Empty: none. Pure."""
    hit = _narrowest(networks, address)
    return hit[1] if hit is not None else ""


def _narrowest(networks: Iterable[Network], address: str) -> tuple[Network, str] | None:
    try:
        wanted = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(wanted, ipaddress.IPv6Address) and wanted.ipv4_mapped is not None:
        wanted = wanted.ipv4_mapped
    hits = [
        (inside.prefixlen, one.code, one, str(inside))
        for one in networks
        if one.closed
        for inside in map(ipaddress.ip_network, one.ranges)
        if inside.version == wanted.version and wanted in inside
    ]
    return max(hits, key=lambda hit: hit[:2])[2:] if hits else None


def too_wide(ranges: Iterable[str]) -> list[str]:
    """Return the ranges that cannot have the mark "hall terminals call from here". Pure.

    These are public ranges wider than /16 of IPv4 or /32 of IPv6. A /16 has 65,536 addresses, more than a province has
    terminals. A /32 is the range that a registry gives to one provider. A private range may have any width.
    """
    return [one for one in ranges if _is_wide(ipaddress.ip_network(one))]


def _is_wide(range_: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    widest = limits.PUBLIC_IPV4_PREFIX if range_.version == 4 else limits.PUBLIC_IPV6_PREFIX
    return range_.prefixlen < widest and not any(_is_within(range_, one) for one in PRIVATE)


def _is_within(
    range_: ipaddress.IPv4Network | ipaddress.IPv6Network, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return range_.version == whole.version and range_.prefixlen >= whole.prefixlen and range_.network_address in whole


def _check_mark(ranges: Sequence[str], terminals: bool) -> None:
    wide = too_wide(ranges) if terminals else []
    if wide:
        listed = ", ".join(wide)
        raise invalid([Trouble("range_too_wide", WIDE[0].format(listed), WIDE[1].format(listed), "terminals")])


def _checked(clean: dict[str, Any]) -> dict[str, Any]:
    troubles = wrong_ranges(clean.get("ranges", ()))
    if troubles:
        raise invalid(troubles)
    return clean


def wrong_ranges(ranges: Sequence[str]) -> list[Trouble]:
    """Return an error for each text that is not a CIDR range or has host bits set."""
    troubles = []
    for one in ranges:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            words = f"Dải địa chỉ không đúng: {one[:50]} (ví dụ 10.20.0.0/16)."
            troubles.append(Trouble("malformed", words, f"no CIDR range: {one[:50]}", "ranges"))
    return troubles
