"""The preview of a request: every date, with everything that prevents it. A preview reserves nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import attendance, clashes, guest_halls, rehearsals, terminals
from rooms.booking.holds.attendance import Attendance, HallShown, Occupied
from rooms.booking.holds.clashes import Clash
from rooms.booking.holds.free_times import Hours, near
from rooms.booking.meeting import call_list
from rooms.booking.meeting.call_list import NamedGap, NamedLine
from rooms.booking.planning import plans
from rooms.booking.planning.plans import Plan
from rooms.booking.planning.requests import Request
from rooms.booking.rules import calendar
from rooms.booking.rules.calendar import day_of
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store.tables.sites import Site


@dataclass(frozen=True)
class Warned:
    """A warning: it does not prevent the booking."""

    code: str
    vi: str
    en: str


@dataclass(frozen=True)
class PreviewDate:
    """A date of the request. `off`: the name of the holiday, or `weekend`. `trouble`: why the unit does not meet on that date,
    in both languages.
    """

    starts_at: datetime
    ends_at: datetime
    clashes: tuple[Clash, ...]
    off: str = ""
    trouble: str = ""
    trouble_en: str = ""
    skipped: bool = False


@dataclass(frozen=True)
class Preview:
    """The dates of a request. `bookable`: the booking would succeed without a change. `clashing`: the number of dates with a
    clash or a trouble that are not skipped.
    """

    dates: tuple[PreviewDate, ...]
    clashing: int
    bookable: bool
    needs_approval: bool
    class_: str
    warnings: tuple[Warned, ...]
    attendees: int
    legs: int
    calls: tuple[NamedLine, ...]
    call_gaps: tuple[NamedGap, ...]
    occupied: tuple[Occupied, ...]
    busy: int
    """The number of busy people and units. `occupied` names the first of them."""
    guest_halls: tuple[HallShown, ...]
    rehearsal: PreviewDate | None = None
    rehearsal_taken: tuple[str, ...] = ()
    """The halls and terminals of invited units that another meeting has at the time of the rehearsal."""


async def preview(
    session: AsyncSession, request: Request, actor: Actor, now: datetime, excluding: str = "", excluding_date: str = ""
) -> Preview:
    """Return the preview of a request. `excluding`: a meeting that the request changes; its own reservations do not count.
    `excluding_date`: the request changes only this date of the meeting; the other dates count.
    """
    own = excluding_date or excluding
    plan = await plans.make(session, request.checked(), actor, now, ahead=not excluding)
    wishes = [(span, plan.needed) for span in plan.spans]
    found = await clashes.find(session, clashes.Question(wishes, plan.load, actor, plan.rule, own, now))
    if len(found) == 1 and found[0] and not found[0][0].free_times:
        found = [await _on_later_days(session, plan, found[0], now, own)]
    free = plans.may_leave_hours(actor, plan.unit, request)
    dates = tuple(_date(plan, place, found[place], free) for place in range(len(plan.spans)))
    bad = [one for one in dates if (one.clashes or one.trouble) and not one.skipped]
    ignored = request.skip_clashes and len(bad) < len(dates) and all(one.clashes or one.off for one in bad)
    named = call_list.in_words(plan.calls, plan.names)
    calls = await terminals.with_taken(session, named, plan.spans, actor, own)
    people = await _attendance(session, plan, actor, now, own)
    rehearsal, rehearsal_taken = await _rehearsal(session, plan, named, actor, now, excluding)
    # An edit of another field leaves the rehearsal as it is.
    rehearses = rehearsal is None or bool(excluding) or not (rehearsal.clashes or rehearsal.trouble)
    return Preview(
        dates=dates,
        clashing=len(bad),
        bookable=(not bad or ignored) and rehearses,
        needs_approval=plan.needs_approval,
        class_=plan.class_,
        warnings=(*warnings_of(plan, now), *await _far_from_halls(session, plan)),
        attendees=len(plan.invited),
        legs=plan.legs,
        calls=calls.lines,
        call_gaps=calls.gaps,
        occupied=people.occupied,
        busy=people.busy,
        guest_halls=people.halls,
        rehearsal=rehearsal,
        rehearsal_taken=rehearsal_taken,
    )


async def _on_later_days(
    session: AsyncSession, plan: Plan, found: tuple[Clash, ...], now: datetime, excluding: str
) -> tuple[Clash, ...]:
    """Return these clashes of the only date with free times of other days, because its own day has none."""
    hours = Hours(plan.rule, plan.calendar, now)
    later = await near(session, plan.spans[0], plan.needed, plan.load, hours, excluding)
    return tuple(replace(one, free_times=tuple(later[: limits.FREE_TIMES_TOLD])) for one in found)


async def _rehearsal(
    session: AsyncSession, plan: Plan, named: call_list.NamedList, actor: Actor, now: datetime, excluding: str
) -> tuple[PreviewDate | None, tuple[str, ...]]:
    """Return the rehearsal of the request with everything that prevents it, and `rehearsal_taken`."""
    span = plan.rehearsal
    if span is None:
        return None, ()
    own = await rehearsals.of_meeting(session, excluding) if excluding else None
    own_id = own.id if own else ""
    question = clashes.Question([(span, plan.rehearsed)], plan.load, actor, plan.rule, own_id, now)
    trouble = plans.trouble_of_rehearsal(plan, actor, now)
    dates = await rehearsals.dates_of(session, own.id) if own else []
    if trouble and trouble.code == "rehearsal_past" and any(one.starts_at == span.starts_at for one in dates):
        trouble = None  # this rehearsal has taken place
    made = PreviewDate(
        span.starts_at,
        span.ends_at,
        (await clashes.find(session, question))[0],
        off=plan.calendar.off(day_of(span.starts_at)),
        trouble=trouble.vietnamese if trouble else "",
        trouble_en=trouble.english if trouble else "",
    )
    lines = (await terminals.with_taken(session, named, [span], actor, own_id)).lines
    return made, tuple(one.hall_name or one.terminal_name for one in lines if one.taken is not None)


async def _attendance(session: AsyncSession, plan: Plan, actor: Actor, now: datetime, excluding: str) -> Attendance:
    """Return who is busy on the dates to come that are not skipped, and the halls of the invited units."""
    booked = {one.site_id for one in plan.things if one.kind == "hall"}
    question = attendance.Question(
        spans=[span for span in plan.spans if span.ends_at > now and day_of(span.starts_at) not in plan.request.skip],
        invited=plan.invited,
        leaders={one.id: one.name for one in plan.things if one.kind in ("person", "operator")},
        halls=await guest_halls.of_invited(session, plan.invited, plan.unit.id, booked),
        actor=actor,
        excluding=excluding,
    )
    return await attendance.attendance(session, question)


def _date(plan: Plan, place: int, found: tuple[Clash, ...], free: bool) -> PreviewDate:
    span = plan.spans[place]
    day = day_of(span.starts_at)
    trouble = None if free else plan.trouble_of(span)
    return PreviewDate(
        span.starts_at,
        span.ends_at,
        found,
        off=plan.calendar.off(day),
        trouble=trouble.vietnamese if trouble else "",
        trouble_en=trouble.english if trouble else "",
        skipped=day in plan.request.skip,
    )


async def _far_from_halls(session: AsyncSession, plan: Plan) -> list[Warned]:
    """Return warnings for an important meeting about units without a hall: people attend an important meeting only in halls."""
    if plan.class_ != classes.IMPORTANT:
        return []
    if not any(one.kind in ("hall", "terminal") for one in plan.things):
        return [
            Warned(
                "no_hall",
                "Cuộc họp quan trọng chỉ dự được tại hội trường có thiết bị. Hãy chọn hội trường của điểm cầu chính.",
                "People come to an important meeting in halls only. Choose the hall of the main site.",
            )
        ]
    units = {one.unit_id for one in plan.invited if one.unit_id} - {plan.unit.id}
    with_hall = set(
        await session.scalars(select(Site.unit_id).where(Site.unit_id.in_(units), Site.capability == "hall"))
    )
    missing = len(units - with_hall)
    if not missing:
        return []
    return [
        Warned(
            "units_without_hall",
            f"{missing} đơn vị được mời chưa có thiết bị hội trường của mình: hãy bố trí dự tại điểm cầu chính hoặc điểm cầu "
            "gần nhất.",
            f"{missing} invited units have no hall terminal of their own: ask them to join at the main site or the nearest site.",
        )
    ]


def warnings_of(plan: Plan, now: datetime) -> list[Warned]:
    found = []
    days = plan.type_.notice_days
    due = calendar.notice_due(plan.calendar, plan.request.starts_at, days)
    if plan.is_late(now) and not plan.request.urgent_reason:
        found.append(
            Warned(
                "short_notice",
                f"Giấy mời phải gửi trước {days} ngày làm việc (chậm nhất ngày {due:%d/%m/%Y}). Hãy lùi ngày họp, hoặc ghi lý "
                "do họp đột xuất.",
                f"Invitations must be sent {days} working days ahead (by {due:%d/%m/%Y}). Choose a later day, or write why the "
                "meeting is urgent.",
            )
        )
    if plan.more:
        last = day_of(plan.spans[-1].starts_at)
        found.append(
            Warned(
                "horizon",
                f"Hội trường của chuỗi họp được giữ đến ngày {last:%d/%m/%Y} (nhiều nhất {limits.HORIZON_MONTHS} tháng).",
                f"The series is booked until {last:%d/%m/%Y} (at most {limits.HORIZON_MONTHS} months).",
            )
        )
    return found
