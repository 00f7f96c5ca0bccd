"""Outgoing webhooks (Standard Webhooks): targets, events, the results of deliveries, and signatures.

This module owns the rows and the signatures. `signaling.notify` sends the requests. A webhook of a unit receives events of
meetings of this unit and the units below it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_bytes, new_id
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.store import audit, outbox
from rooms.store.tables.org import Unit
from rooms.store.tables.records import Delivery, Webhook

PREFIX: Final = "whsec_"
SECRET_BYTES = 32
ANY: Final = "*"


async def create(
    session: AsyncSession, seal: Seal, unit_id: str, url: str, events: Sequence[str], actor: Actor, now: datetime
) -> tuple[Webhook, str]:
    """Make a webhook. Return it with its secret, which is shown only this time. Raise Refusal `denied`, `unit_unknown`,
    `bad_webhook`, `too_many`.
    """
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise Refusal("unit_unknown", "Không có đơn vị này.", "there is no such unit")
    roles.require(actor, "webhooks.write", unit.path)
    _check(url, events)
    if (await session.scalar(select(func.count()).select_from(Webhook)) or 0) >= limits.WEBHOOKS:
        raise Refusal(
            "too_many", "Đã có quá nhiều webhook.", f"there are already {limits.WEBHOOKS} webhooks, the maximum"
        )
    secret = new_signing_secret()
    row = Webhook(id=new_id(), unit_id=unit_id, url=url, events=sorted(set(events)), active=True, created_at=now)
    row.secret = seal.seal(secret, about(row.id))
    session.add(row)
    await session.flush()
    detail = {"host": urlsplit(url).hostname, "events": row.events}
    await audit.record(session, now, actor, "webhook.create", "webhook", row.id, unit_id, detail)
    return row, secret


async def change(
    session: AsyncSession,
    webhook_id: str,
    actor: Actor,
    now: datetime,
    url: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> Webhook:
    """Change a webhook. Raise Refusal `unknown_webhook`, `bad_webhook`, `denied`."""
    row = await administered(session, webhook_id, actor)
    _check(row.url if url is None else url, row.events if events is None else events)
    row.url = row.url if url is None else url
    row.events = row.events if events is None else sorted(set(events))
    row.active = row.active if active is None else active
    await session.flush()
    await audit.record(session, now, actor, "webhook.change", "webhook", row.id, row.unit_id, {"active": row.active})
    return row


async def remove(session: AsyncSession, webhook_id: str, actor: Actor, now: datetime) -> None:
    """Delete a webhook with its log of deliveries."""
    row = await administered(session, webhook_id, actor)
    await session.delete(row)
    await session.flush()
    await audit.record(session, now, actor, "webhook.remove", "webhook", webhook_id, row.unit_id)


async def administered(session: AsyncSession, webhook_id: str, actor: Actor) -> Webhook:
    """Return a webhook that the actor may administer. Raise Refusal `unknown_webhook`, `denied`."""
    row = await session.get(Webhook, webhook_id)
    unit = await session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None or not roles.anywhere(actor, "webhooks.write"):
        raise Refusal("unknown_webhook", "Không tìm thấy webhook này.", "no such webhook")
    roles.require(actor, "webhooks.write", unit.path)
    return row


async def visible(session: AsyncSession, actor: Actor) -> list[Webhook]:
    """Return the webhooks that the actor may administer."""
    rows = await session.execute(select(Webhook, Unit.path).join(Unit, Unit.id == Webhook.unit_id))
    return [row for row, path in rows if roles.allows(actor, "webhooks.write", path)]


async def deliveries(session: AsyncSession, webhook_id: str, actor: Actor) -> list[Delivery]:
    """Return the log of deliveries, newest first."""
    await administered(session, webhook_id, actor)
    rows = await session.scalars(
        select(Delivery)
        .where(Delivery.webhook_id == webhook_id)
        .order_by(Delivery.created_at.desc())
        .limit(limits.DELIVERIES_SHOWN)
    )
    return list(rows)


async def replay(session: AsyncSession, delivery_id: str, actor: Actor, now: datetime) -> Delivery:
    """Send a delivery again. The receiver recognizes it by its identifier. Raise Refusal `unknown_delivery`."""
    row = await session.get(Delivery, delivery_id)
    if row is None:
        raise Refusal("unknown_delivery", "Không tìm thấy lần gửi này.", "no such delivery")
    webhook = await administered(session, row.webhook_id, actor)
    await outbox.enqueue(session, "webhook.deliver", {"delivery_id": row.id}, now, now)
    await audit.record(
        session, now, actor, "webhook.replay", "webhook", webhook.id, webhook.unit_id, {"delivery": row.id}
    )
    return row


async def fan_out(
    session: AsyncSession, event: str, meeting_id: str, unit_id: str, data: Mapping[str, Any], now: datetime
) -> int:
    """Store a delivery for each active webhook that subscribes to `event` for this unit. Return their number.

    The body has no title, PIN or name. A receiver with more rights can ask the API.
    """
    unit = await session.get_one(Unit, unit_id)
    above = [one for one in unit.path.split("/") if one]
    rows = await session.scalars(select(Webhook).where(Webhook.active, Webhook.unit_id.in_(above)))
    wanting = [one for one in rows if event in one.events or ANY in one.events]
    body = {"type": event, "timestamp": now.isoformat(), "data": {"meeting_id": meeting_id, "unit_id": unit_id, **data}}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    assert len(text) <= limits.DELIVERY_BODY_CHARACTERS
    for webhook in wanting:
        delivery = Delivery(id=new_id(), webhook_id=webhook.id, event=event, body=text, created_at=now, tries=[])
        session.add(delivery)
        await session.flush()
        await outbox.enqueue(session, "webhook.deliver", {"delivery_id": delivery.id}, now, now)
    return len(wanting)


def new_signing_secret() -> str:
    """Return `whsec_` and 256 random bits in base64."""
    return PREFIX + base64.b64encode(new_bytes(SECRET_BYTES)).decode()


def about(webhook_id: str) -> str:
    """Return the label for the encryption of a webhook's secret."""
    return f"webhook:{webhook_id}"


def sign(secret: str, identifier: str, at: datetime, body: bytes) -> str:
    """Return the header `webhook-signature`: `v1,` and the HMAC-SHA-256 of identifier, seconds and body."""
    return "v1," + base64.b64encode(_mac(secret, identifier, int(at.timestamp()), body)).decode()


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Check a received webhook and return its identifier. `headers` are by lower-case name. Raise Refusal `bad_signature`,
    `stale_webhook`.
    """
    identifier = headers.get("webhook-id", "")
    stamp, given = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if (
        not 0 < len(identifier) <= limits.HOOK_ID_CHARACTERS
        or not stamp.isascii()
        or not stamp.isdigit()
        or len(stamp) > 12
    ):
        raise bad_signature()
    if abs(now.timestamp() - int(stamp)) > limits.HOOK_WINDOW_S:
        raise Refusal(
            "stale_webhook",
            "Thời điểm gửi lệch quá 5 phút. Hãy chỉnh đồng hồ máy gửi rồi gửi lại.",
            "the timestamp differs by more than 5 minutes: set the clock of the sender",
        )
    expected = _mac(secret, identifier, int(stamp), body)
    if not any(hmac.compare_digest(expected, one) for one in _signatures(given)):
        raise bad_signature()
    return identifier


def bad_signature() -> Refusal:
    return Refusal("bad_signature", "Chữ ký của webhook không đúng.", "the signature of the webhook is wrong")


def _signatures(header: str) -> list[bytes]:
    """Return the signatures of version 1. There may be several while a secret is changed."""
    found = []
    for one in header.split(" ")[:10]:
        version, _, text = one.partition(",")
        if version == "v1" and len(text) < 100:
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _mac(secret: str, identifier: str, seconds: int, body: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return hmac.digest(key, f"{identifier}.{seconds}.".encode() + body, hashlib.sha256)


def _check(url: str, events: Sequence[str]) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0 and not parts.username
    except ValueError:
        good = False
    if not good or len(url) > limits.WEBHOOK_URL_CHARACTERS or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise Refusal(
            "bad_webhook",
            "Địa chỉ webhook phải là http(s)://…, không có tên và mật khẩu.",
            "the URL must be http(s), without a user name and a password",
        )
    if not 0 < len(events) <= limits.WEBHOOK_EVENTS or any(len(one) > 60 for one in events):
        raise Refusal("bad_webhook", "Hãy chọn ít nhất một sự kiện.", "choose at least one event")
