"""The course of a date: reports of its conference, the release of unused halls, and its end.

`signaling.meetings.endings` ends the conference of a date after `grace_min` and reports this here (`over`). Without that
report, for example after a kill, `forgotten` ends the date.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import resources, restoring
from rooms.booking.meeting import timing
from rooms.policy.actors import SYSTEM
from rooms.store import audit, outbox
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence

OVERRUN = timedelta(minutes=limits.OVERRUN_MOST_MIN)


@dataclass(frozen=True)
class Planned:
    """The planned end of a date."""

    state: str
    starts_at: datetime
    ends_at: datetime
    closes_at: datetime
    """The end of `grace_min`. Then the server ends the date if nobody speaks."""
    asked_at: datetime | None
    """The time when the operator was last asked to end or to extend the date."""

    def left_min(self, now: datetime) -> int:
        """Return the minutes until the booked end, rounded up. 0: the end has passed."""
        return max(0, -((now - self.ends_at) // timedelta(minutes=1)))

    @property
    def last_at(self) -> datetime:
        """Return the time at which the date ends even while people speak."""
        return self.ends_at + OVERRUN


async def planned(session: AsyncSession, occurrence_ids: Collection[str]) -> dict[str, Planned]:
    """Return the planned ends of these dates. Leave out unknown dates."""
    rows = await session.execute(
        select(Occurrence, MeetingType.grace_min)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(Occurrence.id.in_(occurrence_ids))
    )
    return {
        one.id: Planned(one.state, one.starts_at, one.ends_at, one.ends_at + timedelta(minutes=grace), one.end_asked_at)
        for one, grace in rows
    }


# Reports of the running conference


async def opened(session: AsyncSession, occurrence_id: str, now: datetime) -> None:
    """Record that the first participant joined, not counting halls that wait for the opening. Ignore an unknown date: it may
    have been cancelled in the meantime.
    """
    date = await session.get(Occurrence, occurrence_id, with_for_update=True)
    if date is None or date.state not in ("planned", "released", "running", "ended"):
        return
    if date.state == "ended" and date.closed_at is not None:  # a host, or the server, has ended it
        return
    date.state, date.closed_at = "running", None
    if date.opened_at is None:
        date.opened_at = now
        await audit.record(session, now, SYSTEM, "meeting.opened", "occurrence", date.id)
    if now >= date.starts_at:
        await _started(session, date, now)
    else:
        await outbox.enqueue(session, timing.BEGUN, {"occurrence_id": date.id}, date.starts_at, now)


async def begun(session: AsyncSession, occurrence_id: str, now: datetime) -> None:
    """Process the booked start of a date with early participants. If all of them have left, the next participant starts it."""
    date = await session.get(Occurrence, occurrence_id, with_for_update=True)
    if date is not None and date.state == "running" and date.closed_at is None and date.starts_at <= now:
        await _started(session, date, now)


async def closed(session: AsyncSession, occurrence_id: str, now: datetime) -> bool:
    """Record that the last participant left. Report whether people who come back begin again: the date has ended, or it was
    only a rehearsal before the start.
    """
    date = await session.get(Occurrence, occurrence_id, with_for_update=True)
    if date is None or date.state != "running":
        return True
    date.closed_at = now
    if now < date.starts_at:
        # A rehearsal is over. The halls of the meeting itself wait for its opening again.
        date.begun_at = None
    await audit.record(session, now, SYSTEM, "meeting.closed", "occurrence", date.id)
    if now >= date.ends_at:
        await _end(session, date, now)
    return not date.starts_at <= now < date.ends_at


# The end


async def end_now(session: AsyncSession, occurrence_id: str, now: datetime) -> bool:
    """End a date by order of a host. Return False before the planned start. The host then ends a rehearsal, and the date is
    still to come. So its halls wait for the opening again.
    """
    date = await _locked(session, occurrence_id)
    if date is None or date.state not in timing.LIVE:
        return False
    if now < date.starts_at:
        date.begun_at = None
        return False
    await _close(session, date, now)
    return True


async def over(session: AsyncSession, occurrence_id: str, now: datetime) -> bool:
    """End a date whose `grace_min` has passed. Return False if the date goes on because it was extended or moved."""
    date = await _locked(session, occurrence_id)
    if date is None or date.state not in timing.LIVE:
        return True
    end = (await planned(session, [date.id]))[date.id]
    if now < end.closes_at:
        return False
    await _close(session, date, now)
    return True


async def ask(session: AsyncSession, occurrence_id: str, now: datetime) -> None:
    """Record that the operator was asked to end or to extend the date."""
    date = await session.get(Occurrence, occurrence_id, with_for_update=True)
    if date is not None and date.state in timing.LIVE and date.ends_at <= now:
        date.end_asked_at = now


async def forgotten(session: AsyncSession, now: datetime) -> list[str]:
    """End the dates that no process ends, because their server was killed. Return them.

    A date whose operator was asked a short time ago still has its server.
    """
    late = timedelta(minutes=limits.END_FORGOTTEN_MIN)
    rows = await session.execute(
        select(Occurrence.id, Occurrence.ends_at, Occurrence.end_asked_at, MeetingType.grace_min)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(Occurrence.state == "running", Occurrence.ends_at <= now - late)
        .order_by(Occurrence.ends_at, Occurrence.id)
    )
    asked = now - 3 * timedelta(minutes=limits.END_ASKED_MIN)
    due = [
        id_
        for id_, ends_at, asked_at, grace in rows
        if ends_at + late + (OVERRUN if asked_at is not None and asked_at > asked else timedelta(minutes=grace)) <= now
    ]
    return [id_ for id_ in due[: limits.ENDS_AT_ONCE] if await over(session, id_, now)]


async def go_on(session: AsyncSession, meeting_id: str, now: datetime) -> None:
    """Process the dates of a meeting that are due. Release the halls of a date that no participant joined, and end a date that
    is over and has no participants. A date with participants ends when they leave (`closed`), or after `grace_min` (`over`).
    """
    meeting = await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
    if meeting is None or meeting.state != "approved":
        return
    rule = await timing.rule_of_meeting(session, meeting)
    rows = await session.scalars(
        select(Occurrence).where(
            Occurrence.meeting_id == meeting.id, Occurrence.state.in_(timing.LIVE), Occurrence.starts_at <= now
        )
    )
    for date in list(rows):
        nobody = date.opened_at is None and date.state == "planned"
        # The people in a hall that waits for the opening must not lose their call.
        waits = nobody and await _has_halls(session, date.id)
        if date.ends_at <= now and (date.closed_at is not None or date.opened_at is None):
            await _end(session, date, now)
        elif nobody and not waits and rule.release_min and date.starts_at + timedelta(minutes=rule.release_min) <= now:
            await _release(session, meeting, date, now)
    await session.flush()
    if meeting.rule and meeting.hold_guests:
        # The number of reservations that one change makes is limited, so that later dates follow here.
        await restoring.take_guests(session, meeting, now)
    await timing.next_date(session, meeting, now)


async def _has_halls(session: AsyncSession, occurrence_id: str) -> bool:
    """Report whether a hall of the date is connected."""
    connected = (DialLeg.occurrence_id == occurrence_id, DialLeg.state == "connected")
    return await session.scalar(select(DialLeg.id).where(*connected).limit(1)) is not None


async def _release(session: AsyncSession, meeting: Meeting, date: Occurrence, now: datetime) -> None:
    date.state, date.reason = "released", "Không có ai kết nối nên hội trường được trả lại."
    await session.flush()
    await resources.give_back(session, [date.id])
    await audit.record(session, now, SYSTEM, "meeting.release", "occurrence", date.id, meeting.host_unit_id)


async def _locked(session: AsyncSession, occurrence_id: str) -> Occurrence | None:
    """Lock the meeting first and then its date, as an edit does."""
    meeting_id = await session.scalar(select(Occurrence.meeting_id).where(Occurrence.id == occurrence_id))
    if meeting_id is None:
        return None
    await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
    return await session.get(Occurrence, occurrence_id, with_for_update=True, populate_existing=True)


async def _close(session: AsyncSession, date: Occurrence, now: datetime) -> None:
    date.closed_at = date.closed_at or now
    await audit.record(session, now, SYSTEM, "meeting.closed", "occurrence", date.id)
    await _end(session, date, now)
    await session.flush()
    await timing.next_date(session, await session.get_one(Meeting, date.meeting_id), now)


async def _end(session: AsyncSession, date: Occurrence, now: datetime) -> None:
    date.state = "ended"
    if now < date.ends_at:
        await resources.shorten(session, date.id, date.ends_at, now)
    took_place = date.opened_at is not None and date.closed_at is not None and date.closed_at >= date.starts_at
    if took_place:
        await _tell(session, date, "meeting.ended", {"ended_at": (date.closed_at or now).isoformat()}, now)


async def _started(session: AsyncSession, date: Occurrence, now: datetime) -> None:
    await _tell(session, date, "meeting.started", {"started_at": now.isoformat()}, now)


async def _tell(session: AsyncSession, date: Occurrence, event: str, more: dict[str, str], now: datetime) -> None:
    """Store a job for the webhooks, once for each date."""
    times = {"starts_at": date.starts_at.isoformat(), "ends_at": date.ends_at.isoformat()}
    payload = {"event": event, "meeting_id": date.meeting_id, "data": {"occurrence_id": date.id, **times, **more}}
    await outbox.enqueue(session, "webhook.event", payload, now, now, f"{event}:{date.id}")
