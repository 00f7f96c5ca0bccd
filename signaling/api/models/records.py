"""Webhooks, feeds, the audit trail, what an account keeps for its screens."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Id, Strict, Text100, View, one_of

Url = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s\"<>]+$")]
Event = Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}$"), Field(examples=["meeting.approved"])]


class WebhookFields(Strict):
    """Where events go (Standard Webhooks)."""

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
    """With its secret (`whsec_…`): shown this once."""

    secret: str


class DeliveryTry(View):
    """One try. `status`: of the answer; 0: there was none."""

    at: str
    status: int
    error: str


class Delivery(View):
    """One event to one webhook, with each try's outcome."""

    id: str
    webhook_id: str
    event: str
    created_at: datetime
    delivered_at: datetime | None
    tries: list[DeliveryTry]


FeedKind = Literal["hall", "person", "unit"]


class FeedFields(Strict):
    """A calendar to subscribe to."""

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
    """With its address: shown this once."""

    url: str


class AuditEntry(View):
    """One privileged action."""

    seq: int
    at: datetime
    actor: str
    actor_name: str = Field("", description="of the person behind an account")
    action: str
    object_kind: str
    object_id: str
    unit_id: str
    address: str
    detail: dict[str, Any]
    hash: str


class PreferenceFields(Strict):
    """What one account keeps for its screens, whole."""

    value: dict[Text100, Any] = Field(max_length=50)


class Preferences(View):
    """What one account keeps for its screens."""

    value: dict[str, Any]
