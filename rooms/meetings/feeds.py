"""Calendar feeds of a hall, a person or a unit, and the public weekly schedule.

A feed has a secret address. It shows the titles that its owner may see at the time of the request (`Reader`); other meetings
appear as "Bận". A feed closes when it is revoked or when its account is switched off. The public schedule holds only approved
meetings that are marked as public.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import actors
from rooms.booking.meeting import attendees, leaders
from rooms.errors import Refusal
from rooms.identifiers import digest, new_id, new_secret
from rooms.meetings import calendar_entries, links
from rooms.meetings.calendar_entries import Dated, Entry
from rooms.meetings.wording import local
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.accounts import Account
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.records import Feed
from rooms.store.tables.sites import Hall, Site

KINDS = ("hall", "person", "unit")
TARGETS = {"hall": Hall, "person": Person, "unit": Unit}
TAKES = ("held", "asked", "approved")
SHOWN = ("planned", "running", "ended")


@dataclass(frozen=True)
class Scheduled:
    """A line of the public schedule."""

    occurrence_id: str
    title: str
    host: str
    chair: str
    place: str
    starts_at: datetime
    ends_at: datetime


async def create(session: AsyncSession, kind: str, target_id: str, actor: Actor, now: datetime) -> tuple[Feed, str]:
    """Make a feed. Return it with its secret, which is shown only this time. Raise Refusal `denied`, `unknown_target`,
    `too_many_feeds`.
    """
    if actor.kind != "account" or not roles.anywhere(actor, "feeds.write"):
        raise Refusal(
            "denied",
            "Chỉ người dùng đã đăng nhập mới tạo được lịch theo dõi.",
            "only a signed-in user can create a feed",
        )
    if kind not in KINDS or await session.get(TARGETS[kind], target_id) is None:
        raise Refusal(
            "unknown_target", "Không tìm thấy hội trường, người hoặc đơn vị này.", "no such hall, person or unit"
        )
    open_ones = await session.scalar(
        select(func.count()).select_from(Feed).where(Feed.account_id == actor.id, Feed.revoked_at.is_(None))
    )
    if (open_ones or 0) >= limits.FEEDS_EACH:
        raise Refusal(
            "too_many_feeds",
            "Đã có quá nhiều lịch theo dõi. Hãy thu hồi bớt.",
            "you have too many feeds: revoke one first",
        )
    secret = new_secret()
    feed = Feed(id=new_id(), digest=digest(secret), kind=kind, target_id=target_id, account_id=actor.id, created_at=now)
    session.add(feed)
    await session.flush()
    await audit.record(session, now, actor, "feed.create", "feed", feed.id, "", {"kind": kind, "target": target_id})
    return feed, secret


async def revoke(session: AsyncSession, feed_id: str, actor: Actor, now: datetime) -> Feed:
    """Close a feed. Its owner may do this, and an actor who may change accounts. Raise Refusal `unknown_feed`."""
    feed = await session.get(Feed, feed_id)
    if feed is None or not (feed.account_id == actor.id or roles.anywhere(actor, "accounts.write")):
        raise Refusal("unknown_feed", "Không tìm thấy lịch theo dõi này.", "no such feed")
    if feed.revoked_at is None:
        feed.revoked_at = now
        await audit.record(session, now, actor, "feed.revoke", "feed", feed.id)
    return feed


async def listed(session: AsyncSession, actor: Actor) -> list[Feed]:
    """Return the actor's own feeds, newest first."""
    rows = await session.scalars(select(Feed).where(Feed.account_id == actor.id).order_by(Feed.created_at.desc()))
    return list(rows)


async def find(session: AsyncSession, secret: str) -> Feed | None:
    """Return the feed with this secret, if the feed is open."""
    if not secret or len(secret) > links.SECRET_CHARACTERS:
        return None
    feed: Feed | None = await session.scalar(
        select(Feed)
        .join(Account, Account.id == Feed.account_id)
        .where(Feed.digest == digest(secret), Feed.revoked_at.is_(None), Account.active)
    )
    return feed


async def ics(session: AsyncSession, feed: Feed, base: str, domain: str, now: datetime) -> bytes:
    """Return the feed's calendar: a month before now, a year after now, at most `FEED_EVENTS` dates."""
    account = await session.get_one(Account, feed.account_id)
    reader = Reader(session, await actors.of_account(session, account, now), now)
    rows = (await session.execute(_dates_of(await _chosen(session, feed, now), now))).all()
    entries = []
    for occurrence, meeting, unit in rows:
        shown = await reader.may_read(meeting, unit)
        entries.append(_entry(occurrence, meeting, unit, base, domain) if shown else _busy(occurrence, domain))
    name = await _name(session, feed)
    return calendar_entries.publish(entries, name, now)


async def schedule(session: AsyncSession, starts_at: datetime, ends_at: datetime) -> list[Scheduled]:
    """Return the public approved meetings that take place between the two instants. Raise Refusal `too_long`."""
    if ends_at - starts_at > timedelta(days=limits.SCHEDULE_DAYS):
        raise Refusal(
            "too_long",
            f"Lịch công khai xem nhiều nhất {limits.SCHEDULE_DAYS} ngày.",
            f"the public schedule shows at most {limits.SCHEDULE_DAYS} days at a time",
        )
    rows = await session.execute(_public(starts_at, ends_at))
    found = [(occurrence, meeting, unit, person) for occurrence, meeting, unit, person in rows]
    places = await places_of(session, [row[0].id for row in found])
    return [
        Scheduled(
            occurrence_id=occurrence.id,
            title=meeting.title,
            host=unit.name,
            chair=await attendees.person_label(session, person, local(occurrence.starts_at).date()) if person else "",
            place=places.get(occurrence.id, ""),
            starts_at=occurrence.starts_at,
            ends_at=occurrence.ends_at,
        )
        for occurrence, meeting, unit, person in found
    ]


async def schedule_ics(
    session: AsyncSession, starts_at: datetime, ends_at: datetime, domain: str, now: datetime
) -> bytes:
    """Return the public schedule as a calendar."""
    entries = [
        Entry(
            uid=calendar_entries.uid(one.occurrence_id, domain),
            title=one.title,
            dates=[Dated(one.starts_at, one.starts_at, one.ends_at)],
            description="\n".join(filter(None, (one.host, one.chair and f"Chủ trì: {one.chair}"))),
            location=one.place,
            public=True,
        )
        for one in await schedule(session, starts_at, ends_at)
    ]
    return calendar_entries.publish(entries, "Lịch họp công khai", now)


class Reader:
    """The meetings whose titles a feed shows. The object caches its results, for queries about many meetings.

    The rule is stricter than `booking.meeting.reading`. An invitation counts only for an approved meeting. An invitation of a
    unit counts only for its head and its desk.
    """

    def __init__(self, session: AsyncSession, actor: Actor, now: datetime) -> None:
        self._session = session
        self._actor = actor
        self._persons = {actor.person_id, *actor.deputises} - {""}
        self._day = local(now).date()
        self._known: dict[str, bool] = {}

    async def may_read(self, meeting: Meeting, host: Unit) -> bool:
        if meeting.id not in self._known:
            self._known[meeting.id] = await self._judge(meeting, host)
        return self._known[meeting.id]

    async def _judge(self, meeting: Meeting, host: Unit) -> bool:
        if meeting.public and meeting.state == "approved":
            return True
        if roles.allows(self._actor, "meetings.read", host.path) or meeting.created_by == self._actor.id:
            return True
        if not self._persons.isdisjoint(leaders.people_of(meeting)):
            return True
        return await self._is_invited(meeting)

    async def _is_invited(self, meeting: Meeting) -> bool:
        if meeting.state != "approved":
            return False
        rows = list(
            await self._session.execute(
                select(Attendee.person_id, Unit)
                .outerjoin(Unit, Unit.id == Attendee.unit_id)
                .where(Attendee.meeting_id == meeting.id)
            )
        )
        if any(person in self._persons for person, _ in rows):
            return True
        units = [unit for _, unit in rows if unit is not None]
        if any(roles.allows(self._actor, "meetings.answers", unit.path) for unit in units):
            return True
        heads = await attendees.heads_of(self._session, [unit.id for unit in units], self._day) if self._persons else {}
        return any(person.id in self._persons for person, _ in heads.values())


async def _chosen(session: AsyncSession, feed: Feed, now: datetime) -> Select[str]:
    """Return the query for the identifiers of the dates that belong to the feed's target."""
    dates = select(Occurrence.id).join(Meeting, Meeting.id == Occurrence.meeting_id)
    reserved = select(Reservation.occurrence_id).where(Reservation.resource_id == feed.target_id, Reservation.active)
    if feed.kind == "hall":
        return reserved
    if feed.kind == "unit":
        invited = select(Attendee.meeting_id).where(Attendee.unit_id == feed.target_id)
        return dates.where(or_(Meeting.host_unit_id == feed.target_id, Meeting.id.in_(invited)))
    led = await _units_led(session, feed.target_id, now)
    invited = select(Attendee.meeting_id).where(
        or_(
            Attendee.person_id == feed.target_id,
            Attendee.substitute_person_id == feed.target_id,
            Attendee.unit_id.in_(led),
        )
    )
    return dates.where(
        or_(
            Meeting.id.in_(invited),
            Occurrence.id.in_(reserved),
            leaders.led_by([feed.target_id]),
        )
    )


async def _units_led(session: AsyncSession, person_id: str, now: datetime) -> list[str]:
    person = await session.get_one(Person, person_id)
    heads = await attendees.heads_of(session, [person.unit_id], local(now).date())
    return [unit_id for unit_id, (head, _) in heads.items() if head.id == person_id]


def _dates_of(chosen: Select[str], now: datetime) -> Select[Occurrence, Meeting, Unit]:
    return (
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Occurrence.id.in_(chosen), Occurrence.state.in_(SHOWN), Meeting.state.in_(TAKES))
        .where(Occurrence.starts_at >= now - timedelta(days=limits.FEED_BEHIND_DAYS))
        .where(Occurrence.starts_at <= now + timedelta(days=limits.FEED_AHEAD_DAYS))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.FEED_EVENTS)
    )


def _public(starts_at: datetime, ends_at: datetime) -> Select[Occurrence, Meeting, Unit, Person]:
    return (
        select(Occurrence, Meeting, Unit, Person)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .outerjoin(Person, Person.id == Meeting.chair_id)
        .where(Meeting.public, Meeting.state == "approved", Occurrence.state.in_(SHOWN))
        .where(Occurrence.starts_at < ends_at, Occurrence.ends_at > starts_at)
        .order_by(Occurrence.starts_at, Meeting.title)
        .limit(limits.FEED_EVENTS)
    )


async def places_of(session: AsyncSession, occurrence_ids: Sequence[str]) -> dict[str, str]:
    """Return the halls with their sites, in words, by date."""
    rows = await session.execute(
        select(Reservation.occurrence_id, Hall.name, Site.name)
        .join(Hall, Hall.id == Reservation.resource_id)
        .join(Site, Site.id == Hall.site_id)
        .where(Reservation.kind == "hall", Reservation.active, ~Reservation.guest)
        .where(Reservation.occurrence_id.in_(occurrence_ids))
        .order_by(Hall.name)
    )
    places: dict[str, str] = {}
    for occurrence_id, hall, site in rows:
        text = f"{hall}, {site}"
        places[occurrence_id] = f"{places[occurrence_id]}; {text}" if occurrence_id in places else text
    return places


def _entry(occurrence: Occurrence, meeting: Meeting, unit: Unit, base: str, domain: str) -> Entry:
    waits = "" if meeting.state == "approved" else "(Chờ duyệt) "
    return Entry(
        uid=calendar_entries.uid(occurrence.id, domain),
        title=f"{waits}{meeting.title}",
        dates=[Dated(occurrence.original_at, occurrence.starts_at, occurrence.ends_at)],
        sequence=meeting.sequence,
        updated_at=meeting.updated_at,
        description=unit.name,
        url=links.meeting_address(base, meeting.id) if base else "",
        public=meeting.public,
    )


def _busy(occurrence: Occurrence, domain: str) -> Entry:
    """Return an entry without title. Its identifier does not lead to the meeting."""
    dates = [Dated(occurrence.original_at, occurrence.starts_at, occurrence.ends_at)]
    return Entry(
        uid=calendar_entries.uid(digest(f"busy:{occurrence.id}")[:32], domain), title="", dates=dates, busy=True
    )


async def _name(session: AsyncSession, feed: Feed) -> str:
    target = await session.get(TARGETS[feed.kind], feed.target_id)
    assert isinstance(target, Hall | Person | Unit)
    return f"Lịch họp: {target.name}"
