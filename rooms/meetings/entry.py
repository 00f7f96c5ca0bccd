"""Entry into a booked meeting. This module finds the date, its opening time, the participant and the verdict of the class
policy.

A person enters by a personal link, by number and PIN, or signed in. This module owns no live state and makes no token:
`signaling.api` makes a token from an Entry. Every way of entry ends in `rooms.policy.classes.admission`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import attendees, leaders
from rooms.errors import Refusal, Trouble
from rooms.meetings import links, wording
from rooms.org.names import cleaned
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.policy.classes import IMPORTANT, Verdict, Way, admission
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit

OVER = ("ended", "released")
LEADERS = ("chair", "secretary")


@dataclass(frozen=True)
class Entry:
    """A date, and the person who enters. `name` is the name that the other participants see, with the post.

    `role` is `chair`, `secretary` or `operator` as in the booking; empty for other people, who may be hosts. `unit` is the short
    name of the unit for which the person comes; empty for a guest.
    """

    meeting: Meeting
    occurrence: Occurrence
    host_unit_name: str
    way: Way
    name: str
    attendee_id: str = ""
    host: bool = False
    invited: bool = False
    role: str = ""
    unit: str = ""
    guest: bool = False
    """The person is invited as a guest, or is not invited."""

    @property
    def opens_at(self) -> datetime:
        return opens_at(self.occurrence, host=self.host)

    def refusal(self, now: datetime) -> Refusal | None:
        """Return why the person may not enter now, or None if the person may enter."""
        return door(self, now) or _judged(self)

    def waits(self, lobby: bool) -> bool:
        """Report whether the person waits in the lobby first, with the lobby on or off. Call this only for an entry that is not
        refused.
        """
        return _verdict(self, lobby).lobby


def opens_at(occurrence: Occurrence, *, host: bool = False) -> datetime:
    """Return the time when entry opens. Entry opens earlier for the hosts."""
    return occurrence.starts_at - timedelta(minutes=limits.ENTRY_HOST_MIN if host else limits.ENTRY_MIN)


async def by_link(session: AsyncSession, secret: str, now: datetime) -> Entry:
    """Return the entry for a personal link. The date is the running date, otherwise the next date, otherwise the last date.

    Raise Refusal `link_wrong`.
    """
    attendee = await links.find(session, secret)
    if attendee is None:
        raise Refusal(
            "link_wrong",
            "Liên kết này không còn dùng được. Hãy xin liên kết mới ở thư ký cuộc họp.",
            "this link is no longer valid: ask the secretary of the meeting for a new link",
        )
    meeting = await session.get_one(Meeting, attendee.meeting_id)
    name = await attendee_name(session, attendee, now)
    way: Way = "personal_link"
    date = await _date_now(session, meeting, now)
    person = _comes(attendee)
    return await _entry(session, meeting, date, way, name, attendee, person, host=attendee.role in LEADERS)


async def by_number(session: AsyncSession, number: str, pin: str, name: str, now: datetime) -> Entry:
    """Return the entry for a number and its PIN. Raise Refusal `number_or_pin_wrong`, `name_empty`. The refusal does not say
    whether number or PIN is wrong.
    """
    digits = "".join(one for one in number if one.isdigit())
    meeting = await session.scalar(select(Meeting).where(Meeting.number == digits))
    if not hmac.compare_digest((meeting.pin if meeting else "").encode(), pin.encode()) or meeting is None or not pin:
        raise Refusal(
            "number_or_pin_wrong",
            "Số cuộc họp hoặc mã PIN không đúng. Hãy xem lại giấy mời.",
            "the meeting number or the PIN is wrong: look at the invitation again",
        )
    shown = cleaned(name)[: limits.NAME_CHARACTERS]
    if not shown:
        raise Refusal("name_empty", "Hãy nhập tên.", "a name is needed")
    return await _entry(
        session, meeting, await _date_now(session, meeting, now), "number_pin", shown, None, None, host=False
    )


async def by_account(
    session: AsyncSession, occurrence_id: str, actor: Actor, now: datetime, phone: bool = False
) -> Entry:
    """Return the entry of a signed-in user. Raise Refusal `occurrence_unknown`, `not_invited`."""
    occurrence = await session.get(Occurrence, occurrence_id)
    if occurrence is None:
        raise Refusal("occurrence_unknown", "Không có buổi họp này.", "there is no such date")
    meeting = await session.get_one(Meeting, occurrence.meeting_id)
    attendee = await invited_as(session, meeting.id, actor)
    host = await is_host(session, meeting, actor)
    if attendee is None and not host:
        raise not_invited()
    host = host or leads(attendee, actor, await headed(session, actor, now))
    name = await actor_name(session, actor, now)
    way: Way = "phone_browser" if phone else "browser"
    person = actor.person_id or None
    return await _entry(session, meeting, occurrence, way, name, attendee, person, host=host)


Gate = tuple[str, str, int, bool, bool, bool]
"""(date, class, version of the meeting, whether it takes place, its lobby, whether newcomers are muted)."""


async def doors(session: AsyncSession, now: datetime, meeting_id: str = "") -> list[Gate]:
    """Return the doors of dates within a day of now.

    The dates are those of one meeting, or those of all meetings that are important, mute newcomers or do not take place. The
    entry to a conference needs these values after a restart.
    """
    near = timedelta(days=1)
    stands = or_(Meeting.state == "approved", and_(Meeting.state == "asked", Occurrence.state == "running"))
    on = Occurrence.state.not_in(("cancelled", "skipped", "postponed"))
    takes_place = and_(stands, on, Occurrence.starts_at < now + near)
    query = (
        select(Occurrence.id, Meeting.class_, Meeting.version, takes_place, Meeting.lobby, Meeting.entry_muted)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(Occurrence.starts_at > now - near)
        .where(or_(Occurrence.starts_at < now + near, Occurrence.original_at < now + near))
        .order_by(Occurrence.starts_at)
        .limit(limits.STRICT_DATES)
    )
    own = (
        Meeting.id == meeting_id
        if meeting_id
        else or_(Meeting.class_ == IMPORTANT, not_(takes_place), Meeting.entry_muted)
    )
    return [
        (id_, class_, version, bool(open_), lobby, muted)
        for id_, class_, version, open_, lobby, muted in await session.execute(query.where(own))
    ]


async def host_unit_of(session: AsyncSession, occurrence_id: str) -> str:
    """Return the host unit of a date, or an empty text if the date does not exist."""
    query = select(Meeting.host_unit_id).join(Occurrence, Occurrence.meeting_id == Meeting.id)
    return await session.scalar(query.where(Occurrence.id == occurrence_id)) or ""


def not_invited() -> Refusal:
    return Refusal(
        "not_invited",
        "Người vào họp không có trong thành phần dự họp. Hãy liên hệ thư ký cuộc họp.",
        "you are not on the list of invitees: ask the secretary of the meeting",
    )


async def invited_as(session: AsyncSession, meeting_id: str, actor: Actor) -> Attendee | None:
    """Return the attendee row for this person: as attendee, as agreed substitute, as deputy of an attendee, or for the person's
    unit.
    """
    own = {actor.person_id, *actor.deputises} - {""}
    if not own:
        return None
    unit_id = await session.scalar(select(Person.unit_id).where(Person.id == actor.person_id))
    rows = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting_id).order_by(Attendee.id))
    best: tuple[int, Attendee] | None = None
    for one in rows:
        rank = fit(one, own, unit_id)
        if rank and (best is None or rank < best[0]):
            best = (rank, one)
    return best[1] if best else None


def fit(one: Attendee, own: set[str], unit_id: str | None) -> int:
    """Return how well the attendee row fits the person: 1 is the best, 0 is no fit."""
    if one.person_id in own:
        return 1
    if one.substitute_person_id in own and one.substitute_state == "agreed":
        return 2
    return 3 if one.unit_id is not None and one.person_id is None and one.unit_id == unit_id else 0


async def is_host(session: AsyncSession, meeting: Meeting, actor: Actor) -> bool:
    """Report whether the actor leads this meeting, or belongs to the host's desk."""
    if leaders.leads(meeting, actor):
        return True
    path = await session.scalar(select(Unit.path).where(Unit.id == meeting.host_unit_id))
    return roles.allows(actor, "meetings.edit", path or "/")


async def actor_name(session: AsyncSession, actor: Actor, now: datetime) -> str:
    """Return the name and post that other participants see."""
    person = await session.get(Person, actor.person_id) if actor.person_id else None
    return await attendees.person_label(session, person, wording.local(now).date()) if person else actor.name


async def attendee_name(session: AsyncSession, attendee: Attendee, now: datetime) -> str:
    """Return the name of an attendee: the agreed substitute if there is one, otherwise the person, the label in the letter, or
    the guest.
    """
    if attendee.substitute_state == "agreed" and attendee.substitute_name:
        return " - ".join(filter(None, (attendee.substitute_name, attendee.substitute_post)))
    if attendee.person_id:
        person = await session.get_one(Person, attendee.person_id)
        return await attendees.person_label(session, person, wording.local(now).date())
    return attendee.label or attendee.guest_name


async def _entry(
    session: AsyncSession,
    meeting: Meeting,
    occurrence: Occurrence,
    way: Way,
    name: str,
    attendee: Attendee | None,
    person_id: str | None,
    *,
    host: bool,
) -> Entry:
    unit = await session.get_one(Unit, meeting.host_unit_id)
    known = attendee.id if attendee else ""
    role = _role(meeting, attendee, person_id) if host else ""
    sent_by = await _unit_name(session, attendee, person_id)
    guest = attendee is None or attendee.role == "guest"
    return Entry(meeting, occurrence, unit.name, way, name, known, host, attendee is not None, role, sent_by, guest)


def _comes(attendee: Attendee) -> str | None:
    """Return the person who comes by a personal link: the agreed substitute if there is one."""
    agreed = attendee.substitute_state == "agreed" and attendee.substitute_name
    return attendee.substitute_person_id if agreed else attendee.person_id


def _role(meeting: Meeting, attendee: Attendee | None, person_id: str | None) -> str:
    invited = attendee.role if attendee else ""
    if invited in LEADERS:
        return invited
    if person_id and person_id == meeting.chair_id:
        return "chair"
    if person_id in leaders.people_of(meeting, leaders.SECRETARIES):
        return "secretary"
    return "operator" if person_id in leaders.people_of(meeting, leaders.OPERATORS) else ""


async def _unit_name(session: AsyncSession, attendee: Attendee | None, person_id: str | None) -> str:
    person = await session.get(Person, person_id) if person_id else None
    unit_id = person.unit_id if person else attendee.unit_id if attendee else None
    unit = await session.get(Unit, unit_id) if unit_id else None
    return (unit.short_name or unit.name) if unit else ""


def leads(attendee: Attendee | None, actor: Actor, headed_units: set[str]) -> bool:
    """Report whether the actor is chair or secretary in the list of attendees, and so may prepare the meeting. For a unit with
    that role, only its head may prepare; other people of the unit are guests.
    """
    if attendee is None or attendee.role not in LEADERS:
        return False
    own = {actor.person_id, *actor.deputises} - {""}
    return bool(own & {attendee.person_id, attendee.substitute_person_id}) or attendee.unit_id in headed_units


async def headed(session: AsyncSession, actor: Actor, now: datetime) -> set[str]:
    """Return the units that the actor, or a person whose deputy the actor is, leads today."""
    own = {actor.person_id, *actor.deputises} - {""}
    day = wording.local(now).date()
    return set(
        await session.scalars(
            select(Post.unit_id)
            .join(Holding, Holding.post_id == Post.id)
            .where(Post.is_head, Holding.person_id.in_(own), Holding.valid_from <= day)
            .where(or_(Holding.valid_to.is_(None), Holding.valid_to > day))
        )
    )


async def _date_now(session: AsyncSession, meeting: Meeting, now: datetime) -> Occurrence:
    dates = await session.scalars(
        select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at, Occurrence.id)
    )
    return nearest(list(dates), now)


def nearest(dates: Sequence[Occurrence], now: datetime) -> Occurrence:
    """Return the running date, otherwise the next planned date, otherwise the last date. `dates` is in order and never empty."""
    last = now - timedelta(minutes=limits.OVERRUN_MOST_MIN)
    running = [one for one in dates if one.state == "running" and last < one.ends_at]
    ahead = [one for one in dates if one.state in ("planned", "running") and now < one.ends_at]
    return (running or ahead or list(dates[-1:]))[0]


def door(entry: Entry, now: datetime) -> Refusal | None:
    """Return why entry is closed, or None. A running date stays open while a change of other dates waits for approval."""
    meeting, date = entry.meeting, entry.occurrence
    stands = meeting.state == "approved" or (meeting.state == "asked" and date.state == "running")
    if meeting.state in ("held", "asked") and not stands:
        return Refusal(
            "held",
            "Cuộc họp chưa được duyệt. Hãy chờ thư ký báo khi cuộc họp được duyệt.",
            "the meeting is not approved yet: wait for a message from the secretary",
        )
    if not stands or date.state in ("cancelled", "skipped"):
        return Refusal(
            "cancelled",
            "Cuộc họp này đã hủy. Hãy liên hệ thư ký cuộc họp.",
            "the meeting was cancelled: ask the secretary of the meeting",
        )
    if date.state == "postponed":
        return Refusal(
            "postponed",
            "Cuộc họp này đã hoãn. Hãy chờ giấy mời mới.",
            "the meeting was postponed: wait for a new invitation",
        )
    if now < entry.opens_at and date.state not in OVER:
        moment = wording.short_moment(entry.opens_at)
        detail = {"opens_at": entry.opens_at.isoformat(), "starts_at": date.starts_at.isoformat()}
        vi = f"Chưa đến giờ. Phòng họp mở lúc {moment}."
        en = f"too early: the meeting opens at {entry.opens_at.isoformat()}"
        return Refusal("too_early", vi, en, [Trouble("too_early", vi, en, "starts_at", detail)])
    return _over(date, now)


def _over(date: Occurrence, now: datetime) -> Refusal | None:
    """Refuse a date that is over. Participants may enter a running date again until the server ends it."""
    last = date.ends_at + timedelta(minutes=limits.OVERRUN_MOST_MIN if date.state == "running" else 0)
    if date.state not in OVER and now < last:
        return None
    return Refusal("ended", "Cuộc họp đã kết thúc.", "the meeting is over")


def _judged(entry: Entry) -> Refusal | None:
    verdict = _verdict(entry, entry.meeting.lobby)
    if verdict.allowed:
        return None
    if verdict.code == "not_invited":
        return not_invited()
    why = Trouble(verdict.code, verdict.vietnamese, verdict.english)
    return Refusal("class_forbids", verdict.vietnamese, verdict.english, [why])


def _verdict(entry: Entry, lobby: bool) -> Verdict:
    return admission(entry.meeting.class_, entry.way, invited=entry.invited, host=entry.host, lobby=lobby)
