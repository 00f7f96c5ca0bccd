"""The models of sites (điểm cầu), halls, terminals, networks."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import (
    Code,
    Id,
    Name200,
    Name300,
    Phone,
    Strict,
    Text100,
    Text200,
    Text300,
    Text1000,
    View,
    Word,
    Words,
)

Capability = Literal["hall", "pc", "none"]
Algorithm = Literal["MD5", "SHA-256"]
Cidr = Annotated[str, StringConstraints(max_length=50, pattern=r"^[0-9a-fA-F:./]+$"), Field(examples=["10.20.0.0/16"])]


class NetworkFields(Strict):
    """A network zone. Important meetings are held only from `closed` zones."""

    code: Code
    name: Name200
    ranges: list[Cidr] = Field([], max_length=limits.RANGES)
    closed: bool = False
    terminals: bool = Field(
        False,
        description="Hall terminals call from here. SIP answers only these ranges. Public ranges wider than /16 of IPv4 "
        "or /32 of IPv6 are refused.",
    )


class Network(View):
    """A network zone."""

    id: str
    code: str
    name: str
    ranges: list[str]
    closed: bool
    terminals: bool


class SiteFields(Strict):
    """The fields of a site."""

    code: Code
    name: Name300 = Field(examples=["Điểm cầu UBND xã B"])
    unit_id: Id
    capability: Capability
    address: Text300 = ""
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    network_id: Id | None = None
    technician: Text200 = ""
    technician_phone: Phone = ""
    nearest_site_id: Id | None = None
    note: Text1000 = ""
    valid_from: date | None = None
    valid_to: date | None = None


class Site(View):
    """A place that takes part in hall conferences as one site."""

    id: str
    code: str
    name: str
    unit_id: str
    unit_name: str = ""
    capability: str
    address: str
    latitude: float | None
    longitude: float | None
    network_id: str | None
    technician: str
    technician_phone: str
    nearest_site_id: str | None
    note: str
    valid_from: date
    valid_to: date | None
    version: int


class Nearest(View):
    """A site with a hall that another site can use. `why`: the site itself (`own`), set by hand (`set`), the nearest unit in
    the tree (`tree`), or the shortest distance (`distance`).
    """

    site: Site
    why: str
    distance_km: float | None


class HallFields(Strict):
    """The fields of a hall."""

    code: Code
    name: Name200
    site_id: Id
    seats: int = Field(ge=1, le=20_000)
    equipment: list[Word] = Field([], max_length=40, examples=[["projector", "recorder"]])
    setup_min: int = Field(15, ge=0, le=480)
    clearup_min: int = Field(15, ge=0, le=480)
    bookable: bool = True
    needs_approval: bool = True
    main: bool = Field(False, description="The server calls this hall of the site when the unit is invited.")
    note: Text1000 = ""


class Hall(View):
    """A room that can be booked."""

    id: str
    code: str
    name: str
    site_id: str
    site_name: str = ""
    unit_id: str = ""
    seats: int
    equipment: list[str]
    setup_min: int
    clearup_min: int
    bookable: bool
    needs_approval: bool
    main: bool
    note: str
    version: int


class TerminalProperties(Strict):
    """The fields of a hall terminal without its place."""

    code: Code
    name: Name200
    vendor: Annotated[str, StringConstraints(max_length=60)] = ""
    model: Text100 = ""
    protocols: list[Literal["sip", "h323", "pc"]] = Field(["sip"], max_length=2)
    """`pc` alone: a PC in hall mode."""
    sip_uri: Annotated[str, StringConstraints(max_length=254, pattern=r"^$|^sips?:[^\s@]+@[^\s@]+$")] = ""
    profile: Literal["1080p", "720p", "baseline-720p", "cif"] = "720p"
    """The largest camera picture."""
    codecs: list[Literal["h264", "opus", "g722", "g711"]] = Field([], max_length=4)
    """The codecs of its calls. Empty: all that its make has."""
    encrypts: bool = True
    """False: no encryption is offered, except in a meeting that demands encryption."""
    shows_content: bool = True
    """False: slides are in the main picture."""
    dialled: bool = True
    network_id: Id | None = None
    bandwidth_kbps: int = Field(10_000, ge=100, le=1_000_000)
    """The limit of a call for sound, picture and slides together, in each direction."""
    language: Literal["vi", "en"] = "vi"
    """The language of announcements."""
    active: bool = True
    note: Text1000 = ""


class TerminalFields(TerminalProperties):
    """The fields of a hall terminal."""

    site_id: Id
    hall_id: Id | None = None


class Terminal(View):
    """A video-conference device of a hall."""

    id: str
    code: str
    name: str
    site_id: str
    site_name: str = ""
    hall_id: str | None
    hall_name: str = ""
    vendor: str
    model: str
    protocols: list[str]
    sip_uri: str
    profile: str
    codecs: list[str]
    encrypts: bool
    shows_content: bool
    dialled: bool
    network_id: str | None
    bandwidth_kbps: int
    language: str
    active: bool
    note: str
    version: int


class SipAccountFields(Strict):
    """The SIP account of a terminal. `alias`: the name under which the terminal registers."""

    alias: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]
    algorithm: Algorithm = "MD5"
    behind_nat: bool = False
    password: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="A chosen password of at least 12 characters. Absent: the server makes one."
    )


class SipAccount(View):
    """A new SIP account. The password is shown only this once."""

    alias: str
    password: str
    realm: str
    servers: list[str]


class SipSheetFields(Strict):
    """The terminals that get accounts at once. `renew`: those with an account get a new password too."""

    terminal_ids: list[Id] = Field(min_length=1, max_length=limits.TERMINALS)
    renew: bool = False


class HallTerminal(TerminalProperties):
    """The terminal of a hall. `id` and `version`: a stored terminal of the hall. Absent: a new one."""

    id: Id | None = None
    version: int | None = None


class EquippedHallFields(Strict):
    """A hall with its terminal and the account of the terminal."""

    hall: HallFields
    terminal: HallTerminal | None = None
    sip: SipAccountFields | None = None


class EquippedHall(View):
    """The stored hall and terminal. `sip`: the new account, shown only this once."""

    hall: Hall
    terminal: Terminal | None
    sip: SipAccount | None


class TerminalState(View):
    """The present connection of a terminal to the server, and its last call."""

    terminal_id: str
    alias: str
    algorithm: Algorithm
    behind_nat: bool
    registered: bool
    address: str
    user_agent: str
    last_call_at: datetime | None
    last_call_reason: Words | None
