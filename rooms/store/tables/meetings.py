"""Meetings, their dates, attendees, answers and letters, as rows.

A secret meeting has no row in any table: the program refuses it before it writes anything.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

"""The third class, a state secret, is never stored."""
STATES = ("held", "asked", "approved", "refused", "cancelled", "expired")
"""`held`: only reserved. `asked`: submitted for approval. `approved`: has a number. `expired`: the hold or the deadline ran
out.
"""
DATES = ("planned", "skipped", "postponed", "cancelled", "running", "ended", "released")
CONNECTS = ("call", "dial_in")
"""`call`: the server calls the halls of the meeting. `dial_in`: the halls dial in by themselves."""
ANSWERS = ("none", "accepted", "declined", "tentative")


class MeetingType(Row):
    """A type of meeting (phiên họp UBND, giao ban, tập huấn…) with its defaults."""

    __tablename__ = "meeting_type"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    default_class: Mapped[str] = mapped_column(String(12))
    duration_min: Mapped[int] = mapped_column(default=120)
    notice_days: Mapped[int] = mapped_column(default=3)
    """Working days between the invitation and the meeting (Decision 45/2018/QĐ-TTg). 0: no notice is required."""
    conclusion_days: Mapped[int] = mapped_column(default=5)
    grace_min: Mapped[int] = mapped_column(default=30)
    """Minutes for which a meeting may go on after its booked end. Then the server ends it."""
    call_ahead_min: Mapped[int] = mapped_column(default=15)
    """Minutes before the start at which the server calls the halls of a meeting of this type."""
    chat_kept: Mapped[str] = mapped_column(String(10), default="kept", server_default="kept")
    """The way to keep the chat: `kept`, `exported` or `forgotten` (`rooms.store.tables.proceedings`)."""
    chat_days: Mapped[int] = mapped_column(default=30, server_default="30")
    """Days after the meeting for which its stored chat is kept."""
    log_days: Mapped[int] = mapped_column(default=365, server_default="365")
    """Days after the meeting for which its record is kept: who came, spoke and acted."""
    entry_muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True: people and halls join new meetings of this type with their microphones off. A booking can say otherwise."""
    internal: Mapped[bool] = mapped_column(default=False)
    """True: a meeting within one unit may need no approval. See `plans.Plan.needs_approval`."""
    precedence: Mapped[int] = mapped_column(default=100)
    """A lower number has priority. The setting `precedence` adds the tier of the host."""
    position: Mapped[int] = mapped_column(default=0)


class LobbySetting(Row):
    """A lobby that hosts set differently from the plan. The row exists so that a restart does not open a closed door."""

    __tablename__ = "lobby_setting"

    conference: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The name of the conference, for a booked date or for a meeting without a booking."""
    held: Mapped[bool]
    planned: Mapped[bool | None]
    """The planned value at that time. None: there was no plan."""
    set_at: Mapped[datetime]


class LobbyBar(Row):
    """The persons who are barred from a conference."""

    __tablename__ = "lobby_bar"

    conference: Mapped[str] = mapped_column(String(64), primary_key=True)
    bars: Mapped[list[Any]]
    """(identity, name of the bar), as `conference.door.turned_away` uses them."""
    set_at: Mapped[datetime]


class InstantNumber(Row):
    """The number of a meeting that was started without a booking. The number still opens the meeting after a restart."""

    __tablename__ = "instant_number"

    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(100), default="")
    source: Mapped[str] = mapped_column(String(64), index=True)
    """The network or the account that made the number. Each source has a share of the rows."""
    used_at: Mapped[datetime] = mapped_column(index=True)
    """The last known time at which a participant was connected or was let in."""


class Meeting(Row):
    """A planned meeting, or a series of dates."""

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("class IN ('important', 'ordinary')", name="class"),
        CheckConstraint("state IN ('held', 'asked', 'approved', 'refused', 'cancelled', 'expired')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(12), unique=True)
    """The number for keypads. The approval assigns it."""
    pin: Mapped[str] = mapped_column(String(8), default="")
    title: Mapped[str] = mapped_column(String(300))
    search_title: Mapped[str] = mapped_column(String(300), index=True)
    type_code: Mapped[str] = mapped_column(ForeignKey("meeting_type.code"))
    class_: Mapped[str] = mapped_column("class", String(12))
    state: Mapped[str] = mapped_column(String(12), index=True)
    host_unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    chair_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    secretary_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    secretary_deputy_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    operator_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    operator_deputy_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    """A deputy has the same rights in this meeting, and is not reserved."""
    created_by: Mapped[str] = mapped_column(String(32), index=True)
    """The account."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    description: Mapped[str] = mapped_column(Text, default="")
    agenda: Mapped[list[Any]] = mapped_column(default=list)
    """[{"title", "presenter", "minutes"}, …]"""
    public: Mapped[bool] = mapped_column(default=False)
    """True: the meeting is in the public weekly schedule."""
    lobby: Mapped[bool] = mapped_column(default=True)
    entry_muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True: people and halls join with their microphones off."""
    connect: Mapped[str] = mapped_column(String(10), default="call")
    connect_asked: Mapped[bool] = mapped_column(default=False)
    """True: the secretary must still say whether the server calls the halls. The meeting was booked before calling was the
    default.
    """
    call_ahead_min: Mapped[int | None]
    """Minutes before the start at which the server calls the halls. None: as the type says."""
    uncalled: Mapped[list[str]] = mapped_column(default=list)
    """Terminals that the secretary has taken out of the call list."""
    hold_guests: Mapped[bool] = mapped_column(default=False)
    """True: the meeting holds the halls of the invited units (`rooms.booking.holds.guest_holds`)."""
    legs: Mapped[int] = mapped_column(default=0)
    """Reserved simultaneous media legs."""
    first_starts_at: Mapped[datetime]
    """The first date. The rule of the series is in Asia/Ho_Chi_Minh."""
    duration_min: Mapped[int]
    rule: Mapped[str] = mapped_column(String(500), default="")
    """An RRULE (RFC 5545) without the name `RRULE`. Empty: one date."""
    hold_until: Mapped[datetime | None]
    precedence: Mapped[int] = mapped_column(default=100)
    precedence_reason: Mapped[str] = mapped_column(String(300), default="")
    split_from_id: Mapped[str | None] = mapped_column(ForeignKey("meeting.id"))
    """The series from which an edit of "this and following" split off this meeting. After a succession of units: the meeting
    that kept the earlier dates.
    """
    rehearsal_at: Mapped[datetime | None]
    """The wanted start of the rehearsal (Tổng duyệt). None: the meeting has no rehearsal."""
    rehearsal_min: Mapped[int] = mapped_column(default=60, server_default="60")
    rehearses_id: Mapped[str | None] = mapped_column(ForeignKey("meeting.id"), index=True, unique=True)
    """The meeting that this meeting rehearses. A rehearsal follows its meeting (`rooms.booking.holds.rehearsals`)."""
    sequence: Mapped[int] = mapped_column(default=0)
    """The SEQUENCE of iCalendar (RFC 5546). It increases with each change that the attendees are notified of."""
    version: Mapped[int] = mapped_column(default=1)
    """The ETag. It increases with each change."""
    reason_code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")


class DocumentRef(Row):
    """A document that is the basis of the meeting. `search_number` has no spaces, no diacritics and no capitals."""

    __tablename__ = "document_ref"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(String(100))
    search_number: Mapped[str] = mapped_column(String(100), index=True)
    dated: Mapped[date | None]
    issuer: Mapped[str] = mapped_column(String(300), default="")
    subject: Mapped[str] = mapped_column(String(500), default="")
    link: Mapped[str] = mapped_column(String(1000), default="")


class Occurrence(Row):
    """A date of a meeting. `original_at` never changes: it is the RECURRENCE-ID."""

    __tablename__ = "occurrence"
    __table_args__ = (
        UniqueConstraint("meeting_id", "original_at"),
        CheckConstraint("ends_at > starts_at", name="order"),
        Index("ix_occurrence_time", "starts_at", "ends_at"),
        Index("ix_occurrence_meeting_id_starts_at", "meeting_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"))
    original_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="planned")
    moved: Mapped[bool] = mapped_column(default=False)
    """True: the date differs from the rule. An edit of the series keeps this date, unless the edit says otherwise."""
    reason_code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(1000), default="")
    """Why the date was skipped (the clashes in words), postponed or cancelled."""
    displaced_by: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """The meeting of higher precedence that this date gave way to, until the date has its new time. Empty: none."""
    opened_at: Mapped[datetime | None]
    """The time when the first participant joined. Halls that wait for the opening do not count."""
    begun_at: Mapped[datetime | None]
    """The time when the chair opened the meeting. Until then called halls wait."""
    closed_at: Mapped[datetime | None]
    end_asked_at: Mapped[datetime | None]
    """The time when the server last asked the operator to end or to extend the date. People still spoke after `grace_min`."""


class Attendee(Row):
    """An attendee: a unit (its site and head), a person, or a guest with name and address."""

    __tablename__ = "attendee"
    __table_args__ = (UniqueConstraint("meeting_id", "unit_id", "person_id", "guest_email", name="uq_attendee_once"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("unit.id"), index=True)
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"), index=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), index=True)
    guest_name: Mapped[str] = mapped_column(String(200), default="")
    guest_email: Mapped[str] = mapped_column(String(254), default="")
    label: Mapped[str] = mapped_column(String(300), default="")
    """The name in the letter: "Chủ tịch UBND xã B"."""
    role: Mapped[str] = mapped_column(String(20), default="delegate")
    """`chair`, `secretary`, `presenter`, `delegate`, `guest`."""
    required: Mapped[bool] = mapped_column(default=True)
    must_be_head: Mapped[bool] = mapped_column(default=False)
    """True: a substitute needs the consent of the chair."""
    agreed: Mapped[bool] = mapped_column(default=False, server_default=true())
    """True: the operator of the system has approved the meeting with this attendee. Otherwise the server calls the attendee's
    terminal only after the attendee has accepted.
    """
    link_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The digest of the secret in the personal link. The secret is derived and never stored. Empty: the link is revoked."""
    link_round: Mapped[int] = mapped_column(default=0)
    """The number of revoked links, so that the next link differs."""
    notified: Mapped[int] = mapped_column(default=-1)
    """The SEQUENCE of the last invitation that was mailed. -1: none."""
    mail_state: Mapped[str] = mapped_column(String(12), default="")
    """`sent`, `failed`, `no_address`, `refused` (the domain is not official, and no reason was given), `off` (no mail server).
    Empty: no mail was due yet.
    """
    outside_reason: Mapped[str] = mapped_column(String(300), default="")
    """Why mail may go to an address that is not official."""
    answer: Mapped[str] = mapped_column(String(12), default="none")
    answered_at: Mapped[datetime | None]
    answer_stamp: Mapped[datetime | None]
    """The DTSTAMP of the mail with the answer. An older mail arrives too late and is ignored."""
    answered_by: Mapped[str] = mapped_column(String(40), default="")
    """`link`, `mail`, `account:ID`, `secretary:ID`."""
    comment: Mapped[str] = mapped_column(String(500), default="")
    substitute_name: Mapped[str] = mapped_column(String(200), default="")
    substitute_person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    substitute_post: Mapped[str] = mapped_column(String(200), default="")
    substitute_state: Mapped[str] = mapped_column(String(12), default="")
    """`asked`, `agreed`, `refused`."""


class DateAnswer(Row):
    """The answer of an attendee for one date of a series. For the other dates, the attendee's answer to the series applies."""

    __tablename__ = "date_answer"

    attendee_id: Mapped[str] = mapped_column(ForeignKey("attendee.id", ondelete="CASCADE"), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(
        ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    starts_at: Mapped[datetime]
    """The start of the date when the attendee answered. If the date is moved, the answer no longer counts."""
    answer: Mapped[str] = mapped_column(String(12))
    comment: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime]
    answer_stamp: Mapped[datetime | None]
    """The same as `Attendee.answer_stamp`."""


class HookSeen(Row):
    """A received webhook. The same webhook is not accepted twice."""

    __tablename__ = "hook_seen"

    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    hook_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    meeting_id: Mapped[str] = mapped_column(String(32))


class AttendeeList(Row):
    """A list of attendees that a unit keeps for later meetings."""

    __tablename__ = "attendee_list"
    __table_args__ = (UniqueConstraint("unit_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str] = mapped_column(String(200))
    entries: Mapped[list[Any]]
    """The attendees in the form of a booking request."""


class Template(Row):
    """A booking request that is stored under a name, without its time."""

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("unit_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str] = mapped_column(String(200))
    request: Mapped[dict[str, Any]]


class LetterTemplate(Row):
    """A DOCX template of the office, with docxtpl fields."""

    __tablename__ = "letter_template"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))
    docx: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_at: Mapped[datetime]


class Letter(Row):
    """A letter: `invite`, `amend` or `cancel`. `fields` keeps its content. PDF and DOCX are made from `fields`."""

    __tablename__ = "letter"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    number: Mapped[str] = mapped_column(String(40), default="")
    symbol: Mapped[str] = mapped_column(String(60), default="")
    dated: Mapped[date]
    signer_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    sequence: Mapped[int] = mapped_column(default=0)
    fields: Mapped[dict[str, Any]]
    template_id: Mapped[str | None] = mapped_column(ForeignKey("letter_template.id"))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(32))
