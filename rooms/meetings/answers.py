"""The answers of attendees: they come, do not come, may come, or send a substitute.

For a head who must attend personally, a substitute counts only with the consent of the chair. The state is asked, then agreed
or refused (Decision 45/2018/QĐ-TTg). This module does not read mails (`signaling.notify`) and sends no notices: it writes jobs
for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import rehearsals, restoring
from rooms.booking.meeting import attendees, consent, timing
from rooms.errors import Refusal
from rooms.org.fields import today
from rooms.org.names import cleaned
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.meetings import Attendee, DateAnswer, Meeting, Occurrence
from rooms.store.tables.org import Person, Unit

Answer = Literal["accepted", "declined", "tentative"]
Channel = Literal["link", "mail", "account", "secretary"]
GIVEN = ("accepted", "declined", "tentative")


@dataclass(frozen=True)
class Substitute:
    """A substitute: a person who attends for an attendee."""

    name: str
    post: str = ""
    person_id: str = ""


@dataclass(frozen=True)
class MailReply:
    """The content of an iMIP REPLY (RFC 5546 section 3.2.3). The receiver of the mail has parsed it and limited its size."""

    meeting_id: str
    sender: str
    """The address in From: and in ATTENDEE, in lower case. The two must be the same."""
    answer: str
    sequence: int
    comment: str = ""
    date_at: datetime | None = None
    """The RECURRENCE-ID: the only date of a series that the answer is about. None: the whole series."""
    stamped: datetime | None = None
    """The DTSTAMP: the time of the answer (RFC 5546 section 2.1.5). None: the mail has no DTSTAMP."""


async def answer(
    session: AsyncSession,
    attendee: Attendee,
    given: str,
    comment: str,
    substitute: Substitute | None,
    actor: Actor,
    now: datetime,
    channel: Channel | None = None,
    stamped: datetime | None = None,
) -> Attendee:
    """Record an answer. The last answer counts. `stamped`: the time of the answer according to the mail.

    With a `substitute` the answer is "accepted". But for a head who must attend personally, it is "tentative" until the chair
    agrees. Raise Refusal `denied`, `bad_answer`, `meeting_over`, `meeting_not_open`.
    """
    meeting = await _open_meeting(session, attendee, now)
    via = channel or await _channel(session, attendee, meeting, actor)
    if given not in GIVEN or len(comment) > limits.COMMENT_CHARACTERS:
        raise Refusal(
            "bad_answer", "Hãy chọn: tham dự, không tham dự hoặc chưa chắc chắn.", "choose an answer from the list"
        )
    attendee.answer = given
    attendee.comment = cleaned(comment)
    attendee.answered_at, attendee.answer_stamp = now, _known_stamp(stamped, now)
    attendee.answered_by = f"{via}:{actor.id}"[:40] if via in ("account", "secretary") else via
    await _set_substitute(session, attendee, substitute)
    await session.flush()
    detail = {"answer": attendee.answer, "via": via, "substitute": attendee.substitute_state}
    await audit.record(session, now, actor, "attendee.answer", "attendee", attendee.id, meeting.host_unit_id, detail)
    if attendee.substitute_state == "asked":
        await outbox.enqueue(session, "mail.substitute", _payload(attendee), now, now)
    await _tell(session, attendee, _event(attendee), actor, now)
    if attendee.unit_id and not attendee.person_id:
        if given == "accepted":
            await restoring.take_guests(session, meeting, now, attendee.unit_id)
        if given == "declined":
            await restoring.release_site(session, meeting, attendee.site_id or "", now)
            if meeting.hold_guests:
                await restoring.settle_halls(session, meeting, now)
        await timing.follow(session, meeting, now)
    return attendee


async def answer_date(
    session: AsyncSession,
    attendee: Attendee,
    occurrence_id: str,
    given: str,
    comment: str,
    actor: Actor,
    now: datetime,
    channel: Channel | None = None,
) -> Attendee:
    """Record an answer for one date of a series. For the other dates, the answer to the series still counts. Raise Refusal
    `denied`, `unknown_date`, `bad_answer`, `meeting_over`, `meeting_not_open`.
    """
    meeting = await _open_meeting(session, attendee, now)
    via = channel or await _channel(session, attendee, meeting, actor)
    date = await session.get(Occurrence, occurrence_id)
    await _keep(session, attendee, meeting, date, given, comment, actor, now, via)
    return attendee


async def decide_substitute(
    session: AsyncSession, attendee: Attendee, agrees: bool, actor: Actor, now: datetime, told_by: str = ""
) -> Attendee:
    """Record the chair's decision about a substitute. The chair or the chair's deputy decides.

    The secretary may also record it, and says in `told_by` how the chair gave the decision. Raise Refusal `denied`,
    `told_by_needed`, `nothing_asked`, `meeting_over`, `meeting_not_open`.
    """
    meeting = await _open_meeting(session, attendee, now)
    await _require_chair(session, meeting, actor, cleaned(told_by))
    if attendee.substitute_state != "asked":
        raise Refusal(
            "nothing_asked",
            "Không có đề nghị cử người dự thay nào đang chờ.",
            "no proposed substitute is waiting for a decision",
        )
    attendee.substitute_state = "agreed" if agrees else "refused"
    attendee.answer = "accepted" if agrees else "none"
    await session.flush()
    detail = {"agrees": agrees, "told_by": cleaned(told_by)[: limits.COMMENT_CHARACTERS]}
    await audit.record(
        session, now, actor, "attendee.substitute", "attendee", attendee.id, meeting.host_unit_id, detail
    )
    await outbox.enqueue(session, "mail.substitute_decided", _payload(attendee), now, now)
    await _tell(session, attendee, _event(attendee), actor, now)
    return attendee


async def by_mail(session: AsyncSession, reply: MailReply, now: datetime) -> Attendee:
    """Record the answer in a mail. The sender must be the address of exactly one attendee. For a series with a `date_at`, the
    answer is for that date only.

    The mail server in front guarantees that the mail really comes from this address; this function does not check DKIM. Raise
    Refusal `unknown_attendee`, `reply_outdated`, `unknown_date`, …
    """
    meeting = await session.get(Meeting, reply.meeting_id)
    found = await _by_address(session, reply, now) if meeting is not None else None
    if meeting is None or found is None:
        raise Refusal(
            "unknown_attendee",
            "Thư trả lời không khớp với người được mời nào.",
            "the reply does not match any attendee",
        )
    if reply.sequence < found.notified:
        raise Refusal(
            "reply_outdated",
            "Thư trả lời cho lời mời cũ; cuộc họp đã thay đổi sau đó.",
            "the reply is for an old invitation: the meeting has changed since then",
        )
    actor = Actor("link", id=found.id, name=reply.sender)
    if reply.date_at is not None and meeting.rule:
        await _answer_date(session, found, meeting, reply, actor, now)
        return found
    _check_order(reply.stamped, found.answer_stamp)
    known = (found.answered_by, found.answer, found.comment, found.answer_stamp)
    if known == ("mail", reply.answer, cleaned(reply.comment), _known_stamp(reply.stamped, found.answered_at or now)):
        return found  # the mail was read before, and its reader ended before it marked the mail
    said = (reply.answer, reply.comment, None)
    return await answer(session, found, *said, actor, now, channel="mail", stamped=reply.stamped)


def _check_order(stamped: datetime | None, last: datetime | None) -> None:
    """Refuse a mail that is older than the stored answer, because mails can overtake each other (RFC 5546 section 2.1.5). Raise
    Refusal `reply_outdated`.
    """
    if stamped is not None and last is not None and stamped < last:
        raise Refusal(
            "reply_outdated",
            "Thư trả lời này cũ hơn câu trả lời đã nhận.",
            "the reply is older than the stored answer",
        )


def _known_stamp(stamped: datetime | None, now: datetime) -> datetime | None:
    """Return the stamp, at most `now`. A stamp in the future would block every later answer."""
    return None if stamped is None else min(stamped, now)


async def of_dates(session: AsyncSession, meeting_id: str, now: datetime) -> dict[str, list[DateAnswer]]:
    """Return the answers to single dates by attendee, the next date first. Leave out dates that are over or were moved after
    the answer.
    """
    rows = await session.scalars(
        select(DateAnswer)
        .join(Occurrence, Occurrence.id == DateAnswer.occurrence_id)
        .where(Occurrence.meeting_id == meeting_id, Occurrence.ends_at > now)
        .where(Occurrence.starts_at == DateAnswer.starts_at)
        .order_by(Occurrence.starts_at, DateAnswer.attendee_id)
        .limit(limits.DATE_ANSWERS)
    )
    found: dict[str, list[DateAnswer]] = {}
    for one in rows:
        found.setdefault(one.attendee_id, []).append(one)
    return found


async def counts(session: AsyncSession, meeting_id: str) -> dict[str, int]:
    """Count each kind of answer, and the `substitutes` that wait for the chair."""
    rows = await session.execute(
        select(Attendee.answer, func.count()).where(Attendee.meeting_id == meeting_id).group_by(Attendee.answer)
    )
    waiting = await session.scalar(
        select(func.count()).where(Attendee.meeting_id == meeting_id, Attendee.substitute_state == "asked")
    )
    return {
        "none": 0,
        **dict.fromkeys(GIVEN, 0),
        **{str(one): int(count) for one, count in rows},
        "substitutes": waiting or 0,
    }


async def may_answer(session: AsyncSession, attendee: Attendee, meeting: Meeting, actor: Actor) -> bool:
    """Report whether the actor has a right to answer (see `_channel`)."""
    try:
        await _channel(session, attendee, meeting, actor)
    except Refusal:
        return False
    return True


async def _answer_date(
    session: AsyncSession, attendee: Attendee, meeting: Meeting, reply: MailReply, actor: Actor, now: datetime
) -> None:
    """Record a mailed answer for one date. Raise Refusal `unknown_date`, `meeting_over`, `meeting_not_open`, `bad_answer`."""
    await _open_meeting(session, attendee, now)
    date = await session.scalar(
        select(Occurrence).where(Occurrence.meeting_id == meeting.id, Occurrence.original_at == reply.date_at)
    )
    await _keep(session, attendee, meeting, date, reply.answer, reply.comment, actor, now, "mail", reply.stamped)


async def _keep(
    session: AsyncSession,
    attendee: Attendee,
    meeting: Meeting,
    date: Occurrence | None,
    given: str,
    comment: str,
    actor: Actor,
    now: datetime,
    via: Channel,
    stamped: datetime | None = None,
) -> None:
    """Store one row for an attendee and a date. The last answer counts."""
    if date is None or date.meeting_id != meeting.id or date.state not in ("planned", "running"):
        raise Refusal(
            "unknown_date",
            "Không có buổi họp này trong lịch.",
            "the series has no such date, or the date was cancelled",
        )
    if date.ends_at <= now:
        raise Refusal(
            "meeting_over",
            "Cuộc họp đã kết thúc, không trả lời được nữa.",
            "the meeting is over: answers are no longer accepted",
        )
    if given not in GIVEN or len(comment) > limits.COMMENT_CHARACTERS:
        raise Refusal(
            "bad_answer", "Hãy chọn: tham dự, không tham dự hoặc chưa chắc chắn.", "choose an answer from the list"
        )
    row = await session.get(DateAnswer, (attendee.id, date.id))
    if row is not None and row.starts_at == date.starts_at:
        _check_order(stamped, row.answer_stamp)
        known = (row.answer, row.comment, row.answer_stamp)
        if via == "mail" and known == (given, cleaned(comment), _known_stamp(stamped, row.answered_at)):
            return  # as in `by_mail`
    if row is None:
        row = DateAnswer(attendee_id=attendee.id, occurrence_id=date.id)
        session.add(row)
    row.starts_at, row.answer, row.comment = date.starts_at, given, cleaned(comment)
    row.answered_at, row.answer_stamp = now, _known_stamp(stamped, now)
    await session.flush()
    detail = {"answer": row.answer, "via": via, "occurrence_id": date.id}
    await audit.record(session, now, actor, "attendee.answer", "attendee", attendee.id, meeting.host_unit_id, detail)
    event = _event(attendee)
    event["data"] |= {"answer": row.answer, "occurrence_id": date.id}
    await _tell(session, attendee, event, actor, now)


async def _tell(session: AsyncSession, attendee: Attendee, event: dict[str, Any], actor: Actor, now: datetime) -> None:
    """Store the jobs that tell other systems and the desk of the host. The actor's own account gets no notice."""
    await outbox.enqueue(session, "webhook.event", event, now, now)
    by = actor.id if actor.kind == "account" else ""
    await outbox.enqueue(session, timing.ANSWERED, _payload(attendee) | {"by": by}, now, now)


async def _open_meeting(session: AsyncSession, attendee: Attendee, now: datetime) -> Meeting:
    # An answer reserves and releases halls, so that it locks the meeting first, as an edit does.
    meeting = await session.get_one(Meeting, attendee.meeting_id, with_for_update=True, populate_existing=True)
    rehearsals.require_own(meeting)
    if meeting.state not in ("approved", "asked", "held"):
        raise Refusal(
            "meeting_not_open",
            "Cuộc họp không còn diễn ra, không cần trả lời nữa.",
            "the meeting will not take place, so no answer is needed",
        )
    last = await session.scalar(select(func.max(Occurrence.ends_at)).where(Occurrence.meeting_id == meeting.id))
    if last is not None and _aware(last) <= now:
        raise Refusal(
            "meeting_over",
            "Cuộc họp đã kết thúc, không trả lời được nữa.",
            "the meeting is over: answers are no longer accepted",
        )
    return meeting


def _aware(value: datetime) -> datetime:
    assert value.tzinfo is not None
    return value


async def _channel(session: AsyncSession, attendee: Attendee, meeting: Meeting, actor: Actor) -> Channel:
    """Return the right by which `actor` answers for `attendee`. `secretary` is the right of the host's desk. Raise Refusal
    `denied`.
    """
    if actor.kind == "link" and actor.id == attendee.id:
        return "link"
    own = {actor.person_id, *actor.deputises} - {""}
    if attendee.person_id and attendee.person_id in own:
        return "account"
    host = await session.get_one(Unit, meeting.host_unit_id)
    if attendee.unit_id:
        heads = await attendees.heads_of(session, [attendee.unit_id], now_day(meeting))
        unit = await session.get_one(Unit, attendee.unit_id)
        if attendee.unit_id in heads and heads[attendee.unit_id][0].id in own:
            return "account"
        if roles.allows(actor, "meetings.answers", unit.path):
            return (
                "account" if await consent.speaks_for(session, "meetings.answers", unit, host, actor) else "secretary"
            )
    roles.require(actor, "meetings.answers", host.path)
    return "secretary"


def now_day(meeting: Meeting) -> date:
    """Return the day for which heads of units are looked up: the day of the meeting's first date."""
    return today(meeting.first_starts_at)


async def _set_substitute(session: AsyncSession, attendee: Attendee, substitute: Substitute | None) -> None:
    attendee.substitute_name = attendee.substitute_post = attendee.substitute_state = ""
    attendee.substitute_person_id = None
    if substitute is None:
        return
    name = cleaned(substitute.name)
    if substitute.person_id:
        person = await session.get(Person, substitute.person_id)
        if person is None or not person.active:
            raise Refusal("unknown_person", "Không tìm thấy người dự thay.", "no such person")
        attendee.substitute_person_id, name = person.id, person.name
    if not name or max(len(name), len(substitute.post)) > limits.NAME_CHARACTERS:
        raise Refusal(
            "bad_substitute",
            "Hãy ghi họ tên người dự thay (không quá 200 ký tự).",
            "write the name of the substitute (at most 200 characters)",
        )
    attendee.substitute_name, attendee.substitute_post = name, cleaned(substitute.post)
    attendee.substitute_state = "asked" if attendee.must_be_head else "agreed"
    attendee.answer = "tentative" if attendee.must_be_head else "accepted"


async def _require_chair(session: AsyncSession, meeting: Meeting, actor: Actor, told_by: str) -> None:
    if actor.kind == "system" or (meeting.chair_id and meeting.chair_id in {actor.person_id, *actor.deputises}):
        return
    host = await session.get_one(Unit, meeting.host_unit_id)
    roles.require(actor, "meetings.answers", host.path)
    if not told_by:
        raise Refusal(
            "told_by_needed",
            "Chỉ chủ trì được đồng ý cho dự thay. Nếu ghi thay, hãy nêu ý kiến của chủ trì (văn bản, điện thoại, ngày).",
            "only the chair may agree to a substitute: write how the chair sent the decision",
        )


async def _by_address(session: AsyncSession, reply: MailReply, now: datetime) -> Attendee | None:
    everybody = await attendees.listed(session, reply.meeting_id)
    reach = await attendees.contacts(session, everybody, today(now))
    fits = [one for one in everybody if reply.sender and reach[one.id].email.lower() == reply.sender]
    return fits[0] if len(fits) == 1 else None


def _payload(attendee: Attendee) -> dict[str, Any]:
    return {"attendee_id": attendee.id, "meeting_id": attendee.meeting_id}


def _event(attendee: Attendee) -> dict[str, Any]:
    data = {"attendee_id": attendee.id, "answer": attendee.answer, "substitute": attendee.substitute_state}
    return {"event": "attendee.answered", "meeting_id": attendee.meeting_id, "data": data}
