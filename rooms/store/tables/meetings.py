"""Meetings, their dates, who is invited, what was answered and which letters went out, as rows.

A secret meeting has no row anywhere: it is refused before anything is written.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

"""The third, a state secret, is never stored."""
STATES = ("held", "asked", "approved", "refused", "cancelled", "expired")
"""Soft hold; handed in for approval; approved (has a number); refused; called off; the hold or the deadline ran out."""
DATES = ("planned", "skipped", "postponed", "cancelled", "running", "ended", "released")
CONNECTS = ("call", "dial_in")
"""The server calls the halls of the meeting; the halls dial in by themselves."""
ANSWERS = ("none", "accepted", "declined", "tentative")


class MeetingType(Row):
    """Phiên họp UBND, giao ban, tập huấn… with what follows from it."""

    __tablename__ = "meeting_type"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    default_class: Mapped[str] = mapped_column(String(12))
    duration_min: Mapped[int] = mapped_column(default=120)
    notice_days: Mapped[int] = mapped_column(default=3)
    """Working days between the invitation and the meeting (Decision 45/2018/QĐ-TTg); 0: none."""
    conclusion_days: Mapped[int] = mapped_column(default=5)
    internal: Mapped[bool] = mapped_column(default=False)
    """Within one unit, without a hall: it needs no approval."""
    precedence: Mapped[int] = mapped_column(default=100)
    """Lower goes first. The tier of the host is added by the rule that is set."""
    position: Mapped[int] = mapped_column(default=0)


class LobbySetting(Row):
    """What hosts have set the lobby of a conference to, where it is not as planned: a restart must not open a door."""

    __tablename__ = "lobby_setting"

    conference: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The name of the call: of a booked date, or of a meeting that is in no calendar."""
    held: Mapped[bool]
    planned: Mapped[bool | None]
    """What was planned then; None: nothing."""
    set_at: Mapped[datetime]


class LobbyBar(Row):
    """Who is kept out of a conference for good."""

    __tablename__ = "lobby_bar"

    conference: Mapped[str] = mapped_column(String(64), primary_key=True)
    bars: Mapped[list[Any]]
    """(identity, name of the bar), as `conference.door.turned_away` knows them."""
    set_at: Mapped[datetime]


class InstantNumber(Row):
    """The number of a meeting that was started without a booking: it opens the meeting also after a restart."""

    __tablename__ = "instant_number"

    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(100), default="")
    source: Mapped[str] = mapped_column(String(64), index=True)
    """The network, or the account, that made it: each has a share of the rows."""
    used_at: Mapped[datetime] = mapped_column(index=True)
    """When somebody was there last, as far as it is known."""


class Meeting(Row):
    """One planned meeting or a series of them."""

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("class IN ('important', 'ordinary')", name="class"),
        CheckConstraint("state IN ('held', 'asked', 'approved', 'refused', 'cancelled', 'expired')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(12), unique=True)
    """For keypads; given with the approval."""
    pin: Mapped[str] = mapped_column(String(8), default="")
    title: Mapped[str] = mapped_column(String(300))
    search_title: Mapped[str] = mapped_column(String(300), index=True)
    type_code: Mapped[str] = mapped_column(ForeignKey("meeting_type.code"))
    class_: Mapped[str] = mapped_column("class", String(12))
    state: Mapped[str] = mapped_column(String(12), index=True)
    host_unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    chair_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    secretary_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    operator_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    created_by: Mapped[str] = mapped_column(String(32), index=True)
    """Account."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    description: Mapped[str] = mapped_column(Text, default="")
    agenda: Mapped[list[Any]] = mapped_column(default=list)
    """[{"title", "presenter", "minutes"}, …]"""
    public: Mapped[bool] = mapped_column(default=False)
    """Stands in the public weekly schedule."""
    lobby: Mapped[bool] = mapped_column(default=True)
    connect: Mapped[str] = mapped_column(String(10), default="call")
    connect_asked: Mapped[bool] = mapped_column(default=False)
    """Its secretary is still to say whether the server calls its halls: it was booked before that was the default."""
    uncalled: Mapped[list[str]] = mapped_column(default=list)
    """Terminals that the secretary has taken out of the call list."""
    legs: Mapped[int] = mapped_column(default=0)
    """Simultaneous media legs that are reserved."""
    first_starts_at: Mapped[datetime]
    """The first date; the series goes on in Asia/Ho_Chi_Minh."""
    duration_min: Mapped[int]
    rule: Mapped[str] = mapped_column(String(500), default="")
    """RRULE (RFC 5545) without its name; empty: one date."""
    hold_until: Mapped[datetime | None]
    precedence: Mapped[int] = mapped_column(default=100)
    precedence_reason: Mapped[str] = mapped_column(String(300), default="")
    split_from_id: Mapped[str | None] = mapped_column(ForeignKey("meeting.id"))
    """"This and following" made a series of its own out of that one."""
    sequence: Mapped[int] = mapped_column(default=0)
    """SEQUENCE of iCalendar (RFC 5546): rises with each change that invitees are told."""
    version: Mapped[int] = mapped_column(default=1)
    """The ETag: rises with each change."""
    reason_code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")


class DocumentRef(Row):
    """A document that the meeting rests on. `search_number` without blanks, diacritics and capitals."""

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
    """One date of a meeting. `original_at` never changes: it is RECURRENCE-ID."""

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
    """Differs from the rule: an edit of the series leaves it alone unless told otherwise."""
    reason_code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(1000), default="")
    """Why it was skipped (the clashes in words), postponed or cancelled."""
    opened_at: Mapped[datetime | None]
    """When the first participant came."""
    closed_at: Mapped[datetime | None]


class Attendee(Row):
    """Who is invited: a unit (its site and head), a person, or a guest by name and address."""

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
    """As the letter names them: "Chủ tịch UBND xã B"."""
    role: Mapped[str] = mapped_column(String(20), default="delegate")
    """`chair`, `secretary`, `presenter`, `delegate`, `guest`."""
    required: Mapped[bool] = mapped_column(default=True)
    must_be_head: Mapped[bool] = mapped_column(default=False)
    """A substitute needs the consent of the chair."""
    link_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the secret in the personal link; the secret itself is derived, never stored. Empty: revoked."""
    link_round: Mapped[int] = mapped_column(default=0)
    """Rises when the link is revoked, so that the next one differs."""
    notified: Mapped[int] = mapped_column(default=-1)
    """The SEQUENCE of the last invitation that was mailed; -1: none."""
    mail_state: Mapped[str] = mapped_column(String(12), default="")
    """`sent`, `failed`, `no_address`, `refused` (not an official domain, no reason given), `off` (no mail server); empty: nothing
    was due yet."""
    outside_reason: Mapped[str] = mapped_column(String(300), default="")
    """Why mail may go to an address that is not official."""
    answer: Mapped[str] = mapped_column(String(12), default="none")
    answered_at: Mapped[datetime | None]
    answer_stamp: Mapped[datetime | None]
    """What the mail that brought it says (DTSTAMP): a mail that is older than that comes too late."""
    answered_by: Mapped[str] = mapped_column(String(40), default="")
    """`link`, `mail`, `account:ID`, `secretary:ID`."""
    comment: Mapped[str] = mapped_column(String(500), default="")
    substitute_name: Mapped[str] = mapped_column(String(200), default="")
    substitute_person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    substitute_post: Mapped[str] = mapped_column(String(200), default="")
    substitute_state: Mapped[str] = mapped_column(String(12), default="")
    """`asked`, `agreed`, `refused`."""


class DateAnswer(Row):
    """What an attendee answered for one date of a series; for the others counts what he answered to all of it."""

    __tablename__ = "date_answer"

    attendee_id: Mapped[str] = mapped_column(ForeignKey("attendee.id", ondelete="CASCADE"), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(
        ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    starts_at: Mapped[datetime]
    """When that date was to begin then: once it is moved, the answer no longer counts."""
    answer: Mapped[str] = mapped_column(String(12))
    comment: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime]
    answer_stamp: Mapped[datetime | None]
    """As `Attendee.answer_stamp`."""


class HookSeen(Row):
    """A webhook that came in: the same one is not taken twice."""

    __tablename__ = "hook_seen"

    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    hook_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    meeting_id: Mapped[str] = mapped_column(String(32))


class AttendeeList(Row):
    """A list of attendees that a unit keeps for the next time."""

    __tablename__ = "attendee_list"
    __table_args__ = (UniqueConstraint("unit_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str] = mapped_column(String(200))
    entries: Mapped[list[Any]]
    """What a booking request takes as attendees."""


class Template(Row):
    """A booking request kept under a name, without its time."""

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("unit_id", "name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str] = mapped_column(String(200))
    request: Mapped[dict[str, Any]]


class LetterTemplate(Row):
    """The office's own DOCX, with the fields of docxtpl."""

    __tablename__ = "letter_template"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))
    docx: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_at: Mapped[datetime]


class Letter(Row):
    """A letter that was made: `invite`, `amend`, `cancel`. What it said is kept in `fields`; PDF and DOCX are made from it."""

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
