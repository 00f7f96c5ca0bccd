"""Terminals: the video devices of halls, their protocols and their addresses."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.org import refusals
from rooms.org.fields import CODE, Field, read
from rooms.org.names import cleaned, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import everywhere, require
from rooms.sites import halls, networks
from rooms.store import audit
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

BANDWIDTH_KBPS: Final = 10_000
"""The bandwidth of a new terminal in kbit/s. Chosen: more than a call uses with a camera picture of 720p and slides of 1080p."""
PC: Final = "pc"
"""The protocol of a terminal that is a PC in hall mode. It has no other protocol."""
FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên thiết bị", required=True, most=200),
    Field("site_id", "Điểm cầu", required=True, refers="site"),
    Field("hall_id", "Phòng họp", refers="hall", empty=None),
    Field("vendor", "Hãng", most=60),
    Field("model", "Kiểu máy", most=100),
    Field("protocols", "Giao thức", "codes", most=2, choices=("sip", "h323", PC), empty=["sip"]),
    Field("sip_uri", "Địa chỉ SIP", most=254, pattern=re.compile(r"sips?:[^\s@]{1,120}@[^\s@]{1,120}")),
    Field("profile", "Chất lượng hình", most=40, choices=("1080p", "720p", "baseline-720p", "cif"), empty="720p"),
    Field("codecs", "Bộ mã", "codes", most=limits.CODECS, choices=("h264", "opus", "g722", "g711"), empty=[]),
    Field("encrypts", "Mã hóa", "yes", empty=True),
    Field("shows_content", "Nhận trình chiếu", "yes", empty=True),
    Field("dialled", "Được gọi ra", "yes", empty=True),
    Field("network_id", "Mạng", refers="network", empty=None),
    Field(
        "bandwidth_kbps",
        "Băng thông (kbit/s)",
        "integer",
        least=limits.BANDWIDTH_KBPS,
        most=1_000_000,
        empty=BANDWIDTH_KBPS,
    ),
    Field("language", "Ngôn ngữ hướng dẫn", most=2, choices=("vi", "en"), empty="vi"),
    Field("active", "Đang dùng", "yes", empty=True),
    Field("note", "Ghi chú", most=1000),
)


ZONE_ELSEWHERE: Final = (
    "Địa chỉ SIP của thiết bị không nằm trong mạng này. Hãy nhập địa chỉ IP thuộc mạng, hoặc nhờ người quản trị toàn hệ "
    "thống chọn mạng.",
    "the SIP address is outside this network: enter an address in it, or ask a system administrator to choose the network",
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Terminal:
    """Create a terminal of a site, in one of its halls or in no hall."""
    clean = read(FIELDS, values)
    unit = await halls.unit_of(session, clean["site_id"])
    require(actor, "sites.write", unit.path)
    await _check_references(session, clean["site_id"], clean["hall_id"], clean["network_id"])
    if clean["network_id"] is not None and not everywhere(actor, "sites.write"):
        require_inside(clean["sip_uri"], await networks.get(session, clean["network_id"]))
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("terminal", clean["code"])
    terminal = made(clean)
    check_kind(terminal)
    await refusals.store(session, terminal, "terminal")
    await audit.record(
        session, now, actor, "terminal.create", "terminal", terminal.id, unit.id, {"code": terminal.code}
    )
    return terminal


async def edit(
    session: AsyncSession,
    terminal_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Terminal:
    """Change the given fields."""
    clean = read(FIELDS, values, partial=True)
    terminal = await get(session, terminal_id, locked=True)
    unit = await halls.unit_of(session, terminal.site_id)
    require(actor, "sites.write", unit.path)
    if expected_version not in (None, terminal.version):
        raise refusals.changed_meanwhile()
    site_id = clean.get("site_id", terminal.site_id)
    require(actor, "sites.write", (await halls.unit_of(session, site_id)).path)
    await _check_references(
        session, site_id, clean.get("hall_id", terminal.hall_id), clean.get("network_id", terminal.network_id)
    )
    if clean.get("code", terminal.code) != terminal.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("terminal", clean["code"])
    placed = places_anew(terminal, clean)
    if placed is not None and not everywhere(actor, "sites.write"):
        require_inside(placed[0], await networks.get(session, placed[1]))
    changed = change(terminal, clean)
    check_kind(terminal)
    await session.flush()
    await audit.record(session, now, actor, "terminal.edit", "terminal", terminal.id, unit.id, {"fields": changed})
    return terminal


async def get(session: AsyncSession, terminal_id: str, locked: bool = False) -> Terminal:
    """Return a terminal. `locked`: read the row again, and lock it until this transaction ends. Raise Refusal
    `unknown_terminal`.
    """
    terminal = await session.get(Terminal, terminal_id, populate_existing=locked, with_for_update=locked or None)
    if terminal is None:
        raise refusals.unknown("terminal")
    return terminal


async def unit_paths(session: AsyncSession, terminal_ids: Sequence[str]) -> dict[str, str]:
    """Return the path of the unit of each terminal."""
    rows = await session.execute(
        select(Terminal.id, Unit.path)
        .join(Site, Site.id == Terminal.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .where(Terminal.id.in_(terminal_ids))
    )
    return dict(rows.all())


async def by_code(session: AsyncSession, code: str) -> Terminal | None:
    return (await session.scalars(select(Terminal).where(Terminal.code == code))).first()


async def search(
    session: AsyncSession,
    text: str = "",
    below: str = "",
    site_id: str | None = None,
    active: bool | None = True,
    limit: int = limits.FOUND,
    addressed: Sequence[str] | None = None,
    within: Sequence[str] | None = None,
) -> list[Terminal]:
    """Search by the name of the site, hall or unit, without diacritics, and by the code, the device's name or its addresses.

    Matches by a name or by the code come before matches by an address alone. `addressed`: beginnings of the paths of units
    whose terminals match by their addresses. `within`: beginnings of the paths of the units. None: all units.
    """
    words = searched(text)
    named = or_(
        *(one.contains(words, autoescape=True) for one in (Site.search_name, Hall.search_name, Unit.search_name)),
        *(one.icontains(words, autoescape=True) for one in (Terminal.code, Terminal.name)),
        Terminal.name.icontains(text.strip(), autoescape=True),  # the table keeps no name without diacritics
    )
    addresses = _has_address(words)
    if addressed is not None:
        addresses = and_(addresses, _below(addressed))
    wanted = (
        select(Terminal)
        .join(Site, Site.id == Terminal.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .outerjoin(Hall, Hall.id == Terminal.hall_id)
        .where(or_(named, addresses), Unit.path.startswith(below, autoescape=True))
    )
    if within is not None:
        wanted = wanted.where(_below(within))
    if site_id is not None:
        wanted = wanted.where(Terminal.site_id == site_id)
    if active is not None:
        wanted = wanted.where(Terminal.active.is_(active))
    by_address = case((named, 0), else_=1)
    ordered = wanted.order_by(by_address, Unit.tier, Unit.position, Terminal.code)
    return list(await session.scalars(ordered.limit(limit)))


def _below(paths: Sequence[str]) -> ColumnElement[bool]:
    return or_(false(), *(Unit.path.startswith(one, autoescape=True) for one in paths))


def _has_address(words: str) -> ColumnElement[bool]:
    """Return the SQL condition: the SIP address contains these words.

    The host of the SIP address counts only if the words contain a mark of an address. The host contains the name of the
    province, and many other words match that name.
    """
    if any(mark in words for mark in "@.:"):
        return Terminal.sip_uri.icontains(words, autoescape=True)
    escaped = words.translate({ord(mark): f"/{mark}" for mark in "/%_"})
    return Terminal.sip_uri.ilike(f"%:%{escaped}%@%", escape="/")


async def by_network(session: AsyncSession) -> dict[str | None, int]:
    """Return the number of active SIP terminals in each network. None: in no network."""
    rows = await session.execute(select(Terminal.network_id, Terminal.protocols).where(Terminal.active))
    return dict(Counter(one for one, protocols in rows.all() if "sip" in protocols))


def made(clean: Mapping[str, Any]) -> Terminal:
    """Return a row from checked values. The row is not stored yet."""
    return Terminal(id=new_id(), version=1, **clean)


def change(terminal: Terminal, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values. Return the names of the changed fields. A terminal that gets a SIP address speaks SIP."""
    spoken = clean.get("protocols", terminal.protocols)
    if clean.get("sip_uri") and "sip" not in spoken:
        clean = {**clean, "protocols": [*spoken, "sip"]}
    changed = [name for name, value in clean.items() if getattr(terminal, name) != value]
    for name in changed:
        setattr(terminal, name, clean[name])
    if changed:
        terminal.version += 1
    return sorted(changed)


def is_pc(terminal: Terminal) -> bool:
    """Report whether the terminal is a PC in hall mode."""
    return terminal.protocols == [PC]


def check_kind(terminal: Terminal) -> None:
    """Raise Refusal `pc_alone` if a PC has another protocol too: such a terminal would have two ways in."""
    if PC in terminal.protocols and (len(terminal.protocols) > 1 or terminal.sip_uri):
        raise Refusal(
            "pc_alone",
            "Máy ở chế độ điểm cầu không có giao thức khác, không có địa chỉ hay tài khoản SIP. Hãy khai thiết bị riêng.",
            "a PC in hall mode has no other protocol, no SIP address and no SIP account: add a terminal of its own",
        )


async def name_preset(session: AsyncSession, terminal_id: str, number: int, name: str) -> None:
    """Give a stored position of the camera a name, or take its name away. The terminal keeps the position itself."""
    terminal = await get(session, terminal_id, locked=True)
    names = {**terminal.presets, str(number): cleaned(name)[: limits.PRESET_NAME]}
    terminal.presets = {key: said for key, said in names.items() if said}


def places_anew(terminal: Terminal | None, clean: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (SIP address, network id) of a terminal with these values. None: both are unchanged, or there is no network."""
    uri = clean.get("sip_uri", getattr(terminal, "sip_uri", ""))
    network_id = clean.get("network_id", getattr(terminal, "network_id", None))
    same = terminal is not None and (uri, network_id) == (terminal.sip_uri, terminal.network_id)
    return None if network_id is None or same else (uri, network_id)


def is_inside(sip_uri: str, network: Network) -> bool:
    """Report whether an operator of one branch may put a terminal with this SIP address into this network.

    An IP address must be inside the network. A host name is never accepted for a closed network, because the name may point to
    another machine tomorrow. Without an address, the network only decides from where the terminal may register.
    """
    if not sip_uri:
        return True
    literal = literal_of(sip_uri)
    if not literal:
        return not network.closed
    return any(ipaddress.ip_address(literal) in ipaddress.ip_network(one) for one in network.ranges)


def literal_of(sip_uri: str) -> str:
    """Return the IPv4 or IPv6 address in a SIP address. Empty: the host is missing or is a name."""
    host = sip_uri.rpartition("@")[2].partition(";")[0]
    text = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def require_inside(sip_uri: str, network: Network) -> None:
    """Raise Refusal `zone_elsewhere`."""
    if not is_inside(sip_uri, network):
        vietnamese, english = ZONE_ELSEWHERE
        raise Refusal(
            "zone_elsewhere", vietnamese, english, [Trouble("zone_elsewhere", vietnamese, english, "network_id")]
        )


async def _check_references(session: AsyncSession, site_id: str, hall_id: str | None, network_id: str | None) -> None:
    if network_id is not None:
        await networks.get(session, network_id)
    if hall_id is not None and (await halls.get(session, hall_id)).site_id != site_id:
        raise Refusal(
            "hall_elsewhere",
            "Phòng họp này thuộc điểm cầu khác. Hãy chọn lại.",
            "the hall belongs to another site: choose again",
        )
