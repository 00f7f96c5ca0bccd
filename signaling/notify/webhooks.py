"""Deliveries of webhooks. A delivery is one signed POST (`posting`), and a log entry."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.sealing import Seal, SealBroken
from rooms.store import webhooks
from rooms.store.database import Database
from rooms.store.tables.records import Delivery, Webhook
from signaling.notify import limits, posting, targets
from signaling.notify.worker import GiveUp, Later


@dataclass(frozen=True)
class Order:
    """The data for one delivery. `tries`: the earlier tries."""

    delivery_id: str
    url: str
    secret: str
    body: bytes
    tries: int


class Deliverer:
    """The handler of the jobs `webhook.deliver`."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        private_ranges: Sequence[str] = (),
        lookup: targets.Lookup = targets.system_lookup,
    ) -> None:
        self._database = database
        self._seal = seal
        self._allowed = [ipaddress.ip_network(one) for one in private_ranges]
        self._lookup = lookup

    async def deliver(self, payload: dict[str, Any], now: datetime) -> None:
        order = await self._database.transact(lambda s: self._order(s, str(payload["delivery_id"])))
        if order is None:
            return
        status, error = await self._post(order, now)
        await self._database.transact(lambda s: self._log(s, order, status, error, now))
        if 200 <= status < 300:
            return
        # Status 410 (Gone): the receiver wants no further tries.
        if status == 410 or order.tries + 1 >= limits.WEBHOOK_TRIES:
            raise GiveUp(error or f"status {status}")
        wait_s = limits.WEBHOOK_RETRY_S[min(order.tries, len(limits.WEBHOOK_RETRY_S) - 1)]
        raise Later(error or f"status {status}", wait_s)

    async def _order(self, session: AsyncSession, delivery_id: str) -> Order | None:
        delivery = await session.get(Delivery, delivery_id)
        webhook = await session.get(Webhook, delivery.webhook_id) if delivery else None
        if delivery is None or webhook is None or not webhook.active:
            return None
        try:
            secret = self._seal.open(webhook.secret, webhooks.about(webhook.id))
        except SealBroken as error:
            raise GiveUp("the secret of the webhook cannot be unsealed") from error
        return Order(delivery.id, webhook.url, secret, delivery.body.encode(), len(delivery.tries))

    async def _post(self, order: Order, now: datetime) -> tuple[int, str]:
        """Return (status, error text). Status 0 means no answer."""
        headers = {
            "content-type": "application/json",
            "webhook-id": order.delivery_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhooks.sign(order.secret, order.delivery_id, now, order.body),
        }
        return await posting.post(order.url, headers, order.body, self._allowed, self._lookup)

    async def _log(self, session: AsyncSession, order: Order, status: int, error: str, now: datetime) -> None:
        delivery = await session.get(Delivery, order.delivery_id)
        if delivery is None:
            return
        tried = {"at": now.isoformat(), "status": status, "error": error[: limits.WEBHOOK_ERROR_CHARACTERS]}
        delivery.tries = [*delivery.tries, tried][-limits.WEBHOOK_TRIES * 4 :]
        if 200 <= status < 300 and delivery.delivered_at is None:
            delivery.delivered_at = now
