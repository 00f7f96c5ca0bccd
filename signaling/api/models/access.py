"""Accounts, other systems' keys, webhooks, feeds, the audit trail."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Id, Instant, Strict, Text100, View

RoleName = Literal["requester", "secretary", "approver", "operator", "admin", "auditor"]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{1,63}$"), Field(examples=["lan.nguyen"])]
Url = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[^\s\"<>]+$")]
Event = Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}$"), Field(examples=["meeting.approved"])]


class RoleFields(Strict):
    """A role in a unit and all that is below it."""

    role: RoleName
    unit_id: Id
    starts_at: Instant | None = None
    ends_at: Instant | None = None


class RoleView(View):
    """A role granted."""

    role: str
    unit_id: str
    unit_name: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class AccountFields(Strict):
    """What can be set of an account; passwords are set by their owner, by a one-time link."""

    name: AccountName
    person_id: Id | None = None
    active: bool = True
    language: Literal["vi", "en"] = "vi"
    roles: list[RoleFields] = Field([], max_length=limits.ROLES)


class Account(View):
    """Somebody who can sign in."""

    id: str
    name: str
    person_id: str | None
    person_name: str = ""
    active: bool
    must_change: bool = False
    totp_confirmed: bool
    issuer: str | None = None
    locked_until: datetime | None = None
    language: str
    created_at: datetime
    version: int
    roles: list[RoleView] = Field(default_factory=list)


class SignInLink(View):
    """A link that signs in once; shown this once."""

    url: str
    ends_at: datetime


class ClientFields(Strict):
    """Another system with a key of its own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    unit_id: Id
    roles: list[RoleName] = Field(min_length=1, max_length=limits.ROLES)


class Client(View):
    """Another system."""

    id: str
    name: str
    unit_id: str
    roles: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewClient(Client):
    """With its key and the secret of webhooks that come in: shown this once."""

    key: str
    webhook_secret: str


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


class Delivery(View):
    """One event to one webhook, with each try's outcome."""

    id: str
    webhook_id: str
    event: str
    created_at: datetime
    delivered_at: datetime | None
    tries: list[dict[str, Any]]


class FeedFields(Strict):
    """A calendar to subscribe to."""

    kind: Literal["hall", "person", "unit"]
    target_id: Id


class Feed(View):
    """A calendar subscription."""

    id: str
    kind: str
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
