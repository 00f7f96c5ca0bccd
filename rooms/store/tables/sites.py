"""Sites (điểm cầu), their halls, the terminals in them and the networks they stand in, as rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

CAPABILITIES = ("hall", "pc", "none")
"""A hall terminal, a room with a PC, nothing."""


class Network(Row):
    """A network zone. Important meetings are met only from zones that are `closed` (TSLCD, internal)."""

    __tablename__ = "network"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    ranges: Mapped[list[str]]
    """CIDR, IPv4 and IPv6."""
    closed: Mapped[bool] = mapped_column(default=False)
    terminals: Mapped[bool] = mapped_column(default=False)
    """Hall terminals call from here: the SIP ports answer these ranges, and no others."""


class Site(Row):
    """A place that takes part as one, whoever sits there."""

    __tablename__ = "site"
    __table_args__ = (CheckConstraint("capability IN ('hall', 'pc', 'none')", name="capability"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    """"Điểm cầu UBND xã B"."""
    search_name: Mapped[str] = mapped_column(String(300), index=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    capability: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(300), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    network_id: Mapped[str | None] = mapped_column(ForeignKey("network.id"))
    technician: Mapped[str] = mapped_column(String(200), default="")
    technician_phone: Mapped[str] = mapped_column(String(40), default="")
    nearest_site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"))
    """Set by hand; where it is empty the nearest by unit tree and distance is proposed."""
    note: Mapped[str] = mapped_column(String(1000), default="")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)


class Hall(Row):
    """A room that can be booked. Before and after a meeting it is kept free for `setup_min` and `clearup_min`."""

    __tablename__ = "hall"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    search_name: Mapped[str] = mapped_column(String(200))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    seats: Mapped[int]
    equipment: Mapped[list[str]]
    """Codes: `projector`, `second_screen`, `interpreter`, `recorder`, …"""
    setup_min: Mapped[int] = mapped_column(default=15)
    clearup_min: Mapped[int] = mapped_column(default=15)
    bookable: Mapped[bool] = mapped_column(default=True)
    needs_approval: Mapped[bool] = mapped_column(default=True)
    """False: an internal meeting in it needs no approval."""
    main: Mapped[bool] = mapped_column(default=False)
    """The one hall of its site that is called when the unit is invited. At most one hall of a site has it."""
    note: Mapped[str] = mapped_column(String(1000), default="")
    version: Mapped[int] = mapped_column(default=1)


class Terminal(Row):
    """A hall video-conference device. `dialled` ones can be in one meeting at a time; those that dial in may be overbooked."""

    __tablename__ = "terminal"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    hall_id: Mapped[str | None] = mapped_column(ForeignKey("hall.id"), index=True)
    vendor: Mapped[str] = mapped_column(String(60), default="")
    model: Mapped[str] = mapped_column(String(100), default="")
    protocols: Mapped[list[str]]
    """`sip`, `h323`."""
    sip_uri: Mapped[str] = mapped_column(String(254), default="")
    h323_alias: Mapped[str] = mapped_column(String(100), default="")
    e164: Mapped[str] = mapped_column(String(20), default="")
    profile: Mapped[str] = mapped_column(String(40), default="720p")
    """The best picture it takes: `1080p`, `720p`, `baseline-720p`, `cif`."""
    codecs: Mapped[list[str]]
    encrypts: Mapped[bool] = mapped_column(default=False)
    shows_content: Mapped[bool] = mapped_column(default=False)
    dialled: Mapped[bool] = mapped_column(default=True)
    network_id: Mapped[str | None] = mapped_column(ForeignKey("network.id"))
    bandwidth_kbps: Mapped[int] = mapped_column(default=2000)
    language: Mapped[str] = mapped_column(String(2), default="vi")
    """Of announcements: `vi`, `en`."""
    active: Mapped[bool] = mapped_column(default=True)
    tested_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(1000), default="")
    version: Mapped[int] = mapped_column(default=1)


class DeviceCheck(Row):
    """What somebody's own check of network, microphone, speaker and camera found. Names nobody."""

    __tablename__ = "device_check"

    code: Mapped[str] = mapped_column(String(8), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    figures: Mapped[dict[str, Any]]
