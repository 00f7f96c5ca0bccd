"""A plan: a request together with its unit, type, class, rule, resources, dates and attendees. A plan reserves nothing.

`make` refuses a request that is impossible on every date. `preview` reports clashes on single dates, and `creation` decides
about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources, terminals
from rooms.booking.holds.resources import Load, Span, Thing
from rooms.booking.meeting import attendees, call_list
from rooms.booking.meeting.call_list import CallList
from rooms.booking.planning.requests import Request
from rooms.booking.rules import calendar, recurrence, unit_rules
from rooms.booking.rules.calendar import Calendar, day_of
from rooms.booking.rules.unit_rules import Rule, clock
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.policy import classes, roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Pool, UnitRule
from rooms.store.tables.meetings import MeetingType
from rooms.store.tables.org import Unit

CALL = "call"
"""The value of `Request.connect` for meetings whose halls the server calls."""
SKIPPED_BY_WISH = "Không đăng ký theo yêu cầu."


@dataclass(frozen=True)
class Plan:
    """A request with everything that the register says about it. `spans` holds every date of the series, also the dates to
    skip.
    """

    request: Request
    unit: Unit
    type_: MeetingType
    class_: str
    rule: Rule
    calendar: Calendar
    things: tuple[Thing, ...]
    spans: tuple[Span, ...]
    more: bool
    """True if the series continues after the last date that is booked."""
    invited: tuple[attendees.Invited, ...]
    calls: CallList
    load: Load
    foreign: frozenset[str] = frozenset()
    """Sites of the requested resources that do not belong to the host unit or to a unit below it."""
    own: frozenset[str] = frozenset()
    """Sites of the requested resources that belong to the host unit itself."""

    @property
    def legs(self) -> int:
        return self.load.legs or wanted_legs(self.request, self.class_, self.calls, len(self.invited))

    @property
    def names(self) -> dict[str, str]:
        """Return the names of the unit, the attendees and the resources, by identifier."""
        invited = {one.unit.id: one.unit.name for one in self.invited if one.unit}
        return {**invited, self.unit.id: self.unit.name, **{one.id: one.name for one in self.things}}

    @property
    def needs_approval(self) -> bool:
        """Report whether the meeting needs approval.

        An ordinary internal meeting needs no approval if all of this is true:

        - The meeting is not public.
        - The meeting takes only people, and halls of its own branch that need no approval.
        - The server calls only terminals of the own unit, in halls that need no approval. A called hall can hear and see the
          meeting, and the meeting can hear and see the hall.
        """
        if not self.type_.internal or self.class_ != classes.ORDINARY or self.request.public:
            return True
        own = all(
            one.kind in ("person", "operator")
            or (one.kind == "hall" and not one.needs_approval and one.site_id not in self.foreign)
            for one in self.things
        )
        return not own or any(one.asks or one.unit_id != self.unit.id for one in self.called)

    def concerns_others(self, thing: Thing) -> bool:
        """Report whether a resource needs the word of another unit. The own unit decides alone about its sites, and about halls
        of its branch that need no approval and that the server does not call.
        """
        if not thing.site_id or thing.site_id in self.own:
            return False
        own_branch = thing.kind == "hall" and thing.site_id not in self.foreign and not thing.needs_approval
        return not own_branch or self.request.connect == CALL

    @property
    def skips_clashes(self) -> bool:
        """Report whether clashing dates of the series are listed instead of booked."""
        return bool(self.request.skip_clashes and self.request.rule)

    @property
    def called(self) -> tuple[call_list.Device, ...]:
        """Return the terminals that the server will call."""
        return self.calls.called if self.request.connect == CALL else ()

    @property
    def needed(self) -> tuple[Thing, ...]:
        """Return what every date must have: the resources of the request, and the terminals of the booked halls."""
        return terminals.needed(self.things, self.calls, self.unit.id)

    @property
    def guests(self) -> tuple[Thing, ...]:
        """Return the terminals of the host, as an invited unit, that a new meeting reserves where they are free.

        No other unit has agreed yet. A terminal that waits for the approval would keep its unit out of its own hall.
        """
        known = {one.id for one in self.needed}
        return terminals.of_guests(self.calls, self.class_, known, {self.unit.id})

    def is_late(self, now: datetime) -> bool:
        """Report whether the invitation would be too late now."""
        return calendar.is_late(self.calendar, self.request.starts_at, self.type_.notice_days, now)

    @property
    def rehearsal(self) -> Span | None:
        request = self.request
        if request.rehearsal_at is None:
            return None
        return Span("", request.rehearsal_at, request.rehearsal_at + timedelta(minutes=request.rehearsal_min))

    @property
    def rehearsed(self) -> tuple[Thing, ...]:
        """Return what the rehearsal must have: halls and terminals, and no people."""
        return tuple(one for one in self.needed if one.kind in ("hall", "terminal"))

    def trouble_of(self, span: Span) -> Trouble | None:
        """Return why the unit does not meet on that date: its hours, or a day off. Return None if there is no reason."""
        day = day_of(span.starts_at)
        return unit_rules.trouble_of_day(self.rule, self.calendar, day) or unit_rules.trouble_of_hours(
            self.rule, span.starts_at, span.ends_at
        )

    def lock_names(self) -> list[str]:
        quota = [f"unit:{self.unit.id}"] if self.rule.counts else []
        listed = (one.device.id for one in self.calls.lines if not one.out)
        return [*quota, *{*(one.id for one in self.needed), *listed}]


async def make(
    session: AsyncSession,
    request: Request,
    actor: Actor,
    now: datetime,
    action: str = "meetings.create",
    ahead: bool = True,
) -> Plan:
    """Make the plan of a checked request. `action` is the right that the actor needs; empty if the caller has already checked
    it. `ahead`: check that the start is within the time that may be booked now. Raise the refusals of `requests`, `rules`,
    `resources`, `recurrence` and `attendees`.
    """
    day = day_of(request.starts_at)
    ground = await _ground(session, request.host_unit_id, request.type_code)
    unit = unit_rules.existing(ground.unit, day_of(now))
    if action:
        roles.require(actor, action, unit.path)
    unit_rules.existing(unit, day)
    type_ = _known_type(ground.type_)
    class_ = classes.resolved(request.class_, type_.default_class)
    rule = unit_rules.nearest(unit.path, ground.rules)
    if ahead:
        unit_rules.require_ahead(rule, request.starts_at, now, bool(request.urgent_reason))
    if request.precedence is not None:
        roles.require(actor, "meetings.precedence", unit.path)
    until = now + timedelta(days=rule.ahead_days)
    series = recurrence.expand(request.starts_at, request.rule, until if request.rule else None)
    things = await resources.resolve(
        session,
        request.hall_ids,
        request.terminal_ids,
        [(request.operator_id, "operator"), (request.secretary_id, "person"), (request.chair_id, "person")],
        class_,
        day,
        deputies=[one for one in (request.secretary_deputy_id, request.operator_deputy_id) if one],
    )
    _require_apart(series.dates, request.duration_min, things)
    invited = await attendees.expand(session, request.attendees, day) if request.attendees else []
    booked = {one.id: one.site_id for one in things if one.kind == "hall"}
    calls = await call_list.of_wish(session, booked, request.terminal_ids, invited, request.uncalled_ids)
    length = timedelta(minutes=request.duration_min)
    own, foreign = await _places(session, {one.site_id for one in things if one.site_id}, unit)
    await attendees.require_sites(session, request.attendees or (), invited, actor)
    return Plan(
        request=request,
        unit=unit,
        type_=type_,
        class_=class_,
        rule=rule,
        calendar=await calendar.load(session),
        things=things,
        spans=tuple(Span(new_id(), at, at + length) for at in series.dates),
        more=series.more,
        invited=tuple(invited),
        calls=calls,
        load=resources.load(
            ground.pools, unit.path, wanted_legs(request, class_, calls, len(invited)), calls.terminals
        ),
        foreign=foreign,
        own=own,
    )


async def _places(session: AsyncSession, site_ids: set[str], unit: Unit) -> tuple[frozenset[str], frozenset[str]]:
    """Return the sites of the unit itself, and the sites outside its branch."""
    if not site_ids:
        return frozenset(), frozenset()
    found = (await session.execute(attendees.PLACES, {"sites": sorted(site_ids)})).all()
    own = frozenset(site for site, owner, _ in found if owner == unit.id)
    return own, frozenset(site for site, _, path in found if not path.startswith(unit.path))


@dataclass(frozen=True)
class _Ground:
    """Rows of the register that a plan needs. `rules`: the rules of the unit and of the units above it."""

    unit: Unit | None = None
    type_: MeetingType | None = None
    rules: Sequence[UnitRule] = ()
    pools: Sequence[Pool] = ()


_GROUND = (
    select(Unit, MeetingType, UnitRule, Pool)
    .select_from(Unit)
    .outerjoin(MeetingType, MeetingType.code == bindparam("type"))
    .outerjoin(UnitRule, Unit.path.like("%/" + UnitRule.unit_id + "/%"))
    .outerjoin(Pool, true())
    .where(Unit.id == bindparam("unit"))
)


async def _ground(session: AsyncSession, unit_id: str, type_code: str) -> _Ground:
    """Read the rows of `_Ground` with one statement. The statement returns one row for each pair of a rule and a pool, and one
    row if there are none.
    """
    rows = (await session.execute(_GROUND, {"unit": unit_id, "type": type_code})).all()
    if not rows:
        return _Ground()
    unit, type_ = rows[0][:2]
    rules = {row[2].unit_id: row[2] for row in rows if row[2] is not None}
    pools = {row[3].code: row[3] for row in rows if row[3] is not None}
    return _Ground(unit, type_, list(rules.values()), list(pools.values()))


def wanted_legs(request: Request, class_: str, calls: CallList, invited: int) -> int:
    """Return the number of legs: the requested number if there is one, otherwise a count of at least two.

    An important meeting with terminals counts one leg for each terminal. Any other meeting counts one for each attendee.
    It also counts one for each terminal that is not on the call list for an invited unit. A secretary and an operator who
    are not among the attendees count one each.
    """
    if request.legs:
        return request.legs
    if class_ == classes.IMPORTANT and calls.lines:
        return max(2, len(calls.lines))
    staff = {request.secretary_id, request.operator_id} - {None, *(one.person_id for one in request.attendees or ())}
    return max(2, invited + sum(one.why != "unit" for one in calls.lines) + len(staff))


def _require_apart(dates: Sequence[datetime], duration_min: int, things: Sequence[Thing]) -> None:
    """Require enough time between the dates of a series. Raise `series_overlaps_itself`."""
    before, after = (max((getattr(one, name) for one in things), default=0) for name in ("before_min", "after_min"))
    needed = timedelta(minutes=before + duration_min + after)
    if any(later - earlier < needed for earlier, later in pairwise(dates)):
        raise Refusal(
            "series_overlaps_itself",
            "Các buổi của chuỗi họp chồng lên nhau (tính cả thời gian chuẩn bị, dọn dẹp). Hãy lặp thưa hơn hoặc họp ngắn hơn.",
            "dates of the series overlap each other: repeat less often or meet for less time",
        )


def _known_type(found: MeetingType | None) -> MeetingType:
    if found is None:
        raise Refusal(
            "unknown_type",
            "Hãy chọn loại cuộc họp có trong danh sách.",
            "no such meeting type: choose one from the list",
        )
    return found


def may_leave_hours(actor: Actor, unit: Unit, request: Request) -> bool:
    """Report whether the actor may book outside the hours of the unit: an operator with a reason, or a command of the server."""
    if actor.kind in ("command", "system"):
        return True
    return bool(request.urgent_reason) and roles.allows(actor, "meetings.precedence", unit.path)


def trouble_of_rehearsal(plan: Plan, actor: Actor, now: datetime) -> Trouble | None:
    """Return why the rehearsal is not possible at its time, apart from what is taken. Return None if there is no reason."""
    span = plan.rehearsal
    if span is None:
        return None
    if span.starts_at <= now:
        vietnamese = "Giờ tổng duyệt đã qua. Hãy chọn giờ khác."
        return Trouble("rehearsal_past", vietnamese, "the time of the rehearsal has passed", "rehearsal_at")
    if span.ends_at > plan.request.starts_at:
        vietnamese = f"Tổng duyệt phải xong trước giờ họp ({clock(plan.request.starts_at)}). Hãy chọn giờ sớm hơn."
        return Trouble("rehearsal_late", vietnamese, "a rehearsal must end before its meeting starts", "rehearsal_at")
    return None if may_leave_hours(actor, plan.unit, plan.request) else plan.trouble_of(span)


def require_rehearsal(plan: Plan, actor: Actor, now: datetime) -> None:
    """Raise the trouble of the rehearsal, if there is one."""
    trouble = trouble_of_rehearsal(plan, actor, now)
    if trouble is not None:
        raise Refusal(trouble.code, f"Tổng duyệt: {trouble.vietnamese}", trouble.english, [trouble])


def skips_of(plan: Plan, actor: Actor) -> dict[str, str]:
    """Return the dates that are skipped even if everything is free, by occurrence, with the reason. Raise `outside_hours` or
    `day_off` for a bad date that may not be skipped.
    """
    request, wished = plan.request, set(plan.request.skip)
    skipped = {one.occurrence_id: SKIPPED_BY_WISH for one in plan.spans if day_of(one.starts_at) in wished}
    if may_leave_hours(actor, plan.unit, request):
        return skipped
    troubles = []
    for span in plan.spans:
        trouble = None if span.occurrence_id in skipped else plan.trouble_of(span)
        if trouble and trouble.code == "day_off" and plan.skips_clashes:
            skipped[span.occurrence_id] = trouble.vietnamese
        elif trouble:
            troubles.append(trouble)
    if troubles:
        raise Refusal(troubles[0].code, troubles[0].vietnamese, troubles[0].english, troubles)
    return skipped
