"""The models of webhooks, feeds, the audit trail, and the stored preferences of an account."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import (
    Id,
    LongText,
    ShownAnswer,
    ShownDateState,
    ShownRole,
    Strict,
    Text100,
    Text300,
    View,
    one_of,
)

Url = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s\"<>]+$")]
Event = Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}$"), Field(examples=["meeting.approved"])]


class WebhookFields(Strict):
    """A webhook: the address that gets events (Standard Webhooks)."""

    unit_id: Id
    url: Url
    events: list[Event] = Field(min_length=1, max_length=limits.EVENTS)
    active: bool = True


class Webhook(View):
    """A webhook."""

    id: str
    unit_id: str
    url: str
    events: list[str]
    active: bool
    created_at: datetime


class NewWebhook(Webhook):
    """A webhook with its secret (`whsec_…`), which is shown only this once."""

    secret: str


class DeliveryTry(View):
    """A try of a delivery. `status`: the HTTP status of the answer; 0: no answer."""

    at: str
    status: int
    error: str


class Delivery(View):
    """An event to one webhook, with the outcome of each try."""

    id: str
    webhook_id: str
    event: str
    created_at: datetime
    delivered_at: datetime | None
    tries: list[DeliveryTry]


FeedKind = Literal["hall", "person", "unit"]


class FeedFields(Strict):
    """The calendar of a new subscription."""

    kind: FeedKind
    target_id: Id


class Feed(View):
    """A calendar subscription."""

    id: str
    kind: Annotated[str, one_of(FeedKind)]
    target_id: str
    created_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class NewFeed(Feed):
    """A calendar subscription with its address, which is shown only this once."""

    url: str


class AuditEntry(View):
    """An entry of the audit trail."""

    seq: int
    at: datetime
    actor: str
    actor_name: str = Field("", description="The name of the person behind an account.")
    action: str
    object_kind: str
    object_id: str
    unit_id: str
    address: str
    detail: dict[str, Any]
    hash: str


class PreferenceFields(Strict):
    """All preferences of one account for its pages."""

    value: dict[Text100, Any] = Field(max_length=50)


class Preferences(View):
    """The preferences of one account for its pages."""

    value: dict[str, Any]


class TimelineLine(View):
    """A line of the timeline of a date."""

    at: datetime
    kind: str = Field(
        description="The name of an order or event (`came`, `left`, `call_speaker`, `mute_one`), or of a hall's call: "
        "`call_answered`, `call_failed`, `call_alarm`, `site_phoned`."
    )
    by_name: str = Field(description="The person who acted. Empty: the server.")
    for_chair: bool = Field(description="True: on behalf of the chair (thay mặt chủ trì).")
    way: str = Field(description="`page`, `rest`, `desk`, `keypad`, `bfcp`, `api`, or empty.")
    on_id: str = Field(description="The identity of the participant, or the site.")
    on_name: str
    detail: dict[str, Any]


class Attended(View):
    """A person or hall that was in the meetings of a date. `left_at` null: it is in the meeting now."""

    identity: str
    name: str
    came_at: datetime
    left_at: datetime | None
    stays: int
    present_s: float
    turns: int = Field(description="The times that the chair gave the floor.")
    spoken_s: float
    delegation: str


class RecordSummary(View):
    """What is stored about the meetings of a date, and for how long. Days are counted from the end of the last meeting."""

    meeting_id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    state: ShownDateState
    began_at: datetime | None = Field(description="The first arrival. Null: nothing is stored.")
    ended_at: datetime | None = Field(description="Null: the meeting goes on, or nothing is stored.")
    wiped_at: datetime | None = Field(description="The time of a stop for secret content, which destroyed the words.")
    kept_days: int
    kept_until: datetime | None = Field(description="Null: the meeting is not over.")
    expired: bool = Field(
        description="True: the time is over for which the record was kept, and the record is deleted."
    )
    chat: str = Field(description="`kept`, `exported` (`chat.txt` can be downloaded) or `forgotten`.")


class InvitedPerson(View):
    """An invited person or unit, for the hosts of the meeting. `phone` empty: no number is known."""

    attendee_id: str
    name: str
    unit: str
    role: ShownRole
    answer: ShownAnswer
    phone: str
    bearers: list[str] = Field(
        description="Who comes for it: `WHO` of an identity `WAY.WHO.SUFFIX`, or the whole identity of a hall of its site."
    )
    came_at: datetime | None = Field(description="The first arrival. Null: nobody has come.")
    left_at: datetime | None = Field(description="The last departure. Null: somebody is there, or nobody has come.")


class NoteFields(Strict):
    """A note of the secretary. `version`: the version that the writer has read, 0 for a new note. An empty text deletes it."""

    item: Text300 = Field("", description="The title of the item of the agenda. Empty: the meeting as a whole.")
    text: LongText
    version: int = Field(ge=0, le=2**31 - 1)


class NoteStored(View):
    """The new version of a stored note. 0: the note is deleted."""

    version: int


class Note(View):
    """A note of the secretary about a date."""

    id: str
    at: datetime = Field(description="The time at which the note was begun.")
    changed_at: datetime
    version: int
    by_name: str = Field(description="Who wrote last.")
    item: str
    text: str
