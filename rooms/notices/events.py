"""The handlers of the jobs `notice.…`: each chooses the accounts that an event concerns, and writes their notices.

A job decides by the stored state when it runs, so a job that is late or runs twice makes no wrong notice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import approval
from rooms.booking.holds import guest_holds, losing, rehearsals
from rooms.booking.meeting import leaders, timing
from rooms.identifiers import digest
from rooms.notices import kinds, recipients, records
from rooms.notices.records import News
from rooms.notices.settling import settle
from rooms.store.tables.booking import HallObjection, PrecedenceAsk, Reservation
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.notices import Notice
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

Payload = Mapping[str, Any]
KIND_OF: Final[Mapping[tuple[str, str], str]] = {
    ("approve", "approved"): kinds.APPROVED,
    ("applied", "approved"): kinds.APPLIED,
    ("refuse", "refused"): kinds.REFUSED,
    ("refuse", "approved"): kinds.NOT_APPLIED,
    ("lapse", "approved"): kinds.NOT_APPLIED,
    ("expire", "expired"): kinds.EXPIRED,
}
"""The kind of the notice about a decision, by the action of the job and the state of the meeting."""


async def meeting_changed(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.meeting`: settle old notices, ask the approvers, and tell the decision."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is None:
        return
    await _return_lost(session, meeting, now)
    soft = [one for one in await guest_holds.of_meeting(session, meeting, now) if one.state == "soft"]
    await settle(session, meeting, now, soft)
    await _ask(session, meeting, now)
    await _hold(session, meeting, soft, now)
    kind = KIND_OF.get((payload["action"], meeting.state))
    if kind is not None:
        news = News(kind, f"{kind}:{meeting.id}:{meeting.version}", meeting.id, reason=payload["reason"])
        await records.tell(session, await recipients.staff(session, meeting) - {payload["by"]}, news, now)


async def _return_lost(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Look again at the meetings that lost a hall or terminal of the host unit: this meeting may have given it back."""
    guests = select(Attendee.meeting_id).where(Attendee.unit_id == meeting.host_unit_id)
    open_ = select(Notice.meeting_id, Notice.subject_id).where(
        Notice.kind == kinds.LOST, Notice.done_at.is_(None), Notice.meeting_id.in_(guests)
    )
    lost: dict[str, set[str]] = defaultdict(set)
    for loser, thing in await session.execute(open_.distinct()):
        if loser is not None:
            lost[loser].add(thing)
    for loser, things in sorted(lost.items()):
        if await losing.still(session, loser, things, now) < things:
            await losing.regain(session, loser, now)
            await settle(session, await session.get_one(Meeting, loser), now)


async def _ask(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    step = await approval.open_step(session, meeting.id)
    if step is None or meeting.state not in ("asked", "approved"):
        return
    news = News(kinds.APPROVE, f"{kinds.APPROVE}:{step.id}", meeting.id, subject_id=step.id, until=step.deadline)
    await records.tell(session, await recipients.deciders(session, meeting, step, now), news, now)


async def _hold(session: AsyncSession, meeting: Meeting, soft: Sequence[guest_holds.HoldShown], now: datetime) -> None:
    """Tell each unit that this meeting of another unit reserves or holds a hall of the unit, and its rehearsal too."""
    held = await _held(session, meeting, soft, now)
    rehearsal = await rehearsals.of_meeting(session, meeting.id)
    date = await rehearsals.planned(session, meeting.id) if rehearsal is not None else None
    both: set[str] = set()
    if rehearsal is not None and date is not None:
        found = [one for one in await guest_holds.of_meeting(session, rehearsal, now) if one.state == "soft"]
        both = {hall for hall, *_ in await _held(session, rehearsal, found, now)}
    accounts = await recipients.of_units(session, {unit for _, _, unit, _, _ in held}, now)
    told = []
    for hall_id, name, unit, date_id, until in held:
        key, also = f"{kinds.HELD}:{meeting.id}:{hall_id}", date.starts_at if date and hall_id in both else None
        news = News(kinds.HELD, key, meeting.id, date_id, hall_id, about=name, until=until, also_at=also)
        told.append((accounts.get(unit, set()), news))
    await records.tell_all(session, told, now, reopens=True)


async def _held(
    session: AsyncSession, meeting: Meeting, soft: Sequence[guest_holds.HoldShown], now: datetime
) -> list[tuple[str, str, str, str, datetime | None]]:
    """Return the halls of other units that the meeting reserves or holds: hall, name, unit, first date, end of the last date."""
    rows = await session.execute(
        select(Hall.id, Hall.name, Site.unit_id, func.min(Reservation.occurrence_id), func.max(Occurrence.ends_at))
        .join(Reservation, Reservation.resource_id == Hall.id)
        .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
        .join(Site, Site.id == Hall.site_id)
        .where(Occurrence.meeting_id == meeting.id, Reservation.active, Occurrence.ends_at > now)
        .where(Site.unit_id != meeting.host_unit_id)
        .group_by(Hall.id, Hall.name, Site.unit_id)
    )
    held: list[tuple[str, str, str, str, datetime | None]] = [(*row,) for row in rows]
    return held + [(one.hall_id, one.hall_name, one.unit_id, one.date_id, one.until) for one in soft]


async def objected(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.objected`: tell the staff that a unit objects to the hold of its hall."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    row = await session.get(HallObjection, (payload["meeting_id"], payload["hall_id"]))
    if meeting is None or row is None:
        return
    hall_ = await session.get_one(Hall, row.hall_id)
    key = f"{kinds.OBJECTED}:{meeting.id}:{hall_.id}:{row.at.isoformat()}"
    news = News(kinds.OBJECTED, key, meeting.id, about=hall_.name, reason=row.reason)
    await records.tell(session, await recipients.staff(session, meeting) - {payload["by"]}, news, now)


async def rehearsal(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.rehearsal`: tell the staff that the rehearsal has another time, or what it lacks."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is not None:
        await _return_lost(session, meeting, now)
    last = await rehearsals.last_date(session, meeting.id) if meeting is not None else None
    if meeting is None or last is None:
        return
    missing = ", ".join(await rehearsals.missing_halls(session, last))
    told = digest(f"{last.state}:{last.starts_at.isoformat()}:{missing}")[:32]
    reason = f"Chưa giữ được hội trường: {missing}" if missing else last.reason if last.state != "planned" else ""
    news = News(kinds.REHEARSAL, f"{kinds.REHEARSAL}:{last.id}:{told}", meeting.id, last.id, reason=reason)
    await records.tell(session, await recipients.staff(session, meeting), news, now, again=payload["changed"])


async def displaced(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.displaced`: tell the meeting's staff that a date gave way."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is None:
        return
    date = str(payload["occurrence_id"])
    key = f"{kinds.DISPLACED}:{date}:{payload['was']}"
    # A date that has its new time needs nothing any more, but its notice stays new until it is read.
    subject = date if not payload["to"] or payload["waits"] else ""
    news = News(kinds.DISPLACED, key, meeting.id, date, subject, reason=str(payload["reason"]))
    await records.tell(session, await recipients.staff(session, meeting), news, now)


async def lost(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.lost`: tell the meeting's staff, and the unit, that dates lost a hall or terminal to another
    meeting. The losses of one hall or terminal share one notice, which becomes new again.
    """
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is None:
        return
    thing, about, reason = (str(payload[name]) for name in ("thing_id", "about", "reason"))
    also = datetime.fromisoformat(payload["also_at"]) if payload["also_at"] else None
    news = News(
        kinds.LOST,
        f"{kinds.LOST}:{meeting.id}:{thing}",
        meeting.id,
        str(payload["occurrence_id"]),
        thing,
        about=about,
        reason=reason,
        until=datetime.fromisoformat(payload["until"]),
        also_at=also,
    )
    units = await recipients.of_units(session, {payload["unit_id"]}, now)
    told = (await recipients.staff(session, meeting)).union(*units.values())
    await records.tell(session, told, news, now, again=True)
    await settle(session, meeting, now)


async def answered(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.answered`: tell the desk of the meeting. All answers to one meeting share one notice, which becomes
    new again. A proposed substitute is a task of chair and secretary.
    """
    attendee = await session.get(Attendee, payload["attendee_id"])
    meeting = await session.get(Meeting, payload["meeting_id"])
    if attendee is None or meeting is None:
        return
    await settle(session, meeting, now)
    told = await recipients.staff(session, meeting, chair=False) - {payload["by"]}
    news = News(kinds.ANSWERED, f"{kinds.ANSWERED}:{meeting.id}", meeting.id)
    await records.tell(session, told, news, now, again=True)
    if attendee.substitute_state == "asked" and attendee.answered_at is not None:
        key = f"{kinds.SUBSTITUTE}:{attendee.id}:{attendee.answered_at.isoformat()}"
        who = f"{attendee.label}: {attendee.substitute_name}"
        news = News(kinds.SUBSTITUTE, key, meeting.id, subject_id=attendee.id, about=who, reason=attendee.comment)
        people = leaders.people_of(meeting, (Meeting.chair_id, *leaders.SECRETARIES))
        await records.tell(session, await recipients.of_people(session, people), news, now)


async def precedence(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.precedence`: tell a request for precedence to those who may decide, and the decision to the account
    that asked. A decided request is no task.
    """
    row = await session.get(PrecedenceAsk, payload["ask_id"])
    if row is None:
        return
    if row.state == "waiting":
        unit = await session.get_one(Unit, row.unit_id)
        key, about = f"{kinds.PRECEDENCE}:{row.id}", unit.short_name or unit.name
        asked = News(kinds.PRECEDENCE, key, subject_id=row.id, about=about, reason=row.reason, until=row.starts_at)
        await records.tell(session, await recipients.preceding(session, unit.id, now) - {row.by}, asked, now)
        return
    await records.close_about(session, kinds.PRECEDENCE, row.id, now)
    told = await recipients.of_account(session, row.by) - {row.decided_by}
    if row.state == "done":
        news = News(kinds.PRECEDED, f"{kinds.PRECEDED}:{row.id}", row.meeting_id)
        await records.tell(session, told, news, now)
    elif row.state == "refused":
        news = News(kinds.NOT_PRECEDED, f"{kinds.NOT_PRECEDED}:{row.id}", subject_id=row.id, reason=row.answer)
        await records.tell(session, told, news, now)


async def hall(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.hall`: tell the desk of a date within `HALL_NOTICE_H` hours that a hall is not ready."""
    leg = await session.get(DialLeg, payload["leg_id"])
    date = await session.get(Occurrence, leg.occurrence_id) if leg is not None else None
    meeting = await session.get(Meeting, date.meeting_id) if date is not None else None
    if leg is None or date is None or meeting is None:
        return
    await settle(session, meeting, now)
    soon = date.starts_at <= now + timedelta(hours=limits.HALL_NOTICE_H) and date.ends_at > now
    if leg.readiness != "red" or leg.taken_off or not soon or date.state not in timing.LIVE:
        return
    terminal = await session.get_one(Terminal, leg.terminal_id)
    site = await session.get_one(Site, terminal.site_id)
    key = f"{kinds.HALL}:{leg.id}"
    news = News(kinds.HALL, key, meeting.id, date.id, leg.id, about=site.name, until=date.ends_at)
    await records.tell(session, await recipients.desk(session, meeting), news, now, again=True)


async def soon(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Handle the job `notice.soon`: notify all expected people that the date starts soon."""
    date = await session.get(Occurrence, payload["occurrence_id"])
    meeting = await session.get(Meeting, date.meeting_id) if date is not None else None
    if date is None or meeting is None or meeting.state != "approved" or date.state not in timing.LIVE:
        return
    if date.starts_at.isoformat() != payload["starts_at"] or date.ends_at <= now:
        return
    key = f"{kinds.SOON}:{date.id}:{payload['starts_at']}"
    news = News(kinds.SOON, key, meeting.id, date.id, date.id, until=date.ends_at)
    await records.tell(session, await recipients.attending(session, meeting, date), news, now)


HANDLERS: Final[Mapping[str, Callable[[AsyncSession, Any, datetime], Awaitable[None]]]] = {
    timing.NOTICE: meeting_changed,
    timing.GAVE_WAY: displaced,
    timing.LOST: lost,
    timing.OBJECTED: objected,
    timing.REHEARSED: rehearsal,
    timing.SOON: soon,
    timing.ANSWERED: answered,
    timing.READINESS: hall,
    timing.PRECEDENCE: precedence,
}
