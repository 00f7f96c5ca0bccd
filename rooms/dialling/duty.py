"""The sites of the meetings that a person looks after now, as secretary or operator. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import leaders
from rooms.dialling.planning import NOT_AGREED, WATCH
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Step, Wanted
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.sites import Hall, Site, Terminal

STANDING: Final = ("planned", "running", "released")
"""States of a date that takes place or still may take place. A secretary also phones halls after a release."""


async def sites_of(session: AsyncSession, actor: Actor, now: datetime) -> frozenset[str]:
    """Return the sites of the approved dates that the actor looks after as secretary or operator.

    A date counts from one day before its start to its end; a running date counts until the server ends it. The sites are
    the invited sites and the sites of booked halls and of terminals that are called.

    An internal meeting needs no approval, although it may invite any unit. So only the sites of its own unit count, unless the
    system operator has approved the meeting. A unit that was invited after that approval counts when it has accepted.
    """
    if not actor.person_id:
        return frozenset()
    dates = await _dates(session, leaders.persons_of(actor), now)
    if not dates:
        return frozenset()
    by_meeting = await sites_by_meeting(session, dates)
    everyone = {site for sites in by_meeting.values() for site in sites}
    units = dict((await session.execute(select(Site.id, Site.unit_id).where(Site.id.in_(everyone)))).all())
    bound = await _bound(session, by_meeting)
    return frozenset(
        site for meeting, sites in by_meeting.items() for site in sites if bound.get(meeting) in (None, units.get(site))
    )


async def _dates(session: AsyncSession, persons: Collection[str], now: datetime) -> dict[str, str]:
    """Return the meeting of each date."""
    overrun = now - timedelta(minutes=limits.OVERRUN_MOST_MIN)
    rows = await session.execute(
        select(Occurrence.id, Meeting.id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(
            leaders.led_by(persons, (*leaders.SECRETARIES, *leaders.OPERATORS)),
            Meeting.state == "approved",
            Occurrence.state.in_(STANDING),
            Occurrence.starts_at <= now + timedelta(hours=limits.CONTACTS_AHEAD_H),
            or_(Occurrence.ends_at > now, and_(Occurrence.state == "running", Occurrence.ends_at > overrun)),
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.DATES_DIALLED)
    )
    return dict(rows.all())


async def sites_by_meeting(session: AsyncSession, dates: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the sites of each meeting. `dates`: the meeting of each date."""
    meetings = set(dates.values())
    found: dict[str, set[str]] = {one: set() for one in meetings}
    # An answer that the host's desk entered gives no right to read the contacts of the unit.
    accepted = and_(Attendee.answer == "accepted", Attendee.answered_by.not_like("secretary:%"))
    invited = (
        select(Attendee.meeting_id, Attendee.site_id)
        .join(Meeting, Meeting.id == Attendee.meeting_id)
        .join(Site, Site.id == Attendee.site_id)
        .where(Attendee.meeting_id.in_(meetings))
        .where(or_(Attendee.agreed, accepted, Site.unit_id == Meeting.host_unit_id))
    )
    booked = await _booked(session, dates)
    halls = dict(
        (await session.execute(select(Hall.id, Hall.site_id).where(Hall.id.in_({id_ for _, id_ in booked})))).all()
    )
    terminals = select(Terminal.id, Terminal.site_id).where(Terminal.id.in_({id_ for _, id_ in booked}))
    places = halls | dict((await session.execute(terminals)).all())
    legs = (
        select(DialLeg.occurrence_id, Terminal.site_id)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .where(DialLeg.occurrence_id.in_(dates), ~DialLeg.taken_off)
        # A leg that is only watched, or that waits for the consent of its unit, gives no right to read that unit's contacts.
        .where(DialLeg.asked_by != WATCH, DialLeg.reason != NOT_AGREED.code)
    )
    _put(found, (await session.execute(invited)).all())
    _put(found, [(meeting, places[id_]) for meeting, id_ in booked if id_ in places])
    _put(found, [(dates[date], site) for date, site in (await session.execute(legs)).all()])
    return found


async def _booked(session: AsyncSession, dates: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return pairs (meeting, hall or terminal) of these dates. The own list of a date replaces the list for all dates."""
    rows: Sequence[Any] = (
        await session.execute(
            select(Wanted.meeting_id, Wanted.occurrence_id, Wanted.resource_id).where(
                Wanted.meeting_id.in_(set(dates.values())),
                Wanted.occurrence_id.in_({"", *dates}),
                Wanted.kind.in_(("hall", "terminal")),
            )
        )
    ).all()
    own = {one.occurrence_id for one in rows if one.occurrence_id}
    common = {meeting for date, meeting in dates.items() if date not in own}
    return {(one.meeting_id, one.resource_id) for one in rows if one.occurrence_id or one.meeting_id in common}


def _put(found: dict[str, set[str]], pairs: Iterable[Any]) -> None:
    for meeting, one in pairs:
        found[meeting].add(one)


async def _bound(session: AsyncSession, meetings: Iterable[str]) -> dict[str, str]:
    """Return the host unit of each internal meeting that the system operator has not approved (`Plan.needs_approval`)."""
    approved = select(Step.id).where(Step.meeting_id == Meeting.id, Step.step == 2, Step.state == "approved")
    rows = await session.execute(
        select(Meeting.id, Meeting.host_unit_id)
        .join(MeetingType, MeetingType.code == Meeting.type_code)
        .where(Meeting.id.in_(set(meetings)), MeetingType.internal, Meeting.class_ == classes.ORDINARY)
        .where(~approved.exists())
    )
    return dict(rows.all())
