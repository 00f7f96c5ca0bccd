"""The end of notices: a notice is settled when the stored state needs nothing any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import guest_holds, losing
from rooms.booking.meeting import timing
from rooms.notices import kinds, records
from rooms.store.tables.booking import Reservation, Step
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.notices import Notice

OFF: Final = ("cancelled", "refused", "expired")
Standing = Callable[[AsyncSession, Meeting, Sequence[str], datetime], Awaitable[set[str]]]
"""Returns the subjects of notices that still need something."""


async def settle(
    session: AsyncSession, meeting: Meeting, now: datetime, soft: Sequence[guest_holds.HoldShown] | None = None
) -> None:
    """Close the notices of a meeting that ask for nothing any more. `soft`: its soft holds, if the caller has read them."""
    rows = await session.scalars(
        select(Notice).where(
            Notice.meeting_id == meeting.id, Notice.kind.in_((*_SUBJECTS, *_STATES)), Notice.done_at.is_(None)
        )
    )
    by_kind: dict[str, list[Notice]] = {}
    for one in rows:
        by_kind.setdefault(one.kind, []).append(one)
    standing: Mapping[str, Standing] = {**_SUBJECTS, kinds.HELD: partial(_halls, soft=soft)}
    over: list[str] = []
    for kind, several in by_kind.items():
        if kind in _STATES:
            over += [] if meeting.state in _STATES[kind] else [one.id for one in several]
            continue
        subjects = list({one.subject_id for one in several if one.subject_id})
        left = await standing[kind](session, meeting, subjects, now)
        over += [one.id for one in several if one.subject_id and one.subject_id not in left]
    await records.close(session, over, now)


async def _steps(session: AsyncSession, _meeting: Meeting, ids: Sequence[str], _now: datetime) -> set[str]:
    return set(await session.scalars(select(Step.id).where(Step.id.in_(ids), Step.state == "open")))


async def _substitutes(session: AsyncSession, meeting: Meeting, ids: Sequence[str], _now: datetime) -> set[str]:
    asked = select(Attendee.id).where(Attendee.id.in_(ids), Attendee.substitute_state == "asked")
    return set() if meeting.state in OFF else set(await session.scalars(asked))


async def _dates(session: AsyncSession, meeting: Meeting, ids: Sequence[str], _now: datetime) -> set[str]:
    off = select(Occurrence.id).where(Occurrence.id.in_(ids), Occurrence.state == "postponed")
    return set() if meeting.state in OFF else set(await session.scalars(off))


async def _legs(session: AsyncSession, meeting: Meeting, ids: Sequence[str], _now: datetime) -> set[str]:
    red = select(DialLeg.id).where(DialLeg.id.in_(ids), DialLeg.readiness == "red", ~DialLeg.taken_off)
    return set() if meeting.state in OFF else set(await session.scalars(red))


async def _halls(
    session: AsyncSession,
    meeting: Meeting,
    ids: Sequence[str],
    now: datetime,
    soft: Sequence[guest_holds.HoldShown] | None = None,
) -> set[str]:
    held = (
        select(Reservation.resource_id)
        .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
        .where(Occurrence.meeting_id == meeting.id, Reservation.active, Reservation.resource_id.in_(ids))
    )
    found = set(await session.scalars(held))
    if found >= set(ids):
        return found
    if soft is None:
        soft = [one for one in await guest_holds.of_meeting(session, meeting, now) if one.state == "soft"]
    return found | {one.hall_id for one in soft}


async def _coming(session: AsyncSession, meeting: Meeting, ids: Sequence[str], now: datetime) -> set[str]:
    soon = now + timedelta(minutes=limits.SOON_MIN)
    on = select(Occurrence.id).where(
        Occurrence.id.in_(ids), Occurrence.state.in_(timing.LIVE), Occurrence.starts_at <= soon
    )
    return set() if meeting.state in OFF else set(await session.scalars(on))


async def _lost(session: AsyncSession, meeting: Meeting, ids: Sequence[str], now: datetime) -> set[str]:
    return set() if meeting.state in OFF else await losing.still(session, meeting.id, ids, now)


_SUBJECTS: Final[Mapping[str, Standing]] = {
    kinds.APPROVE: _steps,
    kinds.SUBSTITUTE: _substitutes,
    kinds.DISPLACED: _dates,
    kinds.HALL: _legs,
    kinds.HELD: _halls,
    kinds.LOST: _lost,
    kinds.SOON: _coming,
}
"""For each kind, the subjects that still need something."""
_STATES: Final[Mapping[str, tuple[str, ...]]] = {kinds.REFUSED: ("refused",), kinds.EXPIRED: ("expired",)}
"""For each kind, the states of the meeting in which the notice still needs something."""
