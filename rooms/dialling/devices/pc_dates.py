"""The dates that a PC in hall mode joins by itself: those of its hall's call list. The PC is never called.

A date brings the PC in as it brings in a called hall, so the same rules hold: the class of the meeting, the consent of the
unit, and the call list. The way is `dial_out`, because the schedule of the server decides, not a person at the PC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits as common
from rooms.booking.meeting import call_list, consent
from rooms.dialling import planning
from rooms.dialling.devices import limits
from rooms.dialling.devices.pcs import Place
from rooms.dialling.lead import calls_at
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.policy.classes import Verdict, admission
from rooms.store.tables.booking import Wanted
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence

LEFT = "left"
"""The state of a leg whose hall does not come back by itself: it left, or an operator ended its call."""


@dataclass(frozen=True)
class PcDate:
    """A date of a PC. `joins_at`: the PC enters by itself from then on. `held`: why it does not enter by itself."""

    occurrence: Occurrence
    meeting: Meeting
    joins_at: datetime
    held: Refusal | None

    def is_due(self, now: datetime) -> bool:
        return self.held is None and self.joins_at <= now


@dataclass(frozen=True)
class Guarded:
    """How the PC reaches the server. `network`: the range (CIDR) of a closed network that has its address; empty: none.
    `encrypted`: over TLS. `counts`: the installation lets a PC count as a hall terminal in important meetings.
    """

    network: str
    encrypted: bool
    counts: bool

    @property
    def vouched(self) -> str:
        """Return the closed range if the PC may be in an important meeting now, otherwise an empty text."""
        return self.network if self.encrypted and self.counts else ""


async def coming(session: AsyncSession, place: Place, guarded: Guarded, now: datetime) -> list[PcDate]:
    """Return the running and coming dates of a PC, the earliest first."""
    rows = (await session.execute(_candidates(place, now))).all()
    lists = await call_list.of_dates(session, [(meeting, date.id) for date, meeting, _ in rows])
    legs = await session.scalars(
        select(DialLeg).where(
            DialLeg.terminal_id == place.terminal.id, DialLeg.occurrence_id.in_([row[0].id for row in rows])
        )
    )
    known = {one.occurrence_id: one for one in legs}
    found: list[PcDate] = []
    for date, meeting, when in rows:
        on_list = any(one.device.id == place.terminal.id and not one.out for one in lists[date.id].lines)
        if not on_list or len(found) == limits.PC_DATES:
            continue
        held = await _held(session, place, date, meeting, known.get(date.id), guarded)
        found.append(PcDate(date, meeting, max(when, entry.opens_at(date, host=False)), held))
    return found


async def enter(
    session: AsyncSession, place: Place, occurrence_id: str, guarded: Guarded, now: datetime
) -> tuple[Occurrence, Meeting]:
    """Return the date that the PC enters now, by itself or because somebody pressed a key. Raise Refusal `occurrence_unknown`,
    `pc_taken_off`, `not_invited`, `class_forbids`, and those of the door.
    """
    date, meeting = await planning.date_of(session, occurrence_id)
    leg = await planning.leg_of(session, date.id, place.terminal.id)
    if leg is not None and _is_out(leg):
        raise _taken_off()
    if not await planning.invited(session, meeting, date.id, place.terminal):
        raise entry.not_invited()
    door = entry.door(entry.Entry(meeting, date, "", "hall_terminal", "", invited=True), now)
    if door is not None:
        raise door
    verdict = judge(meeting, guarded)
    if not verdict.allowed:
        raise planning.forbidden(verdict)
    return date, meeting


def judge(meeting: Meeting, guarded: Guarded) -> Verdict:
    """Decide whether the class of the meeting admits an invited PC as a hall terminal."""
    return admission(
        meeting.class_,
        "dial_out",
        terminal_registered=True,
        network_closed=bool(guarded.network),
        invited=True,
        pc=True,
        pc_counts=guarded.counts,
        encrypted=guarded.encrypted,
    )


def _candidates(place: Place, now: datetime) -> Select[Occurrence, Meeting, datetime]:
    hall = select(Wanted.meeting_id).where(
        Wanted.meeting_id == Meeting.id,
        or_(
            and_(Wanted.kind == "hall", Wanted.resource_id == (place.terminal.hall_id or "")),
            and_(Wanted.kind == "terminal", Wanted.resource_id == place.terminal.id),
        ),
    )
    guest = select(Attendee.id).where(
        Attendee.meeting_id == Meeting.id, or_(Attendee.site_id == place.site.id, Attendee.unit_id == place.unit.id)
    )
    return (
        select(Occurrence, Meeting, calls_at())
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(or_(Meeting.state == "approved", and_(Meeting.state == "asked", Occurrence.state == "running")))
        .where(
            or_(
                and_(Occurrence.state == "planned", Occurrence.ends_at > now),
                and_(
                    Occurrence.state == "running",
                    Occurrence.ends_at > now - timedelta(minutes=common.OVERRUN_MOST_MIN),
                ),
            )
        )
        .where(Occurrence.starts_at < now + timedelta(days=limits.PC_DAYS))
        .where(or_(hall.exists(), guest.exists()))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.PC_DATES_READ)
    )


async def _held(
    session: AsyncSession, place: Place, date: Occurrence, meeting: Meeting, leg: DialLeg | None, guarded: Guarded
) -> Refusal | None:
    """Return why the PC does not enter this date by itself, or None."""
    verdict = judge(meeting, guarded)
    if not verdict.allowed:
        return planning.forbidden(verdict)
    if not await consent.consented(session, meeting, place.unit.id):
        refused = planning.NOT_AGREED
        return Refusal(refused.code, refused.vietnamese, refused.english)
    if leg is not None and _is_out(leg):
        return _taken_off()
    if leg is not None and leg.state == LEFT:
        return Refusal(
            "pc_left",
            "Điểm cầu đã rời cuộc họp này. Bấm OK để vào lại.",
            "this hall has left the meeting: press OK to enter again",
        )
    return None


def _is_out(leg: DialLeg) -> bool:
    """Report whether an operator took the PC off the date. The call list does so too: then the date has no PC."""
    return leg.taken_off and leg.asked_by == "operator"


def _taken_off() -> Refusal:
    return Refusal(
        "pc_taken_off",
        "Người điều hành đã đưa điểm cầu ra khỏi cuộc họp này.",
        "an operator took this hall off the meeting",
    )


def first_due(dates: Sequence[PcDate], now: datetime) -> PcDate | None:
    """Return the date that the PC enters now: the latest one that is due, because an earlier meeting may overrun."""
    due = [one for one in dates if one.is_due(now)]
    return due[-1] if due else None
