"""The desk's sending to many attendees: invitations, requests to answer, and texts that the desk passes on by a messenger.

The texts hold what one attendee needs: the facts, a link to answer, and how to enter. A guest's link also opens the meeting.
Units and people of the register get a link that only answers (`links.answering`). Otherwise a user of the desk could enter
under a colleague's name. They enter by number and PIN, or signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import attendees
from rooms.booking.meeting.attendees import Contact
from rooms.errors import Refusal
from rooms.meetings import invitations, links, views, wording
from rooms.org.fields import today
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.records import Job

Reach = Literal["mail", "outside", "none"]
"""Whether mail reaches an attendee. `outside`: the domain is not official, and the desk gave no reason. `none`: no address."""


@dataclass(frozen=True)
class Line:
    """An attendee, as the desk sees it before it sends."""

    attendee: Attendee
    contact: Contact
    answer: str
    """The answer for the next date."""
    reach: Reach
    sent: bool
    """The attendee has the present invitation."""


@dataclass(frozen=True)
class Sent:
    """The result of sending to many: identifiers of attendees."""

    queued: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    """Attendees without an address, or with an address outside the official domains."""
    again: tuple[str, ...] = ()
    """Attendees who were asked for their answer today already."""


@dataclass(frozen=True)
class Message:
    """A text for one attendee. It may hold the PIN and a personal link, so the server does not store it."""

    attendee_id: str
    label: str
    phone: str
    text: str


async def lines(session: AsyncSession, meeting: Meeting, domains: Sequence[str], now: datetime) -> list[Line]:
    """Return the attendees in official order."""
    everybody = await attendees.listed(session, meeting.id)
    reach = await attendees.contacts(session, everybody, today(now))
    date = await attendees.coming(session, meeting.id, now)
    alone = await attendees.answers_on(session, date) if date is not None else {}
    return [
        Line(
            attendee=one,
            contact=reach[one.id],
            answer=alone.get(one.id, one.answer),
            reach=_reach(one, reach[one.id], domains),
            sent=one.notified >= meeting.sequence,
        )
        for one in everybody
    ]


async def invite(
    session: AsyncSession,
    meeting: Meeting,
    attendee_ids: Sequence[str],
    domains: Sequence[str],
    actor: Actor,
    now: datetime,
) -> Sent:
    """Mail the invitation to these attendees again, or to all that do not have the present one if `attendee_ids` is empty.
    Raise Refusal `denied`, `meeting_not_open`, `unknown_attendee`.
    """
    host = await invitations.open_host(session, meeting, actor)
    everybody = await lines(session, meeting, domains, now)
    chosen = _chosen(everybody, attendee_ids, lambda one: not one.sent)
    reached = [one.attendee for one in chosen if one.reach == "mail"]
    for one in reached:
        if attendee_ids:
            one.notified = -1
        payload = {"attendee_id": one.id, "meeting_id": meeting.id, "sequence": meeting.sequence}
        await outbox.enqueue(session, "mail.invite", payload, now, now)
    await session.flush()
    return await _noted(session, "meeting.invite_many", meeting, host, chosen, actor, now)


async def nudge(
    session: AsyncSession,
    meeting: Meeting,
    attendee_ids: Sequence[str],
    domains: Sequence[str],
    actor: Actor,
    now: datetime,
) -> Sent:
    """Mail a request to answer to those of these attendees who have not answered for the next date. If `attendee_ids` is
    empty, all such attendees get the mail. An attendee gets one such mail a day. Raise Refusal `denied`, `meeting_not_open`,
    `unknown_attendee`, `meeting_over`.
    """
    host = await invitations.open_host(session, meeting, actor)
    date = await attendees.coming(session, meeting.id, now)
    if date is None:
        raise Refusal(
            "meeting_over",
            "Cuộc họp đã kết thúc, không trả lời được nữa.",
            "the meeting is over: answers are no longer accepted",
        )
    silent = [one for one in await lines(session, meeting, domains, now) if one.answer == "none"]
    chosen = _chosen(silent, attendee_ids, lambda one: one.attendee.role != "chair")
    keys = {f"mail.nudge:{one.attendee.id}:{date.id}:{today(now).isoformat()}": one.attendee.id for one in chosen}
    known = set(await session.scalars(select(Job.dedupe_key).where(Job.dedupe_key.in_(keys))))
    again = tuple(keys[key] for key in keys if key in known)
    new = [one for one in chosen if one.attendee.id not in again]
    at = {id_: key for key, id_ in keys.items()}
    for one in (one for one in new if one.reach == "mail"):
        payload = {"attendee_id": one.attendee.id, "meeting_id": meeting.id, "occurrence_id": date.id}
        await outbox.enqueue(session, "mail.nudge", payload, now, now, dedupe_key=at[one.attendee.id])
    return await _noted(session, "meeting.remind_many", meeting, host, new, actor, now, again)


async def messages(
    session: AsyncSession,
    meeting: Meeting,
    attendee_ids: Sequence[str],
    around: invitations.Around,
    actor: Actor,
    now: datetime,
    way: str = "copy",
) -> list[Message]:
    """Return a text for each of these attendees, or for all except the chair if `attendee_ids` is empty. The caller commits,
    because the texts hold new links. `way`: `copy` or `sheet`, how the caller hands the texts out.

    Raise Refusal `denied`, `meeting_not_open`, `unknown_attendee`.
    """
    host = await invitations.open_host(session, meeting, actor)
    everybody = await lines(session, meeting, (), now)
    chosen = _chosen(everybody, attendee_ids, lambda one: one.attendee.role != "chair")
    date = await attendees.coming(session, meeting.id, now)
    pin = meeting.pin if views.knows_pin(meeting, host, actor) else ""
    facts = await _facts(session, meeting, host, date)
    rehearsal = await _rehearsal(session, meeting, bool(pin))
    made = []
    for one in chosen:
        label = one.attendee.label or one.attendee.guest_name
        own = rehearsal if one.attendee.unit_id and not one.attendee.person_id else []
        said = [f"Kính gửi: {label}", *facts, *own, *_ways(meeting, one.attendee, pin, around)]
        made.append(Message(one.attendee.id, label, one.contact.phone, "\n".join(said)))
    await session.flush()
    counted = {"count": len(made), "links": sum(_has_own_link(one.attendee) for one in chosen), "way": way}
    await audit.record(session, now, actor, "meeting.messages", "meeting", meeting.id, host.id, counted)
    return made


async def common(
    session: AsyncSession, meeting: Meeting, around: invitations.Around, actor: Actor, now: datetime
) -> str:
    """Return one text for a group of attendees. It holds no personal link, with which any member could answer for another.
    Raise Refusal `denied`, `meeting_not_open`.
    """
    host = await invitations.open_host(session, meeting, actor)
    date = await attendees.coming(session, meeting.id, now)
    pin = meeting.pin if views.knows_pin(meeting, host, actor) else ""
    said = [
        "Kính gửi: Các đơn vị, đại biểu được mời",
        *await _facts(session, meeting, host, date),
        *await _rehearsal(session, meeting, bool(pin)),
        *_entering(meeting, pin, around),
        *_checking(meeting, around),
        "Trả lời dự họp: theo liên kết riêng của từng nơi nhận, hoặc đăng nhập và trả lời ở trang cuộc họp.",
    ]
    await audit.record(
        session, now, actor, "meeting.messages", "meeting", meeting.id, host.id, {"count": 1, "links": 0, "way": "copy"}
    )
    return "\n".join(said)


def is_official(address: str, domains: Sequence[str]) -> bool:
    """Report whether the domain of the address is in `domains` or below one of them."""
    name, _, domain = address.lower().rpartition("@")
    return bool(name) and any(domain == one.lower() or domain.endswith(f".{one.lower()}") for one in domains)


def _reach(attendee: Attendee, contact: Contact, domains: Sequence[str]) -> Reach:
    if not attendees.is_address(contact.email):
        return "none"
    return "mail" if attendee.outside_reason or is_official(contact.email, domains) else "outside"


def _chosen(everybody: Sequence[Line], attendee_ids: Sequence[str], fits: Callable[[Line], bool]) -> list[Line]:
    if not attendee_ids:
        return [one for one in everybody if fits(one)]
    known = {one.attendee.id for one in everybody}
    if len(attendee_ids) > limits.INVITED or not known & set(attendee_ids):
        raise Refusal("unknown_attendee", "Không có người dự họp này trong danh sách.", "no such attendee")
    return [one for one in everybody if one.attendee.id in set(attendee_ids)]


async def _noted(
    session: AsyncSession,
    action: str,
    meeting: Meeting,
    host: Unit,
    chosen: Sequence[Line],
    actor: Actor,
    now: datetime,
    again: tuple[str, ...] = (),
) -> Sent:
    queued = tuple(one.attendee.id for one in chosen if one.reach == "mail")
    unreached = tuple(one.attendee.id for one in chosen if one.reach != "mail")
    counts = {"queued": len(queued), "unreached": len(unreached), "again": len(again)}
    await audit.record(session, now, actor, action, "meeting", meeting.id, host.id, counts)
    return Sent(queued, unreached, again)


async def _facts(session: AsyncSession, meeting: Meeting, host: Unit, date: Occurrence | None) -> list[str]:
    when = wording.span(date.starts_at, date.ends_at) if date is not None else ""
    halls = await invitations.halls_of(session, meeting.id, date.id) if date is not None else []
    said = [
        f"{host.name} kính mời dự họp: {meeting.title}",
        f"Thời gian: {when}" if when else "",
        f"Điểm cầu chính: {'; '.join(halls)}" if halls else "",
    ]
    return [one for one in said if one]


def _has_own_link(attendee: Attendee) -> bool:
    """Report whether the attendee is a guest, who cannot sign in."""
    return attendee.person_id is None and attendee.unit_id is None


async def _rehearsal(session: AsyncSession, meeting: Meeting, with_pin: bool) -> list[str]:
    """Return the lines about the coming rehearsal, with its own number: the number of the meeting opens another room."""
    found = await invitations.coming_rehearsal(session, meeting)
    if found is None:
        return []
    rehearsal, date = found
    said = [f"Tổng duyệt: {wording.span(date.starts_at, date.ends_at)}"]
    if rehearsal.number and _enters(meeting):
        pin = f"; mã PIN tổng duyệt: {rehearsal.pin}" if with_pin and rehearsal.pin else ""
        said.append(f"Mã tổng duyệt: {wording.number(rehearsal.number)}{pin} (chỉ dùng cho buổi tổng duyệt)")
    return said


def _enters(meeting: Meeting) -> bool:
    return classes.admission(meeting.class_, "personal_link", invited=True).allowed


def _ways(meeting: Meeting, attendee: Attendee, pin: str, around: invitations.Around) -> list[str]:
    """Return the lines that say how to answer and how to enter."""
    if _has_own_link(attendee):
        does = "Trả lời và vào họp" if _enters(meeting) else "Trả lời"
        said = [f"{does}: {links.address(around.base, links.issue(around.key, attendee))}"]
        said += _entering(meeting, pin, around) if not _enters(meeting) else []
    else:
        does = "Trả lời"
        said = [f"{does}: {links.address(around.base, links.answering(around.key, attendee))}"]
        said += _entering(meeting, pin, around)
    said += _checking(meeting, around)
    return [*said, f"Liên kết “{does}” chỉ dành cho nơi nhận này, xin không chuyển tiếp."]


def _entering(meeting: Meeting, pin: str, around: invitations.Around) -> list[str]:
    """Return the lines that say how all attendees enter."""
    if not _enters(meeting):
        return ["Cuộc họp quan trọng: chỉ dự tại hội trường có thiết bị đã đăng ký."]
    if not pin:
        return [f"Vào họp (cần đăng nhập): {links.meeting_address(around.base, meeting.id)}"]
    number = meeting.number or ""
    return [
        f"Vào họp: {around.base}{links.JOIN_PAGE}?number={number}",
        f"Mã cuộc họp: {wording.number(number)}; mã PIN: {pin}",
    ]


def _checking(meeting: Meeting, around: invitations.Around) -> list[str]:
    return [f"Kiểm tra thiết bị: {around.base}{links.CHECK_PAGE}"] if _enters(meeting) and around.checks else []
