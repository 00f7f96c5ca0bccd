"""The notices about a meeting: jobs for mails, reminders before each date, events for other systems.

This module owns the content of a mail as plain values. `signaling.notify` owns words, MIME and SMTP. Jobs for a change of the
meeting have a key with attendee and SEQUENCE, so that the same change makes one job. The attendee's row keeps the SEQUENCE of
the last mail, so that an invitation that was sent is not sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts.deputies import in_force as deputyship_in_force
from rooms.accounts.roles import in_force as grant_in_force
from rooms.booking.changes.dates import REASONS
from rooms.booking.holds import asked, rehearsals
from rooms.booking.meeting import attendees, composition, leaders
from rooms.booking.meeting.attendees import Contact
from rooms.errors import Refusal
from rooms.meetings import calendar_entries, links, wording
from rooms.meetings.calendar_entries import Dated, Entry, Party
from rooms.org.fields import today
from rooms.policy import classes, roles
from rooms.policy.actors import Actor
from rooms.store import audit, outbox, webhooks
from rooms.store.tables.accounts import Account, DeputyRole, RoleGrant
from rooms.store.tables.booking import Reservation, Step
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Deputy, Person, Unit
from rooms.store.tables.sites import Hall, Site

Kind = Literal[
    "invite",
    "nudge",
    "cancel",
    "date",
    "date_off",
    "rehearsal",
    "reminder",
    "removed",
    "approval",
    "displaced",
    "still_off",
    "substitute",
    "substitute_decided",
]
MAILS: Final = tuple(
    f"mail.{kind}"
    for kind in (
        "invite",
        "nudge",
        "cancel",
        "date",
        "rehearsal",
        "reminder",
        "removed",
        "approval",
        "displaced",
        "substitute",
        "substitute_decided",
    )
)
"""Kinds of jobs. A job `mail.date` makes a mail `date` or `date_off`, by the state of the date at that time. `mail.displaced`
also makes `still_off`.
"""
NOTED: Final = ("invite", "cancel", "date", "date_off")
"""Kinds of mails whose result stands in the attendee's row, also while mail is off."""
LEADS_MIN: Final = (24 * 60, 60)
"""Minutes between a reminder and the start of a meeting: the first reminder one day before, the second one hour before. Chosen.
The mail's words fit these values: up to 60 minutes "in 1 hour", above that "tomorrow" (`signaling.notify.notices`). Earlier:
attendees forget the meeting again; a second reminder above 60 minutes wrongly says "tomorrow". Later: attendees have no time to
prepare (first) or to travel (second).
"""
OFF: Final = ("cancelled", "refused", "expired")
EVENTS: Final = (
    "meeting.approved",
    "meeting.changed",
    "meeting.cancelled",
    "meeting.refused",
    "meeting.started",
    "meeting.ended",
    "attendee.answered",
)
InTransaction = Callable[[AsyncSession, dict[str, Any], datetime], Awaitable[None]]


@dataclass(frozen=True)
class Around:
    """The data of this installation that mails need."""

    key: bytes
    """The key from which links are derived."""
    base: str
    """The address of this installation, without a slash at its end."""
    sender: str
    """The sender's address in mails."""
    checks: bool = True
    """True: people may check their devices at `CHECK_PAGE`."""

    @property
    def domain(self) -> str:
        return self.sender.partition("@")[2] or "diemcau.invalid"


@dataclass(frozen=True)
class Outgoing:
    """A mail as plain values. It never holds a PIN or a password, in any class."""

    kind: Kind
    to: Contact
    outside_reason: str
    meeting_id: str
    title: str
    host: str
    chair: str
    times: list[str]
    """The first dates that take place, in words, each with its end."""
    times_en: list[str]
    places: list[str]
    description: str
    important: bool
    page: str
    """The page of the meeting."""
    starts: str = ""
    """The start of the first date in words, for the subject."""
    rehearsal: str = ""
    """The time and the number of the rehearsal in words."""
    number: str = ""
    """The meeting's number in groups of three digits. It opens no meeting without the PIN."""
    check: str = ""
    """The page on which the recipient checks camera and microphone, for ordinary meetings."""
    link: str = ""
    """The personal link, to answer and, in ordinary meetings, to enter."""
    joins: bool = False
    """True: the personal link also opens the meeting."""
    again: bool = False
    """True: the mail replaces an earlier invitation."""
    reason: str = ""
    must_be_head: bool = False
    label: str = ""
    substitute: str = ""
    agreed: bool = False
    lead_min: int = 0
    actions: Mapping[str, str] = field(default_factory=dict)
    """The links to approve and to refuse. Each link leads to a page."""
    deadline: str = ""
    invited: str = ""
    """The attendees by kind in words, for approvers."""
    clashes: list[str] = field(default_factory=list)
    """Who of the invited is busy at the time, in words, for approvers."""
    entry: Entry | None = None
    date: Dated | None = None
    """The only date of a series that the mail is about."""
    was: str = ""
    """The original time of the date in words, if the date has another time now."""
    postponed: bool = False
    waits: bool = False
    """True: the new time needs approval."""
    attendee_id: str = ""
    sequence: int = 0


async def changed(session: AsyncSession, payload: dict[str, Any], now: datetime) -> None:
    """Handle the job `meeting.changed`: store a job for each necessary mail, the next reminders and one event."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is None:
        return
    date_ids = list(payload.get("occurrence_ids", ())) if meeting.rule else []
    if meeting.state == "approved":
        if payload.get("only_new"):
            await _tell_dates(session, meeting, [], int(payload["sequence"]), now)
        elif date_ids:
            await _tell_dates(session, meeting, date_ids, int(payload["sequence"]), now)
        else:
            await _invite(session, meeting, now)
        await remind(session, meeting, now)
    elif meeting.state == "asked":
        await _ask(session, meeting, now)
    elif meeting.state in OFF:
        await _call_off(session, meeting, now)
    event = "" if payload.get("only_new") else _event_of(meeting, str(payload.get("action", "")))
    if event:
        data = {"state": meeting.state, "sequence": meeting.sequence, "number": meeting.number}
        data |= {"occurrence_ids": date_ids} if date_ids else {}
        await webhooks.fan_out(session, event, meeting.id, meeting.host_unit_id, data, now)


async def rehearsal_changed(session: AsyncSession, payload: dict[str, Any], now: datetime) -> None:
    """Handle the job `meeting.rehearsal`: store a job for the mail to each invited unit."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    date = await rehearsals.last_date(session, meeting.id) if meeting is not None else None
    if meeting is None or meeting.state != "approved" or date is None:
        return
    state, at = date.state, date.starts_at.isoformat()
    for one in await attendees.listed(session, meeting.id):
        if one.unit_id and not one.person_id and one.answer != "declined":
            mail = {"attendee_id": one.id, "meeting_id": meeting.id, "state": state, "starts_at": at}
            key = f"mail.rehearsal:{one.id}:{date.id}:{state}:{at}:{now.isoformat()}"
            await outbox.enqueue(session, "mail.rehearsal", mail, now, now, dedupe_key=key)


async def reminder_due(session: AsyncSession, payload: dict[str, Any], now: datetime) -> None:
    """Handle the job `meeting.reminder`: mail each attendee who has not declined, then store the reminders of the next date."""
    occurrence = await session.get(Occurrence, payload["occurrence_id"])
    meeting = await session.get(Meeting, occurrence.meeting_id) if occurrence else None
    if occurrence is None or meeting is None or meeting.state != "approved":
        return
    if occurrence.state == "planned" and occurrence.starts_at.isoformat() == payload["starts_at"]:
        alone = await attendees.answers_on(session, occurrence)
        for one in await attendees.listed(session, meeting.id):
            if alone.get(one.id, one.answer) != "declined":
                mail = {"attendee_id": one.id, "meeting_id": meeting.id, "occurrence_id": occurrence.id}
                key = f"mail.reminder:{one.id}:{occurrence.id}:{payload['lead_min']}:{payload['starts_at']}"
                await outbox.enqueue(
                    session, "mail.reminder", mail | {"lead_min": payload["lead_min"]}, now, now, dedupe_key=key
                )
    await remind(session, meeting, now)


async def event_due(session: AsyncSession, payload: dict[str, Any], now: datetime) -> None:
    """Handle the job `webhook.event`: store a delivery for each webhook that subscribes to the event."""
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is not None:
        await webhooks.fan_out(session, payload["event"], meeting.id, meeting.host_unit_id, payload["data"], now)


HANDLERS: Final[Mapping[str, InTransaction]] = {
    "meeting.changed": changed,
    "meeting.rehearsal": rehearsal_changed,
    "meeting.reminder": reminder_due,
    "webhook.event": event_due,
}


async def remind(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Store the jobs for the reminders of the next date."""
    upcoming = await session.scalar(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting.id, Occurrence.state == "planned")
        .where(Occurrence.starts_at > now + timedelta(minutes=LEADS_MIN[-1]))
        .order_by(Occurrence.starts_at)
        .limit(1)
    )
    if upcoming is None:
        return
    for lead in LEADS_MIN:
        due = upcoming.starts_at - timedelta(minutes=lead)
        if due > now:
            at = upcoming.starts_at.isoformat()
            payload = {"occurrence_id": upcoming.id, "starts_at": at, "lead_min": lead}
            key = f"reminder:{upcoming.id}:{lead}:{at}"
            await outbox.enqueue(session, "meeting.reminder", payload, due, now, dedupe_key=key)


async def prepare(
    session: AsyncSession, kind: str, payload: Mapping[str, Any], around: Around, now: datetime
) -> list[Outgoing]:
    """Return the mails of one job, or no mail if the job is not necessary any more. Run this in a write transaction, because
    the function issues links.
    """
    meeting = await session.get(Meeting, payload["meeting_id"])
    if meeting is None:
        return []
    maker = _MAKERS[kind.removeprefix("mail.")]
    return await maker(session, meeting, payload, around, now)


async def mailed(session: AsyncSession, mail: Outgoing, state: str) -> None:
    """Store the result of a mail in the attendee's row."""
    attendee = await session.get(Attendee, mail.attendee_id) if mail.attendee_id else None
    if attendee is None or mail.kind not in NOTED:
        return
    attendee.mail_state = state
    if (
        state == "sent" and mail.date is None
    ):  # a mail about one date does not cover earlier changes of the whole meeting
        attendee.notified = max(attendee.notified, mail.sequence)


async def resend(session: AsyncSession, attendee: Attendee, actor: Actor, now: datetime) -> None:
    """Mail the invitation again. Raise Refusal `denied`, `meeting_not_open`."""
    meeting = await session.get_one(Meeting, attendee.meeting_id)
    host = await open_host(session, meeting, actor)
    attendee.notified = -1
    await session.flush()
    payload = {"attendee_id": attendee.id, "meeting_id": meeting.id, "sequence": meeting.sequence}
    await outbox.enqueue(session, "mail.invite", payload, now, now)
    await audit.record(session, now, actor, "attendee.invite_again", "attendee", attendee.id, host.id)


async def hand_over_link(session: AsyncSession, key: bytes, attendee: Attendee, actor: Actor, now: datetime) -> str:
    """Return the secret of a guest's personal link, for the desk to pass on to a guest whom mail does not reach. People with an
    account sign in and get no such link: a user must not be able to enter under a colleague's name.

    Raise Refusal `denied`, `meeting_not_open`, `link_of_guests_only`.
    """
    host = await open_host(session, await session.get_one(Meeting, attendee.meeting_id), actor)
    if attendee.person_id is not None or not attendee.guest_name:
        raise Refusal(
            "link_of_guests_only",
            "Chỉ khách mời ngoài danh bạ mới nhận đường dẫn cá nhân từ thư ký. Người trong danh bạ đăng nhập để vào họp.",
            "the desk can get personal links only for guests; people in the register sign in",
        )
    secret = links.issue(key, attendee)
    await session.flush()
    await audit.record(session, now, actor, "attendee.link", "attendee", attendee.id, host.id)
    return secret


async def take_link_back(session: AsyncSession, attendee: Attendee, actor: Actor, now: datetime) -> None:
    """Revoke the personal link. The next mail has another link. Raise Refusal `denied`."""
    meeting = await session.get_one(Meeting, attendee.meeting_id)
    host = await session.get_one(Unit, meeting.host_unit_id)
    roles.require(actor, "meetings.answers", host.path)
    links.revoke(attendee)
    await session.flush()
    await audit.record(session, now, actor, "attendee.link_back", "attendee", attendee.id, host.id)


async def open_host(session: AsyncSession, meeting: Meeting, actor: Actor) -> Unit:
    """Return the host of an approved meeting, if the actor may manage its answers. Raise Refusal `denied`, `meeting_not_open`."""
    host = await session.get_one(Unit, meeting.host_unit_id)
    roles.require(actor, "meetings.answers", host.path)
    rehearsals.require_own(meeting)
    if meeting.state != "approved":
        raise Refusal(
            "meeting_not_open", "Cuộc họp chưa được duyệt hoặc đã hủy.", "the meeting is not approved, or was cancelled"
        )
    return host


async def _invite(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    for one in await attendees.listed(session, meeting.id):
        if one.notified < meeting.sequence:
            payload = {"attendee_id": one.id, "meeting_id": meeting.id, "sequence": meeting.sequence}
            key = f"mail.invite:{one.id}:{meeting.sequence}"
            await outbox.enqueue(session, "mail.invite", payload, now, now, dedupe_key=key)


async def _tell_dates(
    session: AsyncSession, meeting: Meeting, date_ids: Sequence[str], sequence: int, now: datetime
) -> None:
    """Mail only about these dates. An attendee who was never invited gets the whole present invitation."""
    for one in await attendees.listed(session, meeting.id):
        payload = {"attendee_id": one.id, "meeting_id": meeting.id, "sequence": sequence}
        if one.notified < 0:
            key = f"mail.invite:{one.id}:{sequence}"
            await outbox.enqueue(session, "mail.invite", payload, now, now, dedupe_key=key)
            continue
        for date_id in date_ids:
            key = f"mail.date:{one.id}:{date_id}:{sequence}"
            await outbox.enqueue(session, "mail.date", payload | {"occurrence_id": date_id}, now, now, dedupe_key=key)


async def _call_off(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    for one in await attendees.listed(session, meeting.id):
        if one.notified >= 0:
            payload = {"attendee_id": one.id, "meeting_id": meeting.id, "sequence": meeting.sequence}
            key = f"mail.cancel:{one.id}:{meeting.sequence}"
            await outbox.enqueue(session, "mail.cancel", payload, now, now, dedupe_key=key)


async def _ask(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    steps = await session.scalars(
        select(Step).where(Step.meeting_id == meeting.id, Step.state == "open", Step.opened_at.is_not(None))
    )
    for step in steps:
        payload = {"meeting_id": meeting.id, "step_id": step.id}
        await outbox.enqueue(session, "mail.approval", payload, now, now, dedupe_key=f"approval:{step.id}")


def _event_of(meeting: Meeting, action: str) -> str:
    if meeting.state == "cancelled":
        return "meeting.cancelled"
    if meeting.state == "refused":
        return "meeting.refused"
    if meeting.state == "approved":
        return "meeting.approved" if action.startswith("approve") else "meeting.changed"
    return ""


async def _shown(session: AsyncSession, meeting: Meeting, around: Around) -> dict[str, Any]:
    """Return the values that every mail about this meeting contains."""
    host = await session.get_one(Unit, meeting.host_unit_id)
    chair = await session.get(Person, meeting.chair_id) if meeting.chair_id else None
    day = wording.local(meeting.first_starts_at).date()
    rows = await dates_of(session, meeting.id)
    standing = [one for one in rows if one.state in ("planned", "running")] or rows
    end = meeting.first_starts_at + timedelta(minutes=meeting.duration_min)
    times = [(one.starts_at, one.ends_at) for one in standing[: limits.MAIL_TIMES]] or [(meeting.first_starts_at, end)]
    return {
        "meeting_id": meeting.id,
        "title": meeting.title,
        "host": host.name,
        "chair": await attendees.person_label(session, chair, day) if chair else "",
        "times": [wording.span(*one) for one in times] + _more(len(standing), "và {} buổi sau"),
        "times_en": [wording.span_en(*one) for one in times] + _more(len(standing), "and {} more"),
        "starts": wording.short_moment(times[0][0]),
        "rehearsal": await rehearsal_of(session, meeting),
        "number": wording.number(meeting.number or ""),
        "check": around.base + links.CHECK_PAGE if around.checks and meeting.class_ == "ordinary" else "",
        "places": await halls_of(session, meeting.id),
        "description": meeting.description,
        "important": meeting.class_ == "important",
        "page": links.meeting_address(around.base, meeting.id),
        "reason": meeting.reason,
        "sequence": meeting.sequence,
    }


async def rehearsal_of(session: AsyncSession, meeting: Meeting) -> str:
    """Return time and number of the coming rehearsal in words, or an empty text."""
    found = await coming_rehearsal(session, meeting)
    if found is None:
        return ""
    rehearsal, date = found
    number = f"; mã {wording.number(rehearsal.number)}" if rehearsal.number else ""
    return wording.span(date.starts_at, date.ends_at) + number


async def coming_rehearsal(session: AsyncSession, meeting: Meeting) -> tuple[Meeting, Occurrence] | None:
    """Return the rehearsal with its date. The rehearsal has a number and a PIN of its own."""
    date = await rehearsals.planned(session, meeting.id)
    return (await session.get_one(Meeting, date.meeting_id), date) if date is not None else None


def _more(count: int, words: str) -> list[str]:
    return [words.format(count - limits.MAIL_TIMES)] if count > limits.MAIL_TIMES else []


async def dates_of(session: AsyncSession, meeting_id: str) -> list[Occurrence]:
    rows = await session.scalars(
        select(Occurrence).where(Occurrence.meeting_id == meeting_id).order_by(Occurrence.starts_at)
    )
    return list(rows)


async def halls_of(session: AsyncSession, meeting_id: str, occurrence_id: str = "") -> list[str]:
    """Return the booked halls in words, of one date if `occurrence_id` is given."""
    mine = Occurrence.id == occurrence_id if occurrence_id else Occurrence.meeting_id == meeting_id
    rows = await session.execute(
        select(Hall.name, Site.name, Site.address)
        .join(Site, Site.id == Hall.site_id)
        .where(
            Hall.id.in_(
                select(Reservation.resource_id)
                .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
                .where(mine, Reservation.kind == "hall", ~Reservation.guest)
            )
        )
        .order_by(Hall.name)
    )
    return [", ".join(filter(None, row)) for row in rows]


async def halls_at(session: AsyncSession, occurrence_id: str, site_id: str | None) -> list[str]:
    """Return the names of the halls of a site that a date has reserved."""
    reserved = select(Reservation.resource_id).where(
        Reservation.occurrence_id == occurrence_id, Reservation.kind == "hall"
    )
    return list(
        await session.scalars(
            select(Hall.name).where(Hall.site_id == site_id, Hall.id.in_(reserved)).order_by(Hall.name)
        )
    )


async def entry_of(session: AsyncSession, meeting: Meeting, around: Around, to: Party, places: list[str]) -> Entry:
    """Return the meeting for the calendar of one recipient. The entry lists only this recipient, so that other attendees do not
    see the address.
    """
    host = await session.get_one(Unit, meeting.host_unit_id)
    rows = await dates_of(session, meeting.id)
    return Entry(
        uid=calendar_entries.uid(meeting.id, around.domain),
        title=meeting.title,
        dates=[Dated(one.original_at, one.starts_at, one.ends_at, one.state) for one in rows],
        rule=meeting.rule,
        first_at=meeting.first_starts_at,
        duration_min=meeting.duration_min,
        sequence=meeting.sequence,
        updated_at=meeting.updated_at,
        description=meeting.description,
        location="; ".join(places),
        url=links.meeting_address(around.base, meeting.id),
        organizer=Party(host.name, around.sender),
        attendees=[to],
        public=meeting.public,
    )


async def _to_attendee(
    session: AsyncSession, meeting: Meeting, payload: Mapping[str, Any], around: Around, now: datetime, kind: Kind
) -> list[Outgoing]:
    """Return a mail to one attendee with the personal link and the calendar entry. Return no mail if the attendee has had it or
    was removed, or if the state of the meeting does not fit the mail.
    """
    attendee = await session.get(Attendee, payload["attendee_id"])
    if attendee is None or _is_needless(kind, meeting, attendee):
        return []
    shown = await _shown(session, meeting, around)
    to = (await attendees.contacts(session, [attendee], today(now)))[attendee.id]
    party = Party(to.name, to.email, attendee.role, attendee.required, attendee.answer)
    verdict = classes.admission(meeting.class_, "personal_link", invited=True)
    extra: dict[str, Any] = {
        "link": links.address(around.base, links.issue(around.key, attendee)) if kind != "cancel" else "",
        "joins": verdict.allowed,
        "again": attendee.notified >= 0,
        "must_be_head": attendee.must_be_head,
        "label": attendee.label,
        "lead_min": payload.get("lead_min", 0),
        "rehearsal": shown["rehearsal"] if attendee.unit_id and not attendee.person_id else "",
    }
    if kind in ("invite", "cancel"):
        extra["entry"] = await entry_of(session, meeting, around, party, shown["places"])
    if kind in ("reminder", "nudge"):
        occurrence = await session.get_one(Occurrence, payload["occurrence_id"])
        shown |= _times_of(occurrence.starts_at, occurrence.ends_at)
    if kind == "substitute_decided":
        extra |= {"substitute": attendee.substitute_name, "agreed": attendee.substitute_state == "agreed"}
    return [
        Outgoing(
            kind=kind, to=to, outside_reason=attendee.outside_reason, attendee_id=attendee.id, **{**shown, **extra}
        )
    ]


def _is_needless(kind: Kind, meeting: Meeting, attendee: Attendee) -> bool:
    if kind == "invite":
        return meeting.state != "approved" or attendee.notified >= meeting.sequence
    if kind == "cancel":
        return meeting.state not in OFF or attendee.notified < 0
    return meeting.state != "approved"


async def _make_invite(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    return await _to_attendee(s, m, p, a, now, "invite")


async def _make_cancel(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    return await _to_attendee(s, m, p, a, now, "cancel")


async def _make_nudge(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    """Return a request to answer. Return no mail if the attendee has answered since."""
    attendee, date = await s.get(Attendee, p["attendee_id"]), await s.get(Occurrence, p["occurrence_id"])
    if attendee is None or date is None:
        return []
    said = (await attendees.answers_on(s, date)).get(attendee.id, attendee.answer)
    return await _to_attendee(s, m, p, a, now, "nudge") if said == "none" else []


async def _make_reminder(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    return await _to_attendee(s, m, p, a, now, "reminder")


async def _make_rehearsal(
    s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime
) -> list[Outgoing]:
    """Return a mail to a unit about the rehearsal. Return no mail if an invitation says the same, or if the rehearsal has changed
    again since.
    """
    attendee, date = await s.get(Attendee, p["attendee_id"]), await rehearsals.last_date(s, m.id)
    if attendee is None or date is None or (date.state, date.starts_at.isoformat()) != (p["state"], p["starts_at"]):
        return []
    # A mail about one date of a series does not raise `notified`.
    waits = attendee.notified < 0 or (not m.rule and attendee.notified < m.sequence)
    if m.state != "approved" or waits or date.state in ("running", "ended", "released"):
        return []
    to = (await attendees.contacts(s, [attendee], today(now)))[attendee.id]
    shown = await _shown(s, m, a) | {"reason": date.reason if date.state == "skipped" else ""}
    return [
        Outgoing(
            kind="rehearsal",
            to=to,
            outside_reason=attendee.outside_reason,
            attendee_id=attendee.id,
            label=attendee.label,
            postponed=date.state == "postponed",
            **shown,
        )
    ]


async def _make_decided(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    return await _to_attendee(s, m, p, a, now, "substitute_decided")


async def _make_date(s: AsyncSession, m: Meeting, p: Mapping[str, Any], a: Around, now: datetime) -> list[Outgoing]:
    """Return a mail about one date of a series. Return no mail if a later invitation to the series has already informed the
    attendee, or if the meeting is not approved.
    """
    attendee = await s.get(Attendee, p["attendee_id"])
    date = await s.get(Occurrence, p["occurrence_id"])
    if attendee is None or date is None or m.state != "approved" or attendee.notified >= p["sequence"]:
        return []
    off = date.state not in calendar_entries.STANDING
    shown = await _shown(s, m, a) | _of_date(m, date)
    shown["places"] = await halls_of(s, m.id, date.id)
    to = (await attendees.contacts(s, [attendee], today(now)))[attendee.id]
    said = (await attendees.answers_on(s, date)).get(attendee.id, attendee.answer)
    party = Party(to.name, to.email, attendee.role, attendee.required, said)
    verdict = classes.admission(m.class_, "personal_link", invited=True)
    return [
        Outgoing(
            kind="date_off" if off else "date",
            to=to,
            outside_reason=attendee.outside_reason,
            attendee_id=attendee.id,
            label=attendee.label,
            link="" if off else links.address(a.base, links.issue(a.key, attendee)),
            joins=verdict.allowed,
            postponed=date.state == "postponed",
            entry=await entry_of(s, m, a, party, shown["places"]),
            **shown,
        )
    ]


def _of_date(meeting: Meeting, date: Occurrence) -> dict[str, Any]:
    reason, _ = REASONS.get(date.reason_code, ("", ""))
    regular = date.starts_at == date.original_at
    return {
        **_times_of(date.starts_at, date.ends_at),
        "was": "" if regular else wording.short_moment(date.original_at),
        "reason": ": ".join(filter(None, (reason, date.reason))),
        "date": Dated(date.original_at, date.starts_at, date.ends_at, date.state),
    }


def _times_of(starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    return {
        "times": [wording.span(starts_at, ends_at)],
        "times_en": [wording.span_en(starts_at, ends_at)],
        "starts": wording.short_moment(starts_at),
    }


async def _make_displaced(
    session: AsyncSession, meeting: Meeting, payload: Mapping[str, Any], around: Around, now: datetime
) -> list[Outgoing]:
    """Write to the people who lead the meeting, and to the person who booked the meeting. A date gave way to a meeting of higher
    precedence, or the new time was not approved.
    """
    made_by = await session.scalar(select(Account.person_id).where(Account.id == meeting.created_by))
    to = datetime.fromisoformat(payload["to"]) if payload["to"] else None
    shown = await _shown(session, meeting, around)
    later = {"times": ["Hoãn, chờ sắp xếp lại"], "times_en": ["postponed until further notice"]}
    shown |= _times_of(to, to + timedelta(minutes=meeting.duration_min)) if to else later
    shown |= {"was": wording.short_moment(datetime.fromisoformat(payload["was"])), "reason": payload["reason"]}
    wanted = leaders.people_of(meeting) | dict.fromkeys([made_by] if made_by else [])
    people = [await session.get(Person, one) for one in wanted]
    return [
        Outgoing(
            kind="still_off" if payload.get("still") else "displaced",
            to=Contact(one.name, one.email, one.phone),
            outside_reason="",
            postponed=to is None,
            waits=bool(payload.get("waits")),
            **shown,
        )
        for one in people
        if one is not None and one.email
    ]


async def _make_removed(
    session: AsyncSession, meeting: Meeting, payload: Mapping[str, Any], around: Around, now: datetime
) -> list[Outgoing]:
    to = Contact(payload["name"], payload["email"], "")
    shown = await _shown(session, meeting, around)
    entry = await entry_of(session, meeting, around, Party(to.name, to.email), shown["places"])
    return [Outgoing(kind="removed", to=to, outside_reason=payload["outside_reason"], entry=entry, **shown)]


async def _make_substitute(
    session: AsyncSession, meeting: Meeting, payload: Mapping[str, Any], around: Around, now: datetime
) -> list[Outgoing]:
    """Mail the chair, the secretary and the secretary's deputy that an attendee asks to send a substitute."""
    attendee = await session.get(Attendee, payload["attendee_id"])
    if attendee is None or attendee.substitute_state != "asked":
        return []
    shown = await _shown(session, meeting, around)
    shown["reason"] = attendee.comment
    wanted = leaders.people_of(meeting, (Meeting.chair_id, *leaders.SECRETARIES))
    people = [await session.get(Person, one) for one in wanted]
    who = " - ".join(filter(None, (attendee.substitute_name, attendee.substitute_post)))
    return [
        Outgoing(
            kind="substitute",
            to=Contact(one.name, one.email, one.phone),
            outside_reason="",
            label=attendee.label,
            substitute=who,
            **shown,
        )
        for one in people
        if one is not None and one.email
    ]


async def _make_approval(
    session: AsyncSession, meeting: Meeting, payload: Mapping[str, Any], around: Around, now: datetime
) -> list[Outgoing]:
    """Mail every person who may decide this step."""
    step = await session.get(Step, payload["step_id"])
    if step is None or step.state != "open" or meeting.state not in ("asked", "approved"):
        return []
    shown = await _shown(session, meeting, around)
    expires = step.deadline or now + timedelta(days=7)
    actions = {
        kind: f"{around.base}{links.ACTION_PAGE}#"
        + links.action_token(around.key, links.Action(kind, meeting.id, step.id, expires))
        for kind in ("approve", "refuse")
    }
    deadline = wording.short_moment(step.deadline) if step.deadline else ""
    invited = await composition.in_words(session, meeting.id)
    clashes = await asked.clashes_in_words(session, meeting, now)
    return [
        Outgoing(
            kind="approval",
            to=Contact(one.name, one.email, one.phone),
            outside_reason="",
            actions=actions,
            deadline=deadline,
            invited=invited,
            clashes=clashes,
            **shown,
        )
        for one in await deciders(session, step, now)
    ]


async def deciders(session: AsyncSession, step: Step, now: datetime) -> list[Person]:
    """Return the people who hold the step's role in its unit or above it, and their deputies: at most 50, with a mail address."""
    rows = await session.scalars(
        select(Person)
        .where(await deciding(session, step, now), Person.active, Person.email != "")
        .order_by(Person.name)
        .limit(limits.DECIDERS_MAILED)
    )
    return list(rows)


async def deciding(session: AsyncSession, step: Step, now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition: the Person holds the step's role in its unit or above it, or is a deputy for the role."""
    unit = await session.get_one(Unit, step.unit_id)
    above = [one for one in unit.path.split("/") if one]
    holders = (
        select(Account.person_id)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(RoleGrant.role == step.role, RoleGrant.unit_id.in_(above), Account.active)
        .where(grant_in_force(now))
    )
    deputies = (
        select(Deputy.deputy_id)
        .join(DeputyRole, DeputyRole.deputy_id == Deputy.id)
        .join(RoleGrant, RoleGrant.id == DeputyRole.grant_id)
        .where(RoleGrant.role == step.role, RoleGrant.unit_id.in_(above), Deputy.person_id.in_(holders))
        .where(grant_in_force(now), deputyship_in_force(now))
    )
    return or_(Person.id.in_(holders), Person.id.in_(deputies))


_Maker = Callable[[AsyncSession, Meeting, Mapping[str, Any], Around, datetime], Awaitable[list[Outgoing]]]
_MAKERS: Final[Mapping[str, _Maker]] = {
    "invite": _make_invite,
    "nudge": _make_nudge,
    "cancel": _make_cancel,
    "rehearsal": _make_rehearsal,
    "reminder": _make_reminder,
    "removed": _make_removed,
    "approval": _make_approval,
    "date": _make_date,
    "displaced": _make_displaced,
    "substitute": _make_substitute,
    "substitute_decided": _make_decided,
}
