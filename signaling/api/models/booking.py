"""The models of the schedule of halls (the board), free times, previews, approvals, and the rules of booking."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import AliasChoices, Field

from signaling.api.models import limits
from signaling.api.models.parts import (
    Id,
    Instant,
    Name200,
    Reference,
    ShownAloneAnswer,
    ShownClass,
    ShownDateState,
    ShownState,
    Strict,
    View,
    Word,
)


class FreeTime(View):
    """A time at which everything that was requested is free."""

    starts_at: datetime
    ends_at: datetime


class Clash(View):
    """A resource that is taken, as a sentence, and the ways out."""

    kind: str = Field(description="`hall`, `terminal`, `person`, `capacity`")
    resource_id: str
    name: str
    starts_at: datetime
    ends_at: datetime
    meeting_id: str = Field("", description="Empty if the caller may not read the meeting.")
    title: str = ""
    unit: str = ""
    free: int = Field(0, description="For `capacity`: the number of free legs.")
    vi: str
    en: str
    fact_vi: str = Field(description="`vi` without the ways out.")
    fact_en: str = Field(description="`en` without the ways out.")
    free_times: list[FreeTime] = Field(default_factory=list)
    equivalent_halls: list[Reference] = Field(default_factory=list)


class PreviewDate(View):
    """A date of the request. `off`: the name of the holiday, or `weekend`."""

    starts_at: datetime
    ends_at: datetime
    clashes: list[Clash]
    off: str = ""
    trouble: str = Field("", description="The reason in Vietnamese why the unit cannot meet then.")
    trouble_en: str = Field("", description="The same reason in English.")
    skipped: bool = False


class Warned(View):
    """A warning that does not prevent the booking."""

    code: str
    vi: str
    en: str


class CallTaken(View):
    """The first date of another meeting that has a terminal. `title` is empty if the caller may not read that meeting."""

    starts_at: datetime
    ends_at: datetime
    title: str
    unit: str
    dates: int = Field(description="The number of dates for which the terminal is not free.")


class CallLine(View):
    """A hall terminal of the call list. `why`: the terminal is in a booked hall, belongs to an invited unit, or was added."""

    terminal_id: str
    terminal_name: str
    hall_name: str
    site_id: str
    site_name: str
    unit_id: str | None
    unit_name: str
    why: Literal["hall", "unit", "added"]
    out: bool = Field(description="Removed from the list, so the server does not call it.")
    called: bool = Field(description="False: removed from the list, or it dials in by itself.")
    closed: bool = Field(description="The network is closed, as important meetings require.")
    taken: CallTaken | None = Field(
        None, description="Another meeting has the terminal, so it is not called into this one."
    )
    waits: bool = Field(False, description="It is called only after its unit has accepted the invitation.")


class CallGap(View):
    """A booked hall or an invited unit without a terminal to call. `many_halls`: several halls have a terminal, and none of
    them is marked as the main hall.
    """

    why: Literal["hall", "unit"]
    id: str
    name: str
    reason: Literal["no_terminal", "many_halls"]


class Occupied(View):
    """A person or unit of the request that is busy, as a sentence. The times are those of the other meeting on the first date
    on which they clash.
    """

    kind: Literal["person", "unit"]
    id: str
    certain: bool = Field(description="True if this person must come. Otherwise the unit can send another person.")
    starts_at: datetime
    ends_at: datetime
    dates: int = Field(description="The number of dates of the request on which the person or unit is busy.")
    meeting_id: str = Field("", description="Empty if the caller may not read the meeting.")
    title: str = ""
    unit: str = ""
    vi: str
    en: str
    what_vi: str = Field(description="`vi` without its subject, for several units that the same meeting takes.")
    what_en: str = Field(description="`en` without its subject.")


class GuestHall(View):
    """The hall of an invited unit. `held`: another meeting holds the hall until its approval. `none`: the unit has no hall.
    `many`: the unit has several halls, and none of them is marked as the main hall.
    """

    unit_id: str
    unit_name: str
    hall_name: str = ""
    state: Literal["free", "held", "taken", "none", "many"]
    dates: int = Field(0, description="The number of dates of the request on which the hall is taken or held.")
    meeting_id: str = Field("", description="Empty if the caller may not read the meeting that has the hall.")
    taken: str = Field("", description="The time, the title and the host of the meeting that has the hall.")


class Preview(View):
    """Every date of a request, with every clash. The preview reserves nothing. `bookable`: the request would succeed as it is."""

    dates: list[PreviewDate]
    clashing: int
    bookable: bool
    needs_approval: bool
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    warnings: list[Warned] = Field(default_factory=list)
    attendees: int = 0
    legs: int = 0
    calls: list[CallLine] = Field(default_factory=list)
    call_gaps: list[CallGap] = Field(default_factory=list)
    occupied: list[Occupied] = Field(
        default_factory=list, description="People and units that are busy. They only warn."
    )
    busy: int = Field(0, description="The number of busy people and units; `occupied` names the first of them.")
    guest_halls: list[GuestHall] = Field(default_factory=list)
    rehearsal: PreviewDate | None = Field(None, description="The rehearsal, with every clash.")
    rehearsal_taken: list[str] = Field([], description="Halls that another meeting has then. They only warn.")


class BoardHall(View):
    """A hall as a row of the board."""

    id: str
    name: str
    site_id: str
    site_name: str
    unit_id: str
    unit_name: str = ""
    seats: int
    bookable: bool


class BoardEntry(View):
    """A date in one hall. A date that the caller may not read has the title "Đã có lịch" and no identifiers."""

    occurrence_id: str
    meeting_id: str
    hall_id: str
    title: str
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    state: ShownDateState
    meeting_state: ShownState
    starts_at: datetime
    ends_at: datetime
    reserved_from: datetime
    reserved_to: datetime
    host_unit_name: str = ""
    mine: bool = False
    hold: Literal["", "soft", "firm"] = Field("", description="A meeting of another unit holds the hall for this unit.")
    objects: str = Field(
        "", description="The meeting against whose hold the caller may object. Empty: the caller may not."
    )
    objection: str = Field("", description="The reason of the unit against the hold.")
    rehearsal_at: datetime | None = Field(
        None, description="The start of the coming rehearsal. An objection of the caller counts for it too."
    )


class Board(View):
    """The halls by time. `off`: holidays of the span, by day. `closed`: days on which the caller's unit does not book.
    `opens_min`, `closes_min`: the hours of that unit, in minutes after midnight.
    """

    starts_at: datetime
    ends_at: datetime
    halls: list[BoardHall]
    entries: list[BoardEntry]
    off: dict[date, str] = Field(default_factory=dict)
    closed: list[date] = Field(default_factory=list)
    opens_min: int = 0
    closes_min: int = 24 * 60


class AvailabilityFields(Strict):
    """A search between two instants: a hall that is big enough, at a time when these people are free too."""

    starts_at: Instant
    ends_at: Instant
    duration_min: int = Field(ge=5, le=24 * 60)
    seats: int = Field(0, ge=0, le=20_000)
    equipment: list[Word] = Field([], max_length=20)
    unit_id: Id | None = Field(None, description="Halls of this unit and the units below.")
    near_unit_id: Id | None = Field(None, description="First halls of this unit, then of near units.")
    site_id: Id | None = None
    hall_ids: list[Id] = Field([], max_length=limits.HALLS)
    person_ids: list[Id] = Field([], max_length=50)
    terminal_ids: list[Id] = Field([], max_length=limits.TERMINALS)
    legs: int = Field(0, ge=0, le=5000)
    limit: int = Field(20, ge=1, le=200)


class Slot(View):
    """A hall and a time."""

    hall_id: str
    hall_name: str
    site_name: str = ""
    seats: int
    starts_at: datetime
    ends_at: datetime


class Availability(View):
    """The free halls with their times, the best first."""

    slots: list[Slot]


class ChangeLine(View):
    """A field of a change, as text. `field` is also `this` or `following` (the first date of the change), `reason_code` and
    `reason`.
    """

    field: str
    name: str = Field(description="The name of `field` in Vietnamese.")
    before: str
    after: str = Field(description="A text, a number, a date with its time, or a code: `True`, `call`, `session`, …")


class InvitedCount(View):
    units: int = 0
    people: int = 0
    guests: int = 0


class BusyAttendees(View):
    """The busy people and units of a meeting. They only warn."""

    occupied: list[Occupied]
    busy: int = Field(description="The number of busy people and units; `occupied` names the first of them.")


class Approval(View):
    """A decision that waits for the caller. `step` 1: the unit's own leadership decides; 2: the operator of the system."""

    step_id: str
    step: int
    meeting_id: str
    title: str
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    host_unit_id: str
    host_unit_name: str
    starts_at: datetime
    ends_at: datetime
    rule: str
    requested_by: str = Field(description="The account.")
    requested_by_name: str = ""
    deadline: datetime | None
    version: int
    chair: str = ""
    halls: list[str] = Field([], description="The halls that the next date reserves.")
    invited: InvitedCount = InvitedCount()
    notice_due: date | None = Field(None, description="The last day for an invitation in time.")
    skipped: int = Field(0, description="The number of dates that are not booked because of clashes.")
    rehearsal_at: datetime | None = Field(None, description="The start of the rehearsal, which is approved too.")
    holds_guests: bool = Field(False, description="An approval reserves the halls of the invited units too.")
    urgent_reason: str = Field("", description="Why the meeting is urgent or has precedence.")
    change: list[ChangeLine] = Field([], description="Approve or refuse only this change of an approved meeting.")


class MyMeeting(View):
    """A date to which the caller is invited, or that belongs to the caller's desk. `can_enter`: "Vào họp" works now."""

    occurrence_id: str
    meeting_id: str
    title: str
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    state: ShownDateState
    meeting_state: ShownState
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    host_unit_name: str = ""
    role: str = Field("", description="The role in the meeting. Empty: the caller only belongs to the desk.")
    answer: ShownAloneAnswer = Field("", description="The valid answer for this date.")
    answered_alone: bool = Field(False, description="The answer is for this date, not for the series.")
    series: bool = Field(False, description="The meeting has several dates.")
    attendee_id: str = ""
    may_answer: bool = Field(False, description="The caller may answer.")
    place: str = Field("", description="The halls as text.")
    can_enter: bool
    why_not: str = Field("", description="The code of the refusal: `too_early`, `ended`, …")
    entry_muted: bool = Field(False, description="The caller joins with the microphone off.")


class RuleFields(Strict):
    """The limits on the bookings of a unit, and of the units below it that have no own rule."""

    opens_min: int = Field(7 * 60, ge=0, le=24 * 60)
    closes_min: int = Field(18 * 60, ge=0, le=24 * 60)
    weekends: bool = False
    ahead_min: int = Field(0, ge=0, le=60 * 24 * 60)
    ahead_days: int = Field(730, ge=1, le=730)
    meetings_a_week: int = Field(200, ge=0, le=100_000)
    hours_a_month: int = Field(2000, ge=0, le=100_000)
    approval_hours: int = Field(24, ge=1, le=24 * 30)
    hold_hours: int = Field(48, ge=1, le=24 * 30)
    release_min: int = Field(30, ge=0, le=24 * 60)


class Rule(View):
    """The rule of a unit. `inherited_from`: the unit that owns the rule, if this unit has no own rule."""

    unit_id: str
    inherited_from: str | None = None
    opens_min: int
    closes_min: int
    weekends: bool
    ahead_min: int
    ahead_days: int
    meetings_a_week: int
    hours_a_month: int
    approval_hours: int
    hold_hours: int
    release_min: int


class HolidayFields(Strict):
    """A day off, or (`works`) a working day in exchange."""

    name: Name200
    works: bool = False


class Holiday(View):
    """A day of the calendar. `official`: from the public calendar, not from the province's own list."""

    day: date
    name: str
    works: bool
    official: bool = False


class PoolFields(Strict):
    """The media capacity: simultaneous legs."""

    name: Name200
    legs: int = Field(ge=0, le=100_000)
    unit_id: Id | None = Field(
        None, description="Count only meetings of this unit and the units below. Null: all meetings"
    )
    counts: Literal["all", "halls", "browsers"] = Field(
        "all", description="Count all connections of a meeting, or those of its call list, or the others."
    )


class Pool(View):
    """The media capacity."""

    code: str
    name: str
    legs: int
    unit_id: str | None
    unit_name: str
    counts: Literal["all", "halls", "browsers"]
    booked: int = Field(0, description="The most legs that meetings from now on have reserved at one time.")


class SettingFields(Strict):
    """The whole value of a setting of the system."""

    value: dict[Word, Any] = Field(max_length=100)


class Setting(View):
    """A setting of the system."""

    name: str
    value: dict[str, Any]
    version: int


class DemoState(View):
    """The state of the demonstration. `offered`: the page may offer it to the caller now. `empty`: there are no meetings, and
    no units except the starter unit.
    """

    offered: bool
    empty: bool


class DemoAccount(View):
    """An account for looking at the demonstration. `url` signs in once."""

    name: str
    role: str
    url: str


class DemoReport(View):
    """The data that the demonstration has added."""

    counts: dict[str, int]
    accounts: list[DemoAccount]
