"""The report of 06:30: the halls of today's dates whose terminals are not registered, and whom to phone.

A job makes the report once a day, and an operator may make it again. The job, and the upkeep of the server, store the job of the
next day; so one report that fails ends no later report. The row holds identifiers only. A terminal with a fixed address never
registers, so the report leaves it out. The server checks its readiness before the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import call_list
from rooms.dialling import dates, duty
from rooms.dialling.planning import LIVE
from rooms.org.fields import midnight, today
from rooms.policy import disclosure
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.dialling import MorningReport, SipAccount, SipBinding
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

JOB: Final = "halls.morning"
NOT_REGISTERED, NO_ADDRESS = "not_registered", "no_address"


@dataclass(frozen=True)
class Missing:
    """A hall of the report. The telephone is the technician's, or the unit's if the site names no technician. Both are empty for
    an actor who may not read them.
    """

    meeting_id: str
    occurrence_id: str
    title: str
    starts_at: datetime
    hall: str
    terminal: str
    site: str
    unit: str
    why: str
    registered: bool
    """The terminal has registered since the report was made."""
    technician: str
    phone: str


@dataclass(frozen=True)
class Report:
    made_at: datetime
    rows: tuple[Missing, ...]


async def keep(session: AsyncSession, now: datetime) -> None:
    """Store the job of the next 06:30, if it is not stored yet. A server that first starts later makes a report of that day too,
    when the terminals have had time to register.
    """
    day = today(now)
    if now >= _at(day):
        late = now + timedelta(minutes=limits.MORNING_LATE_MIN)
        await outbox.enqueue(session, JOB, {}, late, now, f"{JOB}:{day.isoformat()}")
        day += timedelta(days=1)
    await outbox.enqueue(session, JOB, {}, _at(day), now, f"{JOB}:{day.isoformat()}")


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete old reports."""
    old = today(now) - timedelta(days=limits.MORNING_KEPT_DAYS)
    await session.execute(delete(MorningReport).where(MorningReport.day < old))


def _at(day: date) -> datetime:
    return midnight(day) + timedelta(minutes=limits.MORNING_MIN)


async def make(session: AsyncSession, _payload: Mapping[str, Any], now: datetime) -> None:
    """Make the report of today, once. A job that is late makes the report of the day on which it runs."""
    await keep(session, now)
    day = today(now)
    if now >= _at(day) and await session.get(MorningReport, day) is None:
        await _store(session, day, now)


async def make_again(session: AsyncSession, actor: Actor, now: datetime) -> None:
    """Make the report of today in place of an earlier one, after 06:30. Audited. A report of the last `MORNING_AGAIN_S` stays.

    The operator may press early, when terminals have not registered again after a start. So a later press replaces the report.
    """
    await keep(session, now)
    day = today(now)
    made = await session.get(MorningReport, day)
    if now < _at(day) or (made is not None and now - made.made_at < timedelta(seconds=limits.MORNING_AGAIN_S)):
        return
    count = await _store(session, day, now)
    await audit.record(session, now, actor, "hall_report.make", "hall_report", day.isoformat(), detail={"count": count})


async def _store(session: AsyncSession, day: date, now: datetime) -> int:
    """Store the report. Return the number of its rows. The job and operators may store it at once: the last report stays."""
    terminals = await _missing(session, day, now)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    given = {"made_at": now, "terminals": terminals}
    await session.execute(
        insert(MorningReport).values(day=day, **given).on_conflict_do_update(index_elements=["day"], set_=given)
    )
    return len(terminals)


async def _missing(session: AsyncSession, day: date, now: datetime) -> list[list[str]]:
    found = await session.execute(
        select(Occurrence, Meeting)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(Meeting.state == "approved", Occurrence.state.in_(LIVE), Occurrence.ends_at > now)
        .where(Occurrence.starts_at >= midnight(day), Occurrence.starts_at < midnight(day + timedelta(days=1)))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.DATES_DIALLED)
    )
    expected: list[tuple[str, str]] = []
    calls = await call_list.of_dates(session, [(meeting, occurrence.id) for occurrence, meeting in found.all()])
    for occurrence_id, listed in calls.items():
        expected += [(occurrence_id, one.device.id) for one in listed.lines if not one.out]
    whys = await _whys(session, {terminal for _, terminal in expected}, now)
    rows = [[occurrence, terminal, whys[terminal]] for occurrence, terminal in expected if terminal in whys]
    return rows[: limits.MORNING_TERMINALS]


async def _whys(session: AsyncSession, terminal_ids: set[str], now: datetime) -> dict[str, str]:
    """Return why the server cannot reach these terminals now. Other terminals are not in the answer."""
    known = await session.execute(
        select(Terminal.id, Terminal.sip_uri, SipAccount.alias)
        .outerjoin(SipAccount, SipAccount.terminal_id == Terminal.id)
        .where(Terminal.id.in_(terminal_ids))
    )
    here = set(await session.scalars(select(SipBinding.alias).where(SipBinding.until > now)))
    found = {}
    rows: list[Any] = list(known.all())
    for terminal, address, alias in rows:
        if alias is not None and alias not in here:
            found[terminal] = NOT_REGISTERED
        elif alias is None and not address:
            found[terminal] = NO_ADDRESS
    return found


async def read(session: AsyncSession, actor: Actor, now: datetime) -> Report | None:
    """Return the report of today for the dates in units where the actor may read halls. None: there is none yet."""
    made = await session.get(MorningReport, today(now))
    if made is None:
        return None
    kept = {(occurrence, terminal): why for occurrence, terminal, why in made.terminals}
    rows = await session.execute(
        select(Occurrence, Meeting)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Occurrence.id.in_({occurrence for occurrence, _ in kept}), dates.within(actor))
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    halls = await _places(session, {terminal for _, terminal in kept})
    absent = await _whys(session, set(halls), now)
    on_duty = await duty.sites_of(session, actor, now)
    found = [
        _row(date_, meeting, kept[date_.id, place[0].id], place, place[0].id not in absent, actor, on_duty)
        for date_, meeting in rows.all()
        for place in halls.values()
        if (date_.id, place[0].id) in kept
    ]
    return Report(made.made_at, tuple(found))


Place = tuple[Terminal, Site, Unit, Hall | None]


async def _places(session: AsyncSession, terminal_ids: set[str]) -> dict[str, Place]:
    """Return the terminals with their places, in the order of the unit tree."""
    rows = await session.execute(
        select(Terminal, Site, Unit, Hall)
        .join(Site, Site.id == Terminal.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .outerjoin(Hall, Hall.id == Terminal.hall_id)
        .where(Terminal.id.in_(terminal_ids))
        .order_by(Unit.tier, Unit.position, Site.search_name, Terminal.code)
    )
    return {row[0].id: (row[0], row[1], row[2], row[3]) for row in rows.all()}


def _row(
    date_: Occurrence,
    meeting: Meeting,
    why: str,
    place: Place,
    registered: bool,
    actor: Actor,
    on_duty: frozenset[str],
) -> Missing:
    terminal, site, unit, hall = place
    hidden = disclosure.blank_site(actor, unit.path, site.id in on_duty)
    technician, phone = (hidden.get(name, getattr(site, name)) for name in disclosure.CONTACT)
    return Missing(
        meeting_id=meeting.id,
        occurrence_id=date_.id,
        title=meeting.title,
        starts_at=date_.starts_at,
        hall=hall.name if hall is not None else "",
        terminal=terminal.name,
        site=site.name,
        unit=unit.name,
        why=why,
        registered=registered,
        technician=technician,
        phone=phone or ("" if disclosure.CONTACT[1] in hidden else unit.phone),
    )


HANDLERS: Final[Mapping[str, Callable[[AsyncSession, Mapping[str, Any], datetime], Awaitable[None]]]] = {JOB: make}
