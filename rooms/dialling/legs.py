"""Legs during their calls: their leases, their due times, and each change as one transaction. This module takes no decision on
a leg.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from rooms import limits
from rooms.booking.meeting import timing
from rooms.dialling.lead import before, calls_at
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.store import outbox
from rooms.store.tables.booking import Reservation, Wanted
from rooms.store.tables.dialling import DialLeg, LegAlarm
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Site, Terminal

WAITING = ("idle", "probing", "failed")
IN_CALL = ("calling", "ringing", "connected")
OPEN = (*WAITING, *IN_CALL)
"""States from which a leg may still change by itself."""
Change = Callable[[DialLeg], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Standing:
    """A leg with its terminal, site, unit and hall."""

    leg: DialLeg
    terminal: Terminal
    site: Site
    unit: Unit
    hall: Hall | None
    """The hall of the terminal. None: the terminal is in no hall."""


async def claim(
    session: AsyncSession, now: datetime, worker: str, lease_s: float, place: str = ""
) -> list[tuple[str, str]]:
    """Lease free legs to this worker. Return (identifier, state) of each leg.

    The row does not show whether a dead worker had sent a call, or whether the call still runs. So the caller gives each leg
    whose state is in `UNSURE` (`signaling/halls/dial/caller.py`) the event "recover". The leg is then idle, and is called again
    when it is due.

    `place`: other workers with this prefix in their name are dead, even if their leases are still valid.
    """
    free = or_(DialLeg.lease_until.is_(None), DialLeg.lease_until <= now)
    if place:
        free = or_(free, and_(DialLeg.leased_by.startswith(place, autoescape=True), DialLeg.leased_by != worker))
    found = await session.scalars(
        select(DialLeg)
        .where(DialLeg.state.in_(OPEN), free)
        .order_by(DialLeg.next_try_at, DialLeg.id)
        .limit(limits.LEGS_CLAIMED)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    rows = list(found)
    for one in rows:
        one.leased_by, one.lease_until = worker, now + timedelta(seconds=lease_s)
    await session.flush()
    return [(one.id, one.state) for one in rows]


async def count_states(session: AsyncSession) -> dict[str, int]:
    """Return the number of legs of all dates in each open state."""
    rows = await session.execute(
        select(DialLeg.state, func.count()).where(DialLeg.state.in_(OPEN)).group_by(DialLeg.state)
    )
    return {row[0]: int(row[1]) for row in rows}


async def renew(session: AsyncSession, now: datetime, worker: str, lease_s: float) -> None:
    """Renew the leases of a live worker.

    An expired lease is renewed too if no other worker has taken the leg. It expired because the database was away for all
    workers, and a worker takes a leg only under a row lock.
    """
    await session.execute(
        update(DialLeg).where(DialLeg.leased_by == worker).values(lease_until=now + timedelta(seconds=lease_s))
    )


async def held(session: AsyncSession, now: datetime, worker: str) -> frozenset[str]:
    """Return the legs whose lease this worker holds."""
    rows = await session.scalars(select(DialLeg.id).where(DialLeg.leased_by == worker, DialLeg.lease_until > now))
    return frozenset(rows)


async def hand_back(session: AsyncSession, worker: str) -> None:
    """Release all leases at an orderly stop, so that the next worker does not wait."""
    await session.execute(update(DialLeg).where(DialLeg.leased_by == worker).values(leased_by="", lease_until=None))


async def due(session: AsyncSession, now: datetime, worker: str) -> list[DialLeg]:
    """Return this worker's legs whose next try is due. Leave out the legs that an operator wants to drop, and the legs that
    were taken off the date.

    A leg that only the schedule requested, and that was never tried, also waits for the time of the calls of its date. The
    current start of the date counts. Such a leg also waits while another date has a call with its terminal, because that date
    may continue after its end.
    """
    tried = or_(DialLeg.asked_by != "schedule", DialLeg.epoch > 1, DialLeg.attempt > 1)
    other = aliased(DialLeg)
    busy = (
        select(other.id)
        .where(other.terminal_id == DialLeg.terminal_id, other.occurrence_id != DialLeg.occurrence_id)
        .where(other.state.in_(IN_CALL))
    )
    rows = await session.scalars(
        select(DialLeg)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(DialLeg.leased_by == worker, DialLeg.lease_until > now, or_(tried, calls_at() <= now))
        .where(or_(DialLeg.asked_by == "operator", ~busy.exists()))
        .where(DialLeg.state.in_(WAITING), DialLeg.next_try_at <= now, DialLeg.wish != "drop", ~DialLeg.taken_off)
        .order_by(DialLeg.next_try_at, DialLeg.id)
        .limit(limits.LEGS_CLAIMED)
    )
    return list(rows)


async def of_chairs(session: AsyncSession, leg_ids: Collection[str]) -> frozenset[str]:
    """Return the legs whose hall belongs to the host unit, or to the site or unit of the chair. A booked hall counts too
    if its site is not the site of an invited unit: an office of the province meets in its hall.
    """
    if not leg_ids:
        return frozenset()
    chair = select(Attendee.id).where(
        Attendee.meeting_id == Meeting.id,
        Attendee.role == "chair",
        or_(Attendee.site_id == Site.id, Attendee.unit_id == Site.unit_id),
    )
    leads = select(Person.id).where(Person.id == Meeting.chair_id, Person.unit_id == Site.unit_id)
    guest = select(Attendee.id).where(
        Attendee.meeting_id == Meeting.id, or_(Attendee.site_id == Site.id, Attendee.unit_id == Site.unit_id)
    )
    booked = select(Wanted.resource_id).where(Wanted.meeting_id == Meeting.id, Wanted.resource_id == Terminal.hall_id)
    here = and_(booked.exists(), ~guest.exists())
    rows = await session.scalars(
        select(DialLeg.id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .join(Site, Site.id == Terminal.site_id)
        .where(
            DialLeg.id.in_(leg_ids),
            or_(Site.unit_id == Meeting.host_unit_id, chair.exists(), leads.exists(), here),
        )
    )
    return frozenset(rows)


async def of_terminal(session: AsyncSession, terminal_id: str, now: datetime) -> list[str]:
    """Return the legs in current dates of a terminal that has registered.

    These are legs that wait for the terminal, and legs whose call may still fail because the terminal was absent.
    """
    rows = await session.scalars(
        select(DialLeg.id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .where(DialLeg.terminal_id == terminal_id, DialLeg.state.in_(("failed", "given_up", "calling", "ringing")))
        .where(Occurrence.state.in_(("planned", "running")))
        .where(Occurrence.ends_at > now - timedelta(minutes=limits.OVERRUN_MOST_MIN))
        .order_by(Occurrence.starts_at)
        .limit(limits.DATES_DIALLED)
    )
    return list(rows)


async def to_probe(session: AsyncSession, now: datetime, worker: str, limit: int) -> list[DialLeg]:
    """Return the legs whose calls are near, and that were not probed in this time. Terminals that dial in are probed at the same
    time.
    """
    soon = now + timedelta(minutes=limits.PROBE_AHEAD_MIN)
    rows = await session.scalars(
        select(DialLeg)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(DialLeg.leased_by == worker, DialLeg.lease_until > now, DialLeg.state == "idle")
        .where(or_(DialLeg.readiness_at.is_(None), DialLeg.readiness_at < before(calls_at(), limits.PROBE_AHEAD_MIN)))
        .where(or_(DialLeg.next_try_at > now, DialLeg.asked_by == "watch"), calls_at() <= soon)
        .where(~DialLeg.taken_off)
        .order_by(DialLeg.next_try_at, DialLeg.id)
        .limit(limit)
    )
    return list(rows)


async def over(session: AsyncSession, now: datetime, worker: str) -> list[str]:
    """Return this worker's open legs whose date is over, cancelled or postponed.

    After its booked end, a date also gives up each terminal that another date is due to call. Before its end, it gives up a
    terminal whose reservation it has lost to that other date, for example by precedence. Until then the call goes on.
    """
    stands = or_(Meeting.state == "approved", Meeting.state == "asked")
    late = now - timedelta(minutes=limits.OVERRUN_MOST_MIN)
    other = aliased(DialLeg)
    due_elsewhere = select(other.id).where(
        other.terminal_id == DialLeg.terminal_id,
        other.occurrence_id != DialLeg.occurrence_id,
        other.state.in_(WAITING),
        other.next_try_at <= now,
        ~other.taken_off,
    )
    of_leg = (Reservation.resource_id == DialLeg.terminal_id, Reservation.active)
    own = select(Reservation.id).where(Reservation.occurrence_id == DialLeg.occurrence_id, *of_leg)
    theirs = due_elsewhere.join(Reservation, Reservation.occurrence_id == other.occurrence_id).where(*of_leg)
    lost = and_(DialLeg.asked_by.in_(("schedule", "operator")), theirs.exists(), ~own.exists())
    ended = or_(
        lost,
        Occurrence.state.not_in(("planned", "running")),
        ~stands,
        Occurrence.ends_at <= late,
        (Occurrence.ends_at <= now) & due_elsewhere.exists(),
        (Occurrence.ends_at <= now) & (Occurrence.state == "planned"),
    )
    rows = await session.scalars(
        select(DialLeg.id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(DialLeg.leased_by == worker, DialLeg.state.in_(OPEN), ended)
        .limit(limits.LEGS_CLAIMED)
    )
    return list(rows)


async def change(
    session: AsyncSession, leg_id: str, worker: str, now: datetime, lease_s: float, change: Change
) -> DialLeg | None:
    """Read, decide and write under a row lock. None: another worker holds the leg now (fencing), or the leg is deleted.

    A free leg becomes this worker's leg. A leg that is no longer open loses its lease.
    """
    row = await session.get(DialLeg, leg_id, with_for_update=True, populate_existing=True)
    if row is None:
        return None
    held = row.lease_until is not None and row.lease_until > now
    if held and row.leased_by != worker:
        return None
    values = change(row)
    if values is None:
        return row
    for name, value in values.items():
        setattr(row, name, value)
    if row.state == "connected" and row.answered_at is None:
        row.answered_at = now
    is_open = row.state in OPEN
    row.leased_by, row.lease_until = (worker, now + timedelta(seconds=lease_s)) if is_open else ("", None)
    await session.flush()
    return row


async def set_wish(session: AsyncSession, leg_id: str, wish: str) -> None:
    """Set the wish for a leg. The current or next holder of the lease reads it. A new wish replaces the old one."""
    await session.execute(update(DialLeg).where(DialLeg.id == leg_id).values(wish=wish))


async def wishes(session: AsyncSession, worker: str, now: datetime) -> dict[str, str]:
    """Return the wishes of this worker's legs and of free legs. A wish stays in the row until it is done.

    The wishes to end a call come first. So a hall that moves is free for its next call.
    """
    free = or_(DialLeg.leased_by == worker, DialLeg.lease_until.is_(None), DialLeg.lease_until <= now)
    rows = await session.execute(
        select(DialLeg.id, DialLeg.wish).where(DialLeg.wish != "", free).order_by(DialLeg.wish != "drop", DialLeg.id)
    )
    return {row[0]: row[1] for row in rows}


async def clear_wish(session: AsyncSession, leg_id: str, wish: str) -> bool:
    """Clear a wish. False: there is another wish now, or the wish is already done."""
    mine = (DialLeg.id == leg_id, DialLeg.wish == wish)
    return (
        await session.execute(update(DialLeg).where(*mine).values(wish="").returning(DialLeg.id))
    ).first() is not None


async def set_readiness(session: AsyncSession, leg_id: str, readiness: str, reason: str, at: datetime) -> None:
    """Store a readiness from time `at`, unless a later one is stored. Notify the operator if the hall became red, or if it is
    not red any more.
    """
    was = await session.scalar(select(DialLeg.readiness).where(DialLeg.id == leg_id))
    values = {"readiness": readiness, "readiness_reason": reason[:40], "readiness_at": at}
    latest = or_(DialLeg.readiness_at.is_(None), DialLeg.readiness_at <= at)
    await session.execute(update(DialLeg).where(DialLeg.id == leg_id, latest).values(values))
    if was != readiness and "red" in (was, readiness):
        await outbox.enqueue(session, timing.READINESS, {"leg_id": leg_id}, at, at)


async def elsewhere(session: AsyncSession, leg: DialLeg) -> bool:
    """Report whether this terminal is called or connected in another date now."""
    busy = select(DialLeg.id).where(
        DialLeg.terminal_id == leg.terminal_id,
        DialLeg.occurrence_id != leg.occurrence_id,
        DialLeg.state.in_(IN_CALL),
    )
    return await session.scalar(busy.limit(1)) is not None


async def of_date(session: AsyncSession, occurrence_id: str) -> list[Standing]:
    """Return all legs of a date in the order of the unit tree."""
    return await _standing(session, DialLeg.occurrence_id == occurrence_id)


async def of_terminals(session: AsyncSession, terminal_ids: Collection[str], now: datetime) -> dict[str, DialLeg]:
    """Return the last answered leg of each terminal, if the call was answered in the last `LAST_CALL_DAYS`."""
    since = now - timedelta(days=limits.LAST_CALL_DAYS)
    last = (
        select(DialLeg.terminal_id, func.max(DialLeg.answered_at).label("at"))
        .where(DialLeg.terminal_id.in_(terminal_ids), DialLeg.answered_at > since)
        .group_by(DialLeg.terminal_id)
        .subquery()
    )
    rows = await session.scalars(
        select(DialLeg).join(last, and_(DialLeg.terminal_id == last.c.terminal_id, DialLeg.answered_at == last.c.at))
    )
    return {one.terminal_id: one for one in rows}


async def standing(session: AsyncSession, leg_id: str) -> Standing | None:
    found = await _standing(session, DialLeg.id == leg_id)
    return found[0] if found else None


async def _standing(session: AsyncSession, which: Any) -> list[Standing]:
    rows = await session.execute(
        select(DialLeg, Terminal, Site, Unit, Hall)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .join(Site, Site.id == Terminal.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .outerjoin(Hall, Hall.id == Terminal.hall_id)
        .where(which)
        .order_by(Unit.tier, Unit.position, Site.search_name, Terminal.code)
        .execution_options(populate_existing=True)
    )
    return [Standing(*row) for row in rows.all()]


# Alarms


async def raise_alarm(session: AsyncSession, leg_id: str, code: str, now: datetime) -> bool:
    """Raise an alarm. False: the same alarm is open already, or the leg has too many alarms."""
    known = list(await session.scalars(select(LegAlarm).where(LegAlarm.leg_id == leg_id)))
    if any(one.code == code and one.acknowledged_at is None for one in known) or len(known) >= limits.ALARMS_OF_A_LEG:
        return False
    session.add(LegAlarm(id=new_id(), leg_id=leg_id, code=code[:40], at=now))
    await session.flush()
    return True


async def alarms_of(session: AsyncSession, leg_ids: Iterable[str]) -> dict[str, list[LegAlarm]]:
    rows = await session.scalars(select(LegAlarm).where(LegAlarm.leg_id.in_(list(leg_ids))).order_by(LegAlarm.at))
    found: dict[str, list[LegAlarm]] = {}
    for one in rows:
        found.setdefault(one.leg_id, []).append(one)
    return found


async def acknowledge(
    session: AsyncSession, alarm_id: str, occurrence_id: str, actor: Actor, now: datetime
) -> LegAlarm:
    """Acknowledge an alarm. Only the first acknowledgement is stored. Raise Refusal `unknown_alarm`."""
    alarm = await session.scalar(
        select(LegAlarm)
        .join(DialLeg, DialLeg.id == LegAlarm.leg_id)
        .where(LegAlarm.id == alarm_id, DialLeg.occurrence_id == occurrence_id)
        .with_for_update(of=LegAlarm)
    )
    if alarm is None:
        raise Refusal("unknown_alarm", "Không có cảnh báo này.", "no such alarm")
    if alarm.acknowledged_at is None:
        alarm.acknowledged_at, alarm.acknowledged_by, alarm.acknowledged_name = now, actor.label, actor.name[:200]
        await session.flush()
    return alarm
