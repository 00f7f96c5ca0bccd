"""The routes of webhooks and their deliveries, calendar subscriptions, the audit trail, and the stored preferences of an
account.
"""

from typing import Annotated, Any

from fastapi import Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import naming
from rooms.meetings import feeds
from rooms.store import trail, webhooks
from rooms.store.tables.accounts import Preference
from rooms.store.tables.records import AuditEntry as AuditRow
from signaling.api.ground import problems
from signaling.api.ground.visits import Caller, Rows, anywhere
from signaling.api.models.parts import Id, Instant, Page, shown
from signaling.api.models.records import (
    AuditEntry,
    Delivery,
    Feed,
    FeedFields,
    NewFeed,
    NewWebhook,
    PreferenceFields,
    Preferences,
    Webhook,
    WebhookFields,
)
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("records")
Key = Annotated[Id, Path()]


@router.get("/webhooks", openapi_extra=needs("webhooks.write"))
async def list_webhooks(visit: Caller, rows: Rows) -> Page[Webhook]:
    """List the webhooks of the caller's units."""
    actor = anywhere(visit, "webhooks.write")
    found = await visit.read(lambda session: webhooks.visible(session, actor))
    return rows.cut(found, lambda one: shown(Webhook, one))


@router.post("/webhooks", status_code=201, openapi_extra=needs("webhooks.write", of="unit"))
async def create_webhook(visit: Caller, wanted: WebhookFields) -> NewWebhook:
    """Send the events of the meetings of a unit, and of the units below it, to an address. The secret is shown only this once."""

    async def work(session: AsyncSession) -> NewWebhook:
        given = (wanted.unit_id, wanted.url, wanted.events)
        row, secret = await webhooks.create(session, visit.desk.seal, *given, visit.actor, visit.now)
        if not wanted.active:
            await webhooks.change(session, row.id, visit.actor, visit.now, active=False)
        return shown(NewWebhook, row, secret=secret)

    return await visit.write(work)


@router.put("/webhooks/{webhook_id}", openapi_extra=needs("webhooks.write", of="webhook"))
async def change_webhook(visit: Caller, webhook_id: Key, wanted: WebhookFields) -> Webhook:
    """Change address, events and the switch of a webhook; its unit stays."""
    given = (visit.actor, visit.now, wanted.url, wanted.events, wanted.active)
    row = await visit.write(lambda session: webhooks.change(session, webhook_id, *given))
    return shown(Webhook, row)


@router.delete("/webhooks/{webhook_id}", status_code=204, openapi_extra=needs("webhooks.write", of="webhook"))
async def remove_webhook(visit: Caller, webhook_id: Key) -> None:
    """Delete a webhook with its log of deliveries."""
    await visit.write(lambda session: webhooks.remove(session, webhook_id, visit.actor, visit.now))


@router.get("/deliveries", openapi_extra=needs("webhooks.write", of="webhook"))
async def list_deliveries(visit: Caller, rows: Rows, webhook_id: Id) -> Page[Delivery]:
    """List the deliveries of a webhook and their outcomes, the newest first."""
    actor = visit.actor
    found = await visit.read(lambda session: webhooks.deliveries(session, webhook_id, actor))
    return rows.cut(found, lambda one: shown(Delivery, one))


@router.post("/deliveries/{delivery_id}/replay", status_code=202, openapi_extra=needs("webhooks.write", of="delivery"))
async def replay(visit: Caller, delivery_id: Key) -> Delivery:
    """Send a delivery once more."""
    row = await visit.write(lambda session: webhooks.replay(session, delivery_id, visit.actor, visit.now))
    return shown(Delivery, row)


@router.get("/feeds", openapi_extra=needs(OWN))
async def list_feeds(visit: Caller, rows: Rows) -> Page[Feed]:
    """List the caller's own subscriptions."""
    actor = visit.actor
    return rows.cut(await visit.read(lambda session: feeds.listed(session, actor)), lambda one: shown(Feed, one))


@router.post("/feeds", status_code=201, openapi_extra=needs(OWN))
async def create_feed(visit: Caller, wanted: FeedFields) -> NewFeed:
    """Subscribe to the calendar of a hall, a person or a unit. The address is shown only this once."""
    given = (wanted.kind, wanted.target_id)
    row, secret = await visit.write(lambda session: feeds.create(session, *given, visit.actor, visit.now))
    return shown(NewFeed, row, url=f"{visit.base}/api/v1/feeds/{secret}.ics")


@router.delete("/feeds/{feed_id}", status_code=204, openapi_extra=needs(OWN))
async def revoke_feed(visit: Caller, feed_id: Key) -> None:
    """End a subscription. Its address becomes invalid."""
    await visit.write(lambda session: feeds.revoke(session, feed_id, visit.actor, visit.now))


@router.get("/audit", openapi_extra=needs("audit.read"))
async def read_audit(
    visit: Caller,
    rows: Rows,
    action: Annotated[str, Query(max_length=60, pattern=r"^[a-z_.]*$")] = "",
    object_id: Annotated[str, Query(max_length=64, pattern=r"^[ -~]*$")] = "",
    actor: Annotated[str, Query(max_length=64, pattern=r"^[ -~]*$")] = "",
    starts_at: Instant | None = None,
    ends_at: Instant | None = None,
) -> Page[AuditEntry]:
    """List the audit trail of the caller's units, the newest first. An `action` that ends with a dot means all actions with
    this prefix.
    """
    before = rows.after[0] if rows.after else None
    wanted = trail.Wanted(action, object_id, actor, starts_at, ends_at, before)
    reader = visit.actor

    async def work(session: AsyncSession) -> tuple[list[AuditRow], dict[str, str]]:
        found = await trail.search(session, wanted, reader, rows.fetch)
        return found, await naming.accounts(session, [_account_of(one.actor) for one in found])

    found, names = await visit.read(work)
    return rows.keyed(
        found,
        lambda one: shown(AuditEntry, one, actor_name=names.get(_account_of(one.actor), "")),
        lambda one: one.seq,
    )


def _account_of(actor: str) -> str:
    """Return the account of a label in the trail (`Actor.label`); empty: no account."""
    kind, _, id_ = actor.partition(":")
    return id_ if kind == "account" else ""


@router.get("/preferences", openapi_extra=needs(OWN))
async def get_preferences(visit: Caller) -> Preferences:
    """Return the preferences of the caller's account for its pages."""
    account = _account(visit.actor)
    row = await visit.read(lambda session: session.get(Preference, account))
    return Preferences(value=row.value if row else {})


@router.put("/preferences", openapi_extra=needs(OWN))
async def set_preferences(visit: Caller, wanted: PreferenceFields) -> Preferences:
    """Replace all preferences."""
    account = _account(visit.actor)

    async def work(session: AsyncSession) -> None:
        row = await session.get(Preference, account)
        if row is None:
            session.add(Preference(account_id=account, value=wanted.value))
        else:
            row.value = wanted.value
        await session.flush()

    await visit.write(work)
    return Preferences(value=wanted.value)


def _account(actor: Any) -> str:
    if actor.kind != "account":
        raise problems.refused("denied")
    return str(actor.id)
