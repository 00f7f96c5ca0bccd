"""The models of webhooks, feeds, the audit trail, and the stored preferences of an account."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Id, Strict, Text100, View, one_of

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
