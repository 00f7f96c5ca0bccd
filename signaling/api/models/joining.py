"""The models for entering a booked meeting (by number and PIN, by the personal link, signed in) and for answers by link."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, ConfigDict, Field, StringConstraints

from signaling.api.models.meetings import AnswerFields
from signaling.api.models.parts import Clean, ShownAloneAnswer, ShownAnswer, ShownClass, ShownState, Strict, View

Secret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,100}$")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9 -]{9,20}$"), Field(examples=["123 456 789"])]
Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$"), Field(examples=["482913"])]
Waited = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z]{0,64}$"), Field(description="The ticket of a user who has waited.")
]
Shown = Annotated[str, Clean, StringConstraints(max_length=100)]


class Inside(View):
    """The participants of a meeting as a person sees them before joining."""

    count: int
    names: list[str] = Field(description="The names of the first participants, at most 5.")


class JoinFields(Strict):
    """The secret of a personal link, or number and PIN. `name` is for a guest; an invitee has a name already."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"number": "123 456 789", "pin": "482913", "name": "Nguyễn Thị Lan"}]}
    )

    link: Secret | None = None
    number: Digits | None = None
    pin: Pin | None = None
    name: Shown = ""
    phone: bool = Field(False, description="The browser is on a phone.")
    ticket: Waited = ""


class Entering(Strict):
    """The device and the ticket of a signed-in user."""

    phone: bool = False
    ticket: Waited = ""


class BookedPass(View):
    """The permission to enter a booked meeting within ten minutes. `url` begins with ws: or wss:."""

    token: str
    url: str
    identity: str
    conference: str
    title: str
    name: str
    expires_at: int
    meeting_id: str
    occurrence_id: str
    starts_at: datetime
    ends_at: datetime
    moderation: str = Field("", description="A key to the lobby. Only for chair, secretary, operator and host's desk.")
    number: str = Field("", description="The meeting number, for the same users. Others enter with it and the PIN.")
    listed: bool = Field(False, description="The browser may keep number and title in its list of recent meetings.")


class Moderation(View):
    """A key to the lobby of a date for a host outside the call: `Authorization: Bearer KEY` at `/conferences/…/lobby`."""

    conference: str
    key: str
    expires_at: int


class JoinView(View):
    """The meeting as the bearer of a personal link (or number and PIN) sees it before entering. `code` is empty if entry is
    possible now.
    """

    title: str
    host_unit_name: str
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    name: str
    entry_muted: bool = Field(False, description="The caller joins with the microphone off.")
    code: str = Field("", description="`too_early`, `ended`, `class_forbids`, `not_invited`, `cancelled`, `held`")
    vi: str = ""
    en: str = ""
    inside: Inside | None = Field(
        None, description="The participants now. Only for a user who may enter an ordinary meeting without the lobby."
    )


class LinkFields(Strict):
    """The secret of a personal link."""

    link: Secret


class LinkAnswer(AnswerFields):
    """An answer with the secret of the personal link."""

    link: Secret


class AnswerDate(View):
    """A future date of a series. `answer`: the answer for this date alone."""

    occurrence_id: str
    starts_at: datetime
    ends_at: datetime
    answer: ShownAloneAnswer = ""
    comment: str = ""


class AnswerRehearsal(View):
    """The coming rehearsal of the meeting. `number`: its own number; empty: not given yet, or nobody dials it."""

    starts_at: datetime
    ends_at: datetime
    number: str = ""


class AnswerView(View):
    """The invitation that the bearer of a personal link can answer."""

    title: str
    host_unit_name: str
    starts_at: datetime
    ends_at: datetime
    meeting_state: ShownState
    chair: str = Field("", description="The name and the post.")
    place: str = Field("", description="The halls as text. Empty: online only.")
    of_unit: bool = Field(False, description="The invitation is for a unit, not for a person.")
    own_place: str = Field("", description="The halls that the meeting holds at the unit's site.")
    rehearsal: AnswerRehearsal | None = Field(None, description="Only for a unit.")
    class_: ShownClass = Field(serialization_alias="class", validation_alias=AliasChoices("class_", "class"))
    dates: list[AnswerDate] = Field(default_factory=list, description="The future dates of a series.")
    label: str
    address: str = Field(description="The form of address of the office. Empty: none.")
    required: bool
    must_be_head: bool
    answer: ShownAnswer
    comment: str
    substitute_name: str
    substitute_post: str
    substitute_state: str
    enters: bool = Field(description="The link also opens the meeting; otherwise it only answers.")
    open: bool = Field(description="Invitees can still answer.")


class PublicMeeting(View):
    """A date of a public meeting."""

    occurrence_id: str
    title: str
    host_unit_name: str
    chair: str = ""
    starts_at: datetime
    ends_at: datetime
    place: str = ""


class PublicSchedule(View):
    """The public weekly schedule: public meetings only."""

    starts_at: datetime
    ends_at: datetime
    meetings: list[PublicMeeting]


class Taken(View):
    """The meeting that a message of another system has opened."""

    meeting_id: str
    state: str
