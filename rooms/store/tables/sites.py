"""Sites (điểm cầu), their halls, terminals and networks, as rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

CAPABILITIES = ("hall", "pc", "none")
"""A hall with a terminal, a room with a PC, no equipment."""


class Network(Row):
    """A network zone. Participants join important meetings only from `closed` zones (TSLCD, internal)."""

    __tablename__ = "network"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    ranges: Mapped[list[str]]
    """CIDR, IPv4 and IPv6."""
    closed: Mapped[bool] = mapped_column(default=False)
    terminals: Mapped[bool] = mapped_column(default=False)
    """True: hall terminals call from this network. The SIP ports answer only these ranges."""


class Site(Row):
    """A place that takes part in conferences as one site, independent of the people who sit there."""

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
    """The nearest site, set by hand. If empty, the system proposes the nearest site by unit tree and distance."""
    note: Mapped[str] = mapped_column(String(1000), default="")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)


class Hall(Row):
    """A room that can be booked. The room stays free for `setup_min` before and `clearup_min` after a meeting."""

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
    """False: an internal meeting in this hall needs no approval."""
    main: Mapped[bool] = mapped_column(default=False)
    """True: the server calls this hall when the unit is invited. At most one hall of a site has True."""
    note: Mapped[str] = mapped_column(String(1000), default="")
    version: Mapped[int] = mapped_column(default=1)


class Terminal(Row):
    """A video-conference device of a hall. It can be in one meeting at a time, whether it is called (`dialled`) or dials in."""

    __tablename__ = "terminal"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    hall_id: Mapped[str | None] = mapped_column(ForeignKey("hall.id"), index=True)
    vendor: Mapped[str] = mapped_column(String(60), default="")
    model: Mapped[str] = mapped_column(String(100), default="")
    protocols: Mapped[list[str]]
    """`sip`, `h323`; or `pc` alone: a PC in hall mode. The server calls only terminals with `sip`."""
    sip_uri: Mapped[str] = mapped_column(String(254), default="")
    profile: Mapped[str] = mapped_column(String(40), default="720p")
    """The largest camera picture: `1080p`, `720p`, `baseline-720p` (slides too, never H.264 High), `cif` (alike)."""
    codecs: Mapped[list[str]]
    """`h264`, `opus`, `g722`, `g711`. Empty: all that the make of terminals has."""
    encrypts: Mapped[bool] = mapped_column(default=True)
    shows_content: Mapped[bool] = mapped_column(default=True)
    dialled: Mapped[bool] = mapped_column(default=True)
    network_id: Mapped[str | None] = mapped_column(ForeignKey("network.id"))
    bandwidth_kbps: Mapped[int] = mapped_column(default=10_000)
    """The limit of one call for sound, picture and slides together, in each direction."""
    language: Mapped[str] = mapped_column(String(2), default="vi")
    """The language of announcements: `vi`, `en`."""
    active: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str] = mapped_column(String(1000), default="")
    presets: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The names of stored positions of the camera, by number."""
    version: Mapped[int] = mapped_column(default=1)


class DeviceCheck(Row):
    """The results of a user's check of network, microphone, speaker and camera. The row contains no names."""

    __tablename__ = "device_check"

    code: Mapped[str] = mapped_column(String(8), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    figures: Mapped[dict[str, Any]]
