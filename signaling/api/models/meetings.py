"""The models of meetings: requests, meetings, invitees, answers, letters, history."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.booking import CallGap, CallLine, ChangeLine
from signaling.api.models.parts import (
    AskedClass,
    AttendeeRole,
    Code,
    Connect,
    Email,
    Id,
    Instant,
    Like,
    LongText,
    MeetingClass,
    Name200,
    Name300,
    ShownAnswer,
    ShownClass,
    ShownConnect,
    ShownDateState,
    ShownRole,
    ShownState,
    Strict,
    Text40,
    Text200,
    Text300,
    Text500,
    Text1000,
    View,
    Word,
)

Scope = Literal["all", "following", "this"]
ReasonCode = Literal["force_majeure", "superior_order", "not_ready", "other"]
"""Bất khả kháng; theo ý kiến chỉ đạo của cấp trên; chưa đủ điều kiện chuẩn bị; khác (Decision 45/2018/QĐ-TTg)."""
RecurrenceRule = Annotated[
    str,
    StringConstraints(max_length=500, pattern=r"^$|^FREQ=[A-Z0-9=,;:+T Z-]+$"),
    Field(description="RRULE (RFC 5545) without its name. Empty: one date", examples=["FREQ=WEEKLY;BYDAY=MO;COUNT=12"]),
]


ChatKept = Literal["kept", "exported", "forgotten"]


class MeetingType(View):
    """A type of meeting (phiên họp UBND, giao ban, tập huấn…) with its default values."""

    code: str
    name: str
    name_en: str
    default_class: ShownClass
    duration_min: int
    notice_days: int
    conclusion_days: int
    grace_min: int
    call_ahead_min: int
    chat_kept: ChatKept
    chat_days: int
    log_days: int
    entry_muted: bool
    internal: bool
    precedence: int
    position: int


class MeetingTypeFields(Strict):
    """The fields of a meeting type."""

    name: Name200
    name_en: Text200 = ""
    default_class: MeetingClass
    duration_min: int = Field(120, ge=5, le=24 * 60)
    notice_days: int = Field(3, ge=0, le=60)
    conclusion_days: int = Field(5, ge=0, le=60)
    grace_min: int = Field(
        30, ge=0, le=240, description="Minutes after the booked end until the server ends the meeting"
    )
    call_ahead_min: int = Field(
        15, ge=0, le=limits.CALL_AHEAD_MIN, description="Minutes before the start at which the halls are called."
    )
    chat_kept: ChatKept = Field(
        "kept",
        description="`kept`: the chat is stored, for late comers and for a restart. `exported`: the secretary may download it "
        "too. `forgotten`: it is only in the memory of the server during the meeting.",
    )
    chat_days: int = Field(30, ge=1, le=3650, description="Days after the meeting for which its chat is stored.")
    log_days: int = Field(365, ge=1, le=3650, description="Days after the meeting for which its timeline is stored.")
    entry_muted: bool = Field(False, description="People and halls join new meetings with their microphones off.")
    internal: bool = False
    precedence: int = Field(100, ge=0, le=10_000)
    position: int = Field(0, ge=0, le=10_000)


class AgendaItem(View):
    """An item of the agenda."""

    title: str
    presenter: str = ""
    minutes: int = 0


class AgendaItemFields(Strict):
    """The fields of an item of the agenda."""

    title: Name300
    presenter: Text200 = ""
    minutes: int = Field(0, ge=0, le=24 * 60)


class AttendeeFields(Strict):
    """An invitee: exactly one of a unit (its site and head), a person, a guest (name and address) or a recipient set."""

    unit_id: Id | None = None
    person_id: Id | None = None
    set_id: Id | None = None
    guest_name: Text200 = ""
    guest_email: Email = ""
    site_id: Id | None = Field(None, description="The site of a guest or a person. A unit has its own.")
    label: Text300 = Field("", description="The name in the letter. Empty: the server writes it.")
    role: AttendeeRole = "delegate"
    required: bool = True
    must_be_head: bool = False


class DocumentFields(Strict):
    """A document that is the basis of the meeting."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(examples=["5180/UBND-VHXH"])
    dated: date | None = None
    issuer: Text300 = ""
    subject: Text500 = ""
    link: Annotated[str, StringConstraints(max_length=1000, pattern=r"^$|^https?://[^\s\"<>]+$")] = ""


class MeetingFields(Strict):
    """A booking: one meeting or a series, with everything that it reserves."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Giao ban tháng 3",
                    "type_code": "briefing",
                    "class": "ordinary",
                    "host_unit_id": "5f0c9d0e4b7a4c0f9d3a2b1c0d9e8f70",
                    "starts_at": "2026-03-02T07:30:00+07:00",
                    "duration_min": 120,
                    "hall_ids": ["0d9e8f705f0c9d0e4b7a4c0f9d3a2b1c"],
                    "attendees": [{"unit_id": "9d3a2b1c0d9e8f705f0c9d0e4b7a4c0f", "must_be_head": True}],
                    "agenda": [{"title": "Tình hình kinh tế - xã hội", "minutes": 30}],
                    "submit": True,
                }
            ]
        }
    )

    title: Name300
    type_code: Code
    class_: AskedClass | None = Field(None, alias="class", description="Absent: the class of the type.")
    host_unit_id: Id
    starts_at: Instant
    duration_min: int = Field(ge=5, le=24 * 60)
    rule: RecurrenceRule = ""
    chair_id: Id | None = None
    secretary_id: Id | None = None
    secretary_deputy_id: Id | None = Field(None, description="Has the same rights, and is not reserved.")
    operator_id: Id | None = None
    operator_deputy_id: Id | None = None
    hall_ids: list[Id] = Field([], max_length=limits.HALLS)
    terminal_ids: list[Id] = Field([], max_length=limits.TERMINALS)
    legs: int = Field(0, ge=0, le=5000, description="Simultaneous legs to reserve. 0: the number of invitees.")
    attendees: list[AttendeeFields] = Field([], max_length=limits.ATTENDEES)
    documents: list[DocumentFields] = Field([], max_length=limits.DOCUMENTS)
    agenda: list[AgendaItemFields] = Field([], max_length=limits.AGENDA)
    description: LongText = ""
    public: bool = Field(False, description="The public weekly schedule shows the meeting.")
    lobby: bool = True
    entry_muted: bool | None = Field(
        None, description="People and halls join with their microphones off. Null: as the type says."
    )
    connect: Connect = Field("call", description="Whether the server calls the listed halls, or they dial in.")
    call_ahead_min: int | None = Field(
        None,
        ge=0,
        le=limits.CALL_AHEAD_MIN,
        description="Minutes before the start at which the halls are called. Null: as the type says.",
    )
    uncalled_ids: list[Id] = Field(
        [], max_length=limits.CALLS, description="Terminals of the call list that are not called."
    )
    hold_guests: bool = Field(
        False, description="Hold the halls of the invited units, softly until the approval of the system."
    )
    rehearsal_at: Instant | None = Field(
        None, description="The start of a rehearsal with the same call list, which is booked too. Null: none."
    )
    rehearsal_min: int = Field(60, ge=5, le=limits.REHEARSAL_MIN)
    precedence: int | None = Field(None, ge=0, le=10_000)
    precedence_reason: Text300 = ""
    urgent_reason: Text300 = Field("", description="The reason for booking later than the rule allows.")
    skip: list[date] = Field([], max_length=limits.DATES, description="Local days of the series to leave out.")
    skip_clashes: bool = Field(
        False, description="Clashing dates of a series become `skipped`, instead of a refusal of all."
    )
    submit: bool = Field(False, description="Submit for approval at once, instead of a soft hold.")


KeptRequest = Annotated[dict[str, Any], Like(MeetingFields)]


class MeetingChanges(Strict):
    """The fields that change; absent fields stay. For a series `scope` says which dates change, from `occurrence_id` on."""

    scope: Scope = "all"
    occurrence_id: Id | None = None
    title: Name300 | None = None
    type_code: Code | None = None
    starts_at: Instant | None = None
    duration_min: int | None = Field(None, ge=5, le=24 * 60)
    rule: RecurrenceRule | None = None
    chair_id: Id | None = None
    secretary_id: Id | None = None
    secretary_deputy_id: Id | None = Field(None, description="Has the same rights, and is not reserved.")
    operator_id: Id | None = None
    operator_deputy_id: Id | None = None
    hall_ids: list[Id] | None = Field(None, max_length=limits.HALLS)
    terminal_ids: list[Id] | None = Field(None, max_length=limits.TERMINALS)
    legs: int | None = Field(None, ge=0, le=5000)
    attendees: list[AttendeeFields] | None = Field(None, max_length=limits.ATTENDEES)
    documents: list[DocumentFields] | None = Field(None, max_length=limits.DOCUMENTS)
    agenda: list[AgendaItemFields] | None = Field(None, max_length=limits.AGENDA)
    description: LongText | None = None
    public: bool | None = None
    lobby: bool | None = None
    entry_muted: bool | None = None
    connect: Connect | None = None
    call_ahead_min: int | None = Field(None, ge=0, le=limits.CALL_AHEAD_MIN)
    uncalled_ids: list[Id] | None = Field(None, max_length=limits.CALLS)
    hold_guests: bool | None = None
    rehearsal_at: Instant | None = Field(None, description="Null: no rehearsal.")
    rehearsal_min: int | None = Field(None, ge=5, le=limits.REHEARSAL_MIN)
    urgent_reason: Text300 | None = Field(
        None,
        description="Why the meeting is urgent. Necessary if the approvers are asked and the invitation would be late.",
    )


class Resubmission(MeetingChanges):
    """The changes of a refused or expired booking. They apply to all dates."""


class Submission(Strict):
    """Why a held booking is urgent. It is necessary if the invitation would be late."""

    urgent_reason: Text300 = ""


class Decision(Strict):
    """The decision of an approver. A refusal needs a reason."""

    approve: bool
    reason: Text500 = ""
    link: str = Field("", max_length=1000, description="The text after # in a mail's link. It must fit the open step.")


class Cancellation(Strict):
    """A cancellation of one date, or (without `occurrence_id`) of all future dates."""

    reason_code: ReasonCode
    reason: Text500 = ""
    occurrence_id: Id | None = None


class Postponement(Strict):
    """A postponement of one date: to another time, or until further notice (without `starts_at`)."""

    occurrence_id: Id
    starts_at: Instant | None = None
    reason_code: ReasonCode
    reason: Text500 = ""


class ClassChange(Strict):
    """A change of the class. A secretary, an approver, an operator or an administrator of the host unit raises it. Only an
    approver lowers it, with a reason. `preview`: only list the participants who would be dropped.
    """

    class_: MeetingClass = Field(alias="class")
    reason: Text500 = ""
    preview: bool = False


class Dropped(View):
    """A participant of the running meeting whom the new class does not admit."""

    identity: str
    name: str
    way: str = Field(description="`browser`, `phone_browser`, …")


class Excluded(View):
    """An expected participant whom the new class does not admit."""

    name: str
    code: str
    vi: str
    en: str


class ClassChanged(View):
    """The result of a class change. `dropped`: the participants who leave the running meeting, or would leave in a preview.
    `excluded`: the expected participants whom the class does not admit.
    """

    applied: bool
    version: int
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    dropped: list[Dropped]
    excluded: list[Excluded] = Field(default_factory=list)


class Move(Strict):
    """The new time of a date that gives way. Without `starts_at` the date is postponed until further notice."""

    occurrence_id: Id
    starts_at: Instant | None = None


class DisplaceFields(Strict):
    """A booking that has precedence over lower ones. For each clashing date the operator gives the new time and a reason."""

    request: MeetingFields
    moves: list[Move] = Field(max_length=limits.DATES)
    reason: Text500


class PrecedenceAskFields(Strict):
    """A booking that clashes, and why it should have precedence."""

    request: MeetingFields
    reason: Text500


class AskedMoves(Strict):
    """The decision to book a requested meeting. For each clashing date the operator gives the new time, and a reason."""

    moves: list[Move] = Field(max_length=limits.DATES)
    reason: Text500


class AskRefusal(Strict):
    reason: Text500


class PrecedenceAsk(View):
    """A request for precedence. `own`: the caller asked. `decides`: the caller may decide."""

    id: str
    unit_name: str = ""
    title: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    by_name: str = ""
    at: datetime
    state: Literal["waiting", "done", "refused", "withdrawn"]
    answer: str
    meeting_id: str
    own: bool = False
    decides: bool = False


class InTheWay(View):
    """A date that would have to give way. `why_not`: the code of the refusal, if it does not. `goes_on`: the date stays and loses
    only halls or terminals of invited units; it needs no decision.
    """

    occurrence_id: str
    title: str
    unit: str
    starts_at: datetime
    ends_at: datetime
    why_not: str
    goes_on: bool


class Moved(View):
    """A date that gave way. `to` null: postponed until further notice."""

    occurrence_id: str
    meeting_id: str
    title: str
    unit: str
    was: datetime
    to: datetime | None


class ExtendFields(Strict):
    """The minutes by which a date continues after its end."""

    minutes: int = Field(ge=5, le=480)


class Reservation(View):
    """A hall or a person that a date reserves. The call list of the meeting names the terminals."""

    kind: str
    resource_id: str
    name: str = ""
    starts_at: datetime
    ends_at: datetime


class Displacer(View):
    """The meeting that a date gave way to. Empty fields: the caller may not read this meeting."""

    meeting_id: str
    title: str
    unit: str


class Occurrence(View):
    """A date of a meeting. `opens_at`: the time from which invitees may enter. `opened_at`: the first participant joined."""

    id: str
    meeting_id: str
    original_at: datetime
    starts_at: datetime
    ends_at: datetime
    state: ShownDateState
    moved: bool
    reason_code: str
    reason: str
    opened_at: datetime | None
    closed_at: datetime | None
    opens_at: datetime | None = None
    reservations: list[Reservation] = Field(default_factory=list)
    displaced: Displacer | None = Field(
        None, description="The date gave way to this meeting and has no own new time yet."
    )


class Step(View):
    """A step of an approval."""

    id: str
    round: int
    step: int
    unit_id: str
    unit_name: str = ""
    role: str
    state: str
    opened_at: datetime | None
    deadline: datetime | None
    decided_at: datetime | None
    decided_by: str = ""
    decided_by_name: str = ""
    decided_for: str = ""
    reason: str = ""


class DateAnswer(View):
    """An answer for one date of a series."""

    occurrence_id: str
    starts_at: datetime
    answer: ShownAnswer
    comment: str
    answered_at: datetime


class Attendee(View):
    """An invitee and the answer. `dates`: future dates that have a different answer."""

    id: str
    unit_id: str | None
    unit_name: str = ""
    site_id: str | None
    person_id: str | None
    guest_name: str
    guest_email: str
    label: str
    role: ShownRole
    required: bool
    must_be_head: bool
    answer: ShownAnswer
    answered_at: datetime | None
    answered_by: str
    comment: str
    substitute_name: str
    substitute_person_id: str | None
    substitute_post: str
    substitute_state: str
    dates: list[DateAnswer] = Field(default_factory=list)


class Document(View):
    """A document that is the basis of the meeting."""

    number: str
    dated: date | None
    issuer: str
    subject: str
    link: str


class MeetingSummary(View):
    """A meeting in a list. `starts_at` and `ends_at` belong to the next date, or to the last one."""

    id: str
    number: str | None
    title: str
    type_code: str
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    state: ShownState
    host_unit_id: str
    host_unit_name: str = ""
    starts_at: datetime
    ends_at: datetime
    rule: str
    public: bool
    version: int


class PendingChange(View):
    """A change of an approved meeting that waits for approval. The approved booking stays in force."""

    by: str = Field(description="The account.")
    by_name: str = ""
    at: datetime
    scope: str
    occurrence_id: str = Field("", description="The first date of the scope.")
    lines: list[ChangeLine]


class RehearsalDate(View):
    """The last date of a meeting's rehearsal. `reason`: why the rehearsal is skipped, or was cancelled. `signed`: the number of
    sites whose result is signed. `failed`: how many of them failed. `missing`: the booked halls of the meeting that the
    rehearsal could not reserve.
    """

    meeting_id: str
    occurrence_id: str
    number: str | None
    starts_at: datetime
    ends_at: datetime
    state: ShownDateState
    reason: str
    signed: int
    failed: int
    missing: list[str] = Field(default_factory=list)


class Rehearsed(View):
    """The meeting that a rehearsal belongs to."""

    meeting_id: str
    title: str
    starts_at: datetime


class Meeting(View):
    """All data of a meeting. `can`: the actions that the caller may do now (`submit`, `decide`, `edit`, `cancel`, `undo`, …)."""

    id: str
    number: str | None
    pin: str = Field("", description="Only for the host's desk and operators.")
    title: str
    type_code: str
    type_name: str = ""
    type_name_en: str = ""
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    state: ShownState
    host_unit_id: str
    host_unit_name: str = ""
    chair_id: str | None
    chair_name: str = ""
    secretary_id: str | None
    secretary_name: str = ""
    secretary_deputy_id: str | None
    secretary_deputy_name: str = ""
    operator_id: str | None
    operator_name: str = ""
    operator_deputy_id: str | None
    operator_deputy_name: str = ""
    created_by: str
    created_at: datetime
    updated_at: datetime
    description: str
    agenda: list[AgendaItem]
    documents: list[Document] = Field(default_factory=list)
    public: bool
    lobby: bool
    entry_muted: bool
    connect: ShownConnect
    connect_asked: bool = Field(False, description="The secretary must still decide how halls connect.")
    call_ahead_min: int | None = Field(description="Null: as the type says.")
    calls_ahead_min: int = Field(0, description="The minutes that apply: of the meeting, or of its type.")
    calls: list[CallLine] = Field([], description="The hall terminals that are called, or expected.")
    call_gaps: list[CallGap] = Field([], description="Booked halls and invited units without a terminal to call.")
    hold_guests: bool = Field(False, description="The meeting holds the halls of the invited units.")
    rehearsal_at: datetime | None = Field(None, description="The wanted start of the rehearsal. Null: none.")
    rehearsal_min: int = 60
    rehearsal: RehearsalDate | None = Field(None, description="The rehearsal of this meeting.")
    rehearses: Rehearsed | None = Field(None, description="This meeting is the rehearsal of that meeting.")
    legs: int
    starts_at: datetime
    duration_min: int
    rule: str
    hold_until: datetime | None
    precedence: int
    precedence_reason: str
    split_from_id: str | None
    sequence: int
    version: int
    reason_code: str
    reason: str
    notice_due: date | None = Field(None, description="The last day for an invitation in time.")
    conclusion_due: date | None = None
    hall_ids: list[str] = Field(default_factory=list)
    terminal_ids: list[str] = Field(default_factory=list)
    occurrences: list[Occurrence] = Field([], description="The first 50. All dates: /meetings/{id}/occurrences.")
    steps: list[Step] = Field(default_factory=list)
    attendees: list[Attendee] = Field(default_factory=list)
    pending: PendingChange | None = Field(None, description="Only for the host's desk and for approvers.")
    undo_until: datetime | None = None
    can: list[str] = Field(default_factory=list)


class Displaced(View):
    """The meeting that has precedence, and the dates that gave way."""

    meeting: Meeting
    moved: list[Moved]


class PrecedenceDone(View):
    """The booked meeting of a request for precedence, and the dates that gave way."""

    meeting_id: str
    moved: list[Moved]


class Draft(View):
    """A booking request that fills the form."""

    request: KeptRequest


class Change(View):
    """A step of a meeting's history."""

    version: int
    at: datetime
    by: str
    by_name: str = ""
    action: str
    summary: str = Field(description="What `action` does not say, in Vietnamese. Often empty.")
    undo_until: datetime | None
    undone: bool


class AnswerFields(Strict):
    """An answer: by the invitee's own link, or recorded by the secretary. A substitute for a head waits for consent, and
    attends all dates.
    """

    occurrence_id: Id | None = Field(None, description="One date of a series. Absent: the whole series.")
    answer: Literal["accepted", "declined", "tentative"]
    comment: Text500 = ""
    substitute_name: Text200 = ""
    substitute_post: Text200 = ""
    substitute_person_id: Id | None = None


class Consent(Strict):
    """The decision about a substitute, by the chair or the chair's secretary."""

    agree: bool
    told_by: Text300 = Field("", description="How the chair's decision arrived, if another user records it.")


class MissingAttendee(View):
    """A required attendee who has not accepted, the reason, and the contact details."""

    attendee_id: str
    label: str
    why: str
    name: str
    email: str
    phone: str


class LetterFields(Strict):
    """A letter that is requested. If `kind` is absent, the letter is an invitation."""

    kind: Literal["invite", "amend", "cancel"] = "invite"
    number: Text40 = ""
    symbol: Annotated[str, StringConstraints(max_length=60)] = ""
    dated: date | None = None
    signer_id: Id | None = None
    template_id: Id | None = None
    note: Text1000 = ""
    occurrence_id: Id | None = Field(None, description="One date of a series.")
    not_approved_ok: bool = Field(False, description="Give a number although the meeting is not approved.")


class LetterPreview(View):
    """How a letter will look. Nothing is stored."""

    pages: list[str] = Field(description="The first pages as PNG, in base64.")
    count: int = Field(description="The number of all pages.")


class Letter(View):
    """A letter that was made; its files are `/meetings/{id}/letters/{letter}.pdf` and `.docx`."""

    id: str
    meeting_id: str
    kind: str
    number: str
    symbol: str
    dated: date
    signer_id: str | None
    sequence: int
    created_at: datetime
    created_by: str


class LetterTemplate(View):
    """The office's own DOCX template."""

    id: str
    unit_id: str
    kind: str
    name: str
    uploaded_at: datetime


class TemplateFields(Strict):
    """A booking request that is saved under a name, without its time."""

    unit_id: Id
    name: Name200
    request: dict[Word, Any] = Field(max_length=40, description="The fields of a booking, without `starts_at`.")


class Template(View):
    """A saved booking request."""

    id: str
    unit_id: str
    name: str
    request: KeptRequest


class AttendeeListFields(Strict):
    """A list of attendees that a unit saves for later."""

    unit_id: Id
    name: Name200
    entries: list[AttendeeFields] = Field(max_length=limits.ATTENDEES)


class AttendeeList(View):
    """A saved list of attendees."""

    id: str
    unit_id: str
    name: str
    entries: list[Annotated[dict[str, Any], Like(AttendeeFields)]]
