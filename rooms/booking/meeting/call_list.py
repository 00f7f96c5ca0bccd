"""The call list of a date: the hall terminals that the server calls, and the halls and units that have no terminal to call.

The list has the terminal of each booked hall, the terminal of one hall of each invited unit, and the terminals that the
secretary added. `call_list` is pure. `of_date` reads a stored date. `of_wish` reads a booking that is not stored yet. This
module does not decide when a terminal is called (`rooms.dialling`), or whether the class of the meeting permits the call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, Protocol

from sqlalchemy import bindparam, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import consent
from rooms.store.tables.booking import Wanted
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

Why = Literal["hall", "unit", "added"]
"""`hall`: the terminal is in a booked hall. `unit`: it belongs to an invited unit. `added`: the secretary added it."""
Reason = Literal["no_terminal", "many_halls"]
"""`no_terminal`: there is no active SIP terminal. `many_halls`: several halls of the site have a terminal, and none of them is
the main hall.
"""


@dataclass(frozen=True)
class Device:
    """An active SIP terminal of the register, or a PC in hall mode."""

    id: str
    name: str
    site_id: str
    hall_id: str | None
    main: bool
    """True if the terminal is in the main hall of its site."""
    dialled: bool
    """False if the terminal dials in by itself. The server then calls it only if the secretary added it."""
    closed: bool
    """True if the network of the terminal is closed."""
    hall: str = ""
    site: str = ""
    """The names of the hall and the site."""
    unit_id: str = ""
    """The unit that owns the site."""
    asks: bool = True
    """True if the hall needs approval. A terminal without a hall always needs approval."""
    pc: bool = False
    """True for a PC in hall mode. It enters by itself, and the server cannot call it."""


@dataclass(frozen=True)
class Party:
    """An invited unit, with the site where its people sit."""

    unit_id: str
    site_id: str | None


@dataclass(frozen=True)
class Line:
    """A terminal of the list."""

    device: Device
    why: Why
    unit_id: str | None = None
    """The invited unit, if the terminal is on the list for a unit."""
    out: bool = False
    """True if the secretary took the terminal out: the server does not call it."""

    @property
    def called(self) -> bool:
        return not (self.out or self.device.pc) and (self.device.dialled or self.why == "added")


@dataclass(frozen=True)
class Gap:
    """A booked hall or an invited unit that has no terminal in the list."""

    why: Literal["hall", "unit"]
    id: str
    reason: Reason


@dataclass(frozen=True)
class CallList:
    """Each terminal once, in this order: booked halls, invited units, added terminals."""

    lines: tuple[Line, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def called(self) -> tuple[Device, ...]:
        """Return the terminals that the server calls, if the meeting is one whose halls the server calls."""
        return tuple(one.device for one in self.lines if one.called)

    @property
    def terminals(self) -> int:
        """Return how many terminals join, called or not."""
        return sum(not one.out for one in self.lines)


EMPTY = CallList()


def call_list(
    booked: Mapping[str, str],
    parties: Iterable[Party],
    added: Sequence[str],
    devices: Iterable[Device],
    out: Collection[str] = (),
) -> CallList:
    """Make the call list. `booked`: the site of each booked hall. `added`, `out`: identifiers of terminals. A unit that meets
    in a booked hall of its own site adds no terminal.
    """
    known = list(devices)
    of_hall, of_site = _grouped(known, lambda one: one.hall_id), _grouped(known, lambda one: one.site_id)
    lines: dict[str, Line] = {}
    gaps: list[Gap] = []
    for hall_id in booked:
        device = _best(of_hall.get(hall_id, ()))
        if device is None:
            gaps.append(Gap("hall", hall_id, "no_terminal"))
        else:
            lines.setdefault(device.id, Line(device, "hall", out=device.id in out))
    met = set(booked.values())
    for party in parties:
        if party.site_id in met:
            continue
        found = _of_site(of_site.get(party.site_id, ()))
        if isinstance(found, Device):
            lines.setdefault(found.id, Line(found, "unit", party.unit_id, found.id in out))
        else:
            gaps.append(Gap("unit", party.unit_id, found))
    by_id = {one.id: one for one in known}
    for terminal_id in added:
        if terminal_id in by_id:
            device = by_id[terminal_id]
            lines.setdefault(device.id, Line(device, "added", out=device.id in out))
    return CallList(tuple(lines.values()), tuple(gaps))


def _grouped(devices: Iterable[Device], place: Callable[[Device], str | None]) -> dict[str | None, list[Device]]:
    found: dict[str | None, list[Device]] = {}
    for one in devices:
        if place(one) is not None:
            found.setdefault(place(one), []).append(one)
    return found


def _of_site(here: Collection[Device]) -> Device | Reason:
    """Return the terminal of the main hall, or of the only hall that has a terminal. `here`: the terminals of a site. A terminal
    without a hall counts as a hall of its own.
    """
    main = _best(one for one in here if one.main)
    if main is not None:
        return main
    if len({one.hall_id or one.id for one in here}) > 1:
        return "many_halls"
    return _best(here) or "no_terminal"


def _best(devices: Iterable[Device]) -> Device | None:
    """Return the first terminal that the server may call, or the first terminal of the list. A PC is the last choice."""
    return min(devices, key=lambda one: (one.pc, not one.dialled), default=None)


# In words


@dataclass(frozen=True)
class Taken:
    """The first date of another meeting that has a terminal. `title` is empty for an actor who may not read that meeting."""

    starts_at: datetime
    ends_at: datetime
    title: str
    unit: str
    dates: int
    """The number of dates for which the terminal is not free."""


@dataclass(frozen=True)
class NamedLine:
    """A line with names for users."""

    terminal_id: str
    terminal_name: str
    hall_name: str
    site_id: str
    site_name: str
    unit_id: str | None
    unit_name: str
    why: Why
    out: bool
    called: bool
    closed: bool
    taken: Taken | None = None
    """Another meeting has the terminal, so the server does not call it into this meeting."""
    waits: bool = False
    """True if the meeting is approved, but the server calls the terminal only after its unit has accepted."""


@dataclass(frozen=True)
class NamedGap:
    """A gap with names for users."""

    why: Literal["hall", "unit"]
    id: str
    name: str
    reason: Reason


@dataclass(frozen=True)
class NamedList:
    """A call list with names for users."""

    lines: tuple[NamedLine, ...] = ()
    gaps: tuple[NamedGap, ...] = ()


def in_words(calls: CallList, names: Mapping[str, str]) -> NamedList:
    """Add names to the call list. `names`: the names of units and halls, by identifier. Invited units are sorted by name."""
    lines = [
        NamedLine(
            one.device.id,
            one.device.name,
            one.device.hall,
            one.device.site_id,
            one.device.site,
            one.unit_id,
            names.get(one.unit_id or "", ""),
            one.why,
            one.out,
            one.called,
            one.device.closed,
        )
        for one in calls.lines
    ]
    gaps = [NamedGap(one.why, one.id, names.get(one.id, ""), one.reason) for one in calls.gaps]
    by_name = sorted((one for one in lines if one.why == "unit"), key=lambda one: one.unit_name)
    named = iter(by_name)
    gaps.sort(key=lambda one: (one.why == "unit", one.name if one.why == "unit" else ""))
    return NamedList(tuple(next(named) if one.why == "unit" else one for one in lines), tuple(gaps))


async def shown(session: AsyncSession, meeting: Meeting) -> NamedList:
    """Return the list with names that applies to every date of a stored meeting."""
    calls = await of_date(session, meeting)
    units = {one.unit_id for one in calls.lines if one.unit_id} | {one.id for one in calls.gaps if one.why == "unit"}
    halls = {one.id for one in calls.gaps if one.why == "hall"}
    names: dict[str, str] = {}
    if units:
        names |= dict((await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(units)))).all())
    if halls:
        names |= dict((await session.execute(select(Hall.id, Hall.name).where(Hall.id.in_(halls)))).all())
    named = in_words(calls, names)
    return (
        replace(named, lines=await _waiting(session, meeting, calls, named)) if meeting.state == "approved" else named
    )


async def _waiting(session: AsyncSession, meeting: Meeting, calls: CallList, named: NamedList) -> tuple[NamedLine, ...]:
    """Return the lines of `named`. Mark those whose unit has not agreed to be called. See `consent.consenting`."""
    owners = {one.device.id: one.device.unit_id for one in calls.lines if one.why == "unit"}
    agreed = await consent.consenting(session, meeting, set(owners.values()))
    held = {terminal for terminal, unit in owners.items() if unit not in agreed}
    return tuple(replace(one, waits=one.terminal_id in held) for one in named.lines)


# Reading


class Invitation(Protocol):
    """An attendee that is stored or will be stored."""

    @property
    def unit_id(self) -> str | None: ...
    @property
    def person_id(self) -> str | None: ...
    @property
    def site_id(self) -> str | None: ...


async def of_wish(
    session: AsyncSession,
    booked: Mapping[str, str],
    added: Sequence[str],
    invited: Iterable[Invitation],
    out: Collection[str] = (),
) -> CallList:
    """Return the call list of a booking that is not stored yet."""
    parties = _sorted([Party(one.unit_id, one.site_id) for one in invited if one.unit_id and not one.person_id])
    if not (booked or parties or added):
        return EMPTY
    devices = await _devices(session, booked, {one.site_id for one in parties if one.site_id}, added)
    return call_list(booked, parties, added, devices, out)


async def of_date(session: AsyncSession, meeting: Meeting, occurrence_id: str = "") -> CallList:
    """Return the call list of a stored date. Without `occurrence_id`, return the list for the dates that have no wishes of
    their own.
    """
    return (await of_dates(session, [(meeting, occurrence_id)]))[occurrence_id]


async def of_dates(session: AsyncSession, dates: Sequence[tuple[Meeting, str]]) -> dict[str, CallList]:
    """Return the call list of each of many dates, with one query for each table. `dates`: pairs of meeting and date."""
    wishes = await _wishes(session, dates)
    parties = await _parties(session, {meeting.id for meeting, _ in dates})
    halls = {id_ for found in wishes.values() for kind, id_ in found if kind == "hall"}
    sites: dict[str, str] = {}
    if halls:
        sites = dict((await session.execute(select(Hall.id, Hall.site_id).where(Hall.id.in_(halls)))).all())
    added = {id_ for found in wishes.values() for kind, id_ in found if kind == "terminal"}
    at = {one.site_id for found in parties.values() for one in found if one.site_id}
    devices = await _devices(session, halls, at, added) if halls or at or added else []
    places = _by_place(devices)
    lists: dict[str, CallList] = {}
    for meeting, date in dates:
        booked = {id_: sites[id_] for kind, id_ in wishes[date] if kind == "hall" and id_ in sites}
        more = [id_ for kind, id_ in wishes[date] if kind == "terminal"]
        units = parties.get(meeting.id, [])
        ids = {n for place in (*booked, *(one.site_id for one in units), *more) for n in places.get(place, ())}
        lists[date] = call_list(booked, units, more, [devices[n] for n in sorted(ids)], meeting.uncalled)
    return lists


def _by_place(devices: Sequence[Device]) -> dict[str | None, list[int]]:
    """Return the positions of the devices of each hall, of each site, and of each device itself."""
    found: dict[str | None, list[int]] = {}
    for position, one in enumerate(devices):
        for place in {one.hall_id, one.site_id, one.id} - {None}:
            found.setdefault(place, []).append(position)
    return found


async def halls_of(session: AsyncSession, meeting_id: str, occurrence_id: str) -> frozenset[str]:
    """Return the halls that a date has booked."""
    rows = await session.execute(
        select(Wanted.occurrence_id, Wanted.kind, Wanted.resource_id).where(
            Wanted.meeting_id == meeting_id, Wanted.occurrence_id.in_(("", occurrence_id))
        )
    )
    found = rows.all()
    own = [one for one in found if one.occurrence_id] or found
    return frozenset(one.resource_id for one in own if one.kind == "hall")


async def _wishes(session: AsyncSession, dates: Sequence[tuple[Meeting, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return (kind, identifier) of each date's own wishes, or of the wishes for every date."""
    rows = await session.execute(
        select(Wanted.meeting_id, Wanted.occurrence_id, Wanted.kind, Wanted.resource_id)
        .where(Wanted.meeting_id.in_({meeting.id for meeting, _ in dates}))
        .where(Wanted.occurrence_id.in_({"", *(date for _, date in dates)}))
        .order_by(Wanted.position)
    )
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in rows:
        found.setdefault((one.meeting_id, one.occurrence_id), []).append((one.kind, one.resource_id))
    return {date: found.get((meeting.id, date)) or found.get((meeting.id, ""), []) for meeting, date in dates}


async def _parties(session: AsyncSession, meetings: Collection[str]) -> dict[str, list[Party]]:
    rows = await session.execute(
        select(Attendee.meeting_id, Attendee.unit_id, Attendee.site_id).where(
            Attendee.meeting_id.in_(meetings), Attendee.unit_id.is_not(None), Attendee.person_id.is_(None)
        )
    )
    found: dict[str, list[Party]] = {}
    for one in rows:
        found.setdefault(one.meeting_id, []).append(Party(one.unit_id, one.site_id))
    return {meeting: _sorted(parties) for meeting, parties in found.items()}


def _sorted(parties: list[Party]) -> list[Party]:
    """Sort the units, because the database keeps no order of attendees. A list must look the same before and after it is
    stored.
    """
    return sorted(parties, key=lambda one: (one.unit_id, one.site_id or ""))


_TERMINAL, _SITE, _HALL, _NETWORK = Terminal.__table__, Site.__table__, Hall.__table__, Network.__table__
_DEVICES: Final = (
    select(
        _TERMINAL.c.id,
        _TERMINAL.c.name,
        _TERMINAL.c.site_id,
        _TERMINAL.c.hall_id,
        func.coalesce(_HALL.c.main, false()),
        _TERMINAL.c.dialled,
        func.coalesce(_NETWORK.c.closed, false()),
        func.coalesce(_HALL.c.name, ""),
        _SITE.c.name,
        _SITE.c.unit_id,
        func.coalesce(_HALL.c.needs_approval, true()),
        _TERMINAL.c.protocols,
    )
    .join(_SITE, _SITE.c.id == _TERMINAL.c.site_id)
    .outerjoin(_HALL, _HALL.c.id == _TERMINAL.c.hall_id)
    .outerjoin(_NETWORK, _NETWORK.c.id == _TERMINAL.c.network_id)
    .where(_TERMINAL.c.active)
    .where(
        or_(
            _TERMINAL.c.hall_id.in_(bindparam("halls", expanding=True)),
            _TERMINAL.c.site_id.in_(bindparam("sites", expanding=True)),
            _TERMINAL.c.id.in_(bindparam("added", expanding=True)),
        )
    )
    .order_by(_TERMINAL.c.code)
)
"""The columns in the order of the fields of `Device`, then the protocols. A meeting of a province reads hundreds of rows, and a
row without the ORM costs half as much.
"""


async def _devices(
    session: AsyncSession, halls: Iterable[str], sites: Iterable[str], added: Iterable[str]
) -> list[Device]:
    """Return the active SIP terminals and PCs of these halls and sites, and the added ones, sorted by code."""
    asked = {"halls": list(halls), "sites": list(sites), "added": list(added)}
    rows = await session.execute(_DEVICES, asked)
    return [Device(*(*values, "sip" not in protocols)) for *values, protocols in rows if {"sip", "pc"} & {*protocols}]
