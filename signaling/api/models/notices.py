"""The models of notices."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Id, Instant, Strict, View, one_of

NoticeKind = Literal[
    "approve",
    "approved",
    "refused",
    "expired",
    "change_approved",
    "change_refused",
    "displaced",
    "answered",
    "substitute",
    "hall_unready",
    "hall_held",
    "hall_objected",
    "hall_lost",
    "rehearsal_changed",
    "soon",
    "precedence_asked",
    "precedence_given",
    "precedence_refused",
]


class Tally(View):
    """The answers of the attendees of a meeting."""

    accepted: int = 0
    declined: int = 0
    tentative: int = 0
    none: int = 0


class Notice(View):
    """A notice of the caller. Title, host, times, names and reason are empty if the caller may not read the meeting any more."""

    id: str
    kind: Annotated[str, one_of(NoticeKind)]
    meeting_id: str
    title: str
    host_unit_name: str
    occurrence_id: str
    starts_at: datetime | None
    ends_at: datetime | None
    about: str = Field(description="The hall, the attendee or the unit that the notice is about.")
    reason: str
    also_at: datetime | None = Field(description="The start of the rehearsal for which the hall is held too.")
    at: datetime
    until: datetime | None
    read: bool
    done: bool = Field(description="The notice asks for nothing any more.")
    tally: Tally | None = Field(description="For the kind `answered`.")


class NoticeCounts(View):
    """The number of unread notices, and of notices that wait for the caller."""

    unread: int
    waiting: int


class PushKey(View):
    """The key with which a browser asks its push service for an address. Empty: this server sends no pushes."""

    key: str


class PushFields(Strict):
    """The address of this browser at its push service."""

    endpoint: Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s\"<>]+$")]


class ReadFields(Strict):
    """The notices that the caller has read: these, and all up to a time."""

    ids: list[Id] = Field(default_factory=list, max_length=limits.PAGE_MOST)
    until: Instant | None = None
