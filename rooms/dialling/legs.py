"""Legs as they go: who holds them, what is due, and each change as one transaction. Does not decide what happens to a leg."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.store.tables.dialling import DialLeg, LegAlarm
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

WAITING = ("idle", "probing", "failed")
OPEN = (*WAITING, "calling", "ringing", "connected")
"""States of which something may still come by itself."""
Change = Callable[[DialLeg], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Standing:
    """A leg with where it belongs."""

    leg: DialLeg
    terminal: Terminal
    site: Site
    unit: Unit
    hall: Hall | None
    """The hall in which the terminal is; None: it is in no hall."""


async def claim(
    session: AsyncSession, now: datetime, worker: str, lease_s: float, place: str = ""
) -> list[tuple[str, str]]:
    """Legs that nobody holds any more are this worker's from now on: (identifier, state). What another one was doing with them
    when it died is not known. `place`: workers whose names begin so are dead, however long their leases last.
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
    """How many legs of all dates are in each state of which something may still come."""
    rows = await session.execute(
        select(DialLeg.state, func.count()).where(DialLeg.state.in_(OPEN)).group_by(DialLeg.state)
    )
    return {row[0]: int(row[1]) for row in rows}


async def renew(session: AsyncSession, now: datetime, worker: str, lease_s: float) -> None:
    """Of a worker that lives. One that has run out is still its own as long as nobody else has taken it: the database was away
    for everybody, and whoever takes it says so under a lock of the row.
    """
    await session.execute(
        update(DialLeg).where(DialLeg.leased_by == worker).values(lease_until=now + timedelta(seconds=lease_s))
    )


async def held(session: AsyncSession, now: datetime, worker: str) -> frozenset[str]:
    """Legs whose lease this worker has."""
    rows = await session.scalars(select(DialLeg.id).where(DialLeg.leased_by == worker, DialLeg.lease_until > now))
    return frozenset(rows)


async def hand_back(session: AsyncSession, worker: str) -> None:
    """The server stops in order: whoever comes next need not wait."""
    await session.execute(update(DialLeg).where(DialLeg.leased_by == worker).values(leased_by="", lease_until=None))


async def due(session: AsyncSession, now: datetime, worker: str) -> list[DialLeg]:
    """This worker's legs whose next try has come, but for those that somebody wants out. What the schedule alone asked for waits
    for the date as it stands now.
    """
    tried = or_(DialLeg.asked_by != "schedule", DialLeg.epoch > 1, DialLeg.attempt > 1)
    near = Occurrence.starts_at <= now + timedelta(minutes=limits.DIAL_AHEAD_MIN)
    rows = await session.scalars(
        select(DialLeg)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .where(DialLeg.leased_by == worker, DialLeg.lease_until > now, or_(tried, near))
        .where(DialLeg.state.in_(WAITING), DialLeg.next_try_at <= now, DialLeg.wish != "drop", ~DialLeg.taken_off)
        .order_by(DialLeg.next_try_at, DialLeg.id)
        .limit(limits.LEGS_CLAIMED)
    )
    return list(rows)


async def of_chairs(session: AsyncSession, leg_ids: Collection[str]) -> frozenset[str]:
    """Those of these legs whose hall belongs to the unit that leads the meeting, or to where its chair is invited."""
    if not leg_ids:
        return frozenset()
    chair = select(Attendee.id).where(
        Attendee.meeting_id == Meeting.id,
        Attendee.role == "chair",
        or_(Attendee.site_id == Site.id, Attendee.unit_id == Site.unit_id),
    )
    rows = await session.scalars(
        select(DialLeg.id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .join(Site, Site.id == Terminal.site_id)
        .where(DialLeg.id.in_(leg_ids), or_(Site.unit_id == Meeting.host_unit_id, chair.exists()))
    )
    return frozenset(rows)


async def of_terminal(session: AsyncSession, terminal_id: str, now: datetime) -> list[str]:
    """Legs of dates that are on, of a terminal that has registered: those that wait for it, and those that are being called
    and may be found to wait.
    """
    rows = await session.scalars(
        select(DialLeg.id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .where(DialLeg.terminal_id == terminal_id, DialLeg.state.in_(("failed", "given_up", "calling", "ringing")))
        .where(Occurrence.state.in_(("planned", "running")))
        .where(Occurrence.ends_at > now - timedelta(minutes=limits.ENTRY_OVERRUN_MIN))
        .order_by(Occurrence.starts_at)
        .limit(limits.DATES_DIALLED)
    )
    return list(rows)


async def to_probe(session: AsyncSession, now: datetime, worker: str, limit: int) -> list[DialLeg]:
    """Those that have not been looked at and whose date comes near."""
    soon = now + timedelta(minutes=limits.PROBE_AHEAD_MIN)
    rows = await session.scalars(
        select(DialLeg)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .where(DialLeg.leased_by == worker, DialLeg.lease_until > now, DialLeg.state == "idle")
        .where(DialLeg.readiness_at.is_(None), DialLeg.next_try_at > now, Occurrence.starts_at <= soon)
        .where(~DialLeg.taken_off)
        .order_by(DialLeg.next_try_at, DialLeg.id)
        .limit(limit)
    )
    return list(rows)


async def over(session: AsyncSession, now: datetime, worker: str) -> list[str]:
    """Open legs of this worker whose date is over, called off or put off."""
    stands = or_(Meeting.state == "approved", Meeting.state == "asked")
    late = now - timedelta(minutes=limits.ENTRY_OVERRUN_MIN)
    ended = or_(
        Occurrence.state.not_in(("planned", "running")),
        ~stands,
        Occurrence.ends_at <= late,
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
    """Read, decide, write, with nobody in between. None: another worker holds it now (fencing), or it is gone.

    A leg that nobody holds becomes this worker's with it, one of which nothing comes by itself any more nobody's.
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
    """Told to whoever holds the lease, now or later; instead of what was wanted before."""
    await session.execute(update(DialLeg).where(DialLeg.id == leg_id).values(wish=wish))


async def wishes(session: AsyncSession, worker: str, now: datetime) -> dict[str, str]:
    """What is wanted by the leg, of this worker's legs and of those that nobody holds. It stays in the row until it is done."""
    free = or_(DialLeg.leased_by == worker, DialLeg.lease_until.is_(None), DialLeg.lease_until <= now)
    rows = await session.execute(select(DialLeg.id, DialLeg.wish).where(DialLeg.wish != "", free))
    return {row[0]: row[1] for row in rows}


async def clear_wish(session: AsyncSession, leg_id: str, wish: str) -> bool:
    """False: something else is wanted by now, or it is done already."""
    mine = (DialLeg.id == leg_id, DialLeg.wish == wish)
    return (
        await session.execute(update(DialLeg).where(*mine).values(wish="").returning(DialLeg.id))
    ).first() is not None


async def set_readiness(session: AsyncSession, leg_id: str, readiness: str, reason: str, at: datetime) -> None:
    """What was seen at that time; a later look counts instead."""
    values = {"readiness": readiness, "readiness_reason": reason[:40], "readiness_at": at}
    latest = or_(DialLeg.readiness_at.is_(None), DialLeg.readiness_at <= at)
    await session.execute(update(DialLeg).where(DialLeg.id == leg_id, latest).values(values))


async def elsewhere(session: AsyncSession, leg: DialLeg) -> bool:
    """Whether this terminal is called, or is, in another date now."""
    busy = select(DialLeg.id).where(
        DialLeg.terminal_id == leg.terminal_id,
        DialLeg.occurrence_id != leg.occurrence_id,
        DialLeg.state.in_(("calling", "ringing", "connected")),
    )
    return await session.scalar(busy.limit(1)) is not None


async def of_date(session: AsyncSession, occurrence_id: str) -> list[Standing]:
    """All legs of a date, in the order of the unit tree."""
    return await _standing(session, DialLeg.occurrence_id == occurrence_id)


async def of_terminals(session: AsyncSession, terminal_ids: Collection[str]) -> dict[str, DialLeg]:
    """The last leg of each terminal that was answered."""
    rows = await session.scalars(
        select(DialLeg)
        .where(DialLeg.terminal_id.in_(terminal_ids), DialLeg.answered_at.is_not(None))
        .order_by(DialLeg.answered_at)
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
    """False: the same one is open already, or the leg has too many."""
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
    """Somebody has seen it; the first one counts. Raises Refusal `unknown_alarm`."""
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
