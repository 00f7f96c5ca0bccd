"""Creation of the legs of a date when the date is near. Repeated or simultaneous calls create each leg once.

Every terminal is checked by `rooms.policy.classes.admission` with the way `dial_out`. A forbidden terminal gets a leg in the
state given up and an entry in the audit trail, and is never called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import guest_holds
from rooms.booking.meeting import call_list, consent
from rooms.booking.meeting.call_list import CallList, Device
from rooms.dialling import lead, reserved
from rooms.dialling.lead import calls_at
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy import roles
from rooms.policy.actors import SYSTEM, Actor
from rooms.policy.classes import Verdict, admission
from rooms.sites import halls, networks, terminals
from rooms.store import audit
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Network, Terminal

CALL = "call"
"""The value of `Meeting.connect` for meetings whose halls are called."""
LIVE = ("planned", "running")
NOT_AGREED = Verdict(
    False,
    code="not_agreed",
    vietnamese="Đơn vị chưa nhận lời, và việc mời đơn vị chưa qua bước duyệt của hệ thống, nên máy chủ không tự gọi.",
    english="the unit has not accepted, and the system has not approved its invitation: the server does not call by itself",
)
"""The verdict on a terminal of a unit that has not agreed."""
TAKEN = Verdict(
    False,
    code="taken_elsewhere",
    vietnamese="Thiết bị đã dành cho cuộc họp khác vào giờ này nên máy chủ không gọi.",
    english="the terminal is reserved for another meeting at this time, so the server does not call it",
)
"""The verdict on a terminal that another date has."""
LATER = (NOT_AGREED.code, TAKEN.code)
"""Reasons that may end before the meeting does. Then the server calls the terminal."""


@dataclass(frozen=True)
class Reached:
    """A terminal, and whether its network is closed."""

    terminal: Terminal
    closed: bool


async def plan(session: AsyncSession, now: datetime) -> int:
    """Create the legs of dates that begin soon or are running. Return the number of new legs.

    The server calls the terminals of the call list, or only watches the terminals that dial in: their readiness is checked too.
    A leg that the schedule created and that was not called yet follows the call list.
    """
    soon = now + timedelta(minutes=limits.PROBE_AHEAD_MIN)
    dates = await session.execute(
        select(Occurrence, Meeting, calls_at())
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(Meeting.state == "approved", Occurrence.state.in_(LIVE))
        .where(calls_at() <= soon, Occurrence.ends_at > now)
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.DATES_DIALLED)
    )
    await _moved(session, now)
    made = 0
    for date, meeting, when in dates.all():
        made += await _of_date(session, date, meeting, max(when, now), now)
    return made


WATCH = "watch"
"""The value of `DialLeg.asked_by` for a terminal that the server does not call. The leg has no time of a call."""
_UNTOUCHED = (
    DialLeg.state == "idle",
    DialLeg.epoch == 1,
    DialLeg.attempt == 1,
    DialLeg.asked_by.in_(("schedule", WATCH)),
)
"""The conditions for a leg that was not called yet and that no operator requested."""


async def _of_date(session: AsyncSession, date: Occurrence, meeting: Meeting, when: datetime, now: datetime) -> int:
    """Create and update the legs of one date. `when`: the time of the first calls."""
    rows = await session.scalars(select(DialLeg).where(DialLeg.occurrence_id == date.id))
    known = {one.terminal_id: one for one in rows}
    calls = await call_list.of_date(session, meeting, date.id)
    called = calls.called[: limits.LEGS_OF_A_DATE] if meeting.connect == CALL else ()
    watched = _watched(calls, called)
    new = [one for one in called if one.id not in known]
    open_ = [one for one in called if one.id in known and (_refused(known[one.id]) or _untouched(known[one.id]))]
    objected = await guest_holds.released(session, meeting)
    denied = {one.device.id for one in calls.lines if one.why == "unit" and one.device.hall_id in objected}
    verdicts = await _verdicts(session, date, meeting, (*new, *open_), denied, now)
    for one in new:
        verdict = verdicts[one.id]
        await _insert(session, date.id, one.id, "schedule", when, now, verdict)
        if not verdict.allowed:
            await _forbidden(session, date, one.id, meeting, verdict, SYSTEM, now)
    for one in open_:
        leg, verdict = known[one.id], verdicts[one.id]
        watches = leg.asked_by == WATCH
        leg.asked_by = "schedule" if watches else leg.asked_by
        if verdict.allowed and (watches or _refused(leg)):
            _call(leg, when, now)
        elif not verdict.allowed and (watches or (verdict.code in LATER and leg.reason != verdict.code)):
            _give_up(leg, verdict, now)
    made = await _watch(session, date.id, watched, known, now)
    if known:
        await _follow(session, date.id, {one.id for one in (*called, *watched)})
    return len(new) + made


def _watched(calls: CallList, called: Sequence[Device]) -> list[Device]:
    """Return the terminals of the call list that the server does not call. They dial in."""
    ids = {one.id for one in called}
    rest = [one.device for one in calls.lines if not one.out and one.device.id not in ids]
    return rest[: limits.LEGS_OF_A_DATE - len(ids)]


async def _watch(
    session: AsyncSession, occurrence_id: str, devices: Sequence[Device], known: Mapping[str, DialLeg], now: datetime
) -> int:
    """Create legs for terminals that are only watched. A leg that was planned for a call and not called yet waits for no call
    any more. Return the number of new legs.
    """
    for one in devices:
        leg = known.get(one.id)
        if leg is None:
            await _insert(session, occurrence_id, one.id, WATCH, None, now, Verdict(True))
        elif _untouched(leg):
            leg.asked_by, leg.next_try_at = WATCH, None
    return sum(one.id not in known for one in devices)


async def watch(session: AsyncSession, occurrence_id: str, now: datetime) -> list[str]:
    """Return the legs of all terminals of the call list, so that an operator can check their readiness early. Create the missing
    legs; the schedule calls their terminals at the time of the calls. Raise Refusal `occurrence_unknown`, `too_early`.
    """
    date, meeting = await date_of(session, occurrence_id)
    begins = date.starts_at - timedelta(hours=limits.PROBE_ASKED_AHEAD_H)
    if meeting.state != "approved" or date.state not in LIVE or not begins <= now < date.ends_at:
        raise Refusal(
            "too_early",
            f"Chỉ kiểm tra được thiết bị của cuộc họp đã duyệt, từ {limits.PROBE_ASKED_AHEAD_H} giờ trước giờ họp.",
            f"terminals can be checked from {limits.PROBE_ASKED_AHEAD_H} hours before the start of an approved meeting",
        )
    calls = await call_list.of_date(session, meeting, date.id)
    rows = await session.scalars(select(DialLeg).where(DialLeg.occurrence_id == date.id))
    known = {one.terminal_id: one for one in rows}
    await _watch(session, date.id, [one for one in _watched(calls, ()) if one.id not in known], known, now)
    found = await session.scalars(
        select(DialLeg.id).where(DialLeg.occurrence_id == date.id, ~DialLeg.taken_off, DialLeg.state != "connected")
    )
    return list(found)


async def _verdicts(
    session: AsyncSession,
    date: Occurrence,
    meeting: Meeting,
    devices: Sequence[Device],
    denied: Collection[str],
    now: datetime,
) -> dict[str, Verdict]:
    """Judge the terminals, and reserve those that the server may call. `denied`: terminals in halls that their units refused."""
    agreed = await consent.consenting(session, meeting, {one.unit_id for one in devices})
    found = {one.id: judge(meeting, one.closed, invited=True) for one in devices}
    found |= {
        one.id: NOT_AGREED
        for one in devices
        if found[one.id].allowed and (one.unit_id not in agreed or one.id in denied)
    }
    taken = await reserved.ensure(session, date, {id_ for id_, one in found.items() if one.allowed}, now)
    return {**found, **dict.fromkeys(taken, TAKEN)}


def _refused(leg: DialLeg) -> bool:
    return leg.state == "given_up" and leg.reason in LATER


def _untouched(leg: DialLeg) -> bool:
    """Report whether the leg satisfies `_UNTOUCHED` and is on the call list."""
    tried = leg.epoch > 1 or leg.attempt > 1 or leg.asked_by not in ("schedule", WATCH)
    return leg.state == "idle" and not tried and not leg.taken_off


def _call(leg: DialLeg, when: datetime, now: datetime) -> None:
    """Make the leg ready for calls, because the reason against them has ended."""
    leg.state, leg.reason, leg.next_try_at, leg.since = "idle", "", when, now
    leg.readiness, leg.readiness_reason, leg.readiness_at = "unknown", "", None


def _give_up(leg: DialLeg, verdict: Verdict, now: datetime) -> None:
    leg.state, leg.reason, leg.next_try_at, leg.since = "given_up", verdict.code, None, now
    leg.readiness, leg.readiness_reason, leg.readiness_at = "red", verdict.code, now


async def _follow(session: AsyncSession, occurrence_id: str, called: set[str]) -> None:
    """Take a terminal off the date when it leaves the call list, and put it back when it returns to the list. Only legs that
    were not called yet change.
    """
    rows = await session.scalars(select(DialLeg).where(DialLeg.occurrence_id == occurrence_id, *_UNTOUCHED))
    for leg in rows:
        if leg.taken_off is (leg.terminal_id in called):
            leg.taken_off = not leg.taken_off
    await session.flush()


async def take_off(session: AsyncSession, occurrence_id: str, terminal_id: str) -> None:
    """Take a hall off the date for an operator: the hall is not called and no longer invited. The caller ends its call."""
    leg = await leg_of(session, occurrence_id, terminal_id)
    if leg is not None:
        leg.taken_off, leg.asked_by = True, "operator"
        await session.flush()
    await reserved.give_back(session, occurrence_id, terminal_id)


async def add(session: AsyncSession, occurrence_id: str, terminal_id: str, actor: Actor, now: datetime) -> DialLeg:
    """Add a hall to a date that is still to come: the server calls the hall when it calls the others. A hall that was called
    before gets all tries again. Raise Refusal `not_coming`, `hall_in_call`, and the refusals of `ask` except `not_on_now`.
    """
    date, meeting = await date_of(session, occurrence_id)
    if (
        meeting.state != "approved"
        or date.state != "planned"
        or not _begins_within(date, limits.PROBE_ASKED_AHEAD_H, now)
    ):
        raise Refusal(
            "not_coming",
            f"Chỉ thêm hội trường để gọi đúng giờ vào cuộc họp đã duyệt, trong {limits.PROBE_ASKED_AHEAD_H} giờ trước giờ họp.",
            f"a hall can be added for the time of the calls from {limits.PROBE_ASKED_AHEAD_H} hours before an approved meeting",
        )
    leg = await _asked(session, date, meeting, terminal_id, actor, now)
    if leg.state in ("calling", "ringing", "connected"):
        raise Refusal(
            "hall_in_call",
            "Điểm cầu đang được gọi hoặc đã kết nối vào cuộc họp này.",
            "the hall is being called, or is connected to this meeting already",
        )
    tried = leg.state != "idle" or leg.attempt > 1
    _call(leg, max(await lead.of_date(session, date.id), now), now)
    if tried:
        leg.epoch, leg.attempt, leg.failures = leg.epoch + 1, 1, 0
        leg.failure, leg.status, leg.redialled = "", 0, False
    leg.wish = ""  # for example the wish to end an earlier call
    await session.flush()
    return leg


def _begins_within(date: Occurrence, hours: int, now: datetime) -> bool:
    return now < date.starts_at <= now + timedelta(hours=hours)


async def ask(session: AsyncSession, occurrence_id: str, terminal_id: str, actor: Actor, now: datetime) -> DialLeg:
    """Return the leg of a hall that an operator wants to call. Create the leg if it does not exist.

    A terminal answers by itself, so a caller can hear and see the room. If the terminal is not invited or its unit has not
    agreed, only an operator of its unit may add it to the date. Raise Refusal `occurrence_unknown`, `unknown_terminal`,
    `terminal_inactive`, `class_forbids`, `not_on_now`, `denied`, `terminal_taken`.
    """
    date, meeting = await date_of(session, occurrence_id)
    require_on(date, meeting, now)
    return await _asked(session, date, meeting, terminal_id, actor, now)


async def _asked(
    session: AsyncSession, date: Occurrence, meeting: Meeting, terminal_id: str, actor: Actor, now: datetime
) -> DialLeg:
    occurrence_id = date.id
    one = await reached(session, terminal_id)
    verdict = judge(meeting, one.closed, invited=True, host=True)
    if not verdict.allowed:
        raise forbidden(verdict)
    known = await leg_of(session, occurrence_id, terminal_id)
    unit = await halls.unit_of(session, one.terminal.site_id)
    agreed = await invited(session, meeting, date.id, one.terminal)
    agreed = agreed and await consent.consented(session, meeting, unit.id)
    if not agreed and (known is None or known.reason == NOT_AGREED.code):
        roles.require(actor, "halls.operate", unit.path)
    await reserved.require(session, date, one.terminal, actor, now)
    if known is None:
        await _insert(session, occurrence_id, terminal_id, "operator", None, now, verdict)
        known = await leg_of(session, occurrence_id, terminal_id)
        assert known is not None
    known.taken_off, known.asked_by = False, "operator"  # the schedule decides no more about this leg
    await audit.record(
        session,
        now,
        actor,
        "hall.call",
        "occurrence",
        occurrence_id,
        meeting.host_unit_id,
        {"terminal": one.terminal.code},
    )
    return known


async def came(session: AsyncSession, occurrence_id: str, terminal_id: str, now: datetime) -> DialLeg:
    """Return the leg of a hall that dialled in. Create the leg if it does not exist."""
    known = await leg_of(session, occurrence_id, terminal_id)
    if known is None:
        await _insert(session, occurrence_id, terminal_id, "dial_in", None, now, Verdict(True))
        known = await leg_of(session, occurrence_id, terminal_id)
        assert known is not None
    known.taken_off = False
    return known


async def leg_of(session: AsyncSession, occurrence_id: str, terminal_id: str) -> DialLeg | None:
    return (
        await session.scalars(
            select(DialLeg).where(DialLeg.occurrence_id == occurrence_id, DialLeg.terminal_id == terminal_id)
        )
    ).first()


async def date_of(session: AsyncSession, occurrence_id: str) -> tuple[Occurrence, Meeting]:
    """Return a date and its meeting. Raise Refusal `occurrence_unknown`."""
    date = await session.get(Occurrence, occurrence_id)
    if date is None:
        raise Refusal("occurrence_unknown", "Không có buổi họp này.", "there is no such date")
    return date, await session.get_one(Meeting, date.meeting_id)


async def host_of(session: AsyncSession, occurrence_id: str) -> Unit:
    """Return the unit that hosts the meeting of a date. Raise Refusal `occurrence_unknown`."""
    meeting = (await date_of(session, occurrence_id))[1]
    return await session.get_one(Unit, meeting.host_unit_id)


def require_on(date: Occurrence, meeting: Meeting, now: datetime) -> None:
    """Check that the date is running or begins soon, because halls are called only then. Raise Refusal `not_on_now`."""
    if not is_on(date, meeting, now):
        raise Refusal(
            "not_on_now",
            f"Chỉ gọi được điểm cầu từ {limits.ENTRY_HOST_MIN} phút trước giờ họp đến khi kết thúc.",
            f"halls can be called only from {limits.ENTRY_HOST_MIN} minutes before the start until the end of the meeting",
        )


def is_on(date: Occurrence, meeting: Meeting, now: datetime) -> bool:
    """Report whether the date is running or begins soon."""
    begins = date.starts_at - timedelta(minutes=limits.ENTRY_HOST_MIN)
    over = date.ends_at + timedelta(minutes=limits.OVERRUN_MOST_MIN if date.state == "running" else 0)
    stands = meeting.state == "approved" or (meeting.state == "asked" and date.state == "running")
    return stands and date.state in LIVE and begins <= now < over


async def reached(session: AsyncSession, terminal_id: str) -> Reached:
    """Return the terminal with its network. Raise Refusal `unknown_terminal`, `terminal_inactive`."""
    row = (
        await session.execute(
            select(Terminal, Network.closed)
            .outerjoin(Network, Network.id == Terminal.network_id)
            .where(Terminal.id == terminal_id)
        )
    ).first()
    if row is None:
        raise Refusal("unknown_terminal", "Không tìm thấy thiết bị.", "no such terminal")
    terminal, closed = row
    if not terminal.active or not ("sip" in terminal.protocols or terminals.is_pc(terminal)):
        raise Refusal(
            "terminal_inactive",
            "Thiết bị này đang ngừng dùng hoặc không có SIP.",
            "this terminal is not in use, or has no SIP",
        )
    literal = terminals.literal_of(terminal.sip_uri)
    # For an IP address, the network that contains the address counts too, not only the chosen network.
    return Reached(terminal, bool(closed) and (not literal or await closed_at(session, literal)))


def judge(meeting: Meeting, closed: bool, *, invited: bool, host: bool = False) -> Verdict:
    """Decide whether the server may call a registered terminal into this meeting."""
    return admission(
        meeting.class_, "dial_out", terminal_registered=True, network_closed=closed, invited=invited, host=host
    )


def forbidden(verdict: Verdict) -> Refusal:
    return Refusal("class_forbids", verdict.vietnamese, verdict.english)


async def closed_at(session: AsyncSession, address: str) -> bool:
    """Report whether this IPv4 or IPv6 literal is in a closed network."""
    return networks.closed_zone(await networks.every(session), address) is not None


async def invited(session: AsyncSession, meeting: Meeting, occurrence_id: str, terminal: Terminal) -> bool:
    """Report whether this terminal is invited: it is in the call list of the date (called or not), or at an invited site.

    A terminal that an operator took off the date is not invited.
    """
    leg = await leg_of(session, occurrence_id, terminal.id)
    if (
        leg is not None and leg.taken_off and leg.asked_by == "operator"
    ):  # off by the call list: only the call is omitted
        return False
    calls = await call_list.of_date(session, meeting, occurrence_id)
    if any(one.device.id == terminal.id for one in calls.lines):
        return True
    return await _booked(session, meeting, occurrence_id, terminal)


async def _booked(session: AsyncSession, meeting: Meeting, occurrence_id: str, terminal: Terminal) -> bool:
    """Report whether the terminal's hall is booked or its site is invited. Thus a second terminal can replace the first."""
    site = select(Attendee.id).where(Attendee.meeting_id == meeting.id, Attendee.site_id == terminal.site_id)
    if await session.scalar(site.limit(1)) is not None:
        return True
    return terminal.hall_id is not None and terminal.hall_id in await call_list.halls_of(
        session, meeting.id, occurrence_id
    )


async def _insert(
    session: AsyncSession,
    occurrence_id: str,
    terminal_id: str,
    asked_by: str,
    next_try_at: datetime | None,
    now: datetime,
    verdict: Verdict,
) -> None:
    """Insert a leg. Do nothing if another transaction has inserted the same leg."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values: dict[str, Any] = {
        "id": new_id(),
        "occurrence_id": occurrence_id,
        "terminal_id": terminal_id,
        "asked_by": asked_by,
        "state": "idle" if verdict.allowed else "given_up",
        "reason": "" if verdict.allowed else verdict.code if verdict.code in LATER else "class_forbids",
        "next_try_at": next_try_at if verdict.allowed else None,
        "since": now,
        "epoch": 1,
        "attempt": 1,
        "rung": 0,
        "failure": "",
        "failures": 0,
        "status": 0,
        "redialled": False,
        "readiness": "unknown" if verdict.allowed else "red",
        "readiness_reason": ""
        if verdict.allowed
        else verdict.code
        if verdict.code in ("network_open", *LATER)
        else "class_forbids",
        "readiness_at": None if verdict.allowed else now,
        "wish": "",
        "taken_off": False,
        "leased_by": "",
    }
    await session.execute(
        insert(DialLeg).values(values).on_conflict_do_nothing(index_elements=["occurrence_id", "terminal_id"])
    )


async def _moved(session: AsyncSession, now: datetime) -> None:
    """Move the next try of legs before their first call, after a change of the start or of the time of the calls. A call that
    an operator wants now stays due.
    """
    asked = and_(DialLeg.asked_by == "operator", DialLeg.next_try_at > now)
    untouched = (DialLeg.attempt == 1, or_(and_(DialLeg.asked_by == "schedule", DialLeg.epoch == 1), asked))
    rows = await session.execute(
        select(DialLeg, calls_at())
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(DialLeg.state.in_(("idle", "probing")), DialLeg.next_try_at.is_not(None), *untouched)
        .limit(limits.LEGS_CLAIMED)
    )
    for leg, when in rows.all():
        planned = leg.next_try_at or when
        if leg.asked_by == "operator" and planned <= now:
            continue  # An operator calls this hall now.
        if when != planned and max(when, planned) > now:
            leg.next_try_at = max(when, now)
    await session.flush()


async def _forbidden(
    session: AsyncSession,
    date: Occurrence,
    terminal_id: str,
    meeting: Meeting,
    verdict: Verdict,
    actor: Actor,
    now: datetime,
) -> None:
    terminal = await session.get_one(Terminal, terminal_id)
    detail = {"terminal": terminal.code, "way": "dial_out", "code": verdict.code}
    await audit.record(session, now, actor, "hall.refuse", "occurrence", date.id, meeting.host_unit_id, detail)
